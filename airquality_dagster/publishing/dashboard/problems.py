"""What is wrong with a station's data now, and what its readers must know of it."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.freshness import is_late
from airquality_dagster.network.pollutants import DATE, PARAMETERS, TIMESTAMP, Parameter
from airquality_dagster.publishing.dashboard.newest import OFF_SITE, changing, flag_list, has_flag, last_hours, left_out
from airquality_dagster.publishing.dashboard.record import StationRecord, valid_readings
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import FAILED, Flag

# A channel that carries another gas's signal → the gas (docs/data.md).
_MIRRORED = {"no2": "o3"}
_CAUSES = {flag.name.lower() for flag in Flag if flag & FAILED and flag.name}


def notes(record: StationRecord) -> list[dict[str, Any]]:
    """Return what readers must know of a station's present readings, though nothing may be wrong with them.

    Returns:
        of each note its ``kind``: ``changing`` (pollutants whose newest reading is not confirmed yet: ``changes`` as in
        `newest.changing`) or ``left_out`` (a ``field`` that is in no index; ``mirrors``: the field that it is the
        inverse of, None if that is not known).
    """
    changes = changing(record.hours, record.quality)
    found: list[dict[str, Any]] = [{"kind": "changing", "changes": changes}] if changes else []
    for field in left_out(record.quality):
        found.append({"kind": "left_out", "field": field, "mirrors": _MIRRORED.get(field)})
    return found


def problems(record: StationRecord, now: datetime) -> list[dict[str, Any]]:
    """Return what is wrong with a station's data now, the worst first.

    Hours in which the station was not at its place are no fault of a sensor.

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
    field, hours = parameter.field, last_hours(record.hours, 24)
    is_valid = ~np.isnan(valid_readings(hours, field))
    valid_hours, away = int(is_valid.sum()), _hours_off_site(record, field, hours[TIMESTAMP])
    if valid_hours + away >= HOURS_FOR_A_VALID_DAY:
        return None
    fault = {"field": field, "cause": _main_cause(record, field, hours[TIMESTAMP])}
    if valid_hours:
        return {"kind": "partial", "valid_hours": valid_hours, "must_act": False, **fault}
    value = latest(hours[field])
    since = _invalid_since(record, field)
    if value is None and since is None:
        # The station has no such sensor.
        return None
    return {"kind": "sensor", "since": since, "value": value, "must_act": True, **fault}


def latest(readings: pd.Series) -> float | None:
    """Return the last reading that is there."""
    present = readings.dropna()
    return None if present.empty else float(present.iloc[-1])


def _hours_off_site(record: StationRecord, field: str, hours: pd.Series) -> int:
    is_off_site = has_flag(record.quality, field, OFF_SITE)
    return int(record.quality[TIMESTAMP][is_off_site].isin(hours).sum())


def _main_cause(record: StationRecord, field: str, hours: pd.Series) -> str:
    """Return the flag that fails most readings of these hours; a sensor of which no reading fails is missing."""
    flags = record.quality.loc[record.quality[TIMESTAMP].isin(hours), f"{field}_flags"]
    on_site = (names for names in map(flag_list, flags) if OFF_SITE not in names)
    causes = Counter(name for names in on_site for name in names if name in _CAUSES)
    return causes.most_common(1)[0][0] if causes else "missing"


def _invalid_since(record: StationRecord, field: str) -> str | None:
    """Return the first hour after the last valid one, or after the station came to its place, whichever is later.

    The day after it if that is long ago; None if there is none.
    """
    hours, quality = record.hours[TIMESTAMP], record.quality
    is_excused = ~np.isnan(valid_readings(record.hours, field))
    is_excused |= hours.isin(quality[TIMESTAMP][has_flag(quality, field, OFF_SITE)]).to_numpy()
    was_away = record.days[f"{field}_invalid"].map(lambda reason: isinstance(reason, dict) and OFF_SITE in reason)
    was_away = was_away.astype(bool)
    if is_excused.any():
        last = hours[is_excused].iloc[-1]
        days = record.days[DATE][was_away & (record.days[DATE] > last)]
        if days.empty:
            return hours[hours > last].iloc[0].isoformat()
    else:
        days = record.days[DATE][was_away | (record.days[f"{field}_valid_hours"] > 0)]
    return None if days.empty else f"{days.iloc[-1] + timedelta(days=1):%Y-%m-%d}"
