"""What is said of two neighbouring stations, and that it depends on nothing but the weeks before."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings.disagreements import Disagreement, Kind, with_third_stations
from airquality_dagster.readings.neighbour_days import DAYS_BEFORE, due_dates, neighbour_days
from airquality_dagster.readings.neighbours import pair_of, settled_periods
from airquality_dagster_tests.readings.neighbour_series import DAYS, FIRST, two_stations

PAIR = ("station1", "station2")
ALL = pd.date_range(FIRST, periods=DAYS)
CHANGE = 70


def compared(first: pd.DataFrame, second: pd.DataFrame, dates: pd.DatetimeIndex = ALL, moves=()) -> pd.DataFrame:
    return neighbour_days({"station1": first, "station2": second}, {PAIR: moves}, dates)


def found(rows: pd.DataFrame) -> list[tuple[int, str, str | None, str | None]]:
    """Return day, kind, reading and station of each finding."""
    return [
        (int((row["date"] - ALL[0]).days), one["kind"], one["field"], one["station"])
        for row in rows.to_dict("records")
        for one in row["findings"]
    ]


def after(frame: pd.DataFrame, day: int = CHANGE) -> pd.Series:
    return frame["timestamp"] >= FIRST + timedelta(days=day)


def test_two_sound_stations_disagree_on_nothing():
    rows = compared(*two_stations())
    assert found(rows) == []
    last = rows.iloc[-1]
    assert last["withheld"] is None
    assert last["pm2_5_log_ratio"] == pytest.approx(np.log(1.5), abs=0.05)
    assert last["pm2_5_log_ratio_before"] == pytest.approx(np.log(1.5), abs=0.05)


def test_dust_at_both_stations_is_air():
    first, second = two_stations()
    hours = np.arange(len(first)) / 24
    dust = 60 * np.exp(-(((hours - 80) / 8) ** 2))
    for frame in (first, second):
        frame["pm2_5"] += dust
        frame["pm10"] += 3 * dust
    assert found(compared(first, second)) == []


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0])
@pytest.mark.parametrize("field", ["pm2_5", "pm10", "no2", "o3"])
def test_another_gain_of_one_channel_is_found_within_a_fortnight_at_the_station_that_has_it(field, factor):
    first, second = two_stations()
    second.loc[after(second), field] *= factor
    rows = compared(first, second)
    findings = found(rows)
    assert {finding[1:] for finding in findings} == {("level", field, "station2".replace("station2", "second"))}
    assert CHANGE <= findings[0][0] <= CHANGE + 14
    (last,) = rows.iloc[-1]["findings"]
    assert abs((last["since"] - ALL[CHANGE]).days) <= 3
    assert np.log(last["size"]) == pytest.approx(np.log(factor), rel=0.45)


def test_a_station_taken_indoors_is_found_within_a_week():
    first, second = two_stations()
    rng = np.random.default_rng(1)
    first.loc[after(first), "temperature"] = 25 + rng.normal(0, 0.3, int(after(first).sum()))
    findings = found(compared(first, second))
    assert {finding[1:] for finding in findings} == {("uncorrelated", "temperature", "first")}
    assert findings[0][0] <= CHANGE + 7


@pytest.mark.parametrize("hours", [1, -1, 3])
def test_a_clock_that_is_wrong_by_hours_is_found_within_a_week(hours):
    first, second = two_stations()
    readings = second.columns[1:]
    second.loc[after(second), readings] = second[readings].shift(hours)[after(second)]
    rows = compared(first, second)
    shifts = [finding for finding in found(rows) if finding[1] == "time_shift"]
    assert shifts[0][0] <= CHANGE + 7
    assert len(shifts) > 20
    last = rows.iloc[shifts[-1][0]]
    assert last["lag_hours"] == hours
    assert [one["size"] for one in last["findings"] if one["kind"] == "time_shift"] == [hours]


def test_a_repeated_day_is_found_on_that_day():
    first, second = two_stations()
    readings = second.columns[1:]
    rows_of_day = slice(24 * CHANGE, 24 * (CHANGE + 1))
    second.iloc[rows_of_day, 1:] = second[readings].iloc[24 * (CHANGE - 1) : 24 * CHANGE].to_numpy()
    rows = compared(first, second)
    assert (CHANGE, "repeated_day", None, "second") in found(rows)
    assert rows["second_repeated_hours"].to_numpy()[CHANGE - 1 : CHANGE + 2].tolist() == [0, 24, 0]
    assert not rows["first_repeated_hours"].any()


def test_readings_that_stand_still_are_no_repeated_day():
    first, second = two_stations()
    first["no2"], first["o3"] = 20.0, 0.0
    assert not compared(first, second)["first_repeated_hours"].any()


def test_swapped_gases_are_found():
    first, second = two_stations()
    first.loc[after(first), ["no2", "o3"]] = first.loc[after(first), ["o3", "no2"]].to_numpy()
    findings = found(compared(first, second))
    assert "swapped" in {kind for _, kind, _, _ in findings}
    assert {station for _, _, _, station in findings} == {"first"}


def test_noise_is_found():
    first, second = two_stations()
    rng = np.random.default_rng(2)
    second.loc[after(second), "no2"] += rng.normal(0, 5, int(after(second).sum()))
    assert ("noise", "no2", "second") in {finding[1:] for finding in found(compared(first, second))}


@pytest.mark.parametrize("day", [30, 71, 85, DAYS - 1])
def test_a_day_depends_on_the_weeks_before_it_only(day):
    first, second = two_stations()
    second.loc[after(second), "pm2_5"] *= 2
    whole = compared(first, second)
    begin, end = ALL[day] - timedelta(days=DAYS_BEFORE), ALL[day] + timedelta(days=1)
    cut = [frame[(frame["timestamp"] >= begin) & (frame["timestamp"] < end)][::-1] for frame in (first, second)]
    alone = compared(*cut, ALL[day : day + 1])
    pd.testing.assert_frame_equal(alone, whole[whole["date"] == ALL[day]].reset_index(drop=True))


def test_no_lag_looks_at_hours_that_have_not_come():
    whole, cut = pair_of(*two_stations(), ALL), pair_of(*two_stations(), ALL[:50])
    np.testing.assert_array_equal(whole.lag_scores[:50], cut.lag_scores)


def test_what_was_before_a_move_is_no_reference():
    first, second = two_stations()
    second.loc[after(second), "pm2_5"] *= 3
    moved = FIRST + timedelta(days=CHANGE)
    rows = compared(first, second, moves=(moved,))
    assert found(rows) == []
    assert rows["withheld"].tolist()[CHANGE - 1 : CHANGE + 1] == [None, "too_few_hours"]
    assert rows["withheld"].tolist()[-1] == "no_past"


def test_the_day_of_a_move_belongs_to_no_place():
    assert list(settled_periods(ALL, [FIRST + timedelta(days=3, hours=7)])) == [(0, 3), (4, DAYS)]
    assert list(settled_periods(ALL, [FIRST + timedelta(days=3)])) == [(0, 3), (3, DAYS)]
    assert list(settled_periods(ALL, [FIRST - timedelta(days=9), ALL[-1] + timedelta(days=9)])) == [(0, DAYS)]


def test_a_station_without_hours_says_why_nothing_is_said():
    first, second = two_stations()
    rows = compared(first, second.iloc[:0])
    assert set(rows["withheld"]) == {"too_few_hours"}
    assert rows["pm2_5_log_ratio"].isna().all()
    assert not rows["hours"].any()


def disagreement(station: str | None = None) -> Disagreement:
    return Disagreement(Kind.LEVEL, "pm2_5", datetime(2023, 1, 1, tzinfo=UTC), station, 2.0)


def test_a_third_station_says_which_of_two_has_changed():
    ab, bc, ac = ("a", "b"), ("b", "c"), ("a", "c")
    settled = with_third_stations({ab: [disagreement()], bc: [disagreement()], ac: []})
    assert (settled[ab][0].station, settled[bc][0].station) == ("second", "first")
    both = with_third_stations({ab: [disagreement()], bc: [disagreement()], ac: [disagreement()]})
    assert [both[pair][0].station for pair in (ab, bc, ac)] == [None, None, None]
    alone = with_third_stations({ab: [disagreement()]})
    assert alone[ab][0].station is None
    known = with_third_stations({ab: [disagreement("first")], bc: [disagreement()], ac: []})
    assert known[ab][0].station == "first"


def test_a_run_compares_what_is_missing_and_the_last_week_again_and_no_more_than_it_may(monkeypatch):
    today = FIRST + timedelta(days=60)
    (everything,) = due_dates([FIRST], {}, today)
    assert list(everything) == list(pd.date_range(FIRST, periods=60))
    done = dict.fromkeys(everything, 1)
    (recent,) = due_dates([FIRST], done, today)
    assert list(recent) == list(everything[-7:])
    assert due_dates([], {}, today) == []
    assert due_dates([today], {}, today) == []
    (second_pair,) = due_dates([FIRST, FIRST + timedelta(days=40)], done, today)
    assert list(second_pair) == list(everything[40:])
    monkeypatch.setattr("airquality_dagster.readings.neighbour_days.MOST_PAIR_DAYS", 10)
    (bounded,) = due_dates([FIRST], {}, today)
    assert list(bounded) == list(everything[-17:])


def test_a_gap_long_ago_is_filled_without_reading_the_years_between():
    today = FIRST + timedelta(days=400)
    done = dict.fromkeys(pd.date_range(FIRST, today), 1)
    del done[pd.Timestamp(FIRST + timedelta(days=5))]
    recent, older = due_dates([FIRST], done, today)
    assert list(older) == [FIRST + timedelta(days=5)]
    assert len(recent) == 7


def test_hours_are_laid_out_by_days_in_any_order():
    first, second = two_stations(days=2)
    pair = pair_of(first.sample(frac=1, random_state=0), second, ALL[:2])
    assert pair.first["pm2_5"].tolist() == first["pm2_5"].to_numpy().reshape(2, 24).tolist()
