"""What a forecast is made from: the week before an origin, and the hour of the day of the target.

All readings are on a scale on which a deviation means about as much in clean as in dirty air: the logarithm of the
reading plus one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

WINDOW_HOURS = 7 * 24 + 1
"""A window: the origin, and the week before it."""
PREDICTORS = 34
"""Their number, for each number of hours ahead."""
RECENT_HOURS = 3
"""The newest valid of these hours is the present reading."""

COMPANIONS: Mapping[str, str] = {"pm2_5": "pm10", "pm10": "pm2_5", "co": "pm2_5"}
"""Field → the reading that helps to forecast it."""
_OFFSET = 1.0  # added before the logarithm: µg/m³, or mg/m³
_LAGS = (0, 1, 2, 3, 5, 11)
_MEANS = (3, 6, 12, 24, 72, 168)
_SPREADS = (6, 24)
_PAST_DAYS = (1, 2, 7)
_HARMONICS = (1, 2, 3, 4)
_WEEKEND, _DAY_OF_WEEK_1970 = (5, 6), 3  # Monday is 0; 1970-01-01 was a Thursday
_LEAST_SHARE = 1 / 3  # of the hours of a mean
_SIMPLE_WEIGHTS = (0.4, 0.4, 0.2)


def to_scale(readings: np.ndarray) -> np.ndarray:
    """Return readings on the scale of the model; negative ones count as zero."""
    return np.log(np.maximum(readings, 0.0) + _OFFSET)


def from_scale(values: np.ndarray) -> np.ndarray:
    """Return readings from the scale of the model, never below zero."""
    return np.maximum(np.exp(values) - _OFFSET, 0.0)


def hours_since_1970(times: pd.DatetimeIndex) -> np.ndarray:
    """Return the hours of some times, counted from 1970-01-01 00:00 UTC (int64): quicker to work with than times.

    >>> hours_since_1970(pd.DatetimeIndex(["1970-01-02 01:00Z"]))
    array([25])
    """
    return times.as_unit("s").asi8 // 3600


def hour_since_1970(moment: datetime) -> int:
    """Return the hour that holds a moment (tz-aware), counted likewise."""
    return int(moment.timestamp() // 3600)


@dataclass(frozen=True)
class Windows:
    """The weeks before some origins, on the scale of the model.

    Args:
        origins: hours since 1970, one a row.
        own: readings of the field, `WINDOW_HOURS` columns, the last one the origin; NaN where there is no valid
            reading.
        companion: the same of its companion.
    """

    origins: np.ndarray
    own: np.ndarray
    companion: np.ndarray

    @cached_property
    def present(self) -> np.ndarray:
        """The newest valid reading of the last `RECENT_HOURS`, NaN if there is none."""
        return _newest(self.own, 0)

    @property
    def recent_hours(self) -> np.ndarray:
        """How many of the last `RECENT_HOURS` are valid."""
        return (~np.isnan(self.own[:, -RECENT_HOURS:])).sum(axis=1)

    @cached_property
    def recent(self) -> np.ndarray:
        """The predictors that are the same for all hours ahead, one row an origin."""
        own, companion = self.own, self.companion
        means = [_mean(own, hours) for hours in _MEANS]
        columns = [
            *(_newest(own, lag) for lag in _LAGS),
            *means,
            *(_spread(own, hours) for hours in _SPREADS),
            # A peak that stands out of its day falls faster.
            (self.present - means[_MEANS.index(24)]) ** 2,
            _same_hour(own, 0),
            _newest(companion, 0),
            _newest(companion, 1),
            _mean(companion, 24),
        ]
        return np.column_stack(columns)


def windows_of(valid: pd.DataFrame, field: str) -> Windows:
    """Return the windows of all hours of a history.

    Args:
        valid: valid readings, NaN elsewhere: every hour in order (UTC index), one column a field.
        field: the reading to forecast.
    """
    own, companion = (_sliding(readings) for readings in _own_and_companion(valid, field))
    return Windows(hours_since_1970(pd.DatetimeIndex(valid.index)), own, companion)


def newest_window(valid: pd.DataFrame, field: str, origin: pd.Timestamp) -> Windows:
    """Return the window of one origin; later hours are not looked at."""
    last = hour_since_1970(origin)
    columns = hours_since_1970(pd.DatetimeIndex(valid.index)) - last + WINDOW_HOURS - 1
    in_window = (columns >= 0) & (columns < WINDOW_HOURS)
    rows = np.full((2, 1, WINDOW_HOURS), np.nan)
    for row, readings in zip(rows, _own_and_companion(valid, field), strict=True):
        row[0, columns[in_window]] = to_scale(readings[in_window])
    return Windows(np.array([last]), *rows)


def simple_forecast(windows: Windows, hours_ahead: int) -> np.ndarray:
    """Return the simple forecast that the model corrects: present reading, last hours, and this hour of past days."""
    present, recent, usual = windows.present, _mean(windows.own, 3), _same_hour(windows.own, hours_ahead)
    usual = np.where(np.isnan(usual), recent, usual)
    return np.array(_SIMPLE_WEIGHTS) @ np.array([present, recent, usual])


def features(windows: Windows, hours_ahead: int) -> np.ndarray:
    """Return the predictors of a forecast.

    Returns:
        one row an origin, one column a predictor; NaN where a predictor is not known.
    """
    target = windows.origins + hours_ahead
    angle, day_of_week = 2 * np.pi * (target % 24) / 24, (target // 24 + _DAY_OF_WEEK_1970) % 7
    columns = [
        *(_mean_of_three(windows.own, 24 * days - hours_ahead) for days in _PAST_DAYS),
        _same_hour(windows.own, hours_ahead),
        _newest(windows.companion, 24 - hours_ahead),
        *(wave(order * angle) for order in _HARMONICS for wave in (np.sin, np.cos)),
        *(day_of_week == day for day in _WEEKEND),
    ]
    return np.column_stack([windows.recent, *columns])


def _own_and_companion(valid: pd.DataFrame, field: str) -> Iterator[np.ndarray]:
    for name in (field, COMPANIONS[field]):
        yield valid[name].to_numpy("float64") if name in valid else np.full(len(valid), np.nan)


def _sliding(readings: np.ndarray) -> np.ndarray:
    padded = np.pad(to_scale(readings), (WINDOW_HOURS - 1, 0), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW_HOURS)


def _newest(windows: np.ndarray, lag: int) -> np.ndarray:
    """Return the newest reading of the `RECENT_HOURS` that end some hours before the origin."""
    values = windows[:, -1 - lag].copy()
    for earlier in range(1, RECENT_HOURS):
        values = np.where(np.isnan(values), windows[:, -1 - lag - earlier], values)
    return values


def _mean(windows: np.ndarray, hours: int) -> np.ndarray:
    return _mean_of(windows[:, -hours:], max(1, hours * _LEAST_SHARE))


def _mean_of(values: np.ndarray, least: float = 1) -> np.ndarray:
    is_there = ~np.isnan(values)
    count = is_there.sum(axis=1)
    total = np.where(is_there, values, 0.0).sum(axis=1)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def _spread(windows: np.ndarray, hours: int) -> np.ndarray:
    """Return the standard deviation of the last hours."""
    last, mean = windows[:, -hours:], _mean(windows, hours)
    return np.sqrt(_mean_of((last - mean[:, np.newaxis]) ** 2, max(2, hours * _LEAST_SHARE)))


def _mean_of_three(windows: np.ndarray, lag: int) -> np.ndarray:
    """Return the mean of the hours around one in the past; hours after the origin are not known."""
    lags = [one for one in (lag - 1, lag, lag + 1) if one >= 0]
    return _mean_of(windows[:, [-1 - one for one in lags]])


def _same_hour(windows: np.ndarray, hours_ahead: int) -> np.ndarray:
    """Return the mean of the past seven days at the hour of the day of the target."""
    return _mean_of(windows[:, [-1 - (24 * days - hours_ahead) for days in range(1, 8)]])
