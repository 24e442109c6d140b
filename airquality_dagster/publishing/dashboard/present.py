"""How a station stands now: its index, and what is wrong with its data."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.freshness import is_late
from airquality_dagster.network.pollutants import (
    AT_GUIDELINE,
    DATE,
    HEADLINES,
    PARAMETERS,
    PROVISIONAL,
    TIMESTAMP,
    Parameter,
)
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.publishing.dashboard.record import NEWEST_HOURS, StationRecord, valid_readings
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import FAILED, Flag
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS
from airquality_dagster.readings.indices import aqi_category

HEADLINE_FIELDS = tuple(
    sorted(
        (parameter.field for parameter in HEADLINES if parameter.guideline),
        key=lambda field: field not in NOWCAST_POLLUTANTS,
    )
)
"""Fields of the pollutants that cards show, in order: first those of which the index of the present is made."""

_DAY_HOURS = 24
_EXCEEDANCE_DAYS = 30
_CAUSES = {flag.name.lower() for flag in Flag if flag & FAILED and flag.name}


def present_state(record: StationRecord) -> dict[str, Any] | None:
    """Return what a station's card shows; None where nothing is stored.

    Returns:
        ``hour``, the newest one; ``is_provisional``; ``aqi`` (NowCast), its ``pollutant``, and ``since``, the hour
        since which its category has been the same; ``eaqi``; ``readings``: of each field of `HEADLINE_FIELDS` its
        ``value``, ``is_valid`` and ``flags``; ``stored_hours``, how many of the 24 up to the newest are stored. Of the
        first field: ``last_hours``, its valid readings of the last `NEWEST_HOURS` hours, None where there is none;
        ``exceedances``, the valid days of the last `_EXCEEDANCE_DAYS` days and how many are above WHO's guideline.
    """
    if record.hours.empty:
        return None
    hours, newest = record.hours, record.hours[TIMESTAMP].iloc[-1]
    has_quality = bool(len(record.quality)) and record.quality[TIMESTAMP].iloc[-1] == newest
    quality = record.quality.iloc[-1] if has_quality else pd.Series(dtype=object)
    aqi = quality.get("aqi_nowcast")
    return {
        "hour": newest.isoformat(),
        "is_provisional": hours[PROVISIONAL].iloc[-1] is True,
        "aqi": _whole(aqi),
        "pollutant": None if pd.isna(aqi) else quality["aqi_nowcast_pollutant"],
        "since": _category_since(record.quality),
        "eaqi": _whole(quality.get("eaqi")),
        "readings": {
            field: {
                "value": _latest(hours[field].iloc[-1:]),
                "is_valid": not np.isnan(valid_readings(hours.iloc[-1:], field)[0]),
                "flags": _flag_names(quality.get(f"{field}_flags")),
            }
            for field in HEADLINE_FIELDS
        },
        "stored_hours": int(_is_in_last_day(hours).sum()),
        "last_hours": _last_hours(hours, HEADLINE_FIELDS[0]),
        "exceedances": _exceedances(record.days, HEADLINE_FIELDS[0]),
    }


def problems(record: StationRecord, now: datetime) -> list[dict[str, Any]]:
    """Return what is wrong with a station's data now, the worst first.

    Returns:
        of each problem its ``kind``: ``none`` (nothing is stored), ``silent`` (late: no new hour ``since``;
        ``must_act`` after the station's limit), ``sensor`` (no valid hour of the last 24: ``field``, main ``cause``,
        ``since``, last ``value``) or ``partial`` (``valid_hours`` of the last 24, fewer than make a valid day).
    """
    newest = record.newest_hour
    if newest is None:
        return [{"kind": "none", "must_act": True}]
    silence = []
    if is_late(newest, now):
        limit = timedelta(hours=record.station.silent_after_hours)
        silence.append({"kind": "silent", "since": newest.isoformat(), "must_act": now - newest > limit})
    of_sensors = [_sensor_problem(record, parameter) for parameter in PARAMETERS if parameter.quality is not None]
    return sorted([*silence, *filter(None, of_sensors)], key=lambda problem: not problem["must_act"])


def _sensor_problem(record: StationRecord, parameter: Parameter) -> dict[str, Any] | None:
    hours, field = record.hours, parameter.field
    is_valid, is_in_last_day = ~np.isnan(valid_readings(hours, field)), _is_in_last_day(hours)
    valid_hours = int((is_valid & is_in_last_day).sum())
    if valid_hours >= HOURS_FOR_A_VALID_DAY:
        return None
    fault = {"field": field, "cause": _main_cause(record, field, hours[TIMESTAMP][is_in_last_day])}
    if valid_hours:
        return {"kind": "partial", "valid_hours": valid_hours, "must_act": False, **fault}
    value = _latest(hours[field][is_in_last_day])
    since = _invalid_since(record, field, is_valid)
    if value is None and since is None:
        # The station has no such sensor.
        return None
    return {"kind": "sensor", "since": since, "value": value, "must_act": True, **fault}


def _main_cause(record: StationRecord, field: str, hours: pd.Series) -> str:
    """Return the flag that fails most readings of these hours; a sensor of which no reading fails is missing."""
    flags = record.quality.loc[record.quality[TIMESTAMP].isin(hours), f"{field}_flags"]
    causes = Counter(name for names in flags for name in _flag_names(names) if name in _CAUSES)
    return causes.most_common(1)[0][0] if causes else "missing"


def _invalid_since(record: StationRecord, field: str, is_valid: np.ndarray) -> str | None:
    """Return the first hour after the last valid one; the day after it if that is long ago; None if there is none."""
    hours = record.hours[TIMESTAMP]
    if is_valid.any():
        return hours[hours > hours[is_valid].iloc[-1]].iloc[0].isoformat()
    days = record.days[record.days[f"{field}_valid_hours"] > 0]
    return None if days.empty else f"{days[DATE].iloc[-1] + timedelta(days=1):%Y-%m-%d}"


def _category_since(quality: pd.DataFrame) -> str | None:
    """Return the hour since which the category of the newest hour has been the same."""
    categories = aqi_category(quality["aqi_nowcast"].astype("Float64"))
    if categories.empty or categories.iloc[-1] is None:
        return None
    is_other = (categories != categories.iloc[-1]).to_numpy()
    first = np.flatnonzero(is_other)[-1] + 1 if is_other.any() else 0
    return quality[TIMESTAMP].iloc[first].isoformat()


def _is_in_last_day(hours: pd.DataFrame) -> np.ndarray:
    """Return which hours are among the 24 up to the newest."""
    return (hours[TIMESTAMP] > hours[TIMESTAMP].iloc[-1] - timedelta(hours=_DAY_HOURS)).to_numpy()


def _last_hours(hours: pd.DataFrame, field: str) -> list[float | None]:
    every_hour = pd.date_range(end=hours[TIMESTAMP].iloc[-1], periods=NEWEST_HOURS, freq="h")
    return rounded(pd.Series(valid_readings(hours, field), index=hours[TIMESTAMP]).reindex(every_hour).to_numpy())


def _exceedances(days: pd.DataFrame, field: str) -> dict[str, int]:
    if days.empty:
        return {"days": 0, "valid_days": 0}
    is_recent = days[DATE] > days[DATE].iloc[-1] - timedelta(days=_EXCEEDANCE_DAYS)
    levels = days.loc[is_recent, f"{field}_who"].dropna()
    return {"days": int((levels != AT_GUIDELINE).sum()), "valid_days": len(levels)}


def _latest(readings: pd.Series) -> float | None:
    """Return the last reading that is there."""
    present = readings.dropna()
    return None if present.empty else float(present.iloc[-1])


def _whole(index: Any) -> int | None:
    return None if pd.isna(index) else int(index)


def _flag_names(flags: Any) -> list[str]:
    return flags if isinstance(flags, list) else []
