"""How a station stands now: what its card shows."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import AT_GUIDELINE, DATE, HEADLINES, PROVISIONAL, TIMESTAMP
from airquality_dagster.publishing.dashboard.newest import flag_list, index_now, last_hours
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.publishing.dashboard.problems import latest
from airquality_dagster.publishing.dashboard.record import NEWEST_HOURS, StationRecord, valid_readings
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS

HEADLINE_FIELDS = tuple(
    sorted(
        (parameter.field for parameter in HEADLINES if parameter.guideline),
        key=lambda field: field not in NOWCAST_POLLUTANTS,
    )
)
"""Fields of the pollutants that cards show, in order: first those of which the index of the present is made."""

_EXCEEDANCE_DAYS = 30


def present_state(record: StationRecord) -> dict[str, Any] | None:
    """Return what a station's card shows; None where nothing is stored.

    Returns:
        ``hour``, the newest one; ``is_provisional``; the indices, as in `index_now`; ``readings``: of each field of
        `HEADLINE_FIELDS` its ``value``, ``is_valid`` and ``flags``; ``stored_hours``, how many of the 24 up to the
        newest are stored. Of the first field: ``last_hours``, its valid readings of the last `NEWEST_HOURS` hours, None
        where there is none; ``exceedances``, the valid days of the last `_EXCEEDANCE_DAYS` days and how many are above
        WHO's guideline.
    """
    if record.hours.empty:
        return None
    hours, newest = record.hours, record.hours[TIMESTAMP].iloc[-1]
    has_quality = bool(len(record.quality)) and record.quality[TIMESTAMP].iloc[-1] == newest
    quality = record.quality if has_quality else record.quality.iloc[:0]
    flags = quality.iloc[-1] if has_quality else pd.Series(dtype=object)
    return {
        "hour": newest.isoformat(),
        "is_provisional": hours[PROVISIONAL].iloc[-1] is True,
        **index_now(quality),
        "readings": {
            field: {
                "value": latest(hours[field].iloc[-1:]),
                "is_valid": not np.isnan(valid_readings(hours.iloc[-1:], field)[0]),
                "flags": flag_list(flags.get(f"{field}_flags")),
            }
            for field in HEADLINE_FIELDS
        },
        "stored_hours": len(last_hours(hours, 24)),
        "last_hours": _last_hours(hours, HEADLINE_FIELDS[0]),
        "exceedances": _exceedances(record.days, HEADLINE_FIELDS[0]),
    }


def _last_hours(hours: pd.DataFrame, field: str) -> list[float | None]:
    every_hour = pd.date_range(end=hours[TIMESTAMP].iloc[-1], periods=NEWEST_HOURS, freq="h")
    return rounded(pd.Series(valid_readings(hours, field), index=hours[TIMESTAMP]).reindex(every_hour).to_numpy())


def _exceedances(days: pd.DataFrame, field: str) -> dict[str, int]:
    if days.empty:
        return {"days": 0, "valid_days": 0}
    is_recent = days[DATE] > days[DATE].iloc[-1] - timedelta(days=_EXCEEDANCE_DAYS)
    levels = days.loc[is_recent, f"{field}_who"].dropna()
    return {"days": int((levels != AT_GUIDELINE).sum()), "valid_days": len(levels)}
