"""Faults and events put into sound readings, and what flags make of them; docs/fault-recall.md has the figures."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.flags import FAILED, flag_hours
from benchmarks.fault_recall import passed_events, recall
from benchmarks.histories import shared_span, simulated
from benchmarks.injected_faults import FAULTS, KINDS, SOUND, inject, rng_of

SEEDS = range(2)
FIELDS = list(BY_FIELD)


@cache
def histories() -> dict[str, pd.DataFrame]:
    return shared_span({"first": simulated(1, days=90), "second": simulated(2, days=90)})


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_fields_and_hours_of_a_fault_are_changed(kind):
    hourly = histories()["first"]
    before = hourly.copy()
    injected = inject(kind, hourly, rng_of(kind, 0))
    assert hourly.equals(before)
    is_other = (hourly["timestamp"] < injected.begin) | (hourly["timestamp"] >= injected.end)
    others = hourly.columns.difference(list(injected.fields))
    assert injected.hourly[is_other].equals(hourly[is_other])
    assert injected.hourly[others].equals(hourly[others])
    assert not injected.hourly[FIELDS].equals(hourly[FIELDS])


@pytest.mark.parametrize("kind", KINDS)
def test_faults_are_faulty_in_their_span_only_and_sound_events_nowhere(kind):
    injected = inject(kind, histories()["first"], rng_of(kind, 0))
    hours = injected.hourly["timestamp"][injected.is_faulty.any(axis=1)]
    assert (len(hours) > 0) == (kind in FAULTS)
    assert ((hours >= injected.begin) & (hours < injected.end)).all()


@pytest.mark.parametrize("kind", SOUND)
def test_two_stations_have_the_same_event_at_the_same_hours(kind):
    first, second = (inject(kind, hourly, rng_of(kind, 0)) for hourly in histories().values())
    assert (first.begin, first.end, first.fields) == (second.begin, second.end, second.fields)
    rises = [
        (injected.hourly["pm2_5"] - hourly["pm2_5"]).to_numpy()
        for injected, hourly in zip((first, second), histories().values(), strict=True)
    ]
    assert np.corrcoef(*rises)[0, 1] > 0.8


@pytest.mark.parametrize(
    ("kind", "of_readings", "precision"),
    [
        ("stuck", 0.99, 0.95),
        ("spike of 1 to 5 x max", 0.9, 0.9),
        ("unit x 1000", 0.95, 0.95),
        ("clipped to 0", 0.5, 0.95),
        ("clipped at a floor", 0.7, 0.95),
        ("swap of PM2.5 and PM10", 0.6, 0.95),
    ],
)
def test_flags_find_faults_and_little_else(kind, of_readings, precision):
    found = recall(kind, histories(), SEEDS)
    assert found.faults >= len(SEEDS)
    assert found.failed / found.faulty >= of_readings
    assert 1 - found.wrongly / found.accused >= precision


def test_of_sound_sensors_hardly_a_reading_fails():
    for hourly in histories().values():
        assert ((flag_hours(hourly).flags & int(FAILED)) != 0).to_numpy().mean() < 0.001


@pytest.mark.parametrize("kind", ["sound: front", "sound: short event"])
def test_sound_events_pass_when_they_are_new_and_in_the_end(kind):
    passed = passed_events(kind, histories(), range(1))
    assert passed.events == 2
    assert (passed.failed, passed.failed_newest, passed.failed_once, passed.other_nowcast) == (0, 0, 0, 0)
