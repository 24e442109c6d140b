"""The columns of each collection, which documents alone do not tell (an empty frame, a column of nulls).

Kept in the collection ``dagster_columns`` of the same database: one document a collection, changed
only when its columns do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pymongo.database import Database

from airquality_dagster.io_managers.mongodb.values import ID, PLAIN_NUMBERS, Column

COLLECTION = "dagster_columns"


def stored_columns(database: Database[Any], collection: str) -> tuple[Column, ...] | None:
    """Return the columns that were written to a collection, or None where none ever were."""
    entry = database[COLLECTION].find_one({ID: collection})
    return None if entry is None else tuple(Column(column["name"], column["dtype"]) for column in entry["columns"])


def store_columns(database: Database[Any], collection: str, columns: Sequence[Column], *, is_whole: bool) -> None:
    """Note the columns of a frame that is about to be written.

    Args:
        columns: of the frame.
        is_whole: the frame becomes the collection; otherwise other slices keep their columns.
    """
    former = stored_columns(database, collection)
    merged = tuple(columns) if is_whole or former is None else merge(former, columns)
    if merged != former:
        content = {"columns": [{"name": column.name, "dtype": column.dtype} for column in merged]}
        database[COLLECTION].replace_one({ID: collection}, content, upsert=True)


def merge(former: Sequence[Column], new: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of both, each with a dtype that holds the values of both.

    >>> merge([Column("a", "int64")], [Column("a", "float64"), Column("b", "object")])
    (Column(name='a', dtype='float64'), Column(name='b', dtype='object'))
    """
    dtypes = {column.name: column.dtype for column in former}
    for column in new:
        known = dtypes.get(column.name, column.dtype)
        dtypes[column.name] = known if known == column.dtype else _common_dtype(known, column.dtype)
    return tuple(Column(name, dtype) for name, dtype in dtypes.items())


def _common_dtype(first: str, second: str) -> str:
    if {first, second} <= PLAIN_NUMBERS - {"bool"}:
        return str(np.result_type(first, second))
    if all(dtype.startswith("datetime64[") for dtype in (first, second)):
        return "datetime64[ns, UTC]"
    return "object"
