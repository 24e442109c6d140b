"""Small Markdown tables of the newest rows, for the metadata of a materialization."""

import numpy as np
import pandas as pd

from airquality_dagster.checks.outcome import table
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    DATE,
    HEADLINES,
    PARAMETERS,
    POLLUTANTS,
    PROVISIONAL,
    SIMULATED,
    TIMESTAMP,
)
from airquality_dagster.readings.days import EXPECTED_HOURS, HOURS, HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import Level

SPARKLINE_DAYS = 30
_BLOCKS = "▁▂▃▄▅▆▇█"
_MAX_HOURS = 6
_MAX_DAYS = 10
_SIMULATED_NOTE = "**Simulated readings** of the sandbox, not measured.\n\n"


def hourly_preview(hourly: pd.DataFrame) -> str:
    """Return a table of the newest hours, newest first, with units in the header."""
    if hourly.empty:
        return "The API returned no hour of this period."
    fields = [field for field in BY_FIELD if field in hourly]
    rows = [
        [
            f"{hour[TIMESTAMP]:%Y-%m-%d %H:%M}" + (" (provisional)" if hour.get(PROVISIONAL) is True else ""),
            *(_number(hour[field]) for field in fields),
        ]
        for hour in hourly.tail(_MAX_HOURS)[::-1].to_dict("records")
    ]
    return _note(hourly) + table(["hour (UTC)", *(BY_FIELD[field].description for field in fields)], rows)


def quality_preview(quality: pd.DataFrame) -> str:
    """Return a table of how many hours of each reading have each level."""
    if quality.empty:
        return "No hour of this period is stored."
    rows = []
    for parameter in PARAMETERS:
        counts = np.bincount(quality[f"{parameter.field}_qc"], minlength=max(Level) + 1)
        rows.append([parameter.label, *(str(counts[level]) for level in Level)])
    return _note(quality) + table(["reading", *(level.name.lower().replace("_", " ") for level in Level)], rows)


def daily_preview(daily: pd.DataFrame) -> str:
    """Return a table of the daily means of the newest days, newest first; it marks means that are not valid."""
    if daily.empty:
        return "No hour of this period is stored."
    parameters = [one for one in POLLUTANTS if one.guideline and one.guideline.averaging == "24 h"]
    statistics = [f"{parameter.field}_{name}" for parameter in parameters for name in ("mean", "valid_hours")]
    columns = [DATE, HOURS, EXPECTED_HOURS, *statistics]
    rows = [
        [
            f"{day[DATE]:%Y-%m-%d}",
            f"{day[HOURS]} of {day[EXPECTED_HOURS]}",
            *(
                _number(day[f"{parameter.field}_mean"])
                + ("" if day[f"{parameter.field}_valid_hours"] >= HOURS_FOR_A_VALID_DAY else " (not valid)")
                for parameter in parameters
            ),
        ]
        for day in daily[columns].tail(_MAX_DAYS)[::-1].to_dict("records")
    ]
    return _note(daily) + table(["date", "hours", *(parameter.description for parameter in parameters)], rows)


def daily_sparklines(daily: pd.DataFrame, former: pd.DataFrame) -> str:
    """Draw the valid daily means of the last `SPARKLINE_DAYS` days, one character per day, a dot if there is no mean.

    Args:
        daily: the computed days, including the newest.
        former: days before these.
    """
    if daily.empty:
        return "No day of this period is stored."
    dates = np.concatenate([days[DATE].to_numpy(dtype="datetime64[D]") for days in (former, daily)])
    place = (dates - dates[-1]).astype("int64") + SPARKLINE_DAYS - 1
    lines = [_note(daily) + f"{dates[-1] - np.timedelta64(SPARKLINE_DAYS - 1, 'D')} to {dates[-1]}, valid daily means:"]
    for parameter in HEADLINES:
        column = f"{parameter.field}_valid_mean"
        means = np.concatenate([days[column].to_numpy(dtype="float64") for days in (former, daily)])
        shown = np.full(SPARKLINE_DAYS, np.nan)
        shown[place[place >= 0]] = means[place >= 0]
        low, high = (_number(edge(means)) for edge in (np.fmin.reduce, np.fmax.reduce))
        span = f"{low} to {high} {parameter.unit}" if not np.isnan(means).all() else "no valid day"
        lines.append(f"`{_sparkline(shown)}` {parameter.label}: {span}")
    return "\n\n".join(lines)


def _sparkline(values: np.ndarray) -> str:
    """Return one character per value, scaled from zero (or the lowest) to the highest.

    >>> _sparkline(np.array([0.0, np.nan, 4.0, 8.0]))
    '▁·▅█'
    """
    low, high = np.fmin.reduce(values, initial=0.0), np.fmax.reduce(values)
    steps = (values - low) / (high - low if high > low else 1.0) * (len(_BLOCKS) - 1)
    return "".join("·" if np.isnan(step) else _BLOCKS[round(step)] for step in steps)


def _note(frame: pd.DataFrame) -> str:
    return _SIMULATED_NOTE if SIMULATED in frame and frame[SIMULATED].notna().any() else ""


def _number(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.4g}"
