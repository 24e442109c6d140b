import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.readings.flags import (
    FAILED,
    HOURS_AFTER,
    HOURS_BEFORE,
    Flag,
    Level,
    flag_hours,
    flag_names,
    quality_flags,
)
from airquality_dagster_tests.readings.series import FIRST, hourly, ordinary, varied

NAN = math.nan


def flags_of(frame: pd.DataFrame, field: str) -> list[set[str]]:
    return [set(flag_names(flags)) for flags in flag_hours(frame).flags[field]]


def hours_with(frame: pd.DataFrame, field: str, flag: Flag) -> list[int]:
    return [number for number, names in enumerate(flags_of(frame, field)) if flag.name.lower() in names]


def test_an_ordinary_sensor_has_no_flag_but_humidity():
    flags = flag_hours(ordinary(24 * 60)).flags
    assert (flags.drop(columns="internal_temperature") & ~int(Flag.HUMID) == 0).all(axis=None)


def test_a_null_is_missing_and_a_sensor_that_the_station_does_not_have_is_missing_everywhere():
    frame = hourly(pm2_5=[10.0, None, 11.0, 10.5, 10.2])
    assert hours_with(frame, "pm2_5", Flag.MISSING) == [1]
    assert hours_with(frame, "co", Flag.MISSING) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("parameter", [parameter for parameter in PARAMETERS if parameter.quality], ids=str)
def test_a_reading_outside_its_range_fails_and_both_ends_do_not(parameter):
    lowest, highest = parameter.quality.lowest.value, parameter.quality.highest.value
    values = [lowest, highest, lowest - 0.001, highest + 0.001]
    assert hours_with(hourly(**{parameter.field: values}), parameter.field, Flag.OUT_OF_RANGE) == [2, 3]


def test_every_threshold_names_its_source():
    thresholds = [
        threshold
        for parameter in PARAMETERS
        for threshold in vars(parameter.quality or object).values()
        if hasattr(threshold, "source")
    ]
    assert len(thresholds) > 30
    assert all(len(threshold.source) > 5 for threshold in thresholds)


@pytest.mark.parametrize(
    ("field", "value", "least"),
    [
        ("co", 0.3, 6),
        ("co", 0.0, 6),
        ("no2", 0.0, 24),
        ("no2", 20.0, 6),
        ("o3", 40.0, 6),
        ("pm10", 20.0, 4),
        ("pm2_5", 10.0, 4),
        ("pm2_5", 0.0, 12),
        ("temperature", 27.0, 6),
        ("relative_humidity", 100.0, 12),
    ],
)
def test_a_sensor_is_stuck_when_as_many_hours_are_equal_as_the_table_says(field, value, least):
    before, after = varied(10, max(value, 1)), varied(10, max(value, 1))[1:]
    for hours, expected in ((least - 1, []), (least, list(range(10, 10 + least)))):
        frame = hourly(**{field: [*before, *[value] * hours, *after]})
        first = 9 if value == before[9] else 10
        stuck = hours_with(frame, field, Flag.STUCK)
        assert [hour for hour in stuck if hour >= first] == expected


def test_two_missing_hours_do_not_end_a_stuck_run_and_three_do():
    run = [*varied(6), 15.0, 15.0, NAN, NAN, 15.0, 15.0, *varied(6)]
    assert hours_with(hourly(pm2_5=run), "pm2_5", Flag.STUCK) == [6, 7, 10, 11]
    run = [*varied(6), 15.0, 15.0, NAN, NAN, NAN, 15.0, 15.0, *varied(6)]
    assert hours_with(hourly(pm2_5=run), "pm2_5", Flag.STUCK) == []


def test_an_hour_that_is_not_stored_does_not_end_a_stuck_run_either():
    frame = hourly(pm2_5=[*varied(6), 15.0, 15.0, 15.0, 15.0, 15.0, *varied(6)])
    without = frame.drop(index=[8]).reset_index(drop=True)
    assert len(hours_with(without, "pm2_5", Flag.STUCK)) == 4


@pytest.mark.parametrize("peak", [1, 2])
def test_a_peak_of_up_to_two_hours_is_a_spike_and_a_longer_one_is_air(peak):
    values = ordinary(24 * 30)
    spike = range(500, 500 + peak)
    values.loc[spike, "pm2_5"] = 400.0 + np.arange(peak)
    values.loc[spike, "pm10"] = 800.0
    assert hours_with(values, "pm2_5", Flag.SPIKE) == list(spike)
    episode = range(500, 504)
    values.loc[episode, "pm2_5"] = 400.0 + np.arange(4)
    assert hours_with(values, "pm2_5", Flag.SPIKE) == []


def test_what_is_usual_at_a_restless_station_is_no_spike():
    rng = np.random.default_rng(0)
    restless = hourly(pm10=np.abs(rng.normal(200, 120, 24 * 30)) + 1)
    # Until more than half of fifteen days is known, the fixed threshold decides alone.
    assert max(hours_with(restless, "pm10", Flag.SPIKE)) < 24 * 8


def test_a_reading_with_fewer_than_three_others_within_three_hours_is_isolated():
    values = [10.0, 10.1, 10.2, *[NAN] * 5, 10.3, *[NAN] * 5, *varied(8)]
    assert hours_with(hourly(pm2_5=values), "pm2_5", Flag.ISOLATED) == [0, 1, 2, 8]


def test_an_offset_below_zero_flags_also_the_readings_that_happen_to_be_above():
    rng = np.random.default_rng(0)
    sound, drifted = rng.normal(0.5, 0.1, 24 * 30), rng.normal(-0.1, 0.1, 24 * 30)
    frame = hourly(co=np.concatenate([sound, drifted]))
    drifting = set(hours_with(frame, "co", Flag.DRIFT))
    assert not drifting & set(range(24 * 30))
    # From a quarter of four weeks on, and half of the drifted hours are clearly below zero.
    assert set(range(24 * 46, 24 * 60)) <= drifting
    assert any(value > 0 for value in frame["co"].iloc[24 * 46 :])
    valid = flag_hours(frame).valid_readings["co"]
    assert valid.iloc[24 * 46 :].isna().all()


def test_noise_around_zero_is_below_detection_and_no_drift():
    rng = np.random.default_rng(0)
    frame = hourly(co=rng.normal(0.0, 0.01, 24 * 40))
    assert hours_with(frame, "co", Flag.DRIFT) == []
    assert len(hours_with(frame, "co", Flag.BELOW_DETECTION)) == 24 * 40


def test_pm2_5_above_pm10_is_inconsistent_in_both():
    frame = hourly(pm2_5=[30.0, 10.0, 10.1, 10.2, 10.3], pm10=[20.0, 20.1, 20.2, 20.3, 20.4])
    assert hours_with(frame, "pm2_5", Flag.INCONSISTENT) == [0]
    assert hours_with(frame, "pm10", Flag.INCONSISTENT) == [0]


def test_humid_unusual_and_undetectable_readings_are_flagged_and_stay_valid():
    frame = hourly(
        pm2_5=[10.0, 10.1, 600.0, 601.0, 602.0, 603.0], pm10=[20.0, 20.1, 900.0, 901.0, 902.0, 903.0],
        relative_humidity=[80.0, 85.1, 80.2, 80.3, 80.4, 80.5],
    )  # fmt: skip
    flagged = flag_hours(frame)
    assert hours_with(frame, "pm2_5", Flag.HUMID) == [1]
    assert hours_with(frame, "pm2_5", Flag.UNUSUALLY_HIGH) == [2, 3, 4, 5]
    assert flagged.levels["pm2_5"].tolist()[2:] == [Level.SUSPECT] * 4
    assert flagged.is_valid["pm2_5"].tolist()[2:] == [True] * 4


def test_provisional_and_restated_hours_say_so_and_stay_valid():
    frame = hourly(pm2_5=varied(6), provisional=[NAN] * 5 + [True])
    flagged = flag_hours(frame, restated=[pd.Timestamp(FIRST)])
    assert [flag_names(flags) for flags in flagged.flags["pm2_5"]] == [
        ["restated"],
        [],
        [],
        [],
        [],
        ["provisional"],
    ]
    assert flagged.is_valid["pm2_5"].all()


def test_levels_are_qartod_s():
    frame = hourly(pm2_5=[10.0, 10.4, 10.5, -1.0, NAN, 10.1, 10.2, 10.3, 10.6], internal_temperature=[300.0] * 9)
    levels = flag_hours(frame).levels
    assert levels["pm2_5"].tolist() == [1, 1, 1, 4, 9, 1, 1, 1, 1]
    assert levels["internal_temperature"].tolist() == [2] * 9
    assert levels["co"].tolist() == [9] * 9


def test_no_hours_have_no_flags():
    assert flag_hours(hourly(pm2_5=[1.0]).iloc[:0]).flags.empty


# Few values, so that runs, spikes, offsets and gaps meet each other.
READINGS = st.sampled_from([NAN, 0.0, 0.0, 0.2, 0.3, 0.3, 0.3, -0.1, -0.3, 5.0, 60.0])


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Hours of CO (and PM) made of pieces: runs, offsets, ordinary days and gaps."""
    pieces = draw(
        st.lists(
            st.one_of(
                st.lists(READINGS, min_size=1, max_size=30),
                st.tuples(READINGS, st.integers(1, 80)).map(lambda run: [run[0]] * run[1]),
                st.tuples(st.floats(-0.4, 0.8), st.integers(1, 400)).map(
                    lambda level: [level[0] + 0.01 * (number % 5) for number in range(level[1])]
                ),
            ),
            min_size=1,
            max_size=8,
        )
    )
    values = [value for piece in pieces for value in piece]
    frame = hourly(co=values, pm2_5=[abs(value) * 40 for value in values], pm10=[abs(value) * 41 for value in values])
    kept = draw(st.lists(st.booleans(), min_size=1, max_size=50))
    return frame[[kept[number % len(kept)] for number in range(len(frame))]].reset_index(drop=True)


@given(histories(), st.randoms())
def test_flags_do_not_depend_on_the_order_of_rows(frame, random):
    order = random.sample(range(len(frame)), len(frame))
    flags, shuffled = quality_flags(frame, ["co"]), quality_flags(frame.iloc[order], ["co"])
    pd.testing.assert_frame_equal(shuffled.sort_index(), flags)


@given(histories(), st.data())
@settings(max_examples=200)
def test_flags_do_not_depend_on_how_the_history_is_cut(frame, data):
    if frame.empty:
        return
    whole = flag_hours(frame).flags
    hours = frame["timestamp"]
    start = data.draw(st.sampled_from(list(hours)))
    end = start + timedelta(hours=data.draw(st.integers(1, 800)))
    in_period = (hours >= start) & (hours < end)
    is_around = (
        (hours >= start - timedelta(hours=HOURS_BEFORE)) & (hours < end + timedelta(hours=HOURS_AFTER)) & ~in_period
    )
    cut = flag_hours(frame[in_period], surrounding=frame[is_around])
    assert cut.in_period.sum() == in_period.sum()
    in_piece = cut.flags[cut.in_period].set_axis(whole.index[in_period])
    pd.testing.assert_frame_equal(in_piece, whole[in_period])


@given(histories(), st.data())
@settings(max_examples=200)
def test_to_take_a_valid_reading_away_makes_no_other_reading_valid(frame, data):
    before = flag_hours(frame).is_valid["co"]
    valid = list(before.index[before])
    if not valid:
        return
    taken = data.draw(st.lists(st.sampled_from(valid), min_size=1, max_size=5, unique=True))
    without = frame.drop(index=taken)
    after = flag_hours(without).is_valid["co"]
    assert not (after & ~before[without.index]).any()
    # And the same where it is null and not absent.
    nulled = frame.assign(co=frame["co"].mask(frame.index.isin(taken)))
    after = flag_hours(nulled).is_valid["co"]
    assert not (after & ~before).any()


def test_failing_flags_are_those_that_say_so():
    assert flag_names(FAILED) == ["out_of_range", "stuck", "spike", "isolated", "drift", "inconsistent"]
