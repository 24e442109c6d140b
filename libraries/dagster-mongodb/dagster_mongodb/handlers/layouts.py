"""Values of BSON documents as arrays, without decoding the documents.

Documents with the same fields of the same types have one layout: their bytes are equal except for the
values. A batch of documents of numbers, booleans, dates and nulls has few layouts, so it is read layout
by layout, and its values never become Python objects.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_MOST_LAYOUTS = 16  # of a batch; decoding is faster if there are more
_LENGTH = struct.Struct("<i")
_OBJECT_ID, _NULL = 0x07, 0x0A
_WIDTHS = {0x01: 8, _OBJECT_ID: 12, 0x08: 1, 0x09: 8, _NULL: 0, 0x10: 4, 0x12: 8}
# Kind → dtype of its array, and the BSON types that fit, each with the dtype of its bytes.
_KINDS: Mapping[str, tuple[np.dtype, Mapping[int, str]]] = {
    "f": (np.dtype("float64"), {0x01: "<f8"}),
    "n": (np.dtype("float64"), {0x01: "<f8", 0x10: "<i4", 0x12: "<i8"}),
    "i": (np.dtype("int64"), {0x10: "<i4", 0x12: "<i8"}),
    "b": (np.dtype("int8"), {0x08: "i1"}),
    "M": (np.dtype("datetime64[ms]"), {0x09: "<M8[ms]"}),
}
_MISSING = {"f": np.nan, "n": np.nan, "b": -1, "M": np.datetime64("NaT", "ms")}
_TRUTH_VALUES = np.array([False, True, None], dtype=object)  # None: missing


@dataclass(frozen=True)
class _Layout:
    """The places of the values in a document.

    Args:
        places: field → (BSON type, offset).
        is_fixed: for each byte, whether it is outside the values.
    """

    places: Mapping[str, tuple[int, int]]
    is_fixed: np.ndarray

    def record(self, kinds: Mapping[str, str]) -> np.dtype:
        """Return the dtype of a document in which the fields with these kinds are named."""
        places = {field: place for field, place in self.places.items() if field in kinds and place[0] != _NULL}
        return np.dtype(
            {
                "names": list(places),
                "formats": [_KINDS[kinds[field]][1][bson_type] for field, (bson_type, _) in places.items()],
                "offsets": [offset for _, offset in places.values()],
                "itemsize": len(self.is_fixed),
            }
        )


def arrays_of(batch: bytes, kinds: Mapping[str, str]) -> dict[str, np.ndarray] | None:
    """Return fields of a batch of documents as arrays.

    Args:
        batch: BSON documents, one after the other, at least one.
        kinds: field → kind of its array: ``f``, ``i``, ``b`` or ``M`` as in numpy, or ``n`` for numbers of
            any type as floats. Null and absent fields become NaN or NaT; in an array of booleans None, which
            makes it one of objects.

    Returns:
        An array for each of the fields, in the order of the documents. `None` if the documents must be
        decoded: a value does not fit, a document has another type, or there are too many layouts.
    """
    content = np.frombuffer(batch, dtype=np.uint8)
    starts = _starts(batch, content)
    lengths = np.diff(starts, append=len(batch))
    arrays = {
        field: np.full(len(starts), _MISSING.get(kind, 0), dtype=_KINDS[kind][0]) for field, kind in kinds.items()
    }
    left = np.arange(len(starts))
    for _ in range(_MOST_LAYOUTS):
        start, length = int(starts[left[0]]), int(lengths[left[0]])
        layout = _layout_of(batch[start : start + length])
        if layout is None or not _fits(layout, kinds):
            return None
        found = left[lengths[left] == length]
        if len(found) == len(starts):
            documents = content.reshape(-1, length)
        else:
            documents = content[starts[found][:, None] + np.arange(length)]
        is_such = (documents[:, layout.is_fixed] == documents[0, layout.is_fixed]).all(axis=1)
        if not is_such.all():
            found, documents = found[is_such], documents[is_such]
        values = documents.view(layout.record(kinds)).ravel()
        for field in values.dtype.names or ():
            arrays[field][found] = values[field]
        if len(found) == len(left):
            return {field: _truth_values(array) if kinds[field] == "b" else array for field, array in arrays.items()}
        left = np.setdiff1d(left, found, assume_unique=True)
    return None


def _truth_values(numbers: np.ndarray) -> np.ndarray:
    return _TRUTH_VALUES[numbers] if (numbers < 0).any() else numbers.astype(bool)


def _starts(batch: bytes, content: np.ndarray) -> np.ndarray:
    (length,) = _LENGTH.unpack_from(batch)
    if len(batch) % length == 0 and (content.reshape(-1, length)[:, : _LENGTH.size] == content[: _LENGTH.size]).all():
        return np.arange(0, len(batch), length)
    starts, start, end = [], 0, len(batch)
    while start < end:
        starts.append(start)
        start += _LENGTH.unpack_from(batch, start)[0]
    return np.array(starts)


def _layout_of(document: bytes) -> _Layout | None:
    places: dict[str, tuple[int, int]] = {}
    is_fixed = np.ones(len(document), dtype=bool)
    position = _LENGTH.size
    while bson_type := document[position]:
        if bson_type not in _WIDTHS:
            return None
        end_of_name = document.index(0, position)
        name, offset = document[position + 1 : end_of_name].decode(), end_of_name + 1
        position = offset + _WIDTHS[bson_type]
        is_fixed[offset:position] = False
        places[name] = (bson_type, offset)
    return _Layout(places, is_fixed)


def _fits(layout: _Layout, kinds: Mapping[str, str]) -> bool:
    for field, kind in kinds.items():
        bson_type, _ = layout.places.get(field, (_NULL, 0))
        if bson_type not in _KINDS[kind][1] and not (bson_type == _NULL and kind in _MISSING):
            return False
    return True
