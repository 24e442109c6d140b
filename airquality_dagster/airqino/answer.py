"""From an answer of the AirQino API to a tidy frame of hours, and to what in it is no reading."""

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

# A station's or our clock may be off by a little; an hour later than this has not happened yet.
_CLOCK_TOLERANCE = timedelta(hours=1)
# Before any AirQino station existed: the reset clock of a station (1970), not a reading.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True)
class RejectedRow:
    """A row of an answer that is no reading, exactly as it came, and why."""

    row: Any
    reason: str


@dataclass(frozen=True)
class HourlyAnswer:
    """What one answer holds.

    Args:
        hours: start of the hour (UTC) → field → value in the sensor's unit; None where the answer
            says null, no entry where it has no such field.
        rejected: rows that are no readings.
        simulated: the answer calls itself simulated.
        coordinates: latitude and longitude as the header says, right or wrong; None where it says none.
    """

    hours: Mapping[datetime, Mapping[str, float | None]]
    rejected: tuple[RejectedRow, ...] = ()
    simulated: bool = False
    coordinates: tuple[float, float] | None = None


class _Rejected(Exception):
    """Why a row is no reading."""


def parse_hourly_answer(answer: object, *, start: datetime, end: datetime, now: datetime) -> HourlyAnswer:
    """Parse an answer to ``getStationHourlyAvg``.

    Rows of other hours than those asked for are left to the request that asks for them, so that it
    does not matter whether the API includes the end of a period. Two equal rows of one hour are one
    reading; of two that differ none is chosen.

    Args:
        answer: the decoded JSON body.
        start, end: the period asked for, tz-aware; ``start <= timestamp < end`` is kept.
        now: the present moment, tz-aware; later hours cannot have been measured.

    Raises:
        AirQinoAnswerError: the body is not what the API promises.
    """
    rows, header = _open(answer)
    rejected: list[RejectedRow] = []
    candidates_by_hour: dict[datetime, list[tuple[Any, dict[str, float | None]]]] = {}
    for row in rows:
        try:
            hour = _hour(row, now)
            if start <= hour < end:
                readings = _readings(row)
                candidates_by_hour.setdefault(hour, []).append((row, readings))
        except _Rejected as reason:
            rejected.append(RejectedRow(row, str(reason)))

    hours: dict[datetime, dict[str, float | None]] = {}
    for hour, candidates in sorted(candidates_by_hour.items()):
        if all(values == candidates[0][1] for _, values in candidates[1:]):
            hours[hour] = candidates[0][1]
        else:
            reason = f"{len(candidates)} different answers for the hour {hour:%Y-%m-%d %H:%M} UTC"
            rejected.extend(RejectedRow(row, reason) for row, _ in candidates)
    return HourlyAnswer(hours, tuple(rejected), header.get("simulated") is True, _coordinates(header))


def hourly_frame(
    answers: Iterable[HourlyAnswer], *, station_id: int, now: datetime, absent: float = math.nan
) -> pd.DataFrame:
    """Lay the hours of one or several answers out as a frame.

    Args:
        answers: to consecutive periods of one station.
        station_id: the station's AirQino id.
        now: the present moment, tz-aware; decides which hours are provisional.
        absent: what stands for a field that an hour does not have. A null is NaN, or `None` in a
            column (of objects) that also holds ``absent``.

    Returns:
        one row an hour, ordered by time: ``timestamp`` (UTC, start of the hour), ``station_id``,
        then a column per sensor in its unit, then ``provisional`` and ``simulated`` where they apply.
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
        raise _Rejected(f"not an object but {row!r:.80}")
    text = row.get(TIMESTAMP)
    if text is None:
        raise _Rejected("no timestamp")
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise _Rejected(f"timestamp {text!r:.80} is not of the form YYYY-mm-dd HH:MM:SS")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise _Rejected(f"timestamp {text!r}: {error}") from None
    # The API's timestamps are naive and taken as UTC; one with an offset says itself what it means.
    hour = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if hour.minute or hour.second or hour.microsecond:
        raise _Rejected(f"timestamp {text!r} is not the start of an hour")
    if hour > now + _CLOCK_TOLERANCE:
        raise _Rejected(f"timestamp {text!r} was in the future")
    if hour < _EARLIEST:
        raise _Rejected(f"timestamp {text!r} is before there was any station")
    return hour


def _readings(row: Mapping[str, Any]) -> dict[str, float | None]:
    """Return field → value; None where the row says null."""
    readings: dict[str, float | None] = {}
    for name, value in row.items():
        if name == TIMESTAMP:
            continue
        field = field_of(name)
        if field in readings:
            raise _Rejected(f"two sensors for the field {field}")
        if value is None:
            readings[field] = None
        elif type(value) in (float, int) and math.isfinite(value):
            readings[field] = float(value)
        else:
            raise _Rejected(f"{name} is {value!r:.80}, not a number")
    return readings
