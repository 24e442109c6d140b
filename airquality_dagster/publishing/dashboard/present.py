"""How a station stands now: its index, and what is wrong with its data."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS, PROVISIONAL, TIMESTAMP, Parameter
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.publishing.dashboard.record import StationRecord
from airquality_dagster.readings.days import DATE, HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import FAILED, Flag, Level
from airquality_dagster.readings.indices import aqi_category

# The API lags by an hour or two.
CURRENT = timedelta(hours=3)
_SHOWN = ("pm2_5", "co")
_DAY_HOURS = 24
_EXCEEDANCE_DAYS = 30
_CAUSES = {flag.name.lower() for flag in Flag if flag & FAILED and flag.name}


def present_state(record: StationRecord) -> dict[str, Any] | None:
    """Return what a station's card shows; None where nothing is stored.

    Returns:
        ``hour``, the newest one; ``is_provisional``; ``aqi`` (NowCast) and its ``pollutant``, ``since``, from when
        on its category is the same; ``eaqi``; per shown reading ``value``,
        ``is_valid`` and ``flags``; ``stored_hours``, of the 24 up to the newest; ``recent``, hourly PM2.5;
        ``exceedances``, valid days above WHO's guideline for PM2.5 of the last `_EXCEEDANCE_DAYS` days, and how
        many valid ones there were.
    """
    if record.hours.empty:
        return None
    hours, hour = record.hours, record.hours.iloc[-1]
    newest = hour[TIMESTAMP]
    flagged = record.recent[record.recent[TIMESTAMP] == newest]
    flags = flagged.iloc[-1] if len(flagged) else pd.Series(dtype=object)
    aqi = flags.get("aqi_nowcast")
    return {
        "hour": newest.isoformat(),
        "is_provisional": hour[PROVISIONAL] is True,
        "aqi": None if pd.isna(aqi) else int(aqi),
        "pollutant": None if pd.isna(aqi) else flags["aqi_nowcast_pollutant"],
        "since": _category_since(record.recent),
        "eaqi": None if pd.isna(flags.get("eaqi")) else int(flags["eaqi"]),
        **{
            field: {
                "value": _number(hour[field]),
                "is_valid": bool(hour[f"{field}_qc"] <= Level.SUSPECT),
                "flags": _names(flags.get(f"{field}_flags")),
            }
            for field in _SHOWN
        },
        "stored_hours": int((hours[TIMESTAMP] > newest - pd.Timedelta(hours=_DAY_HOURS)).sum()),
        "recent": _recent(hours),
        "exceedances": _exceedances(record.days),
    }


def problems(record: StationRecord, now: datetime) -> list[dict[str, Any]]:
    """Return what is wrong with a station's data now, the worst first.

    Returns:
        of each its ``kind``: ``none`` (nothing is stored), ``silent`` (no new hour ``since``; ``must_act`` after the
        station's limit), ``sensor`` (no valid hour of the last 24: ``field``, main ``cause``, ``since``, last
        ``value``) or ``partial`` (``valid_hours`` of the last 24, fewer than make a valid day).
    """
    if record.hours.empty:
        return [{"kind": "none", "must_act": True}]
    found: list[dict[str, Any]] = []
    newest = record.hours[TIMESTAMP].iloc[-1]
    if now - newest > CURRENT:
        limit = timedelta(hours=record.station.silent_after_hours)
        found.append({"kind": "silent", "since": newest.isoformat(), "must_act": bool(now - newest > limit)})
    last_day = (record.hours[TIMESTAMP] > newest - pd.Timedelta(hours=_DAY_HOURS)).to_numpy()
    for parameter in PARAMETERS:
        if parameter.quality is not None:
            found += _sensor_problems(record, parameter, last_day)
    return sorted(found, key=lambda problem: not problem["must_act"])


def _sensor_problems(record: StationRecord, parameter: Parameter, last_day: np.ndarray) -> list[dict[str, Any]]:
    hours, field = record.hours, parameter.field
    is_valid = hours[f"{field}_qc"].to_numpy(dtype="float64") <= Level.SUSPECT
    valid_hours = int((is_valid & last_day).sum())
    if valid_hours >= HOURS_FOR_A_VALID_DAY:
        return []
    flags = record.recent.loc[record.recent[TIMESTAMP].isin(hours[TIMESTAMP][last_day]), f"{field}_flags"]
    # Of hours with a reading, what fails it; a sensor without any is missing.
    causes = Counter(name for names in flags for name in _names(names) if name in _CAUSES)
    cause = causes.most_common(1)[0][0] if causes else "missing"
    fault = {"field": field, "cause": cause}
    if valid_hours:
        return [{"kind": "partial", "valid_hours": valid_hours, "must_act": False, **fault}]
    readings = hours[field].to_numpy(dtype="float64")[last_day]
    readings = readings[~np.isnan(readings)]
    value = float(readings[-1]) if len(readings) else None
    since = _invalid_since(record, field, is_valid)
    if value is None and since is None:
        # The station has no such sensor.
        return []
    return [{"kind": "sensor", "since": since, "value": value, "must_act": True, **fault}]


def _invalid_since(record: StationRecord, field: str, is_valid: np.ndarray) -> str | None:
    """Return the first hour after the last valid one; the day after it, where it is long ago; None: ever since."""
    hours = record.hours[TIMESTAMP]
    if is_valid.any():
        return hours[hours > hours[is_valid].iloc[-1]].iloc[0].isoformat()
    days = record.days[record.days[f"{field}_valid_hours"] > 0]
    return None if days.empty else f"{days[DATE].iloc[-1] + pd.Timedelta(days=1):%Y-%m-%d}"


def _category_since(recent: pd.DataFrame) -> str | None:
    """Return from which hour on the category of the newest hour has been the same."""
    categories = aqi_category(recent["aqi_nowcast"].astype("Float64")).to_numpy()
    if not len(categories) or categories[-1] is None:
        return None
    first = len(categories) - 1
    while first and categories[first - 1] == categories[-1]:
        first -= 1
    return recent[TIMESTAMP].iloc[first].isoformat()


def _recent(hours: pd.DataFrame) -> dict[str, Any]:
    """Return the last 48 hours of PM2.5, None where it is not valid."""
    values = hours["pm2_5"].astype("float64").where(hours["pm2_5_qc"] <= Level.SUSPECT)
    newest = hours[TIMESTAMP].iloc[-1]
    grid = pd.date_range(newest - pd.Timedelta(hours=47), newest, freq="h")
    return {"start": grid[0].isoformat(), "pm2_5": rounded(values.set_axis(hours[TIMESTAMP]).reindex(grid).to_numpy())}


def _exceedances(days: pd.DataFrame) -> dict[str, int]:
    guideline = BY_FIELD["pm2_5"].guideline
    if days.empty or guideline is None:
        return {"days": 0, "valid_days": 0}
    newest = days[days[DATE] > days[DATE].iloc[-1] - pd.Timedelta(days=_EXCEEDANCE_DAYS)]
    valid = newest["pm2_5_valid_mean"].astype("float64").dropna()
    return {"days": int((valid.round(9) > guideline.short_term[0][0]).sum()), "valid_days": len(valid)}


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _names(flags: Any) -> list[str]:
    return flags if isinstance(flags, list) else []
