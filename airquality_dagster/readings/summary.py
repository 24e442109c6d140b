"""From days to months and years."""

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.pollutants import AT_GUIDELINE, BY_FIELD, SIMULATED
from airquality_dagster.readings.aggregate import DATE, EXPECTED_HOURS, WHO_INPUTS, expected_hours
from airquality_dagster.readings.indices import WHO_ANNUAL_LEVELS, who_level

# 75 % of the days: 40 CFR part 50, appendix N, asks it of each quarter; the EEA of a year that it maps.
_LEAST_PERCENT = 75
_PERIODS = {"month": "M", "year": "Y"}

PERIOD, START = "period", "start"
SUMMARISED = (
    DATE,
    *(f"{field}_{statistic}" for field in BY_FIELD for statistic in ("valid_mean", "valid_hours")),
    *(f"{field}_who" for field in WHO_INPUTS.values()),
    "aqi",
    SIMULATED,
)
"""Columns of the daily aggregates that a summary is made of."""


def period_summaries(daily: pd.DataFrame, time_zone: ZoneInfo) -> pd.DataFrame:
    """Summarise daily aggregates by calendar month and year.

    Args:
        daily: as `daily_aggregates` makes it; at least the columns of `SUMMARISED`.
        time_zone: of the local days.

    Returns:
        one row a month and a year in which there is a day: ``period`` (``month`` or ``year``), ``start``
        (its first date, as midnight UTC), ``days`` (with at least one hour), ``expected_days``,
        ``expected_hours``, and per reading R, in its unit: ``R_valid_days``, ``R_valid_hours``,
        ``R_percent_complete`` (data capture: valid of expected hours, cut to whole per cent),
        ``R_valid_mean`` and ``R_valid_max`` (mean and highest of the valid daily means), the mean NaN
        where fewer than 75 % of the days are valid. ``R_days_above_guideline`` counts days above WHO's
        short-term guideline; ``R_who``, of years, is the level that the mean meets. ``aqi_max``.
    """
    return pd.concat([_summarise(daily, time_zone, name) for name in _PERIODS], ignore_index=True)


def _summarise(daily: pd.DataFrame, time_zone: ZoneInfo, period: str) -> pd.DataFrame:
    of_days = pd.DatetimeIndex(daily[DATE]).tz_localize(None).to_period(_PERIODS[period])
    periods = of_days.unique().sort_values()
    begins, ends = periods.start_time, (periods + 1).start_time
    place = pd.Index(periods.get_indexer(of_days))
    expected_days, all_hours = (ends - begins).days.to_numpy(), expected_hours(begins, ends, time_zone)

    fields = list(BY_FIELD)
    daily_means, daily_hours = (
        daily[[f"{field}_{statistic}" for field in fields]].set_axis(place).groupby(level=0)
        for statistic in ("valid_mean", "valid_hours")
    )
    levels = daily[[f"{field}_who" for field in WHO_INPUTS.values()]]
    is_above = (levels.notna() & (levels != AT_GUIDELINE)).set_axis(place)
    valid_days, valid_hours = daily_means.count().to_numpy(), daily_hours.sum().to_numpy(dtype="int64")
    is_covered = 100 * valid_days >= _LEAST_PERCENT * expected_days[:, np.newaxis]
    statistics = {
        "valid_mean": np.where(is_covered, daily_means.mean(), np.nan),
        "valid_max": daily_means.max().to_numpy(),
        "valid_days": valid_days,
        "valid_hours": valid_hours,
        # Cut, not rounded: 99.6 % is not complete.
        "percent_complete": 100 * valid_hours // all_hours[:, np.newaxis],
    }

    columns: dict[str, Any] = {
        PERIOD: np.full(len(periods), period, dtype=object),
        START: begins.tz_localize("UTC"),
        "days": np.bincount(place, minlength=len(periods)),
        "expected_days": expected_days,
        EXPECTED_HOURS: all_hours,
    }
    for position, field in enumerate(fields):
        columns |= {f"{field}_{name}": values[:, position] for name, values in statistics.items()}
    above = is_above.groupby(level=0).sum().to_numpy(dtype="int64")
    columns |= {f"{field}_days_above_guideline": above[:, at] for at, field in enumerate(WHO_INPUTS.values())}
    if period == "year":
        for field in WHO_ANNUAL_LEVELS:
            columns[f"{field}_who"] = who_level(field, pd.Series(columns[f"{field}_valid_mean"]), WHO_ANNUAL_LEVELS)
    columns["aqi_max"] = daily["aqi"].set_axis(place).groupby(level=0).max().array.astype("Int64")
    if SIMULATED in daily and daily[SIMULATED].notna().any():
        columns[SIMULATED] = (daily[SIMULATED] == True).set_axis(place).groupby(level=0).any().to_numpy()  # noqa: E712
    return pd.DataFrame(columns)
