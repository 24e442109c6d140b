"""Small Markdown tables of the newest rows, as metadata of a materialization."""

import pandas as pd

from airquality_dagster.pollutants import BY_FIELD, PARAMETERS, PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.readings.aggregate import DATE, HOURS, HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.quality import Level

_HOURS_SHOWN = 6
_DAYS_SHOWN = 10
_SIMULATED_NOTE = "**Simulated readings** of the sandbox, not measured.\n\n"


def hourly_preview(hourly: pd.DataFrame) -> str:
    """Return the newest hours, newest first, with units in the header."""
    if hourly.empty:
        return "The API answered no hour of this period."
    fields = [field for field in BY_FIELD if field in hourly]
    rows = [
        [
            f"{hour[TIMESTAMP]:%Y-%m-%d %H:%M}" + (" (provisional)" if hour.get(PROVISIONAL) is True else ""),
            *(_number(hour[field]) for field in fields),
        ]
        for _, hour in hourly.tail(_HOURS_SHOWN)[::-1].iterrows()
    ]
    return _note(hourly) + _table(["hour (UTC)", *(BY_FIELD[field].description for field in fields)], rows)


def quality_preview(quality: pd.DataFrame) -> str:
    """Return how many hours of each reading have which level."""
    if quality.empty:
        return "No hour of this period is stored."
    rows = []
    for parameter in PARAMETERS:
        counts = quality[f"{parameter.field}_qc"].value_counts()
        rows.append([parameter.label, *(str(int(counts.get(level, 0))) for level in Level)])
    return _note(quality) + _table(["reading", *(level.name.lower().replace("_", " ") for level in Level)], rows)


def daily_preview(daily: pd.DataFrame) -> str:
    """Return the daily means of the newest days, newest first; those that are not valid say so."""
    if daily.empty:
        return "No hour of this period is stored."
    parameters = [
        parameter for parameter in PARAMETERS if parameter.guideline and parameter.guideline.averaging == "24 h"
    ]
    rows = [
        [
            f"{day[DATE]:%Y-%m-%d}",
            f"{day[HOURS]} of 24",
            *(
                _number(day[f"{parameter.field}_mean"])
                + ("" if day[f"{parameter.field}_valid_hours"] >= HOURS_FOR_A_VALID_DAY else " (not valid)")
                for parameter in parameters
            ),
        ]
        for _, day in daily.tail(_DAYS_SHOWN)[::-1].iterrows()
    ]
    return _note(daily) + _table(["date", "hours", *(f"{parameter.description}" for parameter in parameters)], rows)


def _note(frame: pd.DataFrame) -> str:
    return _SIMULATED_NOTE if SIMULATED in frame and frame[SIMULATED].notna().any() else ""


def _number(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.4g}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
