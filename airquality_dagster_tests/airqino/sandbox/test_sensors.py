"""The quality control against simulated sensors with known faults; benchmarks/quality_control.py has the figures."""

from datetime import timedelta

import numpy as np
import pytest

from airquality_dagster.airqino.sandbox.sensors import Readings, sound_readings
from airquality_dagster.checks.sensors import StationFlags, sensors_sound
from airquality_dagster.network.pollutants import field_of
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import FAILED, Flag, flag_hours
from airquality_dagster_tests.readings.series import FIRST, hourly
from benchmarks.sensor_faults import FAULTS, with_fault

DAYS = 90
SEEDS = range(5)


def sound(seed: int) -> Readings:
    return sound_readings(np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]), FIRST, 24 * DAYS)


def flagged(readings: Readings):
    return flag_hours(hourly(**{field_of(sensor): values for sensor, values in readings.items()}))


@pytest.mark.parametrize(
    ("kind", "flag", "precision", "recall"),
    [
        ("stuck", Flag.STUCK, 0.99, 0.99),
        ("zeros", Flag.STUCK, 0.99, 0.99),
        ("spike", Flag.SPIKE, 0.8, 0.4),
        ("drift", Flag.DRIFT | Flag.OUT_OF_RANGE, 0.8, 0.8),
        ("offset", Flag.DRIFT | Flag.OUT_OF_RANGE, 0.95, 0.95),
        ("gap", Flag.MISSING, 1.0, 1.0),
    ],
)
def test_faults_are_found_and_little_else(kind, flag, precision, recall):
    faulty = found = in_all = 0
    for seed in SEEDS:
        fault = with_fault(kind, sound(seed), np.random.default_rng([seed, 3]))
        has_flag = (flagged(fault.readings).flags & int(flag)) != 0
        faulty += fault.is_faulty.sum()
        found += (has_flag[field_of(fault.sensor)].to_numpy() & fault.is_faulty).sum()
        in_all += has_flag.to_numpy().sum()
    assert found / in_all >= precision
    assert found / faulty >= recall


def test_of_sound_sensors_hardly_a_reading_fails():
    for seed in SEEDS:
        assert ((flagged(sound(seed)).flags & int(FAILED)) != 0).to_numpy().mean() < 0.005


def test_a_unit_that_changes_by_1000_is_found_and_no_sound_station_is_accused():
    station, end = Station(name="simulated", airqino_id=1), FIRST + timedelta(days=DAYS)
    for seed in SEEDS:
        readings = sound(seed)
        assert "median from" not in sensors_sound(StationFlags(station, FIRST, end, flagged(readings))).description
        readings["CO"][24 * 31 :] *= 1000
        outcome = sensors_sound(StationFlags(station, FIRST, end, flagged(readings)))
        assert "CO median from" in outcome.description
        assert "in 2023-02" in outcome.description


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_touches_its_sensor_at_its_hours_only_and_the_sound_readings_stay(kind):
    before = sound(7)
    copies = {sensor: values.copy() for sensor, values in before.items()}
    fault = with_fault(kind, before, np.random.default_rng(7))
    assert fault.is_faulty.any()
    for sensor, values in before.items():
        np.testing.assert_array_equal(values, copies[sensor])
        if sensor != fault.sensor:
            np.testing.assert_array_equal(fault.readings[sensor], values)
