"""Options in the metadata of assets and inputs, validated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from dagster_mongodb.errors import OptionsError

_MAPPING_KEYS = re.compile(r"\[(.+?)\]")
_WRITE_MODES = ("replace", "merge")
_VALIDATION_ACTIONS = ("error", "warn")


@dataclass(frozen=True)
class WriteOptions:
    """How an asset is written.

    Args:
        is_replacement: the slice becomes the rows; else rows are added and changed, none is deleted.
        keep_revisions: former versions are kept.
        provisional_column: former versions in which this column is true are not kept.
        indexes: definitions of indexes; see `collection.index_models`.
        validation_action: ``error`` or ``warn``: the collection gets a schema.
    """

    is_replacement: bool
    keep_revisions: bool
    provisional_column: str | None
    indexes: Any
    validation_action: str | None

    @classmethod
    def of(cls, metadata: Mapping[str, Any], *, has_primary_key: bool, title: str) -> "WriteOptions":
        """Return the options of an asset's definition metadata.

        Raises:
            OptionsError: a value is not valid, or options contradict each other.
        """
        mode = metadata.get("write_mode", "replace")
        if mode not in _WRITE_MODES:
            raise OptionsError(f"{title}: 'write_mode' is {mode!r}, it must be 'replace' or 'merge'")
        action = metadata.get("validation_action")
        if action not in (None, *_VALIDATION_ACTIONS):
            raise OptionsError(f"{title}: 'validation_action' is {action!r}, it must be 'error' or 'warn'")
        needing = [key for key in ("keep_revisions",) if metadata.get(key)]
        needing += ["write_mode: merge"] if mode == "merge" else []
        if needing and not has_primary_key:
            raise OptionsError(f"{title}: a 'primary_key' that identifies rows is needed for {' and '.join(needing)}")
        return cls(
            is_replacement=mode == "replace",
            keep_revisions=bool(metadata.get("keep_revisions")),
            provisional_column=metadata.get("provisional_column"),
            indexes=metadata.get("indexes") or [],
            validation_action=action,
        )


@dataclass(frozen=True)
class ReadOptions:
    """How an input is read.

    Args:
        columns: only these are read; `None`: all.
        as_of: the asset is read as it was known then; `None`: as it is now.
    """

    columns: tuple[str, ...] | None
    as_of: datetime | None

    @classmethod
    def of(cls, metadata: Mapping[str, Any], *, title: str) -> "ReadOptions":
        """Return the options of an input's metadata.

        Raises:
            OptionsError: a value is not valid.
        """
        columns = metadata.get("columns")
        if columns is not None and (isinstance(columns, str) or not all(isinstance(name, str) for name in columns)):
            raise OptionsError(f"{title}: 'columns' is {columns!r}, it must be a list of column names")
        as_of = metadata.get("as_of")
        return cls(columns=tuple(columns) if columns else None, as_of=None if as_of is None else _moment(as_of, title))


def title_of(context: dg.OutputContext | dg.InputContext) -> str:
    """Return the name of the asset, output or input of a context, for error messages."""
    if context.has_asset_key:
        return f"asset {context.asset_key.to_user_string()!r}"
    return f"{'output' if isinstance(context, dg.OutputContext) else 'input'} {context.name!r}"


def name_of_output(context: dg.OutputContext) -> str:
    """Return the name of an output that is not an asset, with the mapping keys of dynamic outputs and mapped steps."""
    try:
        step = context.step_key
    except dg.DagsterInvariantViolationError:  # a context that was built without a run
        step = ""
    keys = _MAPPING_KEYS.findall(step)
    return ".".join([context.name, *keys, *([context.mapping_key] if context.mapping_key else [])])


def _moment(value: Any, title: str) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise OptionsError(
            f"{title}: 'as_of' is {value!r}, it must be a date and time as '2024-06-01T00:00:00+00:00'"
        ) from None
    if moment.tzinfo is None:
        raise OptionsError(
            f"{title}: 'as_of' {moment.isoformat()} has no time zone: add one, as in '{moment.isoformat()}+00:00'"
        )
    return moment
