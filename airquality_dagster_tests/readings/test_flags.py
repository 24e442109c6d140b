import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.siting import Siting
from airquality_dagster.readings.flags import (
    FAILED,
    HOURS_AFTER,
    HOURS_BEFORE,
    Flag,
    Level,
    flag_hours,
    flag_names,
    flags_as_of,
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
        ("no2", 0.0, 8),
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
@pytest.mark.parametrize("field", ["pm2_5", "pm10", "co", "no2", "o3"])
def test_a_peak_of_up_to_two_hours_in_one_channel_is_a_spike_and_a_longer_one_is_air(field, peak):
    values = ordinary(24 * 30)
    height = 20 * values[field].max()
    spike = range(500, 500 + peak)
    values.loc[spike, field] = height + np.arange(peak)
    assert hours_with(values, field, Flag.SPIKE) == list(spike)
    episode = range(500, 504)
    values.loc[episode, field] = height + 0.1 * np.arange(4)
    assert hours_with(values, field, Flag.SPIKE) == []


@pytest.mark.parametrize("peak", [1, 2])
def test_a_peak_that_both_fractions_show_is_air(peak):
    values = ordinary(24 * 30)
    hours = range(500, 500 + peak)
    values.loc[hours, "pm2_5"] = 102.5 + np.arange(peak)
    values.loc[hours, "pm10"] = 155.0 + np.arange(peak)
    flagged = flag_hours(values)
    assert flagged.is_valid.loc[hours, ["pm2_5", "pm10"]].all(axis=None)


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


def test_readings_down_to_minus_the_noise_floor_are_valid():
    frame = ordinary(24 * 30).assign(co=lambda hours: 0.4 * hours["co"])
    frame.loc[[100, 300, 500], "co"] = [-0.25, -0.1, 0.0]
    frame.loc[[600], "co"] = -0.27
    flagged = flag_hours(frame)
    assert flagged.is_valid.loc[[100, 300, 500, 600], "co"].tolist() == [True, True, True, False]
    assert hours_with(frame, "co", Flag.BELOW_NOISE_FLOOR) == [100, 300, 500]
    assert hours_with(frame, "co", Flag.OUT_OF_RANGE) == [600]


def test_carbon_monoxide_at_or_below_zero_for_six_hours_has_an_offset():
    frame = ordinary(24 * 30)
    frame.loc[100:104, "co"] = [-0.01, -0.02, 0.0, -0.03, -0.02]
    assert hours_with(frame, "co", Flag.DRIFT) == []
    frame.loc[105, "co"] = -0.01
    assert hours_with(frame, "co", Flag.DRIFT) == list(range(100, 106))


@pytest.mark.parametrize("field", ["co", "o3"])
def test_a_source_that_puts_zero_in_the_place_of_negatives_changes_no_validity(field):
    rng = np.random.default_rng(1)
    frame = ordinary(24 * 90)
    drop = np.linspace(0, 2, len(frame)) * frame[field].mean()
    lowered = frame[field] - drop + rng.normal(0, 0.01, len(frame))
    frame[field] = lowered.where(lowered > 0, 0.005 * lowered)
    clipped = frame.assign(**{field: frame[field].clip(lower=0.0)})
    valid, valid_of_clipped = (flag_hours(one).is_valid[field] for one in (frame, clipped))
    assert 24 * 10 < valid.sum() < 24 * 80
    assert (frame[field][valid] < 0).any()
    pd.testing.assert_series_equal(valid, valid_of_clipped)


@pytest.mark.parametrize(("to_blame", "other", "value"), [("pm2_5", "pm10", 90.0), ("pm10", "pm2_5", 4.0)])
def test_pm2_5_above_pm10_is_the_fault_of_the_channel_that_left_its_past(to_blame, other, value):
    frame = ordinary(24 * 30)
    frame.loc[500:520, to_blame] = value + 0.1 * np.arange(21)
    assert hours_with(frame, to_blame, Flag.INCONSISTENT) == list(range(500, 521))
    assert hours_with(frame, other, Flag.INCONSISTENT) == []


def test_without_a_past_both_fractions_are_to_blame_for_pm2_5_above_pm10():
    frame = hourly(pm2_5=[30.0, 10.0, 10.1, 10.2, 10.3], pm10=[20.0, 20.1, 20.2, 20.3, 20.4])
    assert hours_with(frame, "pm2_5", Flag.INCONSISTENT) == [0]
    assert hours_with(frame, "pm10", Flag.INCONSISTENT) == [0]


def test_pm2_5_in_whole_numbers_is_stuck_only_if_pm10_stands_still_or_for_half_a_day():
    rng = np.random.default_rng(0)
    moving = [*varied(40, 7.3), *rng.uniform(5, 8, 12), *varied(40, 7.3)]
    for hours, pm10, stuck in ((7, moving, 0), (7, [*moving[:40], *[6.5] * 7, *moving[47:]], 7), (12, moving, 12)):
        pm2_5 = [*varied(40, 3.3), *[1.0] * hours, *varied(52 - hours, 3.3)]
        assert len(hours_with(hourly(pm2_5=pm2_5, pm10=pm10), "pm2_5", Flag.STUCK)) == stuck
    with_digits = [*varied(40, 3.3), *[1.0366] * 7, *varied(45, 3.3)]
    assert len(hours_with(hourly(pm2_5=with_digits, pm10=moving), "pm2_5", Flag.STUCK)) == 7


def powered_up(frame: pd.DataFrame, hour: int) -> pd.DataFrame:
    """Return the readings with what gas sensors and thermometer show in the first hour after power-up."""
    frame = frame.copy()
    frame.loc[hour, ["no2", "o3", "temperature"]] += [12.0, -45.0, -10.0]
    return frame


@pytest.mark.parametrize("gap", [0, 1, 30])
def test_the_hour_after_power_up_fails_but_for_particles(gap):
    frame = powered_up(ordinary(24 * 40), 500)
    frame = frame.drop(index=range(500 - gap, 500))
    for field in ("co", "no2", "o3", "temperature", "relative_humidity"):
        flagged = flag_hours(frame)
        assert frame.index[(flagged.flags[field] & int(Flag.WARM_UP)).to_numpy() != 0].tolist() == [500], field
    assert flagged.is_valid[["pm2_5", "pm10"]].all(axis=None)


def test_a_gap_alone_is_no_power_up():
    rng = np.random.default_rng(0)
    frame = ordinary(24 * 60)
    frame = frame.drop(index=[hour for start in rng.integers(100, 1400, 30) for hour in range(start, start + 3)])
    assert not (flag_hours(frame).flags & int(Flag.WARM_UP)).any(axis=None)


def test_no2_that_is_ozone_upside_down_is_valid_but_in_no_index():
    frame = ordinary(24 * 40)
    rng = np.random.default_rng(0)
    frame["no2"] = 25 - 0.15 * frame["o3"] + rng.normal(0, 0.3, len(frame))
    flagged = flag_hours(frame)
    mirrored = hours_with(frame, "no2", Flag.CROSS_SENSITIVE)
    assert mirrored == list(range(7 * 24 - 1, len(frame)))
    assert set(flagged.levels["no2"][mirrored]) == {Level.SUSPECT}
    assert flagged.is_valid["no2"].all()
    assert flagged.index_readings["no2"][mirrored].isna().all()
    assert hours_with(frame, "o3", Flag.CROSS_SENSITIVE) == []


@pytest.mark.parametrize("odd", [30.0, 80.0, 65535.0, -999.0])
def test_a_wrong_reading_does_not_hide_that_no2_mirrors_ozone(odd):
    frame = ordinary(24 * 40).assign(no2=lambda hours: 25 - 0.15 * hours["o3"])
    frame.loc[500, "no2"] = odd
    assert hours_with(frame, "no2", Flag.CROSS_SENSITIVE) == list(range(7 * 24 - 1, len(frame)))


def test_a_squall_is_no_power_up():
    frame = ordinary(24 * 40)
    frame.loc[500:502, "temperature"] -= 10
    frame.loc[500:502, "o3"] -= 45
    frame.loc[500:502, "relative_humidity"] += 20
    assert not (flag_hours(frame).flags & int(Flag.WARM_UP)).any(axis=None)


def test_a_new_station_that_often_falls_silent_is_not_accused_of_power_up():
    frame = ordinary(24 * 20)
    frame = frame[frame.index % 3 != 2]
    assert not (flag_hours(frame).flags & int(Flag.WARM_UP)).any(axis=None)


def test_a_new_device_is_not_judged_by_the_past_of_the_former_one():
    frame = ordinary(24 * 60)
    first = frame.index < 24 * 30
    frame.loc[first, "co"] -= 2.0
    frame.loc[~first, "station_id"] = 2
    valid = flag_hours(frame).is_valid["co"]
    assert not valid[first].any()
    assert valid[~first].all()


@pytest.mark.parametrize(("declared", "flagged"), [(True, 24 * 30), (False, 0)])
def test_the_operator_s_word_on_a_channel_counts_more_than_its_readings(declared, flagged):
    frame = ordinary(24 * 30).assign(no2=lambda hours: 25 - 0.15 * hours["o3"])
    flags = flag_hours(frame, siting=Siting(cross_sensitive={"no2": declared})).flags["no2"]
    assert int(((flags & int(Flag.CROSS_SENSITIVE)) != 0).sum()) == flagged


def test_readings_outside_an_outdoor_deployment_fail_in_every_field():
    start, end = FIRST + timedelta(hours=100), FIRST + timedelta(hours=200)
    flagged = flag_hours(ordinary(24 * 20), siting=Siting(on_site=((start, end),)))
    fields = ["co", "pm2_5", "temperature", "relative_humidity"]
    is_off_site = (flagged.flags[fields] & int(Flag.OFF_SITE)) != 0
    assert (is_off_site.sum() == 24 * 20 - 100).all()
    assert not is_off_site.loc[100:199].any(axis=None)
    assert set(flagged.levels["pm2_5"][:100]) == {Level.FAIL}
    assert not flagged.is_valid["pm2_5"][:100].any()


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
    frame = hourly(pm2_5=[10.0, 10.4, 10.5, -11.0, NAN, 10.1, 10.2, 10.3, 10.6], internal_temperature=[300.0] * 9)
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
    """Hours made of pieces: runs, offsets, ordinary days, restarts and gaps; all channels follow that of CO."""
    pieces = draw(
        st.lists(
            st.one_of(
                st.lists(READINGS, min_size=1, max_size=30),
                st.tuples(READINGS, st.integers(1, 80)).map(lambda run: [run[0]] * run[1]),
                st.integers(1, 400).map(lambda hours: [NAN] * hours),
                st.tuples(st.floats(-0.4, 0.8), st.integers(1, 400)).map(
                    lambda level: [level[0] + 0.01 * (number % 5) for number in range(level[1])]
                ),
            ),
            min_size=1,
            max_size=8,
        )
    )
    values = [value for piece in pieces for value in piece]
    co = np.array(values)
    frame = hourly(
        co=co, pm2_5=np.abs(co) * 40, pm10=np.abs(co) * 41, no2=20 + 3 * co, o3=30 - 20 * co, temperature=28 - 3 * np.abs(co),
    )  # fmt: skip
    kept = draw(st.lists(st.booleans(), min_size=1, max_size=50))
    return frame[[kept[number % len(kept)] for number in range(len(frame))]].reset_index(drop=True)


@given(histories(), st.randoms())
def test_flags_do_not_depend_on_the_order_of_rows(frame, random):
    order = random.sample(range(len(frame)), len(frame))
    flags, shuffled = quality_flags(frame, ["co"]), quality_flags(frame.iloc[order], ["co"])
    pd.testing.assert_frame_equal(shuffled.sort_index(), flags)


@given(histories(), st.data())
@settings(max_examples=100)
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
@settings(max_examples=100)
def test_to_take_a_valid_hour_away_makes_no_other_hour_valid(frame, data):
    fields = ["co", "no2", "o3", "pm10", "pm2_5", "temperature"]
    before = flag_hours(frame).is_valid[fields]
    valid = list(before.index[before.all(axis=1)])
    if not valid:
        return
    taken = data.draw(st.lists(st.sampled_from(valid), min_size=1, max_size=5, unique=True))
    without = frame.drop(index=taken)
    after = flag_hours(without).is_valid[fields]
    assert not (after & ~before.loc[without.index]).any(axis=None)
    # And the same where one channel is null and not absent.
    nulled = frame.assign(co=frame["co"].mask(frame.index.isin(taken)))
    after = flag_hours(nulled).is_valid["co"]
    assert not (after & ~before["co"]).any()


def as_each_hour_saw_it(frame: pd.DataFrame, hours: list[int]) -> pd.DataFrame:
    """Return for each hour whether its readings were valid when it was the newest."""
    moments = frame["timestamp"]
    return pd.DataFrame([flags_as_of(frame, moments[hour]).is_valid.iloc[-1] for hour in hours], index=hours)


@given(histories(), st.data())
@settings(max_examples=50)
def test_what_failed_when_its_hour_was_the_newest_fails_for_ever(frame, data):
    if frame.empty:
        return
    final = flag_hours(frame).is_valid
    hours = data.draw(st.lists(st.sampled_from(list(frame.index)), min_size=1, max_size=5, unique=True))
    then = as_each_hour_saw_it(frame, hours)
    assert not (final.loc[hours] & ~then).any(axis=None)


@given(histories(), st.data())
@settings(max_examples=50)
def test_flags_as_of_an_hour_use_nothing_after_it(frame, data):
    if frame.empty:
        return
    hour = data.draw(st.sampled_from(list(frame.index)))
    moment = frame["timestamp"][hour]
    other = frame.copy()
    other.loc[hour + 1 :, ["co", "pm2_5", "pm10"]] = data.draw(READINGS)
    of_frame, of_other = (flags_as_of(one, moment).flags for one in (frame, other))
    pd.testing.assert_frame_equal(of_frame, of_other)


def test_readings_that_need_later_hours_are_unconfirmed_until_these_have_come():
    frame = ordinary(24 * 30)
    frame.loc[500:, "co"] = 5 + 0.1 * np.arange(len(frame) - 500)
    moments = frame["timestamp"]
    for hour, seen in ((500, [500]), (501, [500, 501]), (502, [500, 501, 502]), (503, [])):
        flagged = flags_as_of(frame, moments[hour])
        flags = flagged.flags["co"].set_axis(flagged.hours["timestamp"])
        unconfirmed = flags.index[(flags & int(Flag.UNCONFIRMED)) != 0]
        assert unconfirmed.tolist() == moments[seen].tolist(), hour
        assert flagged.is_valid["co"].iloc[-6:].all()
        assert set(flagged.levels["co"][(flagged.flags["co"] & int(Flag.UNCONFIRMED)) != 0]) <= {Level.SUSPECT}


def test_a_spike_is_unconfirmed_first_and_fails_as_soon_as_later_hours_cannot_clear_it():
    frame = ordinary(24 * 30)
    frame.loc[500, "co"] = 20.0
    states = [flags_as_of(frame, frame["timestamp"][500 + later]).is_valid["co"].iloc[-1 - later] for later in range(5)]
    # After one more hour that differs, the two that may still come cannot clear it.
    assert states == [True, False, False, False, False]


def test_failing_flags_are_those_that_say_so():
    assert flag_names(FAILED) == [
        "out_of_range", "stuck", "spike", "isolated", "drift", "inconsistent", "warm_up", "off_site",
    ]  # fmt: skip
