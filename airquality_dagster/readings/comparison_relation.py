"""How two instruments read the same air: the relation of the weeks in which they stood side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_bootstrap import draw_days, interval, seed_of
from airquality_dagster.readings.comparison_documents import LineDocument

LEAST_HOURS_SIDE_BY_SIDE = 72
LEAST_DAYS_SIDE_BY_SIDE = 5
"""Of a side-by-side window. Judgements of this project: fewer days have too little weather in them."""
LEAST_R2 = 0.7
"""Below, two instruments side by side do not measure the same. US EPA's target for sensors of PM2.5, PM10 and NO2
beside a reference (EPA/600/R-20/280 and /279, and the gases' supplement; sensortoolkit 1.1.0)."""
MOST_POINTS = 200
"""Points of a scatter that are kept for a chart."""

WINDOW_TOO_SHORT, WINDOW_DISAGREES = "too_few_hours", "disagree"
DECLARED, FOUND = "declared", "found"


@dataclass(frozen=True)
class Window:
    """A period in which two stations stood side by side.

    Args:
        start: the first hour (UTC).
        end: excluded.
        source: ``declared`` in the stations file, or ``found`` in the readings.
        devices: AirQino numbers of the two devices.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    source: str = DECLARED
    devices: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Relation:
    """Readings of a pollutant side by side, and the line through them: second = intercept + slope × first.

    Args:
        window: when.
        hours: starts of the hours at which both have a reading.
        first, second: the readings.
    """

    window: Window
    hours: pd.DatetimeIndex
    first: np.ndarray
    second: np.ndarray

    @cached_property
    def line(self) -> tuple[float, float]:
        """Slope and intercept; NaN if there is no line: one of the two does not change."""
        if np.isnan(self.r2):
            return np.nan, np.nan
        moments = _moments(self.first, self.second).sum(axis=0, keepdims=True)
        slope, intercept = _deming(moments)
        return float(slope[0]), float(intercept[0])

    @cached_property
    def r2(self) -> float:
        """Squared correlation; NaN if one of the two does not change."""
        if len(self.first) < 2 or not np.ptp(self.first) > 0 or not np.ptp(self.second) > 0:
            return np.nan
        return float(np.corrcoef(self.first, self.second)[0, 1] ** 2)

    @property
    def days(self) -> int:
        """Days with such an hour."""
        return len(np.unique(self._dates))

    @property
    def _dates(self) -> np.ndarray:
        return self.hours.tz_localize(None).to_numpy().astype("datetime64[D]")

    @property
    def withheld(self) -> str | None:
        """Why it is not used, None if it is."""
        if len(self.hours) < LEAST_HOURS_SIDE_BY_SIDE or self.days < LEAST_DAYS_SIDE_BY_SIDE:
            return WINDOW_TOO_SHORT
        # Two that do not agree have no common scale, and neither have two that respond in opposite directions.
        return None if self.r2 >= LEAST_R2 and self.line[0] > 0 else WINDOW_DISAGREES

    @cached_property
    def lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes and intercepts of resamples of its days, with deviations as large as they should be."""
        _, day = np.unique(self._dates, return_inverse=True)
        slope, intercept = self.line
        residuals = np.bincount(day, self.second - intercept - slope * self.first) / np.bincount(day)
        sums = np.stack([np.bincount(day, column) for column in _moments(self.first, self.second).T], axis=1)
        draws = draw_days(residuals, seed_of(self.first, self.second))
        slopes, intercepts = _deming(draws.of(sums))
        return draws.stretched(slopes, slope), draws.stretched(intercepts, intercept)

    def document(self) -> LineDocument:
        """Return what is stored of it."""
        slope, intercept = self.line
        slopes = intercepts = (np.nan, np.nan)
        if self.withheld is None:
            slopes, intercepts = (interval(values) for values in self.lines)
        return {
            "from": self.window.start.to_pydatetime(),
            "to": self.window.end.to_pydatetime(),
            "source": self.window.source,
            "hours": len(self.hours),
            "days": self.days,
            "slope": known(slope),
            "slope_low": known(slopes[0]),
            "slope_high": known(slopes[1]),
            "intercept": known(intercept),
            "intercept_low": known(intercepts[0]),
            "intercept_high": known(intercepts[1]),
            "r2": known(self.r2),
            "withheld": self.withheld,
        }

    def points(self) -> list[list[float | None]]:
        """Return at most `MOST_POINTS` pairs of readings for a chart, spread over its hours."""
        kept = np.unique(np.linspace(0, len(self.hours) - 1, min(MOST_POINTS, len(self.hours))).astype(int))
        return [
            [known(first), known(second)]
            for first, second in zip(self.first[kept].tolist(), self.second[kept].tolist(), strict=True)
        ]


def pooled(relations: Sequence[Relation]) -> Relation:
    """Return the relation of the hours of several windows.

    Args:
        relations: at least one, in order of time.
    """
    first, last = relations[0].window, relations[-1].window
    hours = np.concatenate([relation.hours.as_unit("ns").asi8 for relation in relations])
    return Relation(
        window=Window(start=first.start, end=last.end, source=first.source, devices=first.devices),
        hours=pd.DatetimeIndex(hours, tz="UTC"),
        first=np.concatenate([relation.first for relation in relations]),
        second=np.concatenate([relation.second for relation in relations]),
    )


def known(value: float, digits: int = 4) -> float | None:
    """Return a number as it is stored; None for NaN and infinity."""
    return round(float(value), digits) if np.isfinite(value) else None


def relation_of(window: Window, first: pd.Series, second: pd.Series) -> Relation:
    """Return the relation of a window.

    Args:
        window: when the two stood side by side.
        first, second: readings by hour (UTC), NaN where there is none, of one index in order.
    """
    hours = pd.DatetimeIndex(first.index)
    is_inside = (hours >= window.start) & (hours < window.end)
    is_paired = is_inside & first.notna().to_numpy() & second.notna().to_numpy()
    return Relation(
        window=window,
        hours=hours[is_paired],
        first=first.to_numpy()[is_paired],
        second=second.to_numpy()[is_paired],
    )


def nearest(hours: pd.DatetimeIndex, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
    """Return for each hour the place of the window that is nearest in time, and how many hours away it is.

    Args:
        hours: starts of hours.
        windows: at least one.
    """
    hour = timedelta(hours=1)
    away = np.stack(
        [np.maximum(np.maximum((window.start - hours) / hour, (hours - window.end) / hour), 0) for window in windows]
    )
    place = away.argmin(axis=0)
    return place, away[place, np.arange(len(hours))]


def _moments(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return one row an hour: 1, both readings, their squares and product."""
    return np.stack([np.ones_like(first), first, second, first**2, second**2, first * second], axis=1)


@np.errstate(divide="ignore", invalid="ignore")
def _deming(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes and intercepts of the lines that are nearest to the points.

    Both instruments err, and being of one make they err alike: Deming's regression with equal variances, which is
    orthogonal regression (Deming 1943; Linnet 1993, doi 10.1093/clinchem/39.3.424). Least squares would take the first
    for the truth, and find too small a slope.

    Args:
        moments: sums of those of `_moments`, one row a resample.
    """
    count, x, y, xx, yy, xy = moments.T
    of_first, of_second = xx / count - (x / count) ** 2, yy / count - (y / count) ** 2
    common = xy / count - x * y / count**2
    apart = of_second - of_first
    slope = (apart + np.sqrt(apart**2 + 4 * common**2)) / (2 * common)
    return slope, y / count - slope * x / count
