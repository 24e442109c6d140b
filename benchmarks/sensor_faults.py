"""The faults that sensors have, put on sound readings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from airquality_dagster.airqino.sandbox.sensors import Readings


@dataclass(frozen=True)
class FaultyReadings:
    """Readings of which is known what is wrong.

    Args:
        readings: with the fault.
        sensor: that has it.
        is_faulty: the hours at which it has it.
    """

    readings: Readings
    sensor: str
    is_faulty: np.ndarray


def with_fault(kind: str, readings: Readings, rng: np.random.Generator) -> FaultyReadings:
    """Return sound readings with one fault of a kind, at a sensor and time drawn by chance.

    Args:
        kind: one of `FAULTS`.
        readings: of at least 90 days.
        rng: draws sensor, time and size.
    """
    faulty = {sensor: values.copy() for sensor, values in readings.items()}
    sensor, is_faulty = FAULTS[kind](faulty, rng)
    return FaultyReadings(faulty, sensor, is_faulty)


def _stuck(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """One value for 8 hours to 10 days, of which a tenth of the hours is lost."""
    sensor = str(rng.choice(["CO", "NO2", "O3", "PM10", "PM2.5", "T"]))
    is_faulty = _period(rng, len(readings[sensor]), least=8, most=240)
    readings[sensor][is_faulty] = readings[sensor][np.flatnonzero(is_faulty)[0]]
    is_lost = is_faulty & (rng.random(len(is_faulty)) < 0.1)
    readings[sensor][is_lost] = np.nan
    return sensor, is_faulty & ~is_lost


def _zeros(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Exactly zero for one to twenty days, as a clipped sensor shows."""
    sensor = str(rng.choice(["CO", "NO2", "O3", "PM10", "PM2.5"]))
    is_faulty = _period(rng, len(readings[sensor]), least=24, most=480)
    readings[sensor][is_faulty] = 0.0
    return sensor, is_faulty


def _spike(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """One hour or two, up by once to ten times the highest reading."""
    sensor = str(rng.choice(["CO", "NO2", "O3", "PM10", "PM2.5"]))
    is_faulty = _period(rng, len(readings[sensor]), least=1, most=2)
    readings[sensor][is_faulty] += readings[sensor].max() * rng.uniform(1, 10, is_faulty.sum())
    return sensor, is_faulty


def _drift(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Down by one to three times the mean within 30 to 60 days; faulty once the mean is below zero."""
    sensor = str(rng.choice(["CO", "O3"]))
    values, mean = readings[sensor], float(readings[sensor].mean())
    begin, days = int(rng.integers(0, len(values) // 3)), rng.uniform(30, 60)
    offset = rng.uniform(1, 3) * mean * np.clip((np.arange(len(values)) - begin) / (24 * days), 0, 1)
    values -= offset
    return sensor, offset > mean


def _offset(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Down by 1.2 to 3 times the mean from one hour to the next, and there to the end."""
    sensor = str(rng.choice(["CO", "NO2", "O3"]))
    values, begin = readings[sensor], int(rng.integers(24, len(readings[sensor]) // 2))
    values[begin:] -= rng.uniform(1.2, 3) * float(values.mean())
    return sensor, np.arange(len(values)) >= begin


def _gap(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """No reading for 1 hour to 13 days."""
    sensor = str(rng.choice(list(readings)))
    is_faulty = _period(rng, len(readings[sensor]), least=1, most=13 * 24)
    readings[sensor][is_faulty] = np.nan
    return sensor, is_faulty


def _unit_jump(readings: Readings, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Another unit from the second 30 days on: by 1000, or by the molar mass."""
    sensor, factor = [("CO", 1000.0), ("CO", 1 / 1.1449), ("NO2", 1 / 1.8804), ("O3", 0.001), ("PM10", 0.001)][
        int(rng.integers(0, 5))
    ]
    values = readings[sensor]
    is_faulty = np.arange(len(values)) >= 24 * 30
    values[is_faulty] *= factor
    return sensor, is_faulty


FAULTS: Mapping[str, Callable[[Readings, np.random.Generator], tuple[str, np.ndarray]]] = {
    "stuck": _stuck,
    "zeros": _zeros,
    "spike": _spike,
    "drift": _drift,
    "offset": _offset,
    "gap": _gap,
    "unit jump": _unit_jump,
}


def _period(rng: np.random.Generator, hours: int, *, least: int, most: int) -> np.ndarray:
    length = int(rng.integers(least, most + 1))
    begin = int(rng.integers(24 * 7, hours - length - 24))
    number = np.arange(hours)
    return (number >= begin) & (number < begin + length)
