"""Fields of a collection as numpy arrays, for code that does not use the IO manager."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import bson
import numpy as np
from bson import Int64
from bson.datetime_ms import DatetimeMS
from pymongo.collection import Collection

from dagster_mongodb.errors import OptionsError, UnreadableError
from dagster_mongodb.handlers.layouts import arrays_of
from dagster_mongodb.handlers.series import milliseconds
from dagster_mongodb.values import ID, READING, python_values

_BATCH = 10_000
_NONE = type(None)
# dtype → kind of `arrays_of`, and the types of decoded values that fit.
_DTYPES: Mapping[str, tuple[str, frozenset[type]]] = {
    "float64": ("n", frozenset({float, int, Int64, _NONE})),
    "int64": ("i", frozenset({int, Int64})),
    "bool": ("b", frozenset({bool})),
    "datetime64[ms]": ("M", frozenset({datetime.datetime, DatetimeMS, _NONE})),
}
_OBJECT = "object"


def read_arrays(
    collection: Collection[Any],
    fields: Mapping[str, str],
    query: Mapping[str, Any] | None = None,
    *,
    sort: Sequence[tuple[str, int]] = ((ID, 1),),
    limit: int = 0,
) -> dict[str, np.ndarray]:
    """Read fields of the documents of a collection as arrays.

    Documents of numbers, dates, booleans and nulls are not decoded: the arrays are made from their
    bytes. Documents are decoded only if one holds another type or a field is read as ``object``.

    Args:
        collection: to read.
        fields: field, ``_id`` included → dtype of its array, one of these:

            ============== ===================================== =====================
            dtype          values                                null and absent
            ============== ===================================== =====================
            float64        numbers (integers beyond 2⁵³ rounded) NaN
            int64          integers                              refused
            bool           booleans                              refused
            datetime64[ms] dates, in UTC                         NaT
            object         any; dates are tz-aware               None
            ============== ===================================== =====================
        query: a filter that the documents satisfy; None: all documents.
        sort: fields and directions (1 or -1); by default the order of ``_id``.
        limit: at most so many documents; 0: all.

    Returns:
        An array for each of the fields, in the order of the documents.

    Raises:
        OptionsError: a dtype is not one of these.
        UnreadableError: a stored value does not fit the dtype of its field.

    Example:
        .. code-block:: python

            arrays = read_arrays(database["readings"], {"_id": "datetime64[ms]", "value": "float64"})
            pd.DataFrame(arrays)
    """
    for field, dtype in fields.items():
        if dtype not in (*_DTYPES, _OBJECT):
            raise OptionsError(f"field {field!r}: {dtype!r} is not one of {', '.join(_DTYPES)}, {_OBJECT}")
    batches = collection.find_raw_batches(
        query or {}, {ID: False, **dict.fromkeys(fields, True)}, sort=list(sort), limit=limit, batch_size=_BATCH
    )
    parts = [_arrays(batch, fields, collection.full_name) for batch in cast("Iterator[bytes]", batches) if batch]
    return {
        field: np.concatenate([np.array([], dtype), *(part[field] for part in parts)])
        for field, dtype in fields.items()
    }


def _arrays(batch: bytes, fields: Mapping[str, str], title: str) -> Mapping[str, np.ndarray]:
    if _OBJECT not in fields.values():
        arrays = arrays_of(batch, {field: _DTYPES[dtype][0] for field, dtype in fields.items()})
        if arrays is not None and all(array.dtype == fields[field] for field, array in arrays.items()):
            return arrays
    documents = bson.decode_all(batch, READING)
    return {
        field: _array([document.get(field) for document in documents], dtype, f"{title}, field {field!r}")
        for field, dtype in fields.items()
    }


def _array(values: list[Any], dtype: str, title: str) -> np.ndarray:
    if dtype == _OBJECT:
        objects = np.empty(len(values), dtype=object)
        objects[:] = python_values(values)
        return objects
    _, fitting = _DTYPES[dtype]
    unfit = next((value for value in values if type(value) not in fitting), fitting)
    if unfit is not fitting:
        is_number = dtype == "int64" and (unfit is None or isinstance(unfit, float))
        found = "null or no such field" if unfit is None else f"{unfit!r:.80}"
        raise UnreadableError(
            f"{title}: a document has {found}, which does not fit {dtype}: read it as "
            f"{'float64' if is_number else 'object'}"
        )
    return milliseconds(values) if dtype.startswith("datetime") else np.array(values, dtype=dtype)
