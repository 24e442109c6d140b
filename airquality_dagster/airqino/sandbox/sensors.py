"""Simulated sensors without faults."""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

Readings = dict[str, np.ndarray]
"""Name of a sensor in the API → its reading of each hour."""

# The NO2 channel carries no signal of its own: it is the O3 channel upside down, with a little noise. The numbers give
# the correlation of the real stations, about -0.975, and their usual level (µg/m³).
NO2_WITHOUT_O3, NO2_PER_O3, _NO2_NOISE = 24.4, -0.18, 0.22


@dataclass(frozen=True)
class Weather:
    """What all stations of a region share: anomalies with mean 0 and variance 1, one an hour.

    Args:
        warmth: of the air; it lasts for days.
        dust: of particles.
        ozone: of the oxidants.
    """

    warmth: np.ndarray
    dust: np.ndarray
    ozone: np.ndarray


def regional_weather(rng: np.random.Generator, hours: int) -> Weather:
    """Return the weather of some hours."""
    return Weather(
        warmth=_autoregressive(rng, hours, 0.985),
        dust=_autoregressive(rng, hours, 0.95),
        ozone=_autoregressive(rng, hours, 0.93),
    )


def sound_readings(
    rng: np.random.Generator,
    station: np.random.Generator,
    start: datetime,
    hours: int,
    *,
    weather: Weather | None = None,
) -> Readings:
    """Return readings that sensors without faults would have in a city near the equator, in the API's units.

    Sensors without faults still have the cross-sensitivity of their kind: NO2 is O3 upside down.

    Args:
        rng: generates what differs from station to station, and noise.
        station: generates properties that are the same in all months of a station.
        start: the first hour.
        hours: number of hours.
        weather: of the region; None: the station has weather of its own.
    """
    weather = weather or regional_weather(rng, hours)
    number = np.arange(hours)
    of_day = (start.hour + number) % 24
    day_of_year = start.timetuple().tm_yday + number / 24
    level, coarse, sun = station.uniform(5, 11), station.uniform(1.7, 2.3), station.uniform(1.9, 2.5)

    # Traffic at 7 and 19 o'clock, dust of the Harmattan in January, and a cool season in August.
    traffic = np.exp(-((of_day - 7) ** 2) / 6) + np.exp(-((of_day - 19) ** 2) / 8)
    harmattan = 1 + 1.4 * np.exp(-((((day_of_year - 15 + 182) % 365) - 182) ** 2) / 1500)
    warmth = np.cos((of_day - 13) / 24 * 2 * math.pi)
    season = np.cos((day_of_year - 55) / 365 * 2 * math.pi)

    local = _autoregressive(rng, hours, 0.8)
    pm2_5 = level * harmattan * (0.75 + 0.75 * traffic) * np.exp(0.3 * weather.dust + 0.25 * local)
    pm10 = pm2_5 * coarse * np.exp(0.1 * _autoregressive(rng, hours, 0.8)) + 2
    temperature = 27.3 + 1.4 * season + sun * warmth + 1.0 * weather.warmth + rng.normal(0, 0.2, hours)
    o3 = 28 + 3.5 * warmth - 4 * traffic + 3.6 * weather.ozone + 2.4 * _autoregressive(rng, hours, 0.9)
    humid = rng.normal(0, 0.06, hours)
    return {
        "CO": 0.35 + 0.45 * traffic + 0.08 * weather.dust + 0.09 * local + rng.normal(0, 0.05, hours),
        "T": temperature,
        "T. int.": 378 + 10.7 * (temperature - 27.3) + rng.normal(0, 2, hours),
        "NO2": NO2_WITHOUT_O3 + NO2_PER_O3 * o3 + rng.normal(0, _NO2_NOISE, hours),
        "O3": o3,
        "PM10": pm10,
        "PM2.5": pm2_5,
        # Never quite 100 %: at 27 °C usually 85 %, at 32 °C half.
        "RH": np.clip(100 - 15 * np.exp(0.27 * (temperature - 27.3) + humid), 20, 99.8),
    }


def _autoregressive(rng: np.random.Generator, count: int, persistence: float) -> np.ndarray:
    """Return autocorrelated noise with mean 0 and variance 1."""
    noise = rng.normal(0, math.sqrt(1 - persistence**2), count)
    noise[0] = rng.normal()
    # Each pass doubles the number of former hours that a value includes: a tenth of the time of a loop over hours.
    step = 1
    while step < count:
        noise[step:] += persistence**step * noise[:-step]
        step *= 2
    return noise
