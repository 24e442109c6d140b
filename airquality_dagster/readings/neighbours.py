"""Two neighbouring stations, day by day: how they compare with each other, and with their own past.

Without a reference instrument nothing says what one sensor's reading is worth. Two stations in one town have almost
the same weather, and much of the same dust. What changes at one of them and not at the other is a fault, a move, or a
new source beside it. FILTER (NILU 2025, doi 10.1016/j.jenvman.2025.125100) compares stations in space in this way.

What is said of a day depends on that day and the `DAYS_BEFORE` days before it, and on nothing else: a run computes any
days in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.readings.windows import (
    HOURS,
    change,
    correlation,
    daily_median,
    hours_later,
    last_days,
    later,
    median,
    steps,
)

PM2_5, PM10, NO2, O3 = "pm2_5", "pm10", "no2", "o3"
TEMPERATURE, HUMIDITY = "temperature", "relative_humidity"
SHARE = "pm2_5_of_pm10"
"""PM2.5 divided by PM10, of one sensor: weather changes it at both stations, a fault of one channel at one."""

WINDOWS = (7, 14, 28)
"""Days whose median is compared with that of the days before: a short window finds a large change early."""
REFERENCE_DAYS = 56
_LEAST_REFERENCE_DAYS = 14
CORRELATION_DAYS = 7
DAYS_BEFORE = max(WINDOWS) + REFERENCE_DAYS
LAGS = tuple(range(-3, 4))
"""Hours by which the second station may be late."""

# Added before logarithms, so that noise near zero counts for little. µg/m³; judgement of this project.
_OFFSETS: Mapping[str, float] = {PM2_5: 0.5, PM10: 0.5, NO2: 10.0, O3: 10.0}
LEVELS = tuple(_OFFSETS)
"""Readings whose ratio is followed. CO is not: no year has valid readings of both to tune on."""
# Below this, a change from hour to hour is rounding. Units of the readings.
_LEAST_STEP = 0.05

Hours = Mapping[str, np.ndarray]
"""Field → valid readings of a station: one row a day, one column an hour, NaN where there is none."""
Daily = Mapping[str, np.ndarray]
"""Name → one value a day."""


@dataclass(frozen=True)
class Pair:
    """The hours of two stations, and what the days say of them.

    Args:
        dates: UTC dates without gaps, as midnight UTC.
        first, second: hours of the two.
        since: place of the first day of which something shall be said; those before it are its past.
    """

    dates: pd.DatetimeIndex
    first: Hours
    second: Hours
    since: int = 0

    def changed(self, daily: np.ndarray, days: int) -> np.ndarray:
        """Return how much the last days differ from the `REFERENCE_DAYS` before them; NaN before `since`."""
        return change(daily, days, REFERENCE_DAYS, _LEAST_REFERENCE_DAYS, self.since)

    def days(self, begin: int, end: int, since: int) -> "Pair":
        """Return the days from one place to another (excluded), of which something shall be said since a third."""
        first, second = (
            {field: values[begin:end] for field, values in hours.items()} for hours in (self.first, self.second)
        )
        return Pair(self.dates[begin:end], first, second, max(since - begin, 0))

    @cached_property
    def logarithms(self) -> tuple[Hours, Hours]:
        """Logarithms of the readings of both stations at the hours at which both have one."""
        first: dict[str, np.ndarray] = {}
        second: dict[str, np.ndarray] = {}
        for field, offset in _OFFSETS.items():
            is_paired = ~np.isnan(self.first[field]) & ~np.isnan(self.second[field])
            for logarithms, hours in ((first, self.first), (second, self.second)):
                logarithms[field] = np.where(is_paired, np.log(np.maximum(hours[field], 0.0) + offset), np.nan)
        for logarithms in (first, second):
            logarithms[SHARE] = logarithms[PM2_5] - logarithms[PM10]
        return first, second

    @cached_property
    def log_ratios(self) -> Daily:
        """Daily medians of the logarithm of second divided by first."""
        first, second = self.logarithms
        return {name: daily_median(second[name] - first[name]) for name in first}

    @cached_property
    def log_levels(self) -> tuple[Daily, Daily]:
        """Daily medians of the logarithms of each station."""
        first, second = ({name: daily_median(hours) for name, hours in one.items()} for one in self.logarithms)
        return first, second

    @cached_property
    def log_steps(self) -> tuple[Daily, Daily]:
        """Daily medians of the changes from hour to hour of each station, as logarithms."""

        def of_station(hours: Hours) -> Daily:
            return {field: np.log(daily_median(np.abs(steps(hours[field]))) + _LEAST_STEP) for field in LEVELS}

        return of_station(self.first), of_station(self.second)

    @cached_property
    def log_swings(self) -> tuple[np.ndarray, np.ndarray]:
        """How far the temperature of each station usually is from the median of its day, as logarithms."""

        def of_station(hours: Hours) -> np.ndarray:
            values = hours[TEMPERATURE]
            return np.log(daily_median(np.abs(values - daily_median(values)[:, np.newaxis])) + _LEAST_STEP)

        return of_station(self.first), of_station(self.second)

    @cached_property
    def paired_hours(self) -> np.ndarray:
        """Hours of each day at which both stations have a valid PM2.5."""
        return (~np.isnan(self.first[PM2_5]) & ~np.isnan(self.second[PM2_5])).sum(axis=1)

    def correlation(self, field: str, other: str | None = None, days: int = CORRELATION_DAYS) -> np.ndarray:
        """Return the correlation of a reading of the first station with that, or another, of the second."""
        return correlation(self.first[field], self.second[other or field], days)

    @cached_property
    def lag_scores(self) -> np.ndarray:
        """The `lag_scores_of` the last week of each day."""
        return self.lag_scores_of(CORRELATION_DAYS)

    def lag_scores_of(self, days: int) -> np.ndarray:
        """Return for each day how well the weather agrees if the second station is late by each of `LAGS`.

        It is the mean correlation of temperature and humidity, of their changes from hour to hour: those come to all
        of a town at one time.

        Args:
            days: length of the window.
        """
        scores = []
        for field in (TEMPERATURE, HUMIDITY):
            first, second = steps(self.first[field]), steps(self.second[field])
            # Each looks back: what comes after a day says nothing of it.
            pairs = [
                (hours_later(first, -lag), second) if lag > 0 else (first, hours_later(second, lag)) for lag in LAGS
            ]
            scores.append([correlation(*pair, days) for pair in pairs])
        both = np.array(scores)
        count = (~np.isnan(both)).sum(axis=0)
        return np.where(count > 0, np.nansum(both, axis=0) / np.maximum(count, 1), np.nan).T

    @cached_property
    def repeated_hours(self) -> tuple[np.ndarray, np.ndarray]:
        """At how many hours of each day each station repeats two readings or more of a day before."""
        return _repeated_hours(self.first), _repeated_hours(self.second)


def level_of(daily: np.ndarray) -> np.ndarray:
    """Return the median of the last four weeks."""
    return median(last_days(daily, max(WINDOWS)), max(WINDOWS) / 2)


def level_before(daily: np.ndarray) -> np.ndarray:
    """Return the median of the `REFERENCE_DAYS` before the last four weeks."""
    return later(median(last_days(daily, REFERENCE_DAYS), _LEAST_REFERENCE_DAYS), max(WINDOWS))


def pair_of(first: pd.DataFrame, second: pd.DataFrame, dates: pd.DatetimeIndex) -> Pair:
    """Lay the valid hours of two stations out by days.

    Args:
        first, second: one row per hour in any order: ``timestamp`` (tz-aware) and the valid readings, NaN for others.
        dates: UTC dates without gaps, as midnight UTC.
    """
    hours = pd.date_range(dates[0], periods=HOURS * len(dates), freq="h")
    fields = dict.fromkeys([*LEVELS, TEMPERATURE, HUMIDITY, *first.columns.intersection(second.columns)])
    fields.pop(TIMESTAMP, None)

    def of_station(frame: pd.DataFrame) -> Hours:
        readings = frame.set_index(TIMESTAMP).reindex(index=hours, columns=list(fields)).to_numpy(dtype="float64")
        return {field: readings[:, number].reshape(-1, HOURS) for number, field in enumerate(fields)}

    return Pair(dates, of_station(first), of_station(second))


def settled_periods(dates: pd.DatetimeIndex, moves: Sequence[datetime]) -> Iterator[tuple[int, int]]:
    """Yield first and last (excluded) place of the dates between moves: what was before a move is no reference.

    The days of the moves are in none.

    Args:
        dates: as midnight UTC.
        moves: when one of two stations came to its place or got another device.
    """
    begins = sorted({pd.Timestamp(move).tz_convert("UTC") for move in moves})
    edges = [0]
    for move in begins:
        edges += [int(dates.searchsorted(move.floor("D"))), int(dates.searchsorted(move.ceil("D")))]
    edges.append(len(dates))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if begin < end:
            yield begin, end


def _repeated_hours(hours: Hours) -> np.ndarray:
    """Count them. A reading that stands still is not one: that is another fault, with a flag of its own."""
    counts = np.zeros(next(iter(hours.values())).shape, dtype=int)
    for values in hours.values():
        counts += (values == hours_later(values, -HOURS)) & (values != hours_later(values, -1))
    return (counts >= 2).sum(axis=1)
