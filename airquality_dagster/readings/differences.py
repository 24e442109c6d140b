"""What is stored against what it should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Difference:
    """A value that is not what it should be.

    Args:
        row: its key, as text.
        column: its column; empty where the whole row is missing or too many.
        stored, expected: both values, or what is said of the row.
    """

    row: str
    column: str
    stored: object
    expected: object


def differences(stored: pd.DataFrame, expected: pd.DataFrame, keys: Sequence[str]) -> list[Difference]:
    """Compare two frames row by row, to the last digit; missing values are equal.

    Args:
        stored: as it is.
        expected: as it should be. Columns that only one of both has are compared as missing values.
        keys: columns that identify a row.
    """
    both = [frame.set_index(list(keys)).sort_index() for frame in (stored, expected)]
    found = [
        Difference(_text(row), "", *said)
        for index, said in (
            (both[0].index.difference(both[1].index), ("a row", "no row")),
            (both[1].index.difference(both[0].index), ("no row", "a row")),
        )
        for row in index
    ]
    shared = both[0].index.intersection(both[1].index)
    columns = both[1].columns.union(both[0].columns, sort=False)
    left, right = (frame.reindex(index=shared, columns=columns).astype(object) for frame in both)
    for column in columns:
        for row, one, other in zip(shared, left[column], right[column], strict=True):
            if not _is_equal(one, other):
                found.append(Difference(_text(row), column, one, other))
    return found


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, list) or isinstance(other, list):
        return one == other or (_is_missing(one) and _is_missing(other))
    return bool((_is_missing(one) and _is_missing(other)) or one == other)


def _is_missing(value: Any) -> bool:
    return not isinstance(value, list) and bool(pd.isna(value))


def _text(row: object) -> str:
    parts = row if isinstance(row, tuple) else (row,)
    return " ".join(f"{part:%Y-%m-%d %H:%M}" if isinstance(part, pd.Timestamp) else str(part) for part in parts)
