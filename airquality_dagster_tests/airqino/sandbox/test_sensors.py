"""The quality control against simulated sensors."""

from datetime import timedelta

import numpy as np

from airquality_dagster.airqino.sandbox.sensors import Readings, sound_readings
from airquality_dagster.checks.sensors import StationFlags, sensors_sound
from airquality_dagster.network.pollutants import field_of
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import FAILED, flag_hours
from airquality_dagster_tests.readings.series import FIRST, hourly

DAYS = 90
SEEDS = range(5)


def sound(seed: int) -> Readings:
    return sound_readings(np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]), FIRST, 24 * DAYS)


def flagged(readings: Readings):
    return flag_hours(hourly(**{field_of(sensor): values for sensor, values in readings.items()}))


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
