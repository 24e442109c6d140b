"""Frames to BSON documents and back.

What BSON cannot hold is refused before anything is written. A missing value (NaN in a column of
numbers, NaT, NA, None) is a null; NaN among other objects stays NaN. `ABSENT` is no field at all.
"""

import contextlib
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
import numpy as np
import pandas as pd
from bson.errors import BSONError

from airquality_dagster.io_managers.mongodb.errors import UnstorableFrameError

ID = "_id"

# dtypes whose values go to BSON and back by themselves; anything else is looked at value by value.
PLAIN_NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_REFUSED_DTYPES = {
    "m": "store a number and name its unit in the column, as in df['seconds'] = df[column].dt.total_seconds()",
    "c": "store real and imaginary part as two columns",
}
_WITHOUT_DATES = frozenset({str, int, float, bool, bytes, type(None)})
_DATETIME_DTYPE = re.compile(r"datetime64\[(s|ms|us|ns), .+\]")


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
"""A NaN that says: the document has no such field. In a column of objects, it is told from a null
(None); to pandas both are missing values. Read back, it is NaN."""


@dataclass(frozen=True)
class Column:
    """A column's name and pandas dtype, as text."""

    name: str
    dtype: str


@dataclass(frozen=True)
class EncodedFrame:
    """A frame as BSON documents in its order; with a primary key, ``_id`` stands first in each."""

    documents: Sequence[bytes]
    columns: tuple[Column, ...]


def encode_frame(frame: pd.DataFrame, primary_key: Sequence[str] = ()) -> EncodedFrame:
    """Encode a frame as BSON documents.

    Args:
        frame: columns with text names; an index without a name and with whole numbers, which says
            nothing and is not stored.
        primary_key: the columns that become ``_id``: one its value, several a subdocument.

    Raises:
        UnstorableFrameError: names the column and the row that cannot be stored, and why.
    """
    _check_labels(frame, primary_key)
    names = [str(name) for name in frame.columns]
    values = {name: _column_values(frame[name]) for name in names}
    if primary_key:
        _check_primary_key(values, primary_key)
    columns = tuple(Column(name, _stored_dtype(frame[name], values[name])) for name in names)

    fields = {name: values[name] for name in names if name not in primary_key}
    if len(primary_key) == 1:
        fields = {ID: values[primary_key[0]], **fields}
    elif primary_key:
        keys = zip(*(values[name] for name in primary_key), strict=True)
        fields = {ID: [dict(zip(primary_key, key, strict=True)) for key in keys], **fields}
    rows = zip(*fields.values(), strict=True) if fields else iter([()] * len(frame))
    # The loop over all rows: nothing in it that could be done once.
    encode, names_of_fields = bson.encode, tuple(fields)
    documents: list[bytes] = []
    add = documents.append
    try:
        if any(frame[name].dtype == object and _holds_absent(fields[name]) for name in fields if name != ID):
            for row in rows:
                add(encode({name: value for name, value in zip(names_of_fields, row) if value is not ABSENT}))  # noqa: B905
        else:
            for row in rows:
                add(encode(dict(zip(names_of_fields, row))))  # noqa: B905
    except (BSONError, OverflowError, TypeError, ValueError) as error:
        row = len(documents)
        document = {name: column[row] for name, column in fields.items()}
        raise _explain_unencodable(frame, row, document, primary_key, error) from error
    return EncodedFrame(documents, columns)


def decode_frame(
    documents: Sequence[Mapping[str, Any]], columns: Sequence[Column], primary_key: Sequence[str] = ()
) -> pd.DataFrame:
    """Lay documents out as a frame.

    Args:
        documents: decoded, with dates in UTC that do not say so, which are the fastest to decode.
        columns: in this order, with these dtypes. Where a value does not fit its dtype (an integer
            column in which some documents have no such field), pandas' usual wider dtype is taken.
        primary_key: the columns that were made ``_id``.
    """
    if len(primary_key) == 1:
        keys: dict[str, Any] = {primary_key[0]: [document[ID] for document in documents]}
    else:
        keys = {name: [document[ID][name] for document in documents] for name in primary_key}
    frame = {
        column.name: _restore(
            keys[column.name] if column.name in keys else [document.get(column.name, np.nan) for document in documents],
            column.dtype,
        )
        for column in columns
    }
    return pd.DataFrame(frame, columns=pd.Index([column.name for column in columns], dtype=object))


def _check_labels(frame: pd.DataFrame, primary_key: Sequence[str]) -> None:
    index = frame.index
    says_something = index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)
    if says_something and len(frame):
        raise UnstorableFrameError(
            f"the index ({', '.join(map(str, index.names))}: {index.dtype}) would be lost: make it columns with "
            "reset_index(), or drop it with reset_index(drop=True)"
        )
    names = list(frame.columns)
    for name in names:
        if not isinstance(name, str):
            raise UnstorableFrameError(f"column name {name!r} is no text: rename it")
        if not name or name.startswith("$") or "." in name or "\0" in name:
            raise UnstorableFrameError(
                f"column name {name!r} is no field name that can be queried (empty, '$' at its start, '.' or NUL): "
                "rename it"
            )
        if name == ID and list(primary_key) != [ID]:
            raise UnstorableFrameError(
                "column name '_id' is MongoDB's own: name the column in 'primary_key', or rename it"
            )
        if names.count(name) > 1:
            raise UnstorableFrameError(f"column name {name!r} stands {names.count(name)} times: rename one")
    lacking = [name for name in primary_key if name not in names]
    if lacking:
        raise UnstorableFrameError(
            f"primary_key names {', '.join(lacking)}, but the columns are {', '.join(names) or 'none'}"
        )


def _column_values(series: pd.Series) -> list[Any]:
    """Return a column's values as BSON knows them."""
    dtype = series.dtype
    if str(dtype) in PLAIN_NUMBERS:
        values = series.tolist()
        if dtype.kind == "f":
            for position in np.flatnonzero(series.isna().to_numpy()):
                values[position] = None
        return values
    if dtype.kind in _REFUSED_DTYPES and not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        raise UnstorableFrameError(
            f"column {series.name!r} is {dtype}, which BSON has no type for: {_REFUSED_DTYPES[dtype.kind]}"
        )
    if dtype.kind == "M":
        return _dates(series)
    objects = series.astype(object)
    if isinstance(dtype, pd.api.extensions.ExtensionDtype):
        objects = objects.where(series.notna(), None)
    values = objects.tolist()
    if set(map(type, values)) <= {str, bool, type(None), float, int, _Absent}:
        return values
    return [_object_value(value, f"column {series.name!r}, row {row}") for row, value in enumerate(values)]


def _dates(series: pd.Series) -> list[datetime.datetime | None]:
    if series.dt.tz is None:
        raise UnstorableFrameError(
            f"column {series.name!r} holds dates without a time zone, which MongoDB would take for UTC: "
            f"say what they are, as in df[{series.name!r}].dt.tz_localize('UTC')"
        )
    finer = series.notna() & (series.dt.floor("ms") != series)
    if finer.any():
        row = int(np.flatnonzero(finer.to_numpy())[0])
        raise UnstorableFrameError(
            f"column {series.name!r}, row {row}: {series.iloc[row].isoformat()} is finer than a millisecond, which a "
            f"BSON date cannot hold: round it, as in df[{series.name!r}].dt.floor('ms')"
        )
    # Without a zone, which BSON takes for UTC: it has not to ask each date for its offset.
    naive = pd.DatetimeIndex(series.dt.tz_convert("UTC").dt.tz_localize(None))
    dates: list[datetime.datetime | None] = naive.to_pydatetime().tolist()
    for row in np.flatnonzero(naive.isna()):
        dates[row] = None
    return dates


def _object_value(value: Any, where: str) -> Any:
    """Return one value of a column of objects, checked to its depth."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise UnstorableFrameError(f"{where}: the date {value} has no time zone, say which it is in")
        if value.microsecond % 1000 or getattr(value, "nanosecond", 0):
            raise UnstorableFrameError(
                f"{where}: {value.isoformat()} is finer than a millisecond, which a BSON date cannot hold"
            )
    elif isinstance(value, datetime.date):
        raise UnstorableFrameError(
            f"{where}: the date {value} has no time: store midnight UTC of it as a tz-aware datetime"
        )
    elif isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$") or "\0" in key:
                raise UnstorableFrameError(f"{where}: {key!r} cannot be a field name")
        return {key: _object_value(inner, where) for key, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        return [_object_value(inner, where) for inner in value]
    return value


def _stored_dtype(series: pd.Series, values: Sequence[Any]) -> str:
    """Return the dtype under which a column is read back."""
    if series.dtype == object and _holds_absent(values):
        # Read back, ABSENT is NaN, with which the other values may be plain numbers.
        present = [value for value in values if value is not None and value is not ABSENT]
        return str(pd.Series(present, dtype=object).infer_objects().dtype) if present else "float64"
    return str(series.dtype)


def _holds_absent(values: Sequence[Any]) -> bool:
    return any(value is ABSENT for value in values)


def _check_primary_key(values: Mapping[str, Sequence[Any]], primary_key: Sequence[str]) -> None:
    def shown(key: Sequence[Any]) -> str:
        return ", ".join(f"{name}={value}" for name, value in zip(primary_key, key, strict=True))

    if len(primary_key) == 1:
        keys = values[primary_key[0]]
        with contextlib.suppress(TypeError):  # a value that cannot be in a set: found below
            distinct = set(keys)
            if len(distinct) == len(keys) and not {None, ABSENT} & distinct:
                return
    seen: dict[Any, int] = {}
    for row, key in enumerate(zip(*(values[name] for name in primary_key), strict=True)):
        if None in key or any(value is ABSENT for value in key):
            raise UnstorableFrameError(f"row {row} has no primary key ({shown(key)})")
        try:
            former = seen.setdefault(key, row)
        except TypeError:
            raise UnstorableFrameError(
                f"row {row}: a primary key is one value, not a list or a document ({shown(key)})"
            ) from None
        if former != row:
            raise UnstorableFrameError(f"rows {former} and {row} have the same primary key ({shown(key)})")


def _explain_unencodable(
    frame: pd.DataFrame, row: int, document: Mapping[str, Any], primary_key: Sequence[str], error: Exception
) -> UnstorableFrameError:
    for name, value in document.items():
        try:
            bson.encode({name: value})
        except (BSONError, OverflowError, TypeError, ValueError) as reason:
            column = " ".join(primary_key) if name == ID else name
            return UnstorableFrameError(
                f"column {column!r}, row {row}: BSON cannot hold {value!r:.80} ({type(value).__name__}): {reason}"
            )
    return UnstorableFrameError(f"row {row} of {len(frame)} cannot be stored: {error}")


def _restore(values: list[Any], dtype: str) -> pd.Series:
    if _DATETIME_DTYPE.fullmatch(dtype):
        zone = dtype.split(", ")[1].rstrip("]")
        present = [value if isinstance(value, datetime.datetime) else None for value in values]
        dates = pd.Series(np.array(present, dtype="datetime64[ms]")).dt.tz_localize("UTC").dt.tz_convert(zone)
        return dates.astype(pd.api.types.pandas_dtype(dtype))
    if dtype.startswith("float"):
        return pd.Series(np.array(values, dtype="float64"), dtype=dtype)
    if not set(map(type, values)) <= _WITHOUT_DATES:
        values = [_with_zone(value) for value in values]
    objects = pd.Series(values, dtype=object)
    if dtype == "object":
        return objects
    if dtype in PLAIN_NUMBERS and objects.isna().any():
        return objects.astype("float64") if "int" in dtype else objects
    return objects.astype(pd.api.types.pandas_dtype(dtype))


def _with_zone(value: Any) -> Any:
    """Return a value in which every date says that it is UTC."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=datetime.timezone.utc)
    if isinstance(value, dict):
        return {key: _with_zone(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_zone(inner) for inner in value]
    return value
