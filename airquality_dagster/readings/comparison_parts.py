"""Parts of the time that a comparison is made for: season, month, hour of day, weekday, dry and wet, calm and dusty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import HUMID_PERCENT, PARTICLES

ALL, SEASON, MONTH, HOUR, DAY_KIND, HUMIDITY, DUST = "all", "season", "month", "hour", "day_kind", "humidity", "dust"

SEASONS = ("DJF", "MAM", "JJA", "SON")
"""December to February, and so on."""
_SATURDAY = 5
_DUSTY_SHARE = 0.75
"""Hours are dusty whose background is in the highest quarter. Judgement of this project."""
_ENVELOPE_HOURS = 25


@dataclass(frozen=True)
class Part:
    """A part of the time.

    Args:
        period: its kind.
        name: of the part.
        hours_of_a_day: how many hours of a day it has.
    """

    period: str
    name: str
    hours_of_a_day: int = 24


@dataclass(frozen=True)
class Parts:
    """Parts that share their days.

    Args:
        parts: what they are.
        chosen: which hours are in which part: one row an hour, one column a part.
    """

    parts: Sequence[Part]
    chosen: np.ndarray

    def days(self, day: np.ndarray) -> np.ndarray:
        """Return how many days each part has: those with three quarters of its hours of a day.

        Args:
            day: number of the local day of each hour.
        """
        least = [part.hours_of_a_day * HOURS_FOR_A_VALID_DAY / 24 for part in self.parts]
        counts = [np.bincount(day[is_in]) for is_in in self.chosen.T]
        return np.array([(of_part >= hours).sum() for of_part, hours in zip(counts, least, strict=True)])


def all_hours(count: int) -> Parts:
    """Return the part that is all of some hours."""
    return Parts([Part(ALL, ALL)], np.ones((count, 1), dtype=bool))


def parts_of(paired: PairedHours, background: np.ndarray) -> Iterator[Parts]:
    """Yield the parts of some hours.

    Args:
        paired: the hours, at least one.
        background: of both stations, NaN where there is none.
    """
    local = paired.local
    hour = local.hour.to_numpy()
    is_weekend = local.dayofweek.to_numpy() >= _SATURDAY
    # Rain is not measured. Days as humid as the flag `humid` says have rain, or fog, or wet ground.
    daily_humidity = _daily_mean(paired.day, paired.humidity)
    spread: dict[Part, np.ndarray] = {
        **{Part(HOUR, f"{number:02d}", 1): hour == number for number in range(24)},
        Part(DAY_KIND, "weekday"): ~is_weekend,
        Part(DAY_KIND, "weekend"): is_weekend,
        Part(HUMIDITY, "dry"): daily_humidity <= HUMID_PERCENT,
        Part(HUMIDITY, "wet"): daily_humidity > HUMID_PERCENT,
    }
    if not np.isnan(background).all():
        limit = np.nanquantile(background, _DUSTY_SHARE)
        spread |= {Part(DUST, "calm"): background <= limit, Part(DUST, "dusty"): background > limit}
    yield Parts(list(spread), np.stack(list(spread.values()), axis=1))
    # Seasons and months are whole weeks: each draws its own days.
    season, month = local.month.to_numpy() % 12 // 3, local.year.to_numpy() * 12 + local.month.to_numpy() - 1
    for number in np.unique(season):
        yield Parts([Part(SEASON, SEASONS[number])], (season == number)[:, np.newaxis])
    for number in np.unique(month):
        yield Parts([Part(MONTH, f"{number // 12}-{number % 12 + 1:02d}")], (month == number)[:, np.newaxis])


def background_of(field: str, hours: pd.DatetimeIndex, lower: np.ndarray) -> np.ndarray:
    """Return the regional background of particles: the lower envelope of both stations over a day.

    The lowest reading of a day around each hour, then the mean of these: what is above it comes and goes within hours,
    and was made nearby. So Brantley et al. (2014, doi 10.5194/amt-7-2169-2014) take a background out of readings of a
    moving car.

    Args:
        field: the reading; NaN for all but particles, which alone have a common background of dust.
        hours: starts of hours (UTC), in order.
        lower: the lower reading of the two, on one scale if there is one.
    """
    if field not in PARTICLES or not len(hours):
        return np.full(len(hours), np.nan)
    grid = pd.Series(lower, index=hours).asfreq("h")
    lowest = grid.rolling(_ENVELOPE_HOURS, center=True, min_periods=1).min()
    return lowest.rolling(_ENVELOPE_HOURS, center=True, min_periods=1).mean().reindex(hours).to_numpy()


def _daily_mean(day: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each hour the mean of its local day; NaN on a day without a value."""
    count = np.bincount(day, ~np.isnan(values))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.bincount(day, np.nan_to_num(values)) / count)[day]
