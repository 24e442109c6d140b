"""Parsing of the AirQino API's answers: a tidy frame of hours, and what could not be stored."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.airqino.decode import RepeatedKeys
from airquality_dagster.airqino.header import NO_HEADER, Header, parse_header
from airquality_dagster.airqino.rows import Readings, RowError, SetAsideValue, hour_of, readings_of
from airquality_dagster.airqino.shown import shown_name
from airquality_dagster.errors import AirQinoAnswerError
from airquality_dagster.network.freshness import PROVISIONAL_FOR
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PROVISIONAL,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
    fields_of,
    renamed_sensors,
)


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
            does not have the field, or has a value that is not a number.
        rejected: rows that could not be parsed.
        set_aside: values of the hours that are not numbers.
        rows: how many rows the answer had.
        renamed: sensor → field, of sensors that are not stored under their normalised name.
        header: what the header says.
    """

    hours: Mapping[datetime, Readings]
    rejected: tuple[RejectedRow, ...] = ()
    set_aside: tuple[SetAsideValue, ...] = ()
    rows: int = 0
    renamed: Mapping[str, str] = default(default_factory=dict)
    header: Header = NO_HEADER

    @property
    def simulated(self) -> bool:
        """Whether the header marks the answer as simulated."""
        return self.header.simulated

    @property
    def answered(self) -> set[datetime]:
        """The hours that the answer has, also in rows that were rejected."""
        return {*self.hours, *(row.hour for row in self.rejected if row.hour is not None)}


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
    fields = fields_of({name for row in rows if isinstance(row, dict) for name in row} - {TIMESTAMP})
    rejected: list[RejectedRow] = []
    candidates_by_hour: dict[datetime, list[tuple[Any, Readings, Sequence[SetAsideValue]]]] = {}
    for row in rows:
        hour = None
        try:
            hour = hour_of(row, now)
            if start <= hour < end:
                candidate = row, *readings_of(row, hour, fields)
                candidates_by_hour.setdefault(hour, []).append(candidate)
        except RowError as reason:
            rejected.append(RejectedRow(row, str(reason), hour))

    hours: dict[datetime, Readings] = {}
    set_aside: list[SetAsideValue] = []
    for hour, candidates in sorted(candidates_by_hour.items(), key=lambda entry: entry[0]):
        if all(readings == candidates[0][1] for _, readings, _ in candidates[1:]):
            hours[hour] = candidates[0][1]
            set_aside += [value for _, _, values in candidates for value in values]
        else:
            reason = f"{len(candidates)} different answers for the hour {hour:%Y-%m-%d %H:%M} UTC"
            rejected += [RejectedRow(row, reason, hour) for row, _, _ in candidates]
    return HourlyAnswer(hours, tuple(rejected), tuple(set_aside), len(rows), renamed_sensors(fields), header)


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
    hours: dict[datetime, Readings] = {}
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


def _open(answer: object) -> tuple[list[Any], Header]:
    """Return the rows of an answer and its header."""
    if isinstance(answer, RepeatedKeys):
        raise AirQinoAnswerError(f"the body has the key {shown_name(answer.repeated)} twice")
    if not isinstance(answer, Mapping):
        raise AirQinoAnswerError(f"the body is a JSON {type(answer).__name__}, not an object with 'data'")
    rows = answer.get("data")
    if not isinstance(rows, list) or isinstance(rows, RepeatedKeys):
        keys = ", ".join(map(shown_name, answer)) or "none"
        raise AirQinoAnswerError(f"the body has no list 'data' (its keys: {keys:.200})")
    return rows, parse_header(answer.get("header"))
