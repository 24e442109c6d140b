"""Simulated sensors without faults."""

import math
from datetime import datetime

import numpy as np

Readings = dict[str, np.ndarray]
"""Name of a sensor in the API → its reading of each hour."""


def sound_readings(rng: np.random.Generator, station: np.random.Generator, start: datetime, hours: int) -> Readings:
    """Return readings that sensors without faults would have in a city near the equator, in the API's units.

    Args:
        rng: generates weather and noise.
        station: generates properties that are the same in all months of a station.
        start: the first hour.
        hours: number of hours.
    """
    number = np.arange(hours)
    of_day = (start.hour + number) % 24
    day_of_year = start.timetuple().tm_yday + number / 24

    # Traffic at 7 and 19 o'clock, dust of the Harmattan in January, and weather that lasts for hours.
    traffic = np.exp(-((of_day - 7) ** 2) / 6) + np.exp(-((of_day - 19) ** 2) / 8)
    harmattan = 1 + 1.4 * np.exp(-((((day_of_year - 15 + 182) % 365) - 182) ** 2) / 1500)
    weather = _autoregressive(rng, hours, 0.92)
    warmth = np.cos((of_day - 14) / 24 * 2 * math.pi)
    pm2_5 = station.uniform(7, 16) * harmattan * (0.7 + 0.8 * traffic) * np.exp(0.35 * weather)
    return {
        "CO": 0.35 + 0.45 * traffic + 0.12 * weather + rng.normal(0, 0.05, hours),
        "T": 26.8 + 3.6 * warmth + 0.6 * weather,
        "T. int.": 372 + 55 * warmth + 8 * weather,
        "NO2": 19.5 + 4.5 * traffic + 1.2 * weather,
        "O3": 24 + 14 * warmth - 6 * traffic + 5 * _autoregressive(rng, hours, 0.85),
        "PM10": pm2_5 * (1.7 + 0.2 * rng.random(hours)) + 2,
        "PM2.5": pm2_5,
        "RH": np.clip(80 - 16 * warmth + 3 * weather, 20, 99.8),
    }


def _autoregressive(rng: np.random.Generator, count: int, persistence: float) -> np.ndarray:
    """Return autocorrelated noise with mean 0 and variance 1."""
    noise = rng.normal(0, math.sqrt(1 - persistence**2), count)
    noise[0] = rng.normal()
    for number in range(1, count):
        noise[number] += persistence * noise[number - 1]
    return noise
