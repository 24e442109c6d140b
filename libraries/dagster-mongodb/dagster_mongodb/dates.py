"""Single dates to BSON, which keeps milliseconds in UTC."""

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dagster_mongodb.errors import UnstorableError


@dataclass(frozen=True)
class DatePolicy:
    """What becomes of dates that BSON, which keeps milliseconds in UTC, cannot hold as they are.

    Args:
        naive_as_utc: dates without a time zone are taken for UTC; otherwise they are refused.
        floor: dates and durations finer than a millisecond are rounded down; otherwise they are refused.
    """

    naive_as_utc: bool = False
    floor: bool = False


STRICT = DatePolicy()
"""All that BSON cannot hold is refused."""


def midnight(date: datetime.date) -> datetime.datetime:
    """Return a calendar date as it is stored: as midnight UTC.

    >>> midnight(datetime.date(2024, 1, 1)).isoformat()
    '2024-01-01T00:00:00+00:00'
    """
    return datetime.datetime.combine(date, datetime.time(), datetime.timezone.utc)


def bson_date(value: datetime.datetime, where: str, dates: DatePolicy) -> datetime.datetime:
    """Return a date in UTC without a time zone, which BSON takes for UTC.

    Args:
        value: with or without a time zone.
        where: its place, for the error message.
        dates: what becomes of it if BSON cannot hold it.

    Raises:
        UnstorableError: the policy does not allow it, or it is outside the years that can be read back.
    """
    if value.tzinfo is None and not dates.naive_as_utc:
        raise _naive(value, where)
    if (value.microsecond % 1000 or getattr(value, "nanosecond", 0)) and not dates.floor:
        raise _finer(value.isoformat(), where)
    try:
        plain = value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value
        utc = plain if plain.tzinfo is None else plain.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError, NotImplementedError):
        raise _beyond(value, where) from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def bson_date_of_numpy(value: np.datetime64, where: str, dates: DatePolicy) -> datetime.datetime:
    """Return a date of numpy, which has no time zone and is not NaT; see `bson_date`."""
    if not dates.naive_as_utc:
        raise _naive(value, where)
    milliseconds = value.astype("datetime64[ms]")
    if milliseconds != value and not dates.floor:
        raise _finer(value, where)
    date = milliseconds.item()
    if not isinstance(date, datetime.datetime):
        raise _beyond(value, where)
    return date


def _naive(value: object, where: str) -> UnstorableError:
    return UnstorableError(
        f"{where}: the date {value} has no time zone: add one, or set the metadata 'dates' to 'utc' if it is UTC"
    )


def _finer(value: object, where: str) -> UnstorableError:
    return UnstorableError(
        f"{where}: {value} is finer than a millisecond, which a BSON date cannot hold: round it, or set the metadata "
        "'dates' to 'floor'"
    )


def _beyond(value: object, where: str) -> UnstorableError:
    return UnstorableError(f"{where}: {value} is outside the years 1 to 9999 (in UTC), which can be read back")
