"""The name, field and type of a column."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

NOTES = "dagster_columns"
"""The collection that notes the columns of each collection of its database."""

DATE = "date"
"""dtype of a column of `datetime.date`, for which pandas has no name."""

PLAIN_NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)

# A dot separates fields in MongoDB's queries; its full-width form is stored instead.
_DOT, _FULL_WIDTH_DOT = ".", "\uff0e"


@dataclass(frozen=True)
class Categories:
    """The categories of a categorical column, as BSON values, and their dtype."""

    values: tuple[Any, ...]
    dtype: str
    is_ordered: bool


@dataclass(frozen=True)
class Column:
    """A column of an asset.

    Args:
        name: of the column.
        dtype: of pandas, as text; or `DATE`.
        categories: of a column of dtype ``category``.
        arrow: the Arrow field, as a serialized schema, if the dtype does not describe the type fully.
    """

    name: str
    dtype: str
    categories: Categories | None = None
    arrow: bytes | None = None

    @property
    def field(self) -> str:
        """The name of the column in a document."""
        return field_name(self.name)

    def as_document(self) -> dict[str, Any]:
        """Return the document that notes the column."""
        document: dict[str, Any] = {"name": self.name, "dtype": self.dtype}
        if self.categories is not None:
            document["categories"] = {
                "values": list(self.categories.values),
                "dtype": self.categories.dtype,
                "is_ordered": self.categories.is_ordered,
            }
        if self.arrow is not None:
            document["arrow"] = self.arrow
        return document

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Column":
        """Return the column that a document notes."""
        known = document.get("categories")
        return cls(
            document["name"],
            document["dtype"],
            known and Categories(tuple(known["values"]), known["dtype"], known["is_ordered"]),
            document.get("arrow"),
        )


def field_name(name: str) -> str:
    """Return the field of a column.

    Dots are stored as their full-width form, as MongoDB's manual advised: with plain ones a field could
    be neither queried nor projected nor indexed.

    >>> field_name("in US$ 1.50"), field_name("a_b")
    ('in US$ 1．50', 'a_b')
    """
    return name.replace(_DOT, _FULL_WIDTH_DOT)


def column_name(field: str) -> str:
    """Return the column of a field.

    >>> column_name(field_name("a.b"))
    'a.b'
    """
    return field.replace(_FULL_WIDTH_DOT, _DOT)


def merge(former: tuple[Column, ...], new: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return all columns, each with a dtype for the values of both.

    >>> both = merge((Column("a", "int64"),), (Column("a", "float64"), Column("b", "object")))
    >>> [(column.name, column.dtype) for column in both]
    [('a', 'float64'), ('b', 'object')]
    """
    columns = {column.name: column for column in former}
    for column in new:
        known = columns.get(column.name, column)
        columns[column.name] = known if known == column else _common(known, column)
    return tuple(columns.values())


def _common(first: Column, second: Column) -> Column:
    if first.categories and second.categories:
        merged = _merged_categories(first.categories, second.categories)
        if merged is not None:
            return Column(first.name, "category", merged, second.arrow if first.arrow == second.arrow else None)
    if first.dtype == second.dtype and first.categories == second.categories:
        return replace(second, arrow=None)
    return Column(first.name, _common_dtype(first.dtype, second.dtype))


def _merged_categories(first: Categories, second: Categories) -> Categories | None:
    """Return categories for both, or None if their orders contradict each other."""
    if first.dtype != second.dtype or first.is_ordered != second.is_ordered:
        return None
    longer, shorter = (first, second) if len(first.values) >= len(second.values) else (second, first)
    if longer.values[: len(shorter.values)] == shorter.values:
        return longer
    if first.is_ordered:
        return None
    return replace(first, values=tuple(dict.fromkeys((*first.values, *second.values))))


def _common_dtype(first: str, second: str) -> str:
    if {first, second} <= PLAIN_NUMBERS - {"bool"}:
        return str(np.result_type(first, second))
    if all(dtype.startswith("datetime64[") for dtype in (first, second)):
        return "datetime64[ns, UTC]"
    return "object"
