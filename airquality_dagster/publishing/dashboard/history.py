"""A station's past, as the page's charts need it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import PARAMETERS, TIMESTAMP
from airquality_dagster.publishing.dashboard.numbers import rounded, whole
from airquality_dagster.readings.days import AQI_INPUTS, DATE, EXPECTED_HOURS
from airquality_dagster.readings.flags import Level
from airquality_dagster.readings.indices import WHO_LEVELS, aqi_of_pollutants
from airquality_dagster.readings.periods import START

CAPTURE_DAYS = 365
_HOURS_OF_A_WEEK = 7 * 24


def daily_series(days: pd.DataFrame) -> dict[str, Any]:
    """Return each pollutant's days from the first to the newest, none left out.

    Args:
        days: the daily aggregates, ordered by ``date``.

    Returns:
        ``start``, the first date; ``expected``, the hours of each day; ``reasons``, texts. Per pollutant
        ``value`` (the valid mean where there is one, else the mean as published, in its unit), ``hours``
        (valid ones), ``aqi`` (of this pollutant) and ``reason`` (index into ``reasons``: why there is no valid
        mean). None where there is no day.
    """
    if days.empty:
        return {"start": None}
    grid = _EveryDate(days)
    indices = aqi_of_pollutants(pd.DataFrame({scale: grid.numbers(name) for name, scale in AQI_INPUTS.items()}))
    reasons = _Reasons()
    series: dict[str, Any] = {"start": grid.start, "expected": whole(grid.numbers(EXPECTED_HOURS))}
    for field in WHO_LEVELS:
        valid = grid.numbers(f"{field}_valid_mean")
        series[field] = {
            "value": rounded(np.where(np.isnan(valid), grid.numbers(f"{field}_mean"), valid)),
            "hours": whole(grid.numbers(f"{field}_valid_hours")),
            "aqi": whole(indices[field].to_numpy()),
            "reason": [reasons.place(text) for text in grid.texts(f"{field}_invalid")],
        }
    return series | {"reasons": reasons.texts}


def monthly_means(days: pd.DataFrame, months: pd.DataFrame) -> dict[str, Any]:
    """Return each pollutant's months from the first to the newest, none left out.

    Args:
        days: the daily aggregates.
        months: the monthly summaries.

    Returns:
        ``start``, the first month (``YYYY-MM``); per pollutant ``value`` (the valid monthly mean, else the mean of
        the daily means as published) and ``is_valid``.
    """
    if days.empty:
        return {"start": None}
    month, of_summary = _months_since_0(days[DATE]), _months_since_0(months[START])
    first, count = month[0], month[-1] - month[0] + 1
    is_shown = (of_summary >= first) & (of_summary < first + count)
    series: dict[str, Any] = {"start": f"{days[DATE].iloc[0]:%Y-%m}"}
    for field in WHO_LEVELS:
        valid = np.full(count, np.nan)
        valid[of_summary[is_shown] - first] = months[f"{field}_valid_mean"].to_numpy(dtype="float64")[is_shown]
        published = _means(days[f"{field}_mean"].to_numpy(dtype="float64"), month - first, count)
        is_valid = ~np.isnan(valid)
        series[field] = {"value": rounded(np.where(is_valid, valid, published)), "is_valid": is_valid.tolist()}
    return series


def hourly_profile(hours: pd.DataFrame, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return the mean valid reading of each hour of the week.

    Args:
        hours: readings and their levels.
        time_zone: of the weekdays and hours.

    Returns:
        ``start`` and ``end``, first and last local date; per pollutant ``value`` (in its unit) and ``hours`` (how
        many), 168 of each: Monday 0 h to Sunday 23 h.
    """
    if hours.empty:
        return {"start": None}
    local = hours[TIMESTAMP].dt.tz_convert(time_zone)
    hour_of_week = (24 * local.dt.dayofweek + local.dt.hour).to_numpy()
    profile: dict[str, Any] = {"start": f"{local.iloc[0]:%Y-%m-%d}", "end": f"{local.iloc[-1]:%Y-%m-%d}"}
    for field in WHO_LEVELS:
        values = hours[field].to_numpy(dtype="float64")
        valid = np.where(hours[f"{field}_qc"].to_numpy(dtype="float64") <= Level.SUSPECT, values, np.nan)
        profile[field] = {
            "value": rounded(_means(valid, hour_of_week, _HOURS_OF_A_WEEK)),
            "hours": np.bincount(hour_of_week[~np.isnan(valid)], minlength=_HOURS_OF_A_WEEK).tolist(),
        }
    return profile


def data_capture(days: pd.DataFrame) -> dict[str, Any]:
    """Return the valid share of the hours of the newest `CAPTURE_DAYS` days for every sensor.

    Returns:
        ``start``, the first date; ``reasons``; per sensor ``percent`` (valid of expected hours) and ``reason``, as
        in `daily_series`.
    """
    if days.empty:
        return {"start": None}
    grid = _EveryDate(days, newest=CAPTURE_DAYS)
    reasons = _Reasons()
    sensors = {
        parameter.field: {
            "percent": whole(grid.numbers(f"{parameter.field}_percent_complete")),
            "reason": [reasons.place(text) for text in grid.texts(f"{parameter.field}_invalid")],
        }
        for parameter in PARAMETERS
    }
    return {"start": grid.start, **sensors, "reasons": reasons.texts}


def restatements(revisions: pd.DataFrame, time_zone: ZoneInfo) -> list[Mapping[str, Any]]:
    """Return for each local day on which the source changed final hours, how many, and from when to when they were."""
    moments = revisions["valid_until"].dt.tz_convert(time_zone).dt.strftime("%Y-%m-%d")
    hours = revisions["hour"].dt.tz_convert(time_zone).dt.strftime("%Y-%m-%d")
    return [
        {"date": date, "hours": len(of_day), "first": of_day.min(), "last": of_day.max()}
        for date, of_day in hours.groupby(moments)
    ]


class _Reasons:
    """Texts that occur on many days, each once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        return list(self._places)

    def place(self, text: object) -> int | None:
        """Return the place of a day's reason: ``9 of 24 hours valid: stuck 15`` without its counts of hours."""
        if not isinstance(text, str):
            return None
        return self._places.setdefault(text.partition(": ")[2], len(self._places))


class _EveryDate:
    """Days from the first to the last, or so many newest ones, none left out: NaN or None where there is no day."""

    def __init__(self, days: pd.DataFrame, newest: int | None = None) -> None:
        dates = days[DATE].to_numpy(dtype="datetime64[D]")
        first = dates[0] if newest is None else max(dates[0], dates[-1] - newest + 1)
        self._days, self._places = days[dates >= first], (dates[dates >= first] - first).astype("int64")
        self.start = str(first)

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as numbers."""
        numbers = np.full(self._places[-1] + 1, np.nan)
        numbers[self._places] = self._days[name].to_numpy(dtype="float64", na_value=np.nan)
        return numbers

    def texts(self, name: str) -> list[Any]:
        """Return a column as objects."""
        texts = np.full(self._places[-1] + 1, None, dtype=object)
        texts[self._places] = self._days[name].to_numpy(dtype=object)
        return texts.tolist()


def _months_since_0(dates: pd.Series) -> np.ndarray:
    return (12 * dates.dt.year + dates.dt.month).to_numpy()


def _means(values: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Return the mean of the values at each place, without those that are NaN."""
    is_there = ~np.isnan(values)
    sums = np.bincount(places[is_there], weights=values[is_there], minlength=count)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(places[is_there], minlength=count)
