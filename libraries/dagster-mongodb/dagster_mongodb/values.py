"""Single values: from Python to BSON, and back."""

import datetime
import decimal
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from dagster_mongodb.errors import UnstorableError

ID = "_id"

MOST_LEVELS = 179
"""How deep documents and lists may lie in each other: MongoDB holds 180 levels, and a revision adds one."""

# Types that BSON and pandas both hold unchanged.
_PLAIN = frozenset({str, bool, type(None), float, int})
_READ_PLAIN = frozenset({*_PLAIN, bytes})
# Types that are read back unchanged, except Int64 as int and Decimal128 as Decimal.
_STORABLE = frozenset(
    {*_READ_PLAIN, ObjectId, Decimal128, Int64, Binary, Code, DBRef, MaxKey, MinKey, Regex, Timestamp}
)


class _Absent(float):
    """Type of `ABSENT`."""

    def __new__(cls) -> "_Absent":
        """Return the one instance, also when it is unpickled."""
        return ABSENT if "ABSENT" in globals() else super().__new__(cls, "nan")

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Absent, ()

    def __copy__(self) -> "_Absent":
        return self

    def __deepcopy__(self, memo: object) -> "_Absent":
        return self


ABSENT = _Absent()
"""A NaN for: the document does not have this field. In a column of objects it differs from None, which
becomes null; for pandas both are missing values. It is read back as NaN."""

ABSENT_TYPE = type(ABSENT)


def bson_values(values: list[Any], column: str, first_row: int = 0) -> list[Any]:
    """Return the values of a column as BSON values.

    Args:
        values: of a column.
        column: its name, for the error.
        first_row: the row of the first value, for the error.

    Raises:
        UnstorableError: names column and row.
    """
    kinds = set(map(type, values))
    if list in kinds and _PLAIN.issuperset(
        map(type, chain.from_iterable(value for value in values if type(value) is list))
    ):
        kinds.remove(list)
    if kinds <= {*_PLAIN, ABSENT_TYPE}:
        return values
    return [
        value if value is ABSENT else bson_value(value, f"column {column!r}, row {row}")
        for row, value in enumerate(values, first_row)
    ]


def bson_value(value: Any, where: str, level: int = 2) -> Any:
    """Return one object as a BSON value, with all values inside it checked.

    Args:
        value: any object.
        where: its place, for the error message.
        level: of a document or list, if the value is one; that of a row is 1.

    Raises:
        UnstorableError: BSON has no value that would be read back as the same; the message says what to do.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    kind = type(value)
    if kind in _STORABLE:
        return value
    if isinstance(value, datetime.datetime):
        return _checked_date(value, where)
    if kind is datetime.date:
        raise UnstorableError(
            f"{where}: the date {value} has no time: use dates in the whole column, or store its midnight UTC as a "
            "tz-aware datetime"
        )
    if isinstance(value, decimal.Decimal):
        return _checked_decimal(value, where)
    if level > MOST_LEVELS:
        _check_is_no_level(value, where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$") or "\0" in key:
                raise UnstorableError(f"{where}: {key!r} cannot be a field name")
        return {str(key): bson_value(inner, where, level + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        if _STORABLE.issuperset(map(type, value)):
            return list(value)
        return [bson_value(inner, where, level + 1) for inner in value]
    raise UnstorableError(
        f"{where}: BSON has no type for {value!r:.80} ({kind.__name__}): make it text, a number, a list or a document"
    )


def _check_is_no_level(value: Any, where: str) -> None:
    if isinstance(value, (Mapping, list, tuple)):
        raise UnstorableError(
            f"{where}: documents and lists lie more than {MOST_LEVELS} levels deep in each other, which MongoDB cannot "
            "hold: store a part of them as documents of their own"
        )


def _checked_date(value: datetime.datetime, where: str) -> datetime.datetime:
    if value.tzinfo is None:
        raise UnstorableError(f"{where}: the date {value} has no time zone: add one")
    if value.microsecond % 1000 or getattr(value, "nanosecond", 0):
        raise UnstorableError(
            f"{where}: {value.isoformat()} is finer than a millisecond, which a BSON date cannot hold: round it"
        )
    return value


def _checked_decimal(value: decimal.Decimal, where: str) -> Decimal128:
    try:
        return Decimal128(value)
    except decimal.DecimalException:
        raise UnstorableError(
            f"{where}: the decimal {value} does not fit the 34 digits of BSON: round it, or store it as text"
        ) from None


def python_values(values: Iterable[Any]) -> list[Any]:
    """Return stored values as Python values: `python_value` of each."""
    listed = list(values)
    return listed if set(map(type, listed)) <= _READ_PLAIN else [python_value(value) for value in listed]


def python_value(value: Any) -> Any:
    """Return a stored value as a Python value: dates with the time zone UTC, decimals as `decimal.Decimal`."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=datetime.UTC)
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, dict):
        return {key: python_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [python_value(inner) for inner in value]
    return value
