"""A station's past, as the page's charts need it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.dashboard.numbers import rounded, whole
from airquality_dagster.pollutants import PARAMETERS, TIMESTAMP
from airquality_dagster.readings.aggregate import AQI_INPUTS, DATE, EXPECTED_HOURS
from airquality_dagster.readings.indices import WHO_LEVELS, aqi_of_pollutants
from airquality_dagster.readings.quality import Level
from airquality_dagster.readings.summary import START

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
    grid = _on_every_date(days)
    indices = aqi_of_pollutants(
        pd.DataFrame({scale: grid[name].astype("float64") for name, scale in AQI_INPUTS.items()})
    )
    reasons = _Reasons()
    series: dict[str, Any] = {
        "start": f"{grid.index[0]:%Y-%m-%d}",
        "expected": whole(grid[EXPECTED_HOURS]),
    }
    for field in WHO_LEVELS:
        valid = grid[f"{field}_valid_mean"].astype("float64")
        series[field] = {
            "value": rounded(valid.where(valid.notna(), grid[f"{field}_mean"].astype("float64"))),
            "hours": whole(grid[f"{field}_valid_hours"]),
            "aqi": whole(indices[field]),
            "reason": [reasons.place(text) for text in grid[f"{field}_invalid"]],
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
    periods = days[DATE].dt.tz_localize(None).dt.to_period("M")
    index = pd.period_range(periods.iloc[0], periods.iloc[-1], freq="M")
    valid = months.set_index(pd.DatetimeIndex(months[START]).tz_localize(None).to_period("M")).reindex(index)
    series: dict[str, Any] = {"start": str(index[0])}
    for field in WHO_LEVELS:
        means = valid[f"{field}_valid_mean"].astype("float64")
        published = days[f"{field}_mean"].astype("float64").groupby(periods).mean().reindex(index)
        series[field] = {"value": rounded(means.fillna(published)), "is_valid": means.notna().tolist()}
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
        is_valid = (hours[f"{field}_qc"].to_numpy(dtype="float64") <= Level.SUSPECT) & ~np.isnan(values)
        counts = np.bincount(hour_of_week[is_valid], minlength=_HOURS_OF_A_WEEK)
        sums = np.bincount(hour_of_week[is_valid], weights=values[is_valid], minlength=_HOURS_OF_A_WEEK)
        with np.errstate(invalid="ignore"):
            profile[field] = {"value": rounded(pd.Series(sums / counts)), "hours": counts.tolist()}
    return profile


def data_capture(days: pd.DataFrame) -> dict[str, Any]:
    """Return the valid share of the hours of the newest `CAPTURE_DAYS` days for every sensor.

    Returns:
        ``start``, the first date; ``reasons``; per sensor ``percent`` (valid of expected hours) and ``reason``, as
        in `daily_series`.
    """
    if days.empty:
        return {"start": None}
    grid = _on_every_date(days).iloc[-CAPTURE_DAYS:]
    reasons = _Reasons()
    sensors = {
        parameter.field: {
            "percent": whole(grid[f"{parameter.field}_percent_complete"]),
            "reason": [reasons.place(text) for text in grid[f"{parameter.field}_invalid"]],
        }
        for parameter in PARAMETERS
    }
    return {"start": f"{grid.index[0]:%Y-%m-%d}", **sensors, "reasons": reasons.texts}


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


def _on_every_date(days: pd.DataFrame) -> pd.DataFrame:
    dates = pd.DatetimeIndex(days[DATE])
    every = pd.date_range(dates[0], dates[-1], freq="D")
    return days.set_index(dates) if len(dates) == len(every) else days.set_index(dates).reindex(every)
