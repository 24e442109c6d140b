"""What happens now and then in simulated air, and what a power cut does to the sensors."""

from dataclasses import dataclass

import numpy as np

from airquality_dagster.airqino.sandbox.sensors import NO2_PER_O3, Readings

_DUSTY_MONTHS = (11, 12, 1, 2, 3)


@dataclass(frozen=True)
class Front:
    """A front of dust that all stations of a region see.

    Args:
        first: number of its first hour.
        pm2_5, pm10: what it adds at its height (µg/m³).
    """

    first: int
    pm2_5: float
    pm10: float


def dust_fronts(rng: np.random.Generator, month: int, hours: int) -> tuple[Front, ...]:
    """Return the fronts of a month: one or two in the months of the Harmattan, else none."""
    count = int(rng.integers(1, 3)) if month in _DUSTY_MONTHS else 0
    return tuple(
        Front(int(rng.integers(24, hours - 24)), float(rng.uniform(60, 110)), float(rng.uniform(250, 420)))
        for _ in range(count)
    )


def add_front(readings: Readings, front: Front, rng: np.random.Generator) -> None:
    """Add a front to a station's readings: up within an hour, there for hours, away within a day.

    Args:
        readings: of the month; changed.
        front: the front.
        rng: generates how strong it is at the station; it comes at most an hour later there.
    """
    first, strength = front.first + int(rng.integers(0, 2)), rng.uniform(0.85, 1.15)
    height, length = int(rng.integers(3, 8)), len(readings["PM10"]) - first
    shape = np.exp(-np.maximum(np.arange(length) - height, 0) / 5) * strength
    for sensor, top in (("PM2.5", front.pm2_5), ("PM10", front.pm10)):
        readings[sensor][first:] += top * shape * rng.uniform(0.95, 1.05, length)


def add_evening_smoke(readings: Readings, rng: np.random.Generator) -> None:
    """Add a few evenings on which one station sees smoke for an hour or two."""
    hours = len(readings["PM10"])
    for _ in range(int(rng.integers(1, 5))):
        first = 24 * int(rng.integers(0, hours // 24)) + int(rng.integers(18, 22))
        top, coarse = rng.uniform(15, 60), rng.uniform(1.3, 2.0)
        for number in range(first, first + int(rng.integers(1, 3))):
            readings["PM2.5"][number] += top
            readings["PM10"][number] += top * coarse


WARM_UP_HOURS = 2
"""Hours after a power cut in which readings are wrong."""


def warm_up(sensor: str, value: float, hour: int, strength: float = 1.0) -> float:
    """Return what a sensor reads after a power cut instead of a value: cold electronics, warm sensors.

    In the first hour NO2 is up by ten and O3 below zero (one signal), and the thermometer is down by ten degrees. The
    second hour has a quarter of it. The sensor of particles is not affected.

    Args:
        sensor: its name in the API.
        value: what it would read.
        hour: 0 for the first hour with power.
        strength: of the effect; 1 is the usual one.
    """
    share = strength * (1.0, 0.25)[hour]
    return {
        "NO2": value + 10 * share,
        "O3": value + 10 / NO2_PER_O3 * share,
        "CO": value + 0.6 * share,
        "T": value - 10 * share,
        "T. int.": value - 140 * share,
        "RH": value * (1 - 0.3 * share),
    }.get(sensor, value)
