"""What a comparison says of two stations: relation, difference, interval, parts, times left out."""

import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.colocation import Together
from airquality_dagster.readings.comparison import comparison_rows
from airquality_dagster.readings.comparison_hours import PairHours
from airquality_dagster.readings.comparison_left_out import left_out
from airquality_dagster.readings.comparison_relation import Window, relation_of
from airquality_dagster.readings.comparison_windows import found_windows
from airquality_dagster.readings.neighbour_days import neighbour_days
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.readings.compared_pair import (
    APART,
    BEGIN,
    DAYS,
    DEVICES,
    DIFFERENCE,
    INTERCEPT,
    SLOPE,
    hours_of,
    hours_of_pair,
    pair_of,
    two_readings,
)
from benchmarks.comparison import coverage

UTC = ZoneInfo("UTC")


def rows_of(pair: PairHours, field: str = "pm2_5", left=(), **options):
    whole, parts = comparison_rows(pair.of_field(field, None, None, left), pair.relations(field), UTC, **options)
    return [whole, *parts]


def days_of(pair: PairHours):
    frames = {
        name: station.valid.rename_axis("timestamp").reset_index()
        for name, station in (("first", pair.first), ("second", pair.second))
    }
    dates = pd.date_range(APART, periods=DAYS, freq="D")
    return neighbour_days(frames, {("first", "second"): [APART]}, dates).to_dict("records")


@pytest.fixture(scope="module")
def rows():
    return rows_of(pair_of(*map(hours_of, two_readings())))


def test_the_line_of_the_side_by_side_hours_is_that_of_a_singular_value_decomposition():
    first, second = (station["pm2_5"] for station in two_readings())
    relation = relation_of(Window(pd.Timestamp(BEGIN), pd.Timestamp(APART)), first, second)
    points = np.stack([first[:APART], second[:APART]], axis=1)[:-1]
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre)
    slope = axes[0, 1] / axes[0, 0]
    assert relation.line == pytest.approx((slope, centre[1] - slope * centre[0]), rel=1e-6)
    assert relation.line == pytest.approx((SLOPE, INTERCEPT), rel=0.03)


def test_the_differences_are_those_of_plain_sums(rows):
    whole = rows[0]
    first, second = (station["pm2_5"][APART:] for station in two_readings())
    line = whole["colocation"]
    assert whole["difference_raw"]["mean"] == pytest.approx((second - first).mean(), abs=5e-4)
    on_scale = line["intercept"] + line["slope"] * first
    assert whole["difference_one_scale"]["mean"] == pytest.approx((second - on_scale).mean(), abs=5e-3)
    assert whole["difference_one_scale"]["median"] == pytest.approx((second - on_scale).median(), abs=5e-3)
    assert (whole["hours"], whole["days"]) == (24 * DAYS, DAYS)


def test_one_scale_finds_the_difference_of_the_air_and_the_raw_one_does_not(rows):
    scaled, raw = rows[0]["difference_one_scale"], rows[0]["difference_raw"]
    assert scaled["low"] < DIFFERENCE < scaled["high"]
    assert raw["low"] > DIFFERENCE + 1
    assert rows[0]["instruments_share"] == pytest.approx(1 - scaled["mean"] / raw["mean"], abs=1e-3)
    assert rows[0]["withheld"] is None


def test_the_interval_of_one_scale_knows_that_the_relation_is_not_known_exactly():
    first, second = two_readings()
    noisy = second.copy()
    days = np.random.default_rng(2).normal(0, 1, len(second) // 24 + 1)
    noisy["pm2_5"] += np.where(second.index < APART, np.repeat(days, 24)[: len(second)], 0.0)
    pairs = (pair_of(hours_of(first), hours_of(one)) for one in (second, noisy))
    widths = [one["high"] - one["low"] for one in (rows_of(pair)[0]["difference_one_scale"] for pair in pairs)]
    assert widths[1] > widths[0] * 1.5


def test_the_same_readings_give_the_same_rows_to_the_last_digit(rows):
    again = rows_of(pair_of(*map(hours_of, two_readings())))
    assert json.dumps(again, default=str) == json.dumps(rows, default=str)


@pytest.mark.parametrize("difference", [0.0, long(2.0)])
def test_the_interval_holds_the_known_difference_of_most_pairs(difference):
    found = coverage(difference, range(100), days=120, side_by_side=21)
    assert found.covered >= 0.88 * found.pairs
    if difference == 0:
        assert found.told <= 0.1 * found.pairs
    else:
        assert found.told >= 0.9 * found.pairs


@pytest.mark.long
def test_of_two_hundred_pairs_95_per_cent_are_held():
    found = [coverage(difference, range(200)) for difference in (0.0, 1.0, 4.0)]
    assert 0.93 <= sum(one.covered for one in found) / sum(one.pairs for one in found) <= 0.97
    assert found[0].told <= 0.05 * found[0].pairs


def test_every_part_of_the_time_has_its_rows(rows):
    parts = {}
    for row in rows:
        parts.setdefault(row["period"], []).append(row["part"])
    assert parts["hour"] == [f"{hour:02d}" for hour in range(24)]
    assert parts["day_kind"] == ["weekday", "weekend"]
    assert parts["humidity"] == ["dry", "wet"]
    assert parts["dust"] == ["calm", "dusty"]
    assert parts["season"] == ["DJF", "MAM", "JJA"]
    assert parts["month"] == [f"2023-0{month}" for month in range(2, 8)]
    for period in ("hour", "day_kind", "month", "season"):
        assert sum(row["hours"] for row in rows if row["period"] == period) == rows[0]["hours"]


def test_the_regional_background_is_below_both(rows):
    assert 0 < rows[0]["background"] < min(rows[0]["mean_first_one_scale"], rows[0]["mean_second"])


def test_the_background_is_on_the_scale_of_the_second():
    first, second = two_readings()
    lower = np.minimum(INTERCEPT + SLOPE * first["pm2_5"], second["pm2_5"])[APART:]
    lowest = lower.rolling(25, center=True, min_periods=1).min()
    expected = lowest.rolling(25, center=True, min_periods=1).mean()
    whole = rows_of(pair_of(hours_of(first), hours_of(second)))[0]
    assert whole["background"] == pytest.approx(expected.mean(), rel=0.03)


def test_a_gain_fault_in_the_middle_is_left_out_from_then_on():
    first, second = two_readings()
    change = APART + timedelta(days=100)
    second.loc[change:, "pm2_5"] *= 2
    pair = pair_of(hours_of(first), hours_of(second))
    (time,) = left_out(days_of(pair), "pm2_5")
    assert abs(time.start - change) <= timedelta(days=2)
    assert (time.end, time.reason, time.station) == (None, "level", "second")
    whole = rows_of(pair, left=[time])[0]
    assert whole["difference_one_scale"]["low"] < DIFFERENCE < whole["difference_one_scale"]["high"]
    assert whole["hours"] == pytest.approx(24 * 100, abs=48)
    assert whole["hours_left_out"] + whole["hours"] == 24 * DAYS
    # PM10 has no fault.
    assert left_out(days_of(pair), "pm10") == []


def test_a_level_that_is_back_is_compared_again_though_the_days_before_have_the_fault():
    level, days = {"pm2_5_log_ratio": 0.4, "pm2_5_log_ratio_before": 0.4}, []
    for number, date in enumerate(pd.date_range(APART, periods=DAYS, freq="D")):
        is_wrong = 40 <= number < 80
        row = {**level, "date": date, "findings": []}
        row["pm2_5_log_ratio"] += 0.69 * is_wrong
        days.append(row)
    change = {"kind": "level", "field": "pm2_5", "station": "second"}
    for number in range(46, 60):
        days[number]["findings"] = [{**change, "since": APART + timedelta(days=40), "size": 2.0}]
    for number in range(90, 120):
        days[number]["findings"] = [{**change, "since": APART + timedelta(days=82), "size": 0.6}]
    (time,) = left_out(days, "pm2_5")
    assert time.start == APART + timedelta(days=40)
    assert APART + timedelta(days=60) <= time.end <= APART + timedelta(days=82)


def test_weeks_indoors_that_nobody_declared_are_left_out_and_what_follows_is_not():
    first, second = two_readings()
    begin, end = APART + timedelta(days=60), APART + timedelta(days=85)
    indoors = slice(begin, end - timedelta(hours=1))
    count = len(second.loc[indoors])
    second.loc[indoors, "temperature"] = 26 + np.random.default_rng(5).normal(0, 0.3, count)
    second.loc[indoors, ["pm2_5", "pm10"]] *= 0.3
    times = left_out(days_of(pair_of(hours_of(first), hours_of(second))), "pm2_5")
    outside = [
        day
        for day in pd.date_range(APART, periods=DAYS, freq="D")
        if not any(time.holds(pd.DatetimeIndex([day])).any() for time in times)
    ]
    assert not [day for day in outside if begin + timedelta(days=1) <= day < end]
    assert len(outside) >= DAYS - 45


def test_two_that_never_stood_side_by_side_have_no_common_scale():
    pair = pair_of(*map(hours_of, two_readings()))
    whole = rows_of(replace(pair, windows=[]))[0]
    assert whole["withheld"] == "no_side_by_side"
    assert whole["difference_one_scale"]["mean"] is None
    assert whole["difference_raw"]["low"] is not None


def test_another_device_has_another_scale():
    pair = pair_of(*map(hours_of, two_readings()))
    other = replace(pair, windows=[replace(pair.windows[0], devices=(1, 9))])
    assert rows_of(other)[0]["withheld"] == "no_side_by_side"


def test_two_channels_that_do_not_agree_side_by_side_have_no_common_scale():
    whole, *parts = rows_of(pair_of(*map(hours_of, two_readings())), "no2")
    assert whole["withheld"] == "side_by_side_disagree"
    assert whole["colocation"]["r2"] < 0.7
    assert parts == []


def test_nothing_is_said_of_a_channel_that_mirrors_another_gas():
    first, second = map(hours_of, two_readings())
    first = replace(first, cross_sensitive=first.cross_sensitive.assign(pm2_5=True))
    assert rows_of(pair_of(first, second))[0]["withheld"] == "cross_sensitive"


def test_nothing_is_said_without_a_common_valid_hour():
    assert rows_of(pair_of(*map(hours_of, two_readings())), "co")[0]["withheld"] == "no_hours"


def test_side_by_side_weeks_are_found_where_the_file_says_nothing():
    first, second = two_readings()
    # At its street, the second has dust of its own.
    second.loc[APART:, "pm10"] *= np.exp(np.random.default_rng(9).normal(0, 0.5, 24 * DAYS))
    (window,) = found_windows(first, second, DEVICES)
    assert window.source == "found"
    assert abs(window.start - BEGIN) <= timedelta(days=4)
    assert timedelta(0) <= APART - window.end <= timedelta(days=4)


def test_two_stations_that_are_always_alike_are_not_taken_for_side_by_side():
    first, _ = two_readings()
    assert found_windows(first, first, DEVICES) == []


def test_a_channel_that_stands_still_side_by_side_has_no_line_and_json_can_be_written():
    first, second = two_readings()
    first.loc[first.index < APART, "co"] = 0.0
    second.loc[:, "co"] = 0.3 + 0.01 * np.arange(len(second)) % 0.1
    first.loc[first.index >= APART, "co"] = 0.5
    (whole, *_) = rows_of(pair_of(hours_of(first), hours_of(second)), "co")
    assert whole["withheld"] == "side_by_side_disagree"
    assert (whole["colocation"]["slope"], whole["colocation"]["intercept"]) == (None, None)
    json.dumps(whole["colocation"], default=str, allow_nan=False)


def test_days_with_one_hour_are_no_days():
    first, second = two_readings()
    is_one = (first.index >= APART) & (first.index.hour != 5)
    first.loc[is_one] = np.nan
    (whole, *parts) = rows_of(pair_of(hours_of(first), hours_of(second)))
    assert (whole["days"], whole["withheld"], parts) == (0, "too_few_days", [])


def test_a_month_of_less_than_a_fortnight_has_a_mean_without_an_interval(rows):
    february, march = (next(row for row in rows if row["part"] == f"2023-0{month}") for month in (2, 3))
    assert february["days"] == 7
    assert february["difference_one_scale"]["mean"] is not None
    assert february["difference_one_scale"]["low"] is february["difference_raw"]["low"] is None
    assert march["difference_one_scale"]["low"] is not None


def test_a_part_that_lies_in_one_week_has_no_interval():
    first, second = two_readings()
    is_wet = (first.index >= APART + timedelta(days=60)) & (first.index < APART + timedelta(days=76))
    for station in (first, second):
        station["relative_humidity"] = np.where(is_wet, 95.0, 60.0)
    wet = next(row for row in rows_of(pair_of(hours_of(first), hours_of(second))) if row["part"] == "wet")
    assert wet["days"] == 16
    assert wet["difference_one_scale"]["low"] is None


def test_a_planned_fortnight_hides_no_weeks_that_were_found():
    first, second = map(hours_of, two_readings())
    planned = Together(APART + timedelta(days=3650), None, DEVICES)
    always = [Together(BEGIN, None, DEVICES)]
    assert hours_of_pair(first, second, [planned], always).windows == hours_of_pair(first, second, [], always).windows


@pytest.fixture
def lively():
    """Return the hours of two stations that differ in PM10 from hour to hour once they are apart."""
    first, second = two_readings()
    second.loc[APART:, "pm10"] *= np.exp(np.random.default_rng(9).normal(0, 0.5, 24 * DAYS))
    return hours_of(first), hours_of(second)


def test_one_declared_hour_hides_no_weeks_that_were_found(lively):
    hour = Together(BEGIN + timedelta(days=2), BEGIN + timedelta(days=2, hours=1), DEVICES)
    always = [Together(BEGIN, None, DEVICES)]
    pair = hours_of_pair(*lively, [hour], always)
    assert {window.source for window in pair.windows} == {"found", "declared"}
    assert rows_of(pair)[0]["withheld"] is None


def test_a_declared_window_that_can_be_used_leaves_nothing_to_search_for(lively):
    declared = Together(BEGIN, APART, DEVICES)
    assert [one.source for one in hours_of_pair(*lively, [declared]).windows] == ["declared"]


def test_no_weeks_are_searched_for_where_the_file_says_where_the_two_stand(lively):
    placed = [Together(BEGIN, None, DEVICES, is_placed=True)]
    assert hours_of_pair(*lively, [], placed).windows == []
    assert hours_of_pair(*lively, [], [replace(placed[0], is_placed=False)]).windows != []


def test_weeks_that_are_found_belong_to_the_devices_that_measured_then(lively):
    swap = APART + timedelta(days=60)
    old, new = Together(BEGIN, swap, DEVICES), Together(swap, None, (1, 9))
    pair = hours_of_pair(*lively, [], [old, new], [old, new])
    assert pair.windows == []
    assert rows_of(pair)[0]["withheld"] == "no_side_by_side"
    before = hours_of_pair(*lively, [], [old], [old, new])
    assert [window.devices for window in before.windows] == [DEVICES]


def test_a_copy_of_the_other_station_is_no_agreement():
    first, second = two_readings()
    copied = second.copy()
    copied.loc[APART:] = first.loc[APART:]
    assert rows_of(pair_of(hours_of(first), hours_of(copied)))[0]["withheld"] == "copy"
    # Two that both read 0 for the most part are no copies.
    for station in (first, second):
        station.loc[APART:, "pm2_5"] = np.where(np.arange(24 * DAYS) % 40, 0.0, station.loc[APART:, "pm2_5"])
    assert rows_of(pair_of(hours_of(first), hours_of(second)))[0]["withheld"] != "copy"


def test_the_ratio_of_carbon_monoxide_needs_no_offset_in_another_unit():
    first, second = two_readings()
    for station in (first, second):
        station["co"] = station["pm2_5"] / 50
    second.loc[APART + timedelta(days=DAYS - 30) :, "co"] *= 2
    whole = rows_of(pair_of(hours_of(first), hours_of(second)), "co")[0]
    assert whole["trust"]["ratio_change"] == pytest.approx(1.0, abs=0.2)
