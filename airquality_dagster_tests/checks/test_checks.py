"""What each check finds, and that its message can be acted on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from airquality_dagster.airqino.rows import SetAsideValue
from airquality_dagster.checks import days as days_checks
from airquality_dagster.checks import hours as hours_checks
from airquality_dagster.checks import sensors as sensors_checks
from airquality_dagster.checks.days import AggregatedDays, data_capture
from airquality_dagster.checks.hours import StoredHours, hours_complete_and_fresh, source_consistent
from airquality_dagster.checks.outcome import CheckOutcome, check_results
from airquality_dagster.checks.sensors import StationFlags, sensors_sound
from airquality_dagster.network.siting import Siting
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster_tests.readings.series import FIRST, hourly, ordinary, varied
from airquality_dagster_tests.readings.test_flags import histories

ABIDJAN = ZoneInfo("Africa/Abidjan")
STATION = Station(name="station1", airqino_id=283164601, label="SMART188", latitude=5.3693, longitude=-3.9577)
FEBRUARY = datetime(2023, 2, 1, tzinfo=UTC)
NOW = FEBRUARY + timedelta(days=30)


def stored(frame: pd.DataFrame, **changes) -> StoredHours:
    facts = StoredHours(
        station=STATION,
        start=FIRST,
        end=FEBRUARY,
        now=NOW,
        hours=list(frame["timestamp"]),
        newest=NOW - timedelta(hours=1),
        answered=set(frame["timestamp"]),
        rejected=[],
        restated=[],
        coordinates=(5.3693, -3.9577),
    )
    return replace(facts, **changes)


def flagged(frame: pd.DataFrame, start: datetime = FIRST, end: datetime = FEBRUARY) -> StationFlags:
    in_period = (frame["timestamp"] >= start) & (frame["timestamp"] < end)
    return StationFlags(STATION, start, end, flag_hours(frame[in_period], surrounding=frame[~in_period]))


def aggregated(frame: pd.DataFrame, now: datetime = FEBRUARY) -> AggregatedDays:
    return AggregatedDays(STATION, ABIDJAN, daily_aggregates(flag_hours(frame), ABIDJAN), now)


def warns(outcome: CheckOutcome, *words: str, must_act: bool = False) -> None:
    assert not outcome.passed
    assert outcome.must_act is must_act
    assert outcome.description.startswith("station1")
    for word in words:
        assert word in outcome.description


def test_a_sound_month_passes_every_check():
    frame = ordinary(24 * 31)
    outcomes = [
        *(check(stored(frame)) for check in hours_checks.CHECKS.values()),
        *(check(flagged(frame)) for check in sensors_checks.CHECKS.values()),
        *(check(aggregated(frame)) for check in days_checks.CHECKS.values()),
    ]
    assert len(outcomes) <= 5
    assert [outcome.description for outcome in outcomes if not outcome.passed] == []
    assert all(outcome.description.startswith("station1") for outcome in outcomes)


def test_missing_hours_warn_with_the_longest_gap_and_are_never_rounded_away():
    frame = ordinary(24 * 31)
    warned = hours_complete_and_fresh(stored(frame.drop(index=range(100, 400))))
    warns(warned, "station1, 2023-01:", "444 of 744 hours (59 %)", "since 2023-01-05 04:00 UTC", "power")
    assert warned.metadata["percent_complete"] == 59
    assert "| 2023-01-05 04:00 | 2023-01-17 15:00 | 300 |" in warned.metadata["longest_gaps"].md_str
    passed = hours_complete_and_fresh(stored(frame.drop(index=[5])))
    assert passed.passed
    assert (passed.metadata["percent_complete"], passed.metadata["observed_hours"]) == (99, 743)


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns", "Europe/Rome"]
)
@pytest.mark.parametrize("month", [1, 3, 4, 10, 11])
def test_a_complete_month_is_complete_in_every_time_zone(zone, month):
    start, end = (datetime(2023, number, 1, tzinfo=ZoneInfo(zone)) for number in (month, month + 1))
    first, last = (pd.Timestamp(edge).tz_convert("UTC").ceil("h") for edge in (start, end))
    hours = pd.date_range(first, last, freq="h", inclusive="left")
    now = end.astimezone(UTC) + timedelta(days=9)
    frame = pd.DataFrame({"timestamp": hours})
    newest = now - timedelta(hours=1)
    whole = hours_complete_and_fresh(stored(frame, start=start, end=end, now=now, newest=newest))
    assert whole.passed
    assert whole.metadata["expected_hours"] == whole.metadata["observed_hours"] == len(hours)
    without_edges = hours_complete_and_fresh(stored(frame[1:-1], start=start, end=end, now=now, newest=newest))
    assert without_edges.metadata["expected_hours"] - without_edges.metadata["observed_hours"] == 2


def test_a_month_without_any_of_its_hours_warns():
    warns(hours_complete_and_fresh(stored(ordinary(24).iloc[:0])), "0 of 744 hours (0 %)")


def test_hours_that_cannot_have_been_published_yet_are_not_missed():
    now = FIRST + timedelta(hours=23)
    outcome = hours_complete_and_fresh(stored(ordinary(20), now=now, newest=FIRST + timedelta(hours=19)))
    assert outcome.passed
    assert outcome.metadata["expected_hours"] == 19


@pytest.mark.parametrize(
    ("minutes", "passes", "must_act"),
    [(4 * 60, True, False), (4 * 60 + 5, False, False), (24 * 60, False, False), (25 * 60, False, True)],
)
def test_a_silent_station_warns_after_four_hours_and_fails_after_a_day(minutes, passes, must_act):
    newest = NOW - timedelta(minutes=minutes)
    outcome = hours_complete_and_fresh(stored(ordinary(24 * 31), newest=newest))
    assert (outcome.passed, outcome.must_act) == (passes, must_act)
    assert f"{newest:%Y-%m-%d %H:%M} UTC, {minutes / 60:.1f}" in outcome.description or passes
    assert outcome.metadata["age_hours"] == round(minutes / 60, 1)


def test_a_station_without_any_hour_must_be_looked_at():
    outcome = hours_complete_and_fresh(stored(ordinary(1).iloc[:0], newest=None))
    warns(outcome, "no hour is stored", "airqino_id", must_act=True)


def test_what_a_person_must_do_stands_first():
    frame = ordinary(24 * 31).drop(index=range(100, 400))
    outcome = hours_complete_and_fresh(stored(frame, newest=NOW - timedelta(days=3)))
    assert outcome.must_act
    assert outcome.description.index("the newest hour") < outcome.description.index("the longest since")


def test_only_what_was_restated_in_the_last_week_warns_and_all_is_counted():
    old, recent = NOW - timedelta(days=8), NOW - timedelta(days=1)
    assert source_consistent(stored(ordinary(24), restated=[old])).passed
    outcome = source_consistent(stored(ordinary(24), restated=[old, recent]))
    warns(outcome, "changed 1 final hours", "2023-03-02", "raw_station1_revisions")
    assert (outcome.metadata["restated_versions"], outcome.metadata["restated_recently"]) == (2, 1)


def test_hours_of_other_months_that_were_restated_in_the_last_week_warn_too():
    recent = NOW - timedelta(days=2)
    outcome = source_consistent(stored(ordinary(24), restated_elsewhere=[recent, recent]))
    warns(outcome, "changed 2 final hours", "2 of them outside this period")
    assert (outcome.metadata["restated_versions"], outcome.metadata["restated_recently"]) == (0, 2)


def test_values_that_are_no_numbers_warn_if_their_column_is_a_sensor():
    def value(sensor: str, field: str) -> SetAsideValue:
        return SetAsideValue(sensor, field, "n/a", FIRST, f"{sensor} is 'n/a', not a number")

    given = [value("CO", "co"), value("CO", "co"), value("VOC", "voc"), value("status", "status")]
    outcome = source_consistent(stored(ordinary(24), set_aside=given, measuring={"voc", "pm10"}))
    warns(outcome, "3 values of CO, VOC are not numbers (VOC is 'n/a', not a number)", "raw_station1_rejected")
    assert outcome.metadata["set_aside"] == 4
    assert "| CO | 2 |\n| VOC | 1 |\n| status | 1 |" in outcome.metadata["values_set_aside"].md_str
    assert source_consistent(stored(ordinary(24), set_aside=given[3:], measuring={"pm10"})).passed


def test_a_header_without_a_name_and_with_odd_coordinates_warns():
    warns(source_consistent(stored(ordinary(24), is_named=False)), "do not name their station")
    odd = source_consistent(stored(ordinary(24), coordinates=None, odd_coordinates="inf, 0.05"))
    warns(odd, "coordinates inf, 0.05 cannot be", "the stations file is used")


def test_a_check_whose_result_dagster_refuses_is_red_and_its_neighbour_is_evaluated():
    def refused(facts: object) -> CheckOutcome:
        return CheckOutcome("station1", [], "sound", metadata={"odd": object()})

    def sound(facts: object) -> CheckOutcome:
        return CheckOutcome("station1", [], "sound")

    asset = dg.AssetKey("raw_station1")
    checks = {"refused": refused, "sound": sound}
    selected = [dg.AssetCheckKey(asset, name) for name in checks]
    first, second = check_results(checks, lambda: None, asset, selected)
    assert (first.passed, first.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "the check raised" in first.description
    assert second.passed


def test_stored_hours_that_the_api_no_longer_answers_warn_but_for_the_newest():
    frame, now = ordinary(24), FIRST + timedelta(hours=24)
    lost = source_consistent(stored(frame, now=now, answered=set(frame["timestamp"][3:])))
    warns(lost, "the API has lost 3 stored hours, the first 2023-01-01 00:00 UTC: they are kept")
    assert lost.metadata["hours_lost_by_source"] == 3
    assert source_consistent(stored(frame, now=now, answered=set(frame["timestamp"][:-3]))).passed


def test_coordinates_are_compared_in_kilometres():
    outcome = source_consistent(stored(ordinary(24), coordinates=(5.3693, 0.05)))
    warns(outcome, "5.3693, 0.0500", "443.7 km")
    assert outcome.metadata["distance_km"] == 443.7
    unknown = Station(name="station1", airqino_id=1)
    warns(source_consistent(stored(ordinary(24), station=unknown)), "add latitude and longitude")
    there = {"from": "2023-01-01", "latitude": 5.3693, "longitude": -3.9577}
    deployed = Station.model_validate({"name": "station1", "airqino_id": 1, "deployments": [there]})
    outcome = source_consistent(stored(ordinary(24), station=deployed, coordinates=(5.3693, 0.05)))
    assert outcome.metadata["distance_km"] == 443.7
    assert source_consistent(stored(ordinary(24), coordinates=None)).passed


def test_rejected_rows_warn_with_the_commonest_reason_and_a_table_of_all():
    outcome = source_consistent(stored(ordinary(24), rejected=["no timestamp", "text in CO", "text in CO"]))
    warns(outcome, "3 rows", "text in CO", "raw_station1_rejected")
    assert "| text in CO | 2 |\n| no timestamp | 1 |" in outcome.metadata["rejected_rows"].md_str


def test_readings_out_of_range_and_offsets_warn_with_sensor_count_and_first_hour():
    frame = ordinary(24 * 31)
    frame.loc[100:102, "pm2_5"] = [-11.0, -12.0, 1200.0]
    outcome = sensors_sound(flagged(frame))
    warns(outcome, "PM2.5 3 h outside -2.9 to 1000 µg/m³ since 2023-01-05 04:00;", "calibrate")
    assert "| PM2.5 | outside -2.9 to 1000 µg/m³ | 3 | 2023-01-05 04:00 |" in outcome.metadata["faults"].md_str
    assert outcome.metadata["hours_out_of_range"] == 3
    drifted = ordinary(24 * 31)
    drifted["co"] -= 2
    warns(sensors_sound(flagged(drifted)), "CO", "h offset below zero since")
    drifted = ordinary(24 * 59)
    drifted["co"] -= 2
    facts = flagged(drifted, FEBRUARY, datetime(2023, 3, 1, tzinfo=UTC))
    warns(sensors_sound(facts), "since 2023-02-01 00:00 or before")


def test_a_stuck_sensor_warns_with_its_value_and_since_when_and_fails_when_it_stays_for_days():
    frame = ordinary(24 * 31)
    frame.loc[100:120, "o3"] = 40.0
    warns(sensors_sound(flagged(frame)), "O₃ stuck at 40 µg/m³ from 2023-01-05 04:00 to 2023-01-06 00:00 (21 h")
    frame.loc[600:, "o3"] = 41.5
    outcome = sensors_sound(flagged(frame))
    expected = "O₃ stuck at 41.5 µg/m³ from 2023-01-26 00:00 to 2023-01-31 23:00 (165 h"
    warns(outcome, expected, "restart", must_act=True)


@pytest.mark.parametrize(("field", "limit", "side"), [("o3", 42.345, "above"), ("no2", 28.123, "below")])
def test_readings_that_are_cut_off_at_a_limit_warn_with_limit_and_hours(field, limit, side):
    frame = ordinary(24 * 31)
    frame[field] = frame[field].clip(upper=limit) if side == "above" else frame[field].clip(lower=limit)
    outcome = sensors_sound(flagged(frame))
    warns(outcome, f"cut off {side} {limit:g} µg/m³:", "are exactly that since 2023-01-01")
    assert "cut off" not in sensors_sound(flagged(ordinary(24 * 31))).description


def test_a_move_to_another_place_is_no_jump_of_the_median():
    frame = ordinary(24 * 59)
    frame.loc[24 * 31 :, "pm10"] *= 8
    moved = Siting(on_site=((FEBRUARY, None),))
    start, end = FEBRUARY, datetime(2023, 3, 1, tzinfo=UTC)
    for siting, is_said in ((Siting(), True), (moved, False)):
        facts = StationFlags(STATION, start, end, flag_hours(frame, siting=siting))
        assert ("PM10 median from" in sensors_sound(facts).description) == is_said


def test_since_when_a_sensor_is_stuck_is_looked_up_in_the_hours_before():
    frame = ordinary(24 * 59)
    frame.loc[24 * 20 :, "no2"] = 17.0
    outcome = sensors_sound(flagged(frame, FEBRUARY, datetime(2023, 3, 1, tzinfo=UTC)))
    warns(outcome, "NO₂ stuck at 17 µg/m³ from 2023-01-21 00:00 to", must_act=True)
    frame["no2"] = 17.0
    outcome = sensors_sound(flagged(frame, FEBRUARY, datetime(2023, 3, 1, tzinfo=UTC)))
    warns(outcome, "from 2023-01-01 00:00 or before", must_act=True)


def test_a_median_that_jumps_between_months_warns_with_both():
    frame = ordinary(24 * 59)
    frame.loc[24 * 31 :, "pm10"] *= 10
    outcome = sensors_sound(flagged(frame, FEBRUARY, datetime(2023, 3, 1, tzinfo=UTC)))
    warns(outcome, "station1, 2023-02:", "PM10 median from 36", "µg/m³ in 2023-02", "unit")
    # Of a range, each month against the one before.
    whole = sensors_sound(flagged(frame, FIRST, datetime(2023, 3, 1, tzinfo=UTC)))
    warns(whole, "station1, 2023-01 to 2023-02:", "in 2023-02")
    assert sensors_sound(flagged(ordinary(24 * 59), FIRST, datetime(2023, 3, 1, tzinfo=UTC))).passed


def test_data_capture_warns_of_each_pollutant_below_75_percent_of_the_days_that_are_over():
    frame = ordinary(24 * 20)
    frame.loc[: 24 * 6, "co"] = np.linspace(60, 70, 24 * 6 + 1)
    outcome = data_capture(aggregated(frame))
    warns(outcome, "CO 14 of 20 days valid (last: out of range 24 h)", "do not publish")
    assert "| CO | 14 | 20 | 70 |" in outcome.metadata["capture"].md_str
    assert data_capture(aggregated(ordinary(24 + 3), now=FIRST + timedelta(hours=27))).passed


@given(histories())
@settings(max_examples=25)
def test_no_history_breaks_a_check(frame):
    end = datetime(2024, 1, 1, tzinfo=UTC)
    for check in hours_checks.CHECKS.values():
        assert check(stored(frame, end=end)).description
    for check in sensors_checks.CHECKS.values():
        assert check(flagged(frame, FIRST, end)).description
    for check in days_checks.CHECKS.values():
        assert check(aggregated(frame)).description


def test_every_check_says_in_a_line_what_it_does():
    for checks in (hours_checks.CHECKS, sensors_checks.CHECKS, days_checks.CHECKS):
        for name, check in checks.items():
            assert check.__doc__, name
            assert "\n" not in check.__doc__


def test_no_sensor_that_the_station_lacks_is_called_stuck_or_out_of_range():
    assert sensors_sound(flagged(hourly(pm2_5=varied(24 * 31)))).passed
