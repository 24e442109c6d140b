"""Comparison of stored rows with expected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Difference:
    """A stored value that differs from the expected one.

    Args:
        row: key of the row, as text.
        column: name of the column; empty if the whole row is missing or unexpected.
        stored, expected: both values, or ``a row`` and ``no row``.
    """

    row: str
    column: str
    stored: object
    expected: object


def differences(stored: pd.DataFrame, expected: pd.DataFrame, keys: Sequence[str]) -> list[Difference]:
    """Compare two frames row by row, to the last digit; missing values are equal.

    Args:
        stored: the stored rows.
        expected: the rows that should be stored. A column that only one frame has is compared with missing values.
        keys: columns that identify a row.
    """
    left, right = (frame.set_index(list(keys)).sort_index() for frame in (stored, expected))
    result = [Difference(_text(row), "", "a row", "no row") for row in left.index.difference(right.index)]
    result += [Difference(_text(row), "", "no row", "a row") for row in right.index.difference(left.index)]
    shared = left.index.intersection(right.index)
    columns = right.columns.union(left.columns, sort=False)
    left, right = (frame.reindex(index=shared, columns=columns).astype(object) for frame in (left, right))
    for column in columns:
        for row, one, other in zip(shared, left[column], right[column], strict=True):
            if not _is_equal(one, other):
                result.append(Difference(_text(row), column, one, other))
    return result


def _is_equal(one: Any, other: Any) -> bool:
    if _is_missing(one) or _is_missing(other):
        return _is_missing(one) and _is_missing(other)
    return bool(one == other)


def _is_missing(value: Any) -> bool:
    return not isinstance(value, list) and bool(pd.isna(value))


def _text(row: object) -> str:
    parts = row if isinstance(row, tuple) else (row,)
    return " ".join(f"{part:%Y-%m-%d %H:%M}" if isinstance(part, pd.Timestamp) else str(part) for part in parts)
