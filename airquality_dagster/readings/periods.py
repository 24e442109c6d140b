"""Monthly and annual summaries of daily aggregates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import AT_GUIDELINE, BY_FIELD, DATE, RULES_VERSION, SIMULATED
from airquality_dagster.readings.days import EXPECTED_HOURS, WHO_INPUTS, expected_hours
from airquality_dagster.readings.flags import RULES
from airquality_dagster.readings.indices import WHO_ANNUAL_LEVELS, who_level
from airquality_dagster.readings.means import group_means

# 75 % of the days: 40 CFR part 50, appendix N, requires this of each quarter, the EEA of each year on its maps.
LEAST_PERCENT = 75
_PERIODS: Mapping[str, Literal["M", "Y"]] = {"month": "M", "year": "Y"}

PERIOD, START = "period", "start"
SUMMARISED = (
    DATE,
    *(f"{field}_{statistic}" for field in BY_FIELD for statistic in ("mean", "valid_mean", "valid_hours", "invalid")),
    *(f"{field}_who" for field in WHO_INPUTS.values()),
    "aqi",
    SIMULATED,
)
"""Columns of the daily aggregates that `period_summaries` reads."""


def period_summaries(daily: pd.DataFrame, time_zone: ZoneInfo) -> pd.DataFrame:
    """Summarise daily aggregates by calendar month and year.

    Args:
        daily: result of `daily_aggregates`; at least the columns of `SUMMARISED`.
        time_zone: of the local days.

    Returns:
        one row per month and per year with at least one day: ``period`` (``month`` or ``year``), ``start``
        (its first date, as midnight UTC), ``days`` (with at least one hour), ``expected_days``,
        ``expected_hours``, and per reading R, in its unit: ``R_valid_days``, ``R_valid_hours``,
        ``R_percent_complete`` (data capture: valid of expected hours, truncated to whole per cent), ``R_mean`` (mean
        of the daily means as published), ``R_valid_mean`` and ``R_valid_max`` (mean and highest of the valid daily
        means), the valid mean NaN if fewer than 75 % of the days are valid, and ``R_invalid``: None if there is a
        valid mean, else flag → hours that it made invalid on days without a valid mean. ``R_days_above_guideline``
        counts days above WHO's short-term guideline, missing if no day could be compared; ``R_who`` (years only) is the
        level that the mean meets. ``aqi_max``, ``rules``.
    """
    days = _Days.of(daily)
    months, years = (_summarise(days, time_zone, period) for period in _PERIODS)
    # Columns that only years have.
    nothing = np.full(len(months[START]), None, dtype=object)
    summaries = pd.DataFrame({name: np.concatenate([months.get(name, nothing), years[name]]) for name in years})
    summaries[START] = summaries[START].dt.tz_localize("UTC")
    counts = ["aqi_max", *(f"{field}_days_above_guideline" for field in WHO_INPUTS.values())]
    return summaries.astype(dict.fromkeys(counts, "Int64"))


@dataclass(frozen=True)
class _Days:
    """Daily aggregates as arrays: one row per day; arrays of two dimensions have one column per reading."""

    dates: np.ndarray
    published: np.ndarray
    means: np.ndarray
    hours: np.ndarray
    causes: np.ndarray
    is_compared: np.ndarray
    is_above: np.ndarray
    aqi: np.ndarray
    is_simulated: np.ndarray | None

    @classmethod
    def of(cls, daily: pd.DataFrame) -> "_Days":
        published, means, hours = (
            daily[[f"{field}_{statistic}" for field in BY_FIELD]].to_numpy(dtype="float64")
            for statistic in ("mean", "valid_mean", "valid_hours")
        )
        levels = daily[[f"{field}_who" for field in WHO_INPUTS.values()]]
        is_labelled = SIMULATED in daily and bool(daily[SIMULATED].notna().any())
        return cls(
            dates=daily[DATE].to_numpy(dtype="datetime64[D]"),
            published=published,
            means=means,
            hours=np.nan_to_num(hours).astype("int64"),
            causes=daily[[f"{field}_invalid" for field in BY_FIELD]].to_numpy(dtype=object),
            is_compared=levels.notna().to_numpy(),
            is_above=(levels.notna() & (levels != AT_GUIDELINE)).to_numpy(),
            aqi=daily["aqi"].to_numpy(dtype="float64", na_value=np.nan),
            is_simulated=(daily[SIMULATED] == True).to_numpy() if is_labelled else None,  # noqa: E712
        )


def _summarise(days: _Days, time_zone: ZoneInfo, period: str) -> dict[str, np.ndarray]:
    """Return the columns of the months or of the years."""
    unit = _PERIODS[period]
    starts, place = np.unique(days.dates.astype(f"datetime64[{unit}]"), return_inverse=True)
    edges = (starts, starts + np.timedelta64(1, unit))
    begins, ends = (pd.DatetimeIndex(moments.astype("datetime64[ns]")) for moments in edges)
    expected_days, all_hours = (ends - begins).days.to_numpy(), expected_hours(begins, ends, time_zone)

    def total(table: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(starts), table.shape[1]), dtype="int64")
        np.add.at(sums, place, table)
        return sums

    def highest(values: np.ndarray) -> np.ndarray:
        maxima = np.full((len(starts), *values.shape[1:]), np.nan)
        np.fmax.at(maxima, place, values)
        return maxima

    valid_days, valid_hours = total(~np.isnan(days.means)), total(days.hours)
    is_covered = 100 * valid_days >= LEAST_PERCENT * expected_days[:, np.newaxis]
    published, means = (group_means(daily, place) for daily in (days.published, days.means))
    statistics = {
        "mean": published,
        "valid_mean": np.where(is_covered, means, np.nan),
        "valid_max": highest(days.means),
        "valid_days": valid_days,
        "valid_hours": valid_hours,
        # Truncated, not rounded: 99.6 % is not complete.
        "percent_complete": 100 * valid_hours // all_hours[:, np.newaxis],
    }

    columns: dict[str, np.ndarray] = {
        PERIOD: np.full(len(starts), period, dtype=object),
        START: begins.to_numpy(),
        "days": np.bincount(place, minlength=len(starts)),
        "expected_days": expected_days,
        EXPECTED_HOURS: all_hours,
    }
    for position, field in enumerate(BY_FIELD):
        columns |= {f"{field}_{name}": values[:, position] for name, values in statistics.items()}
    causes = _causes(days, place, is_covered)
    columns |= {f"{field}_invalid": causes[:, position] for position, field in enumerate(BY_FIELD)}
    compared = total(days.is_compared)
    above = np.where(compared > 0, total(days.is_above), np.nan)
    columns |= {f"{field}_days_above_guideline": above[:, at] for at, field in enumerate(WHO_INPUTS.values())}
    columns["aqi_max"] = highest(days.aqi)
    columns[RULES_VERSION] = np.full(len(starts), RULES)
    if days.is_simulated is not None:
        columns[SIMULATED] = np.bincount(place, weights=days.is_simulated, minlength=len(starts)) > 0
    if period == "year":
        # A channel without a signal of its own has valid days, but none that is compared with a guideline.
        is_comparable = 100 * compared >= LEAST_PERCENT * expected_days[:, np.newaxis]
        for field in WHO_ANNUAL_LEVELS:
            of_field = is_comparable[:, list(WHO_INPUTS.values()).index(field)]
            means_of_field = pd.Series(np.where(of_field, columns[f"{field}_valid_mean"], np.nan))
            columns[f"{field}_who"] = who_level(field, means_of_field, WHO_ANNUAL_LEVELS).to_numpy()
    return columns


def _causes(days: _Days, place: np.ndarray, is_covered: np.ndarray) -> np.ndarray:
    """Return for each period and reading why its days are not valid: flag → hours; None if it has a valid mean."""
    causes = np.full(is_covered.shape, None, dtype=object)
    for period, reading in np.argwhere(~is_covered):
        counts: Counter[str] = Counter()
        for of_day in days.causes[place == period, reading]:
            # Version 0.1.0 stored a sentence.
            if isinstance(of_day, dict):
                counts.update(of_day)
        causes[period, reading] = dict(counts)
    return causes
