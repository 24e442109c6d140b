"""Single values: from Python to BSON, and back."""

import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import UUID_SUBTYPE, UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS

from dagster_mongodb.columns import STORED_DOT, column_name, field_name
from dagster_mongodb.dates import STRICT, DatePolicy, bson_date, bson_date_of_numpy
from dagster_mongodb.errors import UnreadableError, UnstorableError

ID = "_id"

MOST_LEVELS = 179
"""How deep documents and lists may lie in each other: MongoDB holds 180 levels, and a revision adds one."""

READING: CodecOptions[dict[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""How documents are decoded: dates are UTC without a time zone, or `DatetimeMS` if Python cannot hold them."""

# Types that BSON and pandas both hold unchanged.
_PLAIN = frozenset({str, bool, type(None), float, int})
_READ_PLAIN = frozenset({*_PLAIN, bytes})
# Types that are read back unchanged, except Int64 as int and Decimal128 as Decimal.
_STORABLE = frozenset(
    {*_READ_PLAIN, ObjectId, Decimal128, Int64, Binary, Code, DBRef, MaxKey, MinKey, Regex, Timestamp}
)
_ADVICE: tuple[tuple[Any, str], ...] = (
    (enum.Enum, "store its value, as in member.value"),
    (pathlib.PurePath, "store its text, as in str(path)"),
    (datetime.time, "store its text, as in time.isoformat(), or a whole datetime"),
    ((datetime.timedelta, np.timedelta64), "store a number, as in duration / timedelta(milliseconds=1)"),
    ((set, frozenset), "store a list, as in sorted(values)"),
    (complex, "store its real and its imaginary part"),
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


def bson_values(values: list[Any], column: str, first_row: int = 0, dates: DatePolicy = STRICT) -> list[Any]:
    """Return the values of a column as BSON values.

    Args:
        values: of a column.
        column: its name, for the error.
        first_row: the row of the first value, for the error.
        dates: what becomes of dates that BSON cannot hold.

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
        value if value is ABSENT else bson_value(value, f"column {column!r}, row {row}", dates)
        for row, value in enumerate(values, first_row)
    ]


def bson_value(value: Any, where: str, dates: DatePolicy = STRICT, level: int = 2) -> Any:
    """Return one object as a BSON value, with all values inside it checked.

    Args:
        value: any object.
        where: its place, for the error message.
        dates: what becomes of dates that BSON cannot hold.
        level: of a document or list, if the value is one; that of a row is 1.

    Raises:
        UnstorableError: BSON has no value that would be read back as the same; the message says what to do.
    """
    if type(value) in _STORABLE:
        return value
    if level > MOST_LEVELS and isinstance(value, (Mapping, list, tuple, np.ndarray)):
        raise UnstorableError(
            f"{where}: documents and lists lie more than {MOST_LEVELS} levels deep in each other, which MongoDB cannot "
            "hold: store a part of them as documents of their own"
        )
    if isinstance(value, Mapping):
        return {
            bson_key(key, where): inner if type(inner) in _STORABLE else bson_value(inner, where, dates, level + 1)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        if _STORABLE.issuperset(map(type, value)):
            return list(value)
        return [bson_value(inner, where, dates, level + 1) for inner in value]
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, datetime.datetime):
        return bson_date(value, where, dates)
    if isinstance(value, uuid.UUID):
        return Binary.from_uuid(value)
    if isinstance(value, decimal.Decimal):
        return _bson_decimal(value, where)
    if isinstance(value, enum.Enum) and isinstance(value, (str, int)):
        return value.value  # equal to the member
    if isinstance(value, (np.generic, np.ndarray)):
        return _bson_of_numpy(value, where, dates, level)
    if type(value) is datetime.date:
        raise UnstorableError(
            f"{where}: the date {value} has no time: use dates in the whole column, or store its midnight UTC as a "
            "tz-aware datetime"
        )
    raise _no_bson_type(value, where)


def bson_key(key: Any, where: str) -> str:
    """Return the field of a key of a document.

    Args:
        key: any key.
        where: its place, for the error message.

    Raises:
        UnstorableError: MongoDB cannot hold a field of this name.
    """
    if not isinstance(key, str) or key.startswith("$") or "\0" in key:
        raise UnstorableError(f"{where}: {key!r} cannot be a field name")
    if STORED_DOT in key:
        raise UnstorableError(
            f"{where}: {key!r} contains {STORED_DOT!r} (U+FF0E), as which dots are stored: it would be read back as a "
            "dot, so rename it"
        )
    return field_name(key)


def _bson_of_numpy(value: np.generic | np.ndarray, where: str, dates: DatePolicy, level: int) -> Any:
    if value.dtype.kind == "V":
        raise UnstorableError(f"{where}: the fields of a structured numpy array would lose their names: use documents")
    if isinstance(value, np.ndarray):
        # Dates one by one: tolist() would make integers of them.
        inner = list(value) if value.dtype.kind in "mM" and value.ndim else value.tolist()
        return bson_value(inner if value.ndim else value[()], where, dates, level)
    if isinstance(value, (np.datetime64, np.timedelta64)) and np.isnat(value):
        return None
    if isinstance(value, np.datetime64):
        return bson_date_of_numpy(value, where, dates)
    item = value.item()
    if isinstance(value, np.timedelta64) or isinstance(item, np.generic):  # a duration, a longdouble
        raise _no_bson_type(value, where)
    return bson_value(item, where, dates)


def _bson_decimal(value: decimal.Decimal, where: str) -> Decimal128:
    try:
        return Decimal128(value)
    except decimal.DecimalException:
        raise UnstorableError(
            f"{where}: the decimal {value} does not fit the 34 digits of BSON: round it, or store it as text"
        ) from None


def _no_bson_type(value: object, where: str) -> UnstorableError:
    default = "make it text, a number, a list or a document"
    advice = next((advice for kinds, advice in _ADVICE if isinstance(value, kinds)), default)
    return UnstorableError(f"{where}: BSON has no type for {value!r:.80} ({type(value).__name__}): {advice}")


def python_values(values: Iterable[Any]) -> list[Any]:
    """Return stored values as Python values: `python_value` of each."""
    listed = list(values)
    return listed if set(map(type, listed)) <= _READ_PLAIN else [python_value(value) for value in listed]


def python_value(value: Any) -> Any:
    """Return a stored value as a Python value.

    Dates have the time zone UTC, decimals are `decimal.Decimal`, binaries of subtype 4 `uuid.UUID`, and keys of
    documents have their dots again.

    Raises:
        UnreadableError: a date is outside the years that Python can hold.
    """
    kind = type(value)
    if kind in _READ_PLAIN:
        return value
    if kind is dict:
        return {
            column_name(key): inner if type(inner) in _READ_PLAIN else python_value(inner)
            for key, inner in value.items()
        }
    if kind is list:
        return python_values(value)
    if kind is datetime.datetime:
        return value.replace(tzinfo=datetime.timezone.utc)
    if kind is Int64:
        return int(value)
    if kind is Decimal128:
        return value.to_decimal()
    if kind is Binary and value.subtype == UUID_SUBTYPE:
        return value.as_uuid()
    if kind is DatetimeMS:
        raise UnreadableError(
            f"a stored date, {np.datetime64(int(value), 'ms')}, is outside the years 1 to 9999, which Python's dates "
            "can hold: correct the document"
        )
    return value
