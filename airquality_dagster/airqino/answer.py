"""Parsing of the AirQino API's answers: a tidy frame of hours, and the rows that could not be parsed."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.errors import AirQinoAnswerError
from airquality_dagster.network.freshness import PROVISIONAL_FOR
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PROVISIONAL,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
    field_of,
)

# The clocks of station and platform may differ a little. A later hour is rejected.
_CLOCK_TOLERANCE = timedelta(hours=1)
# An earlier timestamp comes from a station whose clock was reset (1970).
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True)
class RejectedRow:
    """A row of an answer that could not be parsed, unchanged, the reason, and the row's hour (UTC) if it has one."""

    row: Any
    reason: str
    hour: datetime | None = None


@dataclass(frozen=True)
class HourlyAnswer:
    """The content of one answer.

    Args:
        hours: start of the hour (UTC) → field → value in the sensor's unit; None for null, no entry if the answer
            does not have the field.
        rejected: rows that could not be parsed.
        simulated: whether the header marks the answer as simulated.
        coordinates: latitude and longitude in the header, unchecked; None if the header has none.
    """

    hours: Mapping[datetime, Mapping[str, float | None]]
    rejected: tuple[RejectedRow, ...] = ()
    simulated: bool = False
    coordinates: tuple[float, float] | None = None


class _RowError(Exception):
    """A row cannot be parsed; the message is the reason."""


def parse_hourly_answer(answer: object, *, start: datetime, end: datetime, now: datetime) -> HourlyAnswer:
    """Parse an answer to ``getStationHourlyAvg``.

    Rows outside the requested period are ignored, so that it does not matter whether the API includes the end of a
    period. Equal rows of one hour count once; rows of one hour that differ are all rejected.

    Args:
        answer: the decoded JSON body.
        start, end: the requested period, tz-aware; hours with ``start <= hour < end`` are kept.
        now: the present moment, tz-aware; later hours are rejected.

    Raises:
        AirQinoAnswerError: the body does not have the expected form.
    """
    rows, header = _open(answer)
    rejected: list[RejectedRow] = []
    candidates_by_hour: dict[datetime, list[tuple[Any, dict[str, float | None]]]] = {}
    for row in rows:
        hour = None
        try:
            hour = _hour(row, now)
            if start <= hour < end:
                readings = _readings(row)
                candidates_by_hour.setdefault(hour, []).append((row, readings))
        except _RowError as reason:
            rejected.append(RejectedRow(row, str(reason), hour))

    hours: dict[datetime, dict[str, float | None]] = {}
    for hour, candidates in sorted(candidates_by_hour.items()):
        if all(values == candidates[0][1] for _, values in candidates[1:]):
            hours[hour] = candidates[0][1]
        else:
            reason = f"{len(candidates)} different answers for the hour {hour:%Y-%m-%d %H:%M} UTC"
            rejected.extend(RejectedRow(row, reason, hour) for row, _ in candidates)
    return HourlyAnswer(hours, tuple(rejected), header.get("simulated") is True, _coordinates(header))


def hourly_frame(
    answers: Iterable[HourlyAnswer], *, station_id: int, now: datetime, absent: float = math.nan
) -> pd.DataFrame:
    """Return the hours of one or several answers as a frame.

    Args:
        answers: answers for consecutive periods of one station.
        station_id: the station's AirQino id.
        now: the present moment, tz-aware; determines which hours are provisional.
        absent: value of a field that an hour does not have. A null is NaN, or `None` in a
            column (of objects) that also holds ``absent``.

    Returns:
        one row per hour, ordered by time: ``timestamp`` (UTC, start of the hour), ``station_id``,
        one column per sensor in its unit, then ``provisional`` and ``simulated`` if any hour has them.
    """
    hours: dict[datetime, Mapping[str, float | None]] = {}
    simulated: list[bool] = []
    for answer in answers:
        hours |= answer.hours
        simulated += [answer.simulated] * len(answer.hours)

    fields = {field for readings in hours.values() for field in readings}
    known = [field for field in BY_FIELD if field in fields]
    columns: dict[str, Any] = {
        TIMESTAMP: pd.Series(list(hours), dtype="datetime64[ns, UTC]"),
        STATION_ID: np.full(len(hours), station_id, dtype="int64"),
    }
    for field in [*known, *sorted(fields.difference(known))]:
        values = [readings.get(field, absent) for readings in hours.values()]
        is_complete = all(field in readings for readings in hours.values())
        columns[field] = pd.Series(values, dtype="float64" if is_complete else object)
    for field, flags in (
        (PROVISIONAL, [hour + PROVISIONAL_FOR > now for hour in hours]),
        (SIMULATED, simulated),
    ):
        if any(flags):
            columns[field] = pd.Series([flag or absent for flag in flags], dtype=object)
    return pd.DataFrame(columns)


def _open(answer: object) -> tuple[list[Any], Mapping[str, Any]]:
    """Return the rows of an answer and its header."""
    if not isinstance(answer, Mapping):
        raise AirQinoAnswerError(f"the body is a JSON {type(answer).__name__}, not an object with 'data'")
    rows, header = answer.get("data"), answer.get("header", {})
    if not isinstance(rows, list):
        raise AirQinoAnswerError(f"the body has no list 'data' (its keys: {', '.join(map(str, answer)) or 'none'})")
    return rows, header if isinstance(header, Mapping) else {}


def _coordinates(header: Mapping[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = header.get("station_lat"), header.get("station_lon")
    if isinstance(latitude, (float, int)) and isinstance(longitude, (float, int)):
        return float(latitude), float(longitude)
    return None


def _hour(row: object, now: datetime) -> datetime:
    if not isinstance(row, dict):
        raise _RowError(f"not an object but {row!r:.80}")
    text = row.get(TIMESTAMP)
    if text is None:
        raise _RowError("no timestamp")
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise _RowError(f"timestamp {text!r:.80} is not of the form YYYY-mm-dd HH:MM:SS")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise _RowError(f"timestamp {text!r}: {error}") from None
    # The API's timestamps have no offset and mean UTC; an offset would be used.
    hour = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if hour.minute or hour.second or hour.microsecond:
        raise _RowError(f"timestamp {text!r} is not the start of an hour")
    if hour > now + _CLOCK_TOLERANCE:
        raise _RowError(f"timestamp {text!r} was in the future")
    if hour < _EARLIEST:
        raise _RowError(f"timestamp {text!r} is before there was any station")
    return hour


def _readings(row: Mapping[str, Any]) -> dict[str, float | None]:
    """Return field → value; None for null."""
    readings: dict[str, float | None] = {}
    for name, value in row.items():
        if name == TIMESTAMP:
            continue
        field = field_of(name)
        if field in readings:
            raise _RowError(f"two sensors for the field {field}")
        if value is None:
            readings[field] = None
        elif type(value) in (float, int) and math.isfinite(value):
            readings[field] = float(value)
        else:
            raise _RowError(f"{name} is {value!r:.80}, not a number")
    return readings
