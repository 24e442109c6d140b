"""Values of Arrow arrays to BSON, and back."""

import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types
from bson import ObjectId

from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.values import STRICT, DatePolicy, bson_values, python_values

_REFUSED = {
    pa.types.is_time: "store seconds since midnight as a number, or a whole timestamp",
    pa.types.is_interval: "store months, days and nanoseconds as columns",
    pa.types.is_union: "store each type as a column",
}
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 to 9999
UUID = pa.uuid() if hasattr(pa, "uuid") else None
_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def storable_array(array: pa.ChunkedArray, column: str, dates: DatePolicy) -> pa.ChunkedArray:
    """Return an array whose dates are milliseconds with a time zone; the same one, unless the policy changes it.

    Args:
        array: a column.
        column: its name, for the error message.
        dates: what becomes of dates that BSON cannot hold.

    Raises:
        UnstorableError: names the column and, if a value is the cause, its row.
    """
    kind = array.type
    for is_refused, advice in _REFUSED.items():
        if is_refused(kind):
            raise UnstorableError(f"column {column!r} is {kind}, which BSON has no type for: {advice}")
    if pa.types.is_dictionary(kind) and pa.types.is_temporal(kind.value_type):
        plain = array.cast(kind.value_type)
        storable = storable_array(plain, column, dates)
        return array if storable is plain else storable
    if pa.types.is_timestamp(kind) and kind.tz is None:
        if not dates.naive_as_utc:
            raise UnstorableError(
                f"column {column!r} holds dates without a time zone, which MongoDB would take for UTC: add their "
                "time zone, as in pyarrow.compute.assume_timezone(column, 'UTC'), or set the metadata 'dates' to 'utc' "
                "if they are UTC"
            )
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        array = _in_milliseconds(array, column, dates)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        _check_years(array, column)
    _check_readable(array, column)
    return array


def bson_values_of_arrow(array: Any, column: str, first_row: int = 0, dates: DatePolicy = STRICT) -> list[Any]:
    """Return the values of an array as BSON values.

    Args:
        array: `pyarrow.Array` or `pyarrow.ChunkedArray`, part of a `storable_array`.
        column: its name, for the error message.
        first_row: the row of its first value, for the error message.
        dates: what becomes of dates inside lists and documents that BSON cannot hold.

    Raises:
        UnstorableError: names the column and what to do.
    """
    kind = array.type
    if pa.types.is_timestamp(kind):
        # Without a time zone, BSON takes them for UTC.
        return array.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.timestamp("ms")).to_pylist()
    if pa.types.is_duration(kind):
        try:
            return array.cast(pa.duration("ms"), safe=kind.unit == "s").cast(pa.int64()).to_pylist()
        except pa.ArrowInvalid as error:
            raise UnstorableError(f"column {column!r} has durations beyond 64 bits of milliseconds: {error}") from None
    if pa.types.is_date(kind):
        return array.cast(pa.timestamp("ms")).to_pylist()
    if pa.types.is_dictionary(kind):
        return bson_values_of_arrow(array.cast(kind.value_type), column, first_row, dates)
    if isinstance(kind, pa.BaseExtensionType) and kind != UUID:
        return bson_values_of_arrow(array.cast(kind.storage_type), column, first_row, dates)
    values = array.to_pylist()
    if _has_map(kind):
        values = [_without_maps(value, kind) for value in values]
    return bson_values(values, column, first_row, dates)


def arrow_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return stored values as an array of a type, or of the type that Arrow infers if they do not fit.

    Raises:
        pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: no Arrow type fits.
    """
    try:
        return _array_of_type(values, kind)
    except _UNFIT:
        return inferred_array(values)


def inferred_array(values: list[Any]) -> pa.Array:
    """Return stored values as an array of the type that Arrow infers.

    ObjectIds, and UUIDs inside lists and documents, for which Arrow has no type, become text.

    Raises:
        pyarrow.ArrowInvalid, pyarrow.ArrowTypeError: no Arrow type fits.
    """
    values = python_values(values)
    kinds = set(map(type, values))
    if {str, bytes} <= kinds:
        raise pa.ArrowTypeError("text and binary values")  # Arrow would make all of them binary
    if UUID is not None and uuid.UUID in kinds:
        return pa.array(values, UUID)
    try:
        return pa.array(values)
    except _UNFIT:
        return pa.array([_with_text(value) for value in values])


def _array_of_type(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_date(kind):
        return pa.array(values, pa.timestamp("ms")).cast(kind)
    if pa.types.is_duration(kind):
        return pa.array(values, pa.int64()).cast(pa.duration("ms")).cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.timestamp("ms")).cast(pa.timestamp("ms", kind.tz)).cast(kind)
    if pa.types.is_dictionary(kind):
        encoded = _array_of_type(values, kind.value_type).dictionary_encode()
        indices = encoded.indices.cast(kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, encoded.dictionary, ordered=kind.ordered)
    if isinstance(kind, pa.BaseExtensionType) and kind != UUID:
        return pa.ExtensionArray.from_storage(kind, _array_of_type(values, kind.storage_type))
    return pa.array(python_values(values), kind)


def _with_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _with_text(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, (ObjectId, uuid.UUID)) else value


def _has_map(kind: pa.DataType) -> bool:
    return pa.types.is_map(kind) or any(map(_has_map, _inner_types(kind)))


def _inner_types(kind: pa.DataType) -> list[pa.DataType]:
    if pa.types.is_struct(kind):
        return [field.type for field in kind]
    return [kind.value_type] if pa.types.is_nested(kind) and hasattr(kind, "value_type") else []


def _without_maps(value: Any, kind: pa.DataType) -> Any:
    """Return a value with documents of key and value, which every type can read, for the pairs of maps."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        key, item = kind.key_field, kind.item_field
        return [{key.name: one, item.name: _without_maps(other, item.type)} for one, other in value]
    if pa.types.is_struct(kind):
        return {field.name: _without_maps(value[field.name], field.type) for field in kind}
    inner = _inner_types(kind)
    return [_without_maps(one, inner[0]) for one in value] if inner else value


def _in_milliseconds(array: pa.ChunkedArray, column: str, dates: DatePolicy) -> pa.ChunkedArray:
    if _A_SECOND[array.type.unit] <= 1000:
        return array
    times = array.cast(pa.int64()).fill_null(0).to_numpy()
    finer = times % (_A_SECOND[array.type.unit] // 1000)
    if not finer.any():
        return array
    if not dates.floor:
        row = int(np.flatnonzero(finer)[0])
        raise UnstorableError(
            f"column {column!r} has values finer than a millisecond, which BSON cannot hold, first {array[row]} in row "
            f"{row}: round them, as in pyarrow.compute.floor_temporal(column, unit='millisecond'), or set the metadata "
            "'dates' to 'floor'"
        )
    floored = pa.array(times - finer, pa.int64(), mask=array.is_null().to_numpy())
    return pa.chunked_array([floored.cast(array.type)])


def _check_years(array: pa.ChunkedArray, column: str) -> None:
    unit = getattr(array.type, "unit", None)
    if unit == "ns":  # from 1677 to 2262
        return
    seconds = array.cast(pa.timestamp("ms")) if unit is None else array
    seconds = seconds.cast(pa.int64()).fill_null(0).to_numpy() // _A_SECOND[unit or "ms"]
    outside = (seconds < _FIRST_SECOND) | (seconds > _LAST_SECOND)
    if outside.any():
        row = int(outside.argmax())
        value = np.datetime64(int(seconds[row]), "s")
        raise UnstorableError(f"column {column!r}, row {row}: {value} is outside the years 1 to 9999")


def _check_readable(array: pa.ChunkedArray, column: str) -> None:
    """Refuse types that Arrow cannot make of Python's values, such as lists of an extension type."""
    kind = array.type
    if not pa.types.is_nested(kind) and not isinstance(kind, pa.BaseExtensionType):
        return
    try:
        sample = bson_values_of_arrow(array.drop_null().slice(0, 1), column)
    except UnstorableError:
        return  # the check of all rows names the row
    try:
        _array_of_type(sample, kind)
    except _UNFIT as error:
        raise UnstorableError(
            f"column {column!r} is {kind}, which could not be read back ({error}): convert it to a simpler type"
        ) from error
