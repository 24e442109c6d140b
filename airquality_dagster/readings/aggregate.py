"""From hours to days."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.pollutants import AT_GUIDELINE, SIMULATED, TIMESTAMP
from airquality_dagster.readings.indices import (
    WHO_LEVELS,
    aqi_category,
    aqi_of_pollutants,
    names_where,
    who_level,
    worst,
)
from airquality_dagster.readings.quality import FAILED, Flag, FlaggedHours

# 75 % of 24 hours: Directive 2008/50/EC, annex XI (24-hour means), and 40 CFR part 50, appendix N.
HOURS_FOR_A_VALID_DAY = 18
# Directive 2008/50/EC, annexes VII and XI: an 8-hour mean needs 6 of its hours, the day's highest 18 of its 24
# means. A mean belongs to the day on which it ends.
_RUNNING_HOURS = 8
_LEAST_RUNNING_HOURS = 6

DATE = "date"
HOURS = "hours"
EXPECTED_HOURS = "expected_hours"

MAXIMA = {
    "co_max_8h": "co",
    "o3_max_8h": "o3",
    "o3_max_1h": "o3",
    "no2_max_1h": "no2",
}
# Field of the day → what `daily_aqi` calls it.
AQI_INPUTS = {
    "pm2_5_valid_mean": "pm2_5",
    "pm10_valid_mean": "pm10",
    "co_max_8h": "co",
    "no2_max_1h": "no2",
    "o3_max_8h": "o3_8h",
    "o3_max_1h": "o3_1h",
}
_NO_AQI = "no valid value of PM2.5, PM10, CO, NO₂ or O₃"
# Field of the day → pollutant whose guideline it is compared with.
WHO_INPUTS = {
    "pm2_5_valid_mean": "pm2_5",
    "pm10_valid_mean": "pm10",
    "no2_valid_mean": "no2",
    "co_valid_mean": "co",
    "o3_max_8h": "o3",
}


def daily_aggregates(flagged: FlaggedHours, time_zone: ZoneInfo) -> pd.DataFrame:
    """Aggregate hourly readings by local day.

    Args:
        flagged: whole local days of hours, with those around them: an 8-hour mean may begin the day before.
        time_zone: whose midnight begins a day.

    Returns:
        one row per day with at least one hour, ordered: ``date`` (midnight UTC of the local date),
        ``hours`` (rows of that day) and per reading R, in its unit: ``R_mean``, ``R_min`` and ``R_max``
        of all readings as published; ``R_hours``, how many there are;
        ``R_valid_mean`` and ``R_valid_hours`` of those that pass quality control, the mean NaN under
        `HOURS_FOR_A_VALID_DAY` valid hours; ``R_percent_complete``, valid of expected hours, cut to
        whole per cent; ``R_invalid``, why there is no valid mean. Then ``expected_hours``, the fields of
        `MAXIMA`, ``aqi``, ``aqi_category``, ``aqi_pollutant``, ``aqi_pollutants``, ``R_who`` and
        ``who_exceeded`` (docs/data.md).
    """
    around, is_asked = flagged.around, flagged.is_asked
    local_dates = around[TIMESTAMP].dt.tz_convert(time_zone).dt.tz_localize(None).dt.normalize()
    all_readings, all_valid = flagged.readings, flagged.valid_readings
    maxima = _maxima(all_valid, pd.DatetimeIndex(around[TIMESTAMP]), time_zone)

    asked_dates = local_dates[is_asked]
    days, valid_days = all_readings[is_asked].groupby(asked_dates), all_valid[is_asked].groupby(asked_dates)
    means, lows, highs, counts = days.mean(), days.min(), days.max(), days.count()
    valid_counts = valid_days.count()
    valid_means = valid_days.mean().where(valid_counts >= HOURS_FOR_A_VALID_DAY)
    expected = expected_hours(means.index, time_zone)
    reasons = _reasons(flagged.quality.flags[is_asked], asked_dates, valid_counts, expected)

    columns: dict[str, pd.Series] = {HOURS: days.size()}
    for field in flagged.fields:
        columns |= {
            f"{field}_mean": means[field],
            f"{field}_min": lows[field],
            f"{field}_max": highs[field],
            f"{field}_hours": counts[field],
            f"{field}_valid_mean": valid_means[field],
            f"{field}_valid_hours": valid_counts[field],
            # Cut, not rounded: 99.6 % is not complete.
            f"{field}_percent_complete": 100 * valid_counts[field] // expected,
            f"{field}_invalid": reasons[field],
        }
    columns[EXPECTED_HOURS] = expected
    columns |= {name: maxima[name].reindex(means.index) for name in maxima.columns}
    frame = pd.DataFrame(columns | _indices(columns))
    if SIMULATED in around and around[SIMULATED][is_asked].notna().any():
        # A day is labelled if any of its hours is simulated.
        frame[SIMULATED] = (around[SIMULATED][is_asked] == True).groupby(asked_dates).any()  # noqa: E712
    frame = frame.reset_index(names=DATE)
    frame[DATE] = frame[DATE].dt.tz_localize("UTC")
    return frame


def expected_hours(dates: pd.Index, time_zone: ZoneInfo) -> pd.Series:
    """Return the hours of local days: 24, and one less or more where clocks change.

    >>> expected_hours(pd.DatetimeIndex(["2024-03-30", "2024-03-31"]), ZoneInfo("Europe/Rome")).tolist()
    [24, 23]
    """
    begins, ends = (
        pd.DatetimeIndex(days).tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward")
        for days in (dates, pd.DatetimeIndex(dates) + pd.Timedelta(days=1))
    )
    return pd.Series((ends - begins) // pd.Timedelta(hours=1), index=dates, dtype="int64")


def _reasons(
    flags: pd.DataFrame, dates: pd.Series, valid_hours: pd.DataFrame, expected: pd.Series
) -> Mapping[str, pd.Series]:
    """Return for each reading why its days have no valid mean; None where they have one."""
    failing = [flag for flag in Flag if flag & (FAILED | Flag.MISSING)]
    counts = {flag: ((flags & int(flag)) != 0).groupby(dates).sum() for flag in failing}
    # Hours that are not stored are missing, too.
    counts[Flag.MISSING] = counts[Flag.MISSING].add(expected - flags.groupby(dates).size(), axis=0)
    reasons = {}
    for field in map(str, flags.columns):
        valid = valid_hours[field].to_numpy()
        invalid = np.flatnonzero(valid < HOURS_FOR_A_VALID_DAY)
        by_name = {flag.name.lower(): counts[flag][field].to_numpy()[invalid] for flag in failing if flag.name}
        texts = np.full(len(valid), None, dtype=object)
        for place, day in enumerate(invalid):
            causes = ", ".join(f"{name} {hours[place]}" for name, hours in by_name.items() if hours[place] > 0)
            texts[day] = f"{valid[day]} of {expected.iloc[day]} hours valid: {causes}"
        reasons[field] = pd.Series(texts, index=valid_hours.index, dtype=object)
    return reasons


def _maxima(valid: pd.DataFrame, hours: pd.DatetimeIndex, time_zone: ZoneInfo) -> pd.DataFrame:
    """Return the highest valid hours and 8-hour means of each day, and why a day has none."""
    gases = valid[["co", "o3", "no2"]].set_axis(hours)
    if not len(gases):
        return pd.DataFrame({
            column: pd.Series(dtype="object" if column.endswith("_invalid") else "float64")
            for name in MAXIMA
            for column in (name, f"{name}_invalid")
        })  # fmt: skip
    # A mean that ends in an hour that is not stored counts, too: up to the end of the last day.
    grid = gases.reindex(pd.date_range(hours[0], _next_midnight(hours[-1], time_zone), freq="h", inclusive="left"))
    # Not pandas' rolling mean, whose last digits depend on the hours before the window.
    windows = np.stack([grid.shift(age).to_numpy() for age in range(_RUNNING_HOURS)])
    count = (~np.isnan(windows)).sum(axis=0)
    means = np.nansum(windows, axis=0) / np.maximum(count, 1)
    running = pd.DataFrame(means, index=grid.index, columns=grid.columns).where(count >= _LEAST_RUNNING_HOURS)
    dates = grid.index.tz_convert(time_zone).tz_localize(None).normalize()
    maxima = {}
    for name, field in MAXIMA.items():
        values = (running if name.endswith("8h") else grid)[field].groupby(dates)
        counts, of = values.count(), values.size()
        is_valid = counts >= HOURS_FOR_A_VALID_DAY
        what = "8-hour means" if name.endswith("8h") else "hours"
        reasons = [f"{count} of {size} {what} valid" for count, size in zip(counts, of, strict=True)]
        maxima[name] = values.max().where(is_valid)
        maxima[f"{name}_invalid"] = pd.Series(reasons, index=of.index, dtype=object).where(~is_valid, None)
    return pd.DataFrame(maxima)


def _next_midnight(hour: pd.Timestamp, time_zone: ZoneInfo) -> pd.Timestamp:
    midnight = hour.tz_convert(time_zone).tz_localize(None).normalize() + pd.Timedelta(days=1)
    return midnight.tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")


def _indices(days: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Return the columns of AQI and WHO levels, from valid values only."""
    indices = aqi_of_pollutants(pd.DataFrame({scale: days[name] for name, scale in AQI_INPUTS.items()}))
    levels = pd.DataFrame({field: who_level(field, days[name]) for name, field in WHO_INPUTS.items()})
    highest = indices.max(axis=1)
    return {
        "aqi": highest,
        "aqi_category": aqi_category(highest),
        "aqi_pollutant": worst(indices),
        "aqi_pollutants": names_where(indices.notna()),
        "aqi_invalid": pd.Series(_NO_AQI, index=highest.index, dtype=object).where(highest.isna(), None),
        **{f"{field}_who": levels[field] for field in WHO_LEVELS},
        "who_exceeded": names_where(levels.notna() & (levels != AT_GUIDELINE)),
    }
