"""Parsing of one row of an answer: its hour, its readings, and values that are no readings."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airquality_dagster.airqino.decode import RepeatedKeys
from airquality_dagster.airqino.shown import shown, shown_name
from airquality_dagster.network.pollutants import TIMESTAMP

# The clocks of station and platform may differ a little. A later hour is rejected.
_CLOCK_TOLERANCE = timedelta(hours=1)
# An earlier timestamp comes from a station whose clock was reset (1970).
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)

Readings = Mapping[str, float | None]
"""Field → value in the sensor's unit; None for null, no entry if there is no reading."""


class RowError(Exception):
    """A row cannot be parsed; the message is the reason."""


@dataclass(frozen=True)
class SetAsideValue:
    """A value of an answer that is not a number, unchanged. The other readings of its hour are stored.

    Args:
        sensor: the sensor's name in the API.
        field: the field in which its readings are stored.
        value: as it came.
        hour: its hour (UTC).
        reason: why it could not be stored.
    """

    sensor: str
    field: str
    value: Any
    hour: datetime
    reason: str


def hour_of(row: object, now: datetime) -> datetime:
    """Return the hour (UTC) of a row.

    Raises:
        RowError: the row has no usable timestamp, or two.
    """
    if isinstance(row, RepeatedKeys) and row.repeated != TIMESTAMP:
        row = dict(row)
    if not isinstance(row, dict):
        raise RowError("two timestamps" if isinstance(row, RepeatedKeys) else f"not an object but {shown(row)}")
    text = row.get(TIMESTAMP)
    if text is None:
        raise RowError("no timestamp")
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise RowError(f"timestamp {shown(text)} is not of the form YYYY-mm-dd HH:MM:SS")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        # The API's timestamps have no offset and mean UTC; an offset would be used.
        hour = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # overflow: the first and last hours of the calendar
        raise RowError(f"timestamp {text!r}: {error}") from None
    if hour.minute or hour.second or hour.microsecond:
        raise RowError(f"timestamp {text!r} is not the start of an hour")
    if hour > now + _CLOCK_TOLERANCE:
        raise RowError(f"timestamp {text!r} was in the future")
    if hour < _EARLIEST:
        raise RowError(f"timestamp {text!r} is before there was any station")
    return hour


def readings_of(
    row: Mapping[str, Any] | RepeatedKeys, hour: datetime, fields: Mapping[str, str]
) -> tuple[dict[str, float | None], list[SetAsideValue]]:
    """Return the readings of a row, and its values that are not finite numbers.

    Text is never converted, not even "12.5": whether a comma or a unit would come with the next one is not known.

    Args:
        row: the row.
        hour: its hour.
        fields: sensor → field.

    Raises:
        RowError: the row has a key twice.
    """
    if isinstance(row, RepeatedKeys):
        raise RowError(f"the key {shown_name(row.repeated)} is there twice")
    readings: dict[str, float | None] = {}
    set_aside = []
    for name, value in row.items():
        if name == TIMESTAMP:
            continue
        number = _finite(value)
        if value is None or number is not None:
            readings[fields[name]] = number
        else:
            reason = f"{shown_name(name)} is {shown(value)}, not a number"
            set_aside.append(SetAsideValue(name, fields[name], value, hour, reason))
    return readings, set_aside


def _finite(value: object) -> float | None:
    """Return a finite number as float, None for all else."""
    # Not isinstance: True is an int.
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
