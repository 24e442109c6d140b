"""Daily aggregates of flagged hours."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import (
    AQI_POLLUTANTS,
    AT_GUIDELINE,
    DATE,
    MAXIMA_POLLUTANTS,
    RULES_VERSION,
    SIMULATED,
    TIMESTAMP,
    WHO_POLLUTANTS,
)
from airquality_dagster.readings.flags import INVALIDATING, RULES, Flag, FlaggedHours, flag_names
from airquality_dagster.readings.indices import (
    WHO_LEVELS,
    aqi_category,
    aqi_of_pollutants,
    highest,
    names_where,
    who_level,
    worst,
)
from airquality_dagster.readings.means import group_means

# 75 % of 24 hours: Directive 2008/50/EC, annex XI (24-hour means), and 40 CFR part 50, appendix N.
HOURS_FOR_A_VALID_DAY = 18
# Directive 2008/50/EC, annexes VII and XI: an 8-hour mean needs 6 of its hours, the day's highest mean needs 18 of its
# 24 means. A mean belongs to the day on which it ends.
_RUNNING_HOURS = 8
_LEAST_RUNNING_HOURS = 6
_HOURS_OF_A_MEAN = {"max_8h": _RUNNING_HOURS, "max_1h": 1}

HOURS = "hours"
EXPECTED_HOURS = "expected_hours"
CROSS_SENSITIVE = "cross_sensitive"


# Field of the day → (pollutant, hours of each mean) of which it holds the highest.
MAXIMA = {
    f"{parameter.field}_{scale.statistic}": (parameter.field, _HOURS_OF_A_MEAN[scale.statistic])
    for parameter in MAXIMA_POLLUTANTS
    for scale in parameter.aqi
    if scale.statistic in _HOURS_OF_A_MEAN
}
# Field of the day that counts the valid 8-hour means which end on it → the pollutant.
RUNNING_MEANS = {f"{field}_8h_means": field for field, hours in MAXIMA.values() if hours > 1}
# Field of the day → scale of the AQI.
_AQI_INPUTS = {
    f"{parameter.field}_{scale.statistic}": scale.name for parameter in AQI_POLLUTANTS for scale in parameter.aqi
}
# Field of the day → pollutant whose guideline it is compared with.
WHO_INPUTS = {
    f"{parameter.field}_{parameter.guideline.statistic}": parameter.field
    for parameter in WHO_POLLUTANTS
    if parameter.guideline
}


def daily_aggregates(flagged: FlaggedHours, time_zone: ZoneInfo) -> pd.DataFrame:
    """Aggregate hourly readings by local day.

    Args:
        flagged: the hours of whole local days, and the hours around them: an 8-hour mean may begin the day before.
        time_zone: of the local days.

    Returns:
        one row per day with at least one hour, in order: ``date`` (midnight UTC of the local date),
        ``hours`` (rows of that day) and per reading R, in its unit: ``R_mean``, ``R_min``, ``R_max`` and ``R_hours``
        (count) of all readings as published; ``R_valid_mean`` and ``R_valid_hours`` of the readings that pass quality
        control, the mean NaN under `HOURS_FOR_A_VALID_DAY` valid hours; ``R_percent_complete``, valid of expected
        hours, truncated to whole per cent; ``R_invalid``: None if there is a valid mean, else flag → hours that this
        flag made invalid. Then ``expected_hours``, the fields of `MAXIMA` and `RUNNING_MEANS`, ``R_aqi`` of each
        pollutant, ``aqi``, ``aqi_category``, ``aqi_pollutant``, ``aqi_pollutants``, ``R_who``, ``who_exceeded``,
        ``cross_sensitive`` (fields that no index and guideline of the day uses) and ``rules`` (docs/data.md).
    """
    in_period, hours = flagged.in_period, pd.DatetimeIndex(flagged.hours[TIMESTAMP])
    days, begins, size = _days(hours[in_period], time_zone)
    expected = expected_hours(days, days + timedelta(days=1), time_zone)

    fields = flagged.fields
    readings, valid = (table.to_numpy()[in_period] for table in (flagged.readings, flagged.valid_readings))
    means = group_means(np.hstack([readings, valid]), np.repeat(np.arange(len(days)), size))
    valid_counts = _counts(valid, begins)
    statistics = {
        "mean": means[:, : len(fields)],
        "min": np.fmin.reduceat(readings, begins),
        "max": np.fmax.reduceat(readings, begins),
        "hours": _counts(readings, begins),
        "valid_mean": np.where(valid_counts >= HOURS_FOR_A_VALID_DAY, means[:, len(fields) :], np.nan),
        "valid_hours": valid_counts,
        # Truncated, not rounded: 99.6 % is not complete.
        "percent_complete": 100 * valid_counts // expected[:, np.newaxis],
        "invalid": _causes(flagged.flags.to_numpy()[in_period], begins, valid_counts, expected),
    }
    columns: dict[str, Any] = {DATE: days.tz_localize("UTC"), HOURS: size}
    for position, field in enumerate(fields):
        columns |= {f"{field}_{name}": table[:, position] for name, table in statistics.items()}
    columns[EXPECTED_HOURS] = expected
    columns |= _maxima(flagged.valid_readings, hours, days, time_zone)
    is_cross_sensitive = _is_cross_sensitive(flagged, begins)
    columns |= _indices(_without(columns, is_cross_sensitive))
    columns[CROSS_SENSITIVE] = names_where(is_cross_sensitive).to_numpy()
    columns[RULES_VERSION] = np.full(len(days), RULES)
    if SIMULATED in flagged.hours:
        is_simulated = flagged.hours[SIMULATED][in_period]
        if is_simulated.notna().any():
            # A day is simulated if any of its hours is.
            columns[SIMULATED] = np.logical_or.reduceat((is_simulated == True).to_numpy(), begins)  # noqa: E712
    return pd.DataFrame(columns)


def expected_hours(begins: pd.DatetimeIndex, ends: pd.DatetimeIndex, time_zone: ZoneInfo) -> np.ndarray:
    """Return how many hours start between two local midnights: 24 per day, one fewer or more when the clocks change.

    Hours start at full hours of UTC, also in zones with half hours.

    Args:
        begins, ends: local dates, without a time zone.
        time_zone: of the dates.

    >>> days = pd.DatetimeIndex(["2024-03-30", "2024-03-31"])
    >>> expected_hours(days, days + timedelta(days=1), ZoneInfo("Europe/Rome")).tolist()
    [24, 23]
    """
    since, until = (midnights(dates, time_zone).tz_convert("UTC").ceil("h") for dates in (begins, ends))
    return ((until - since) // timedelta(hours=1)).to_numpy(dtype="int64")


def midnights(dates: pd.DatetimeIndex, time_zone: ZoneInfo) -> pd.DatetimeIndex:
    """Return the starts of local dates."""
    return dates.tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward")


def _days(hours: pd.DatetimeIndex, time_zone: ZoneInfo) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    """Return the local dates of ordered hours, the position of the first hour of each date, and its count of hours."""
    dates = hours.tz_convert(time_zone).tz_localize(None).normalize()
    begins = np.flatnonzero(np.append(len(dates) > 0, dates[1:] != dates[:-1]))
    return dates[begins], begins, np.diff(np.append(begins, len(dates)))


def _counts(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return how many values of each day are present."""
    return np.add.reduceat(~np.isnan(values), begins, dtype="int64")


def _causes(flags: np.ndarray, begins: np.ndarray, valid_hours: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return for each day and reading why hours are not valid, None if there is a valid mean.

    Args:
        flags: one row per hour, one column per reading.
        begins: position of each day's first hour.
        valid_hours: one row per day.
        expected: hours of each day.

    Returns:
        documents of flag → hours. An hour with two flags counts for both.
    """
    counts = {
        flag: np.add.reduceat((flags & int(flag)) != 0, begins, dtype="int64") for flag in Flag if flag & INVALIDATING
    }
    # Hours that are not stored count as missing.
    counts[Flag.MISSING] += (expected - np.diff(np.append(begins, len(flags))))[:, np.newaxis]
    causes = np.full(valid_hours.shape, None, dtype=object)
    for day, place in np.argwhere(valid_hours < HOURS_FOR_A_VALID_DAY):
        causes[day, place] = {
            name: int(hours[day, place])
            for flag, hours in counts.items()
            for name in flag_names(flag)
            if hours[day, place]
        }
    return causes


def _maxima(
    valid: pd.DataFrame, hours: pd.DatetimeIndex, days: pd.DatetimeIndex, time_zone: ZoneInfo
) -> dict[str, np.ndarray]:
    """Return the highest valid hours and 8-hour means of each day, and how many 8-hour means it has."""
    # All hours from the first to the last day: a mean that ends in an hour that is not stored counts, too.
    grid_hours = hours[:0]
    if len(days):
        edges = midnights(days[[0, -1]] + pd.to_timedelta([0, 1], unit="D"), time_zone).tz_convert("UTC")
        grid_hours = pd.date_range(edges[0].ceil("h"), edges[1], freq="h", inclusive="left")
    all_days, begins, _ = _days(grid_hours, time_zone)
    is_wanted = all_days.isin(days)

    fields = list(dict.fromkeys(field for field, _ in MAXIMA.values()))
    before = _RUNNING_HOURS - 1
    grid = np.full((before + len(grid_hours), len(fields)), np.nan)
    if len(days):
        place = before + ((hours - grid_hours[0]) // timedelta(hours=1)).to_numpy(dtype="int64")
        is_near = (place >= 0) & (place < len(grid))
        grid[place[is_near]] = valid[fields].to_numpy()[is_near]
    # Not pandas' rolling mean: its last digits depend on the hours before the window.
    windows = np.stack([grid[before - age : len(grid) - age] for age in range(_RUNNING_HOURS)])
    present = (~np.isnan(windows)).sum(axis=0)
    running = np.where(present >= _LEAST_RUNNING_HOURS, np.nansum(windows, axis=0) / np.maximum(present, 1), np.nan)

    columns: dict[str, np.ndarray] = {}
    means = {1: grid[before:], _RUNNING_HOURS: running}
    for name, (field, mean_hours) in MAXIMA.items():
        values = means[mean_hours][:, fields.index(field)]
        is_valid = _counts(values, begins)[is_wanted] >= HOURS_FOR_A_VALID_DAY
        columns[name] = np.where(is_valid, np.fmax.reduceat(values, begins)[is_wanted], np.nan)
    for name, field in RUNNING_MEANS.items():
        columns[name] = _counts(running[:, fields.index(field)], begins)[is_wanted]
    return columns


def _is_cross_sensitive(flagged: FlaggedHours, begins: np.ndarray) -> pd.DataFrame:
    """Return for each day and pollutant whether an hour of the day is cross-sensitive."""
    fields = [parameter.field for parameter in AQI_POLLUTANTS]
    flags = flagged.flags[fields].to_numpy()[flagged.in_period]
    return pd.DataFrame(np.logical_or.reduceat((flags & int(Flag.CROSS_SENSITIVE)) != 0, begins), columns=fields)


def _without(days: Mapping[str, Any], is_left_out: pd.DataFrame) -> dict[str, Any]:
    """Return the columns that indices and guidelines use, with NaN where a pollutant is left out."""
    inputs = {
        f"{parameter.field}_{scale.statistic}": parameter.field
        for parameter in AQI_POLLUTANTS
        for scale in parameter.aqi
    } | WHO_INPUTS
    return {name: np.where(is_left_out[field], np.nan, days[name]) for name, field in inputs.items()}


def _indices(days: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of AQI and WHO levels; they depend on valid values only."""
    indices = aqi_of_pollutants(pd.DataFrame({scale: days[name] for name, scale in _AQI_INPUTS.items()}))
    levels = {field: who_level(field, pd.Series(days[name])).to_numpy() for name, field in WHO_INPUTS.items()}
    is_above = {field: pd.notna(of_field) & (of_field != AT_GUIDELINE) for field, of_field in levels.items()}
    aqi = highest(indices)
    return {
        **{f"{field}_aqi": indices[field].astype("Int64").array for field in indices},
        "aqi": aqi.astype("Int64").array,
        "aqi_category": aqi_category(aqi).to_numpy(),
        "aqi_pollutant": worst(indices).to_numpy(),
        "aqi_pollutants": names_where(indices.notna()).to_numpy(),
        **{f"{field}_who": levels[field] for field in WHO_LEVELS},
        "who_exceeded": names_where(pd.DataFrame(is_above)).to_numpy(),
    }
