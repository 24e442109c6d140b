"""From days to months and years."""

from zoneinfo import ZoneInfo

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
    dates = daily[DATE].dt.tz_localize(None)
    periods = dates.dt.to_period(_PERIODS[period])
    groups = daily.groupby(periods)
    index = pd.PeriodIndex(sorted(periods.unique()), freq=_PERIODS[period])
    days = (index.end_time.normalize() - index.start_time).days + 1
    hours = [
        int(expected_hours(pd.date_range(of.start_time, of.end_time.normalize()), time_zone).sum()) for of in index
    ]
    expected_days, all_hours = pd.Series(days, index=index), pd.Series(hours, index=index, dtype="int64")
    columns: dict[str, str | pd.Series] = {
        PERIOD: period,
        START: pd.Series(index.start_time, index=index).dt.tz_localize("UTC"),
        "days": groups.size(),
        "expected_days": expected_days,
        EXPECTED_HOURS: all_hours,
    }
    daily_means = groups[[f"{field}_valid_mean" for field in BY_FIELD]]
    valid_days = daily_means.count().set_axis(list(BY_FIELD), axis=1)
    is_covered = (100 * valid_days).ge(_LEAST_PERCENT * expected_days, axis=0)
    means = daily_means.mean().set_axis(list(BY_FIELD), axis=1).where(is_covered)
    highest = daily_means.max().set_axis(list(BY_FIELD), axis=1)
    valid_hours = groups[[f"{field}_valid_hours" for field in BY_FIELD]].sum().astype("int64")
    valid_hours = valid_hours.set_axis(list(BY_FIELD), axis=1)
    # Cut, not rounded: 99.6 % is not complete.
    complete = (100 * valid_hours).floordiv(all_hours, axis=0)
    for field in BY_FIELD:
        columns |= {
            f"{field}_valid_mean": means[field],
            f"{field}_valid_max": highest[field],
            f"{field}_valid_days": valid_days[field],
            f"{field}_valid_hours": valid_hours[field],
            f"{field}_percent_complete": complete[field],
        }
    for field in WHO_INPUTS.values():
        levels = daily[f"{field}_who"]
        is_above = levels.notna() & (levels != AT_GUIDELINE)
        columns[f"{field}_days_above_guideline"] = is_above.groupby(periods).sum().astype("int64")
    if period == "year":
        for field in WHO_ANNUAL_LEVELS:
            columns[f"{field}_who"] = who_level(field, means[field], WHO_ANNUAL_LEVELS)
    columns["aqi_max"] = groups["aqi"].max().astype("Int64")
    if SIMULATED in daily and daily[SIMULATED].notna().any():
        columns[SIMULATED] = (daily[SIMULATED] == True).groupby(periods).any()  # noqa: E712
    return pd.DataFrame(columns, index=index).reset_index(drop=True)
