"""What the names of columns and the primary key of rows must be like."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from bson import Regex

from dagster_mongodb.columns import STORED_DOT, field_name
from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.values import ID

_NESTED = (list, tuple, set, dict, np.ndarray, Regex, re.Pattern)


def check_names(names: Sequence[Any], primary_key: Sequence[str]) -> None:
    """Make sure that the names of columns can be names of fields.

    Args:
        names: of the columns.
        primary_key: columns that become ``_id``.

    Raises:
        UnstorableError: names the column and what to do.
    """
    fields: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str):
            raise UnstorableError(f"column name {name!r} is not text: rename it")
        if not name or name.startswith("$") or "\0" in name:
            raise UnstorableError(
                f"column name {name!r} cannot be the name of a field (it is empty, starts with '$', or contains NUL): "
                "rename it"
            )
        if STORED_DOT in name:
            raise UnstorableError(
                f"column name {name!r} contains {STORED_DOT!r} (U+FF0E), as which dots are stored: it would be read "
                "back with a dot, so rename it"
            )
        if name == ID and list(primary_key) != [ID]:
            raise UnstorableError("column name '_id' belongs to MongoDB: name it in 'primary_key', or rename it")
        field = field_name(name)
        if field in fields:
            both = "is used twice" if fields[field] == name else f"is stored under the same name as {fields[field]!r}"
            raise UnstorableError(f"column name {name!r} {both}: rename one")
        fields[field] = name
    # A table without columns has no rows either.
    lacking = [name for name in primary_key if name not in names] if names else []
    if lacking:
        raise UnstorableError(
            f"'primary_key' names {', '.join(lacking)}, but the columns are {', '.join(names) or 'none'}"
        )


def check_primary_key(keys: pd.DataFrame) -> None:
    """Make sure that each row has a primary key of its own.

    Args:
        keys: the columns of the primary key.

    Raises:
        UnstorableError: a key is missing, nested, or used twice; names the rows.
    """

    def shown(row: int) -> str:
        return ", ".join(f"{name}={keys[name].iloc[row]}" for name in keys.columns)

    for name in keys.columns:
        nested = (
            keys[name].map(lambda value: isinstance(value, _NESTED)).to_numpy() if keys[name].dtype == object else ()
        )
        if any(nested):
            row = int(np.argmax(nested))
            raise UnstorableError(
                f"row {row}: a primary key is one value, not a list, a document or a pattern ({shown(row)})"
            )
    missing = keys.isna().to_numpy().any(axis=1)
    if missing.any():
        row = int(missing.argmax())
        raise UnstorableError(f"row {row} has no primary key ({shown(row)})")
    duplicated = keys.duplicated().to_numpy()
    if duplicated.any():
        second = int(duplicated.argmax())
        first = int((keys == keys.iloc[second]).all(axis=1).to_numpy().argmax())
        raise UnstorableError(f"rows {first} and {second} have the same primary key ({shown(second)})")
