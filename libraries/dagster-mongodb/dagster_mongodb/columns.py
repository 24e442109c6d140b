"""The name, field and type of a column."""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from dagster_mongodb.errors import UnstorableError

DATE = "date"
"""dtype of a column of `datetime.date`, for which pandas has no name."""

OBJECTS = frozenset({"object", DATE})
"""dtypes whose missing values may be None or NaN."""

PLAIN_NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_NULLABLE_NUMBERS = frozenset(
    {"Float32", "Float64"} | {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)

STORED_DOT = "\uff0e"
"""A dot separates fields in MongoDB's queries; in the name of a field its full-width form is stored instead."""

NAN, NONE = "nan", "none"
"""Which missing values a column of objects has; both become null."""

_DURATIONS = re.compile(r"timedelta64\[|(dictionary<values=)?duration\[")
_DATES = re.compile(rf"{DATE}$|(dictionary<values=)?date(32|64)\[")
_MOMENTS = re.compile(r"datetime64\[(s|ms|us|ns), (.+)\]")
_UNIT = re.compile(r"\[(s|ms|us|ns)\b")
_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class Categories:
    """The categories of a categorical column, as BSON values, and their dtype; for the others see `Column`."""

    values: tuple[Any, ...]
    dtype: str
    is_ordered: bool
    arrow: bytes | None = None
    storage: str | None = None

    def as_document(self) -> dict[str, Any]:
        """Return the document that notes the categories."""
        document = {"values": list(self.values), "dtype": self.dtype, "is_ordered": self.is_ordered}
        return document | {key: value for key in ("arrow", "storage") if (value := getattr(self, key))}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Categories":
        """Return the categories that a document notes."""
        return cls(**{**_known(cls, document), "values": tuple(document["values"])})


@dataclass(frozen=True)
class Column:
    """A column of an asset.

    Args:
        name: of the column.
        dtype: of pandas, as text; or `DATE`.
        categories: of a column of dtype ``category``.
        arrow: the Arrow field, as a serialized schema, if the dtype does not describe the type fully.
        storage: of a column of text, whose dtype does not say it: ``python`` or ``pyarrow``.
        missing: `NAN` if null is read back as NaN in a column of objects, `NONE` if as None; `None`: no value
            is missing.
        is_null: no value was seen, so pandas chose the dtype, and it gives way to any other.
    """

    name: str
    dtype: str
    categories: Categories | None = None
    arrow: bytes | None = None
    storage: str | None = None
    missing: str | None = None
    is_null: bool = False

    @property
    def field(self) -> str:
        """The name of the column in a document."""
        return field_name(self.name)

    @property
    def of_values(self) -> "Column":
        """The column of the values, which differs from this one if it has categories."""
        if self.categories is None:
            return self
        return Column(self.name, self.categories.dtype, arrow=self.categories.arrow, storage=self.categories.storage)

    def as_document(self) -> dict[str, Any]:
        """Return the document that notes the column."""
        document: dict[str, Any] = {"name": self.name, "dtype": self.dtype}
        if self.categories is not None:
            document["categories"] = self.categories.as_document()
        for key in ("arrow", "storage", "missing", "is_null"):
            if value := getattr(self, key):
                document[key] = value
        return document

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Column":
        """Return the column that a document notes."""
        categories = document.get("categories")
        return cls(**{**_known(cls, document), "categories": categories and Categories.of_document(categories)})


def _known(kind: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that this release knows; later ones may note more."""
    return {field.name: document[field.name] for field in fields(kind) if field.name in document}


def field_name(name: str) -> str:
    """Return the field of a column, or of a key of a nested document.

    Dots are stored as their full-width form, as MongoDB's manual advised: with plain ones a field could
    be neither queried nor projected nor indexed.

    >>> field_name("in US$ 1.50"), field_name("a_b")
    ('in US$ 1．50', 'a_b')
    """
    return name.replace(".", STORED_DOT)


def column_name(field: str) -> str:
    """Return the column, or the key, of a field.

    >>> column_name(field_name("in US$ 1.50"))
    'in US$ 1.50'
    """
    return field.replace(STORED_DOT, ".")


def merge(former: tuple[Column, ...], new: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return all columns, each with a dtype for the values of both.

    >>> both = merge((Column("a", "int64"),), (Column("a", "float64"), Column("b", "object")))
    >>> [(column.name, column.dtype) for column in both]
    [('a', 'float64'), ('b', 'object')]

    Raises:
        UnstorableError: the values of both could not be told apart when they are read.
    """
    columns = {column.name: column for column in former}
    for column in new:
        known = columns.get(column.name, column)
        columns[column.name] = known if known == column else _common(known, column)
    return tuple(columns.values())


def check_documents_beside(columns: tuple[Column, ...]) -> None:
    """Refuse documents beside a table, if its columns cannot be read without their dtypes.

    Raises:
        UnstorableError: names the column.
    """
    for column in columns:
        dtype = column.of_values.dtype
        if _DURATIONS.match(dtype) or _DATES.match(dtype):
            raise UnstorableError(
                f"column {column.name!r} is {dtype} in some rows of the collection, which are a table, and others are "
                "documents, which have no dtypes: nobody could tell it from a number or a date with a time when it is "
                "read. Return tables only, or documents only; rename or drop the collection to write all of it anew"
            )


def _common(first: Column, second: Column) -> Column:
    missing = NONE if first.missing and second.missing and first.missing != second.missing else None
    missing = missing or first.missing or second.missing
    if first.is_null or second.is_null:
        known = first if second.is_null else second
        return replace(known, missing=missing) if known.dtype in OBJECTS else known
    if first.categories and second.categories:
        categories = _common_categories(first.categories, second.categories)
        if categories is not None:
            return Column(first.name, "category", categories, second.arrow if first.arrow == second.arrow else None)
    first, second = first.of_values, second.of_values
    if first.dtype == second.dtype:
        # The dtype of an Arrow type in pandas cannot be read without its field.
        is_arrow = first.arrow == second.arrow or second.dtype.endswith("[pyarrow]")
        storage = second.storage if first.storage == second.storage else None
        return replace(second, arrow=second.arrow if is_arrow else None, storage=storage, missing=missing)
    for pattern, kind in ((_DURATIONS, "numbers"), (_DATES, "dates with a time")):
        if bool(pattern.match(first.dtype)) != bool(pattern.match(second.dtype)):
            raise UnstorableError(
                f"column {first.name!r} is {second.dtype}, but {first.dtype} in what the collection has already: both "
                f"are stored as {kind}, so they could not be told apart when they are read. Convert the column to "
                f"{first.dtype}, name it otherwise, or drop the collection and write all of it anew"
            )
    dtype = _common_dtype(first.dtype, second.dtype)
    return Column(first.name, dtype, missing=missing if dtype in OBJECTS else None)


def _common_categories(first: Categories, second: Categories) -> Categories | None:
    """Return categories for both, or None if their orders contradict each other."""
    if replace(first, values=()) != replace(second, values=()):
        return None
    longer, shorter = (first, second) if len(first.values) >= len(second.values) else (second, first)
    if longer.values[: len(shorter.values)] == shorter.values:
        return longer
    if first.is_ordered:
        return None
    return replace(first, values=tuple(dict.fromkeys((*first.values, *second.values))))


def _common_dtype(first: str, second: str) -> str:
    both = {first, second}
    numbers = PLAIN_NUMBERS - {"bool"}
    if both <= numbers:
        return str(np.result_type(first, second))
    if both <= numbers | _NULLABLE_NUMBERS:
        common = str(np.result_type(first.lower(), second.lower()))
        return common.replace("uint", "UInt") if common[0] == "u" else common.capitalize()
    if both == {"bool", "boolean"}:
        return "boolean"
    if both == {"string", "str"}:
        return "string"
    if all(map(_DURATIONS.match, both)):
        return f"timedelta64[{_finer_unit(first, second)}]"
    if all(map(_DATES.match, both)):
        return DATE
    moments = [_MOMENTS.fullmatch(dtype) for dtype in (first, second)]
    if moments[0] and moments[1]:
        zone = moments[0][2] if moments[0][2] == moments[1][2] else "UTC"
        return f"datetime64[{_finer_unit(first, second)}, {zone}]"
    return "object"


def _finer_unit(first: str, second: str) -> str:
    units = [match[1] for dtype in (first, second) if (match := _UNIT.search(dtype))]
    return max(units, key=_UNITS.index)
