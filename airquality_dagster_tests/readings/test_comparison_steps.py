"""Lasting changes of the level of two stations, and which side of them is compared."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings.comparison_hours import PairHours
from airquality_dagster.readings.comparison_left_out import LeftOut, joined
from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.comparison_relation import Window, relation_of
from airquality_dagster.readings.comparison_steps import lasting_changes
from airquality_dagster_tests.readings.compared_pair import (
    APART,
    DAYS,
    DEVICES,
    hours_of,
    pair_of,
    two_readings,
)

UTC = ZoneInfo("UTC")
CHANGED = APART + timedelta(days=80)


def changes_of(pair: PairHours, fields=("pm2_5", "pm10")) -> list[LeftOut]:
    fractions = []
    for field in fields:
        data = pair.of_field(field, None, None, [])
        paired = PairedHours.of(data.hours, data.first, data.second, data.humidity, UTC)
        fractions.append(paired.by(pair.relations(field)))
    return list(lasting_changes(fractions))


def pair_with(gain: float, since=CHANGED, fields=("pm2_5", "pm10"), until=None) -> PairHours:
    first, second = two_readings()
    for field in fields:
        second.loc[since:until, field] *= gain
    return pair_of(hours_of(first), hours_of(second))


def test_two_stations_without_a_fault_have_no_lasting_change():
    assert changes_of(pair_with(1.0)) == []


@pytest.mark.parametrize("gain", [0.65, 1.4, 2.0])
def test_a_gain_that_changes_for_good_leaves_only_the_time_before(gain):
    (change,) = changes_of(pair_with(gain))
    assert abs(pd.Timestamp(change.start) - pd.Timestamp(CHANGED)) <= timedelta(days=4)
    assert (change.end, change.reason) == (None, "level")


def test_what_one_fraction_shows_holds_for_both():
    (change,) = changes_of(pair_with(1.6, fields=["pm10"]))
    assert abs(pd.Timestamp(change.start) - pd.Timestamp(CHANGED)) <= timedelta(days=4)
    assert changes_of(pair_with(1.6, fields=["pm10"]), fields=["pm2_5"]) == []


def test_weeks_that_are_back_to_the_level_before_are_no_lasting_change():
    assert changes_of(pair_with(1.5, until=CHANGED + timedelta(days=20))) == []


def test_the_side_of_the_change_that_is_near_the_weeks_side_by_side_is_kept():
    pair = pair_with(1.5)
    after = Window(
        pd.Timestamp(APART) + timedelta(days=DAYS), pd.Timestamp(APART) + timedelta(days=DAYS + 21), devices=DEVICES
    )
    # The same relation, found after the change.
    data = pair.of_field("pm2_5", None, None, [])
    relation = replace(
        relation_of(pair.windows[0], pair.first.sound["pm2_5"], pair.second.sound["pm2_5"]), window=after
    )
    paired = PairedHours.of(data.hours, data.first, data.second, data.humidity, UTC).by([relation])
    (change,) = lasting_changes([paired])
    assert pd.Timestamp(change.start) == data.hours[0]
    assert change.end is not None
    assert abs(pd.Timestamp(change.end) - pd.Timestamp(CHANGED)) <= timedelta(days=4)


def test_less_than_two_levels_of_four_weeks_have_no_lasting_change():
    first, second = two_readings(days=50)
    second.loc[APART + timedelta(days=25) :, ["pm2_5", "pm10"]] *= 2
    assert changes_of(pair_of(hours_of(first), hours_of(second))) == []


def test_without_a_scale_nothing_is_said_of_levels():
    pair = replace(pair_with(2.0), windows=[])
    assert changes_of(pair) == []
    assert not np.isnan(pair.of_field("pm2_5", None, None, []).first).all()


def test_times_of_one_reason_that_overlap_are_one():
    day = timedelta(days=1)
    times = [
        LeftOut(CHANGED + 5 * day, None, "level", "first"),
        LeftOut(CHANGED, CHANGED + 6 * day, "level", "second"),
        LeftOut(CHANGED + 2 * day, CHANGED + 3 * day, "noise"),
        LeftOut(CHANGED - 9 * day, CHANGED - 8 * day, "level"),
    ]
    assert joined(times) == [
        LeftOut(CHANGED - 9 * day, CHANGED - 8 * day, "level"),
        LeftOut(CHANGED, None, "level"),
        LeftOut(CHANGED + 2 * day, CHANGED + 3 * day, "noise"),
    ]
