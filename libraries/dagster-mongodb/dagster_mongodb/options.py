"""Options in the metadata of assets and inputs, validated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime, timezone
from typing import Any, Literal

import dagster as dg
from bson import json_util
from bson.binary import UuidRepresentation
from bson.errors import BSONError

from dagster_mongodb.dates import midnight
from dagster_mongodb.errors import OptionsError
from dagster_mongodb.values import STRICT, DatePolicy

_WRITE_MODES = ("replace", "merge", "append", "set")
_VALIDATION_ACTIONS = ("error", "warn")
_DATE_POLICIES = ("utc", "floor")
_WRITING_STAGES = frozenset({"$out", "$merge"})
_READ_AS_IT_IS = ("columns", "sort", "limit")
# Set when an asset runs, only this option has a meaning.
_RUNTIME_OPTION = "write_mode"
WRITE_OPTIONS = (
    "partition_expr",
    "calendar_dates",
    "primary_key",
    "keep_revisions",
    "provisional_column",
    "indexes",
    "validation_action",
    "dates",
    "database",
    "collection",
)
_OF_STORED_FIELDS = frozenset({"$expr", "$where", "$jsonSchema"})
_EXTENDED_JSON = json_util.JSONOptions(
    tz_aware=True, tzinfo=timezone.utc, uuid_representation=UuidRepresentation.STANDARD
)


@dataclass(frozen=True)
class WriteOptions:
    """How an asset is written.

    Args:
        mode: ``replace``: the slice becomes the rows; ``merge``: rows are added and changed, none is deleted;
            ``append``: rows are added; ``set``: fields of rows are set, the others stay.
        keep_revisions: former versions are kept.
        provisional_column: former versions in which this column is true are not kept.
        indexes: definitions of indexes; see `collection.index_models`.
        validation_action: ``error`` or ``warn``: the collection gets a schema.
        dates: what becomes of dates that BSON cannot hold.
    """

    mode: Literal["replace", "merge", "set", "append"]
    keep_revisions: bool
    provisional_column: str | None
    indexes: Any
    validation_action: str | None
    dates: DatePolicy

    @classmethod
    def of(cls, metadata: Mapping[str, Any], *, has_primary_key: bool, title: str) -> "WriteOptions":
        """Return the options of an asset's metadata.

        Raises:
            OptionsError: a value is not valid, or options contradict each other.
        """
        mode = metadata.get("write_mode", "replace")
        if mode not in _WRITE_MODES:
            raise OptionsError(f"{title}: 'write_mode' is {mode!r}, it must be one of {_listed(_WRITE_MODES)}")
        action = metadata.get("validation_action")
        if action not in (None, *_VALIDATION_ACTIONS):
            raise OptionsError(
                f"{title}: 'validation_action' is {action!r}, it must be one of {_listed(_VALIDATION_ACTIONS)}"
            )
        for option in ("keep_revisions", "calendar_dates"):
            if metadata.get(option) not in (None, True, False):
                raise OptionsError(f"{title}: {option!r} is {metadata[option]!r}, it must be true or false")
        needing = ["keep_revisions"] if metadata.get("keep_revisions") else []
        needing += [f"write_mode: {mode}"] if mode in ("merge", "set") else []
        if needing and not has_primary_key:
            raise OptionsError(f"{title}: a 'primary_key' that identifies rows is needed for {' and '.join(needing)}")
        if mode == "append" and has_primary_key:
            raise OptionsError(
                f"{title}: 'write_mode: append' is for rows without a 'primary_key': use 'merge', which adds rows with "
                "new keys and changes the others"
            )
        return cls(
            mode=mode,
            keep_revisions=bool(metadata.get("keep_revisions")),
            provisional_column=metadata.get("provisional_column"),
            indexes=metadata.get("indexes") or [],
            validation_action=action,
            dates=_date_policy(metadata.get("dates"), title),
        )


@dataclass(frozen=True)
class ReadOptions:
    """How an input is read.

    Args:
        columns: only these are read; `None`: all.
        filter: a condition in MongoDB's query language on columns; empty: all rows.
        sort: columns and directions (1 or -1); empty: by ``_id``.
        limit: at most so many rows; 0: all.
        pipeline: stages of an aggregation, after the filter; `None`: none.
        as_of: the asset is read as it was known then; `None`: as it is now.
    """

    columns: tuple[str, ...] | None = None
    filter: Mapping[str, Any] = dataclass_field(default_factory=dict)
    sort: tuple[tuple[str, int], ...] = ()
    limit: int = 0
    pipeline: tuple[Mapping[str, Any], ...] | None = None
    as_of: datetime | None = None

    @classmethod
    def of(cls, metadata: Mapping[str, Any], *, title: str) -> "ReadOptions":
        """Return the options of an input's metadata.

        Raises:
            OptionsError: a value is not valid, or options contradict each other.
        """
        columns = metadata.get("columns")
        if columns is not None and not (_is_names(columns) and columns and len(set(columns)) == len(columns)):
            raise OptionsError(f"{title}: 'columns' is {columns!r}, it must be a list of different column names")
        condition = metadata.get("filter") or {}
        if not isinstance(condition, Mapping):
            raise OptionsError(f'{title}: \'filter\' is {condition!r}, it must be a dict, as in {{"city": "Oslo"}}')
        for operator in _OF_STORED_FIELDS.intersection(condition):
            raise OptionsError(
                f"{title}: 'filter' has {operator}, which knows stored fields and not columns: use a 'pipeline' with "
                "$match"
            )
        limit = metadata.get("limit")
        if limit is not None and (type(limit) is not int or limit < 1):
            raise OptionsError(f"{title}: 'limit' is {limit!r}, it must be a number of rows")
        as_of, pipeline = metadata.get("as_of"), metadata.get("pipeline")
        options = cls(
            columns=tuple(columns) if columns else None,
            filter=_query(condition, title),
            sort=_sort(metadata.get("sort"), title),
            limit=limit or 0,
            pipeline=None if pipeline is None else _pipeline(pipeline, title),
            as_of=None if as_of is None else _moment(as_of, title),
        )
        if options.pipeline is not None:
            with_pipeline = [key for key in (*_READ_AS_IT_IS, "as_of") if metadata.get(key)]
            if with_pipeline:
                raise OptionsError(
                    f"{title}: {_listed(with_pipeline)} cannot be combined with 'pipeline': add a stage to the pipeline"
                )
        if options.as_of is not None and options.sort:
            raise OptionsError(f"{title}: 'sort' cannot be combined with 'as_of', which reads by primary key")
        return options


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with Dagster's metadata values as plain Python values; timestamps become tz-aware dates."""
    return {key: _plain(value) for key, value in metadata.items()}


def metadata_of_output(context: dg.OutputContext, title: str) -> dict[str, Any]:
    """Return the metadata of an output: that of its definition, and the write mode that it was given when it ran.

    Raises:
        OptionsError: another option was given when it ran, where it would have no effect.
    """
    given = plain_metadata(context.output_metadata or {})
    late = [key for key in WRITE_OPTIONS if key in given]
    if late:
        raise OptionsError(
            f"{title}: {_listed(late)} in Output(metadata=...) would have no effect: set it in the definition of the "
            "asset, as in @asset(metadata=...)"
        )
    mode = {_RUNTIME_OPTION: given[_RUNTIME_OPTION]} if _RUNTIME_OPTION in given else {}
    return {**plain_metadata(context.definition_metadata), **mode}


def metadata_of_input(context: dg.InputContext, title: str) -> dict[str, Any]:
    """Return the metadata of an input.

    Raises:
        OptionsError: it says how the upstream asset is stored, which only the metadata of that asset can.
    """
    metadata = plain_metadata(context.definition_metadata)
    misplaced = [key for key in (_RUNTIME_OPTION, *WRITE_OPTIONS) if key in metadata]
    if misplaced and context.upstream_output is not None:
        raise OptionsError(
            f"{title}: {_listed(misplaced)} in the metadata of the input would have no effect: set it in the "
            "metadata of the asset, or of its AssetSpec"
        )
    return metadata


def asset_key_of(context: dg.OutputContext | dg.InputContext) -> dg.AssetKey | None:
    """Return the key of the asset that is written or read, or None for an output that is not an asset.

    If an input collects several assets in a list, the key of its context is that of the first for all of them.
    """
    upstream = context.upstream_output if isinstance(context, dg.InputContext) else None
    if upstream is not None and upstream.has_asset_key:
        return upstream.asset_key
    return context.asset_key if context.has_asset_key else None


def title_of(context: dg.OutputContext | dg.InputContext) -> str:
    """Return the name of the asset, output or input of a context, for error messages."""
    asset_key = asset_key_of(context)
    if asset_key is not None:
        return f"asset {asset_key.to_user_string()!r}"
    return f"{'output' if isinstance(context, dg.OutputContext) else 'input'} {context.name!r}"


def _plain(value: Any) -> Any:
    if isinstance(value, dg.TimestampMetadataValue):
        return datetime.fromtimestamp(value.value, timezone.utc)
    return value.value if isinstance(value, dg.MetadataValue) else value


def _query(query: Any, title: str) -> Any:
    try:
        return _values_of(query)
    except (ValueError, TypeError, BSONError) as error:
        raise OptionsError(f"{title}: a value of 'filter' or 'pipeline' is not valid: {error}") from error


def _values_of(query: Any) -> Any:
    """Return a query with the dates, ObjectIds and so on of MongoDB's extended JSON as values.

    >>> _values_of({"time": {"$gte": {"$date": "2024-01-01T00:00:00Z"}}})
    {'time': {'$gte': datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}}
    """
    if isinstance(query, Mapping):
        values = {name: _values_of(value) for name, value in query.items()}
        # MongoDB knows $regex; as a pattern of Python it would lose the operators beside it.
        return values if "$regex" in values else json_util.object_hook(values, _EXTENDED_JSON)
    if isinstance(query, datetime) and query.tzinfo is None:
        raise ValueError(f"the date {query} has no time zone: add one")
    if isinstance(query, date) and not isinstance(query, datetime):
        return midnight(query)
    return [_values_of(value) for value in query] if isinstance(query, (list, tuple)) else query


def _sort(sort: Any, title: str) -> tuple[tuple[str, int], ...]:
    if not sort:
        return ()
    entries = [sort] if isinstance(sort, str) else list(sort.items()) if isinstance(sort, Mapping) else sort
    pairs: list[Any] = [(one, 1) if isinstance(one, str) else one for one in entries] if _is_list(entries) else [()]
    if not all(_is_list(pair) and list(map(type, pair)) == [str, int] and abs(pair[1]) == 1 for pair in pairs):
        raise OptionsError(
            f"{title}: 'sort' is {sort!r}, it must be a column, a list of columns, or a dict as {{\"time\": -1}}"
        )
    return tuple((name, direction) for name, direction in pairs)


def _pipeline(pipeline: Any, title: str) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(pipeline, Sequence) or not all(isinstance(stage, Mapping) and stage for stage in pipeline):
        raise OptionsError(f"{title}: 'pipeline' is {pipeline!r}, it must be a list of stages")
    if writing := sorted(_WRITING_STAGES & {name for stage in pipeline for name in stage}):
        raise OptionsError(f"{title}: {_listed(writing)} in 'pipeline' would write: an input only reads")
    return tuple(_query(pipeline, title))


def _date_policy(dates: Any, title: str) -> DatePolicy:
    if dates in (None, "strict"):
        return STRICT
    named = {dates} if isinstance(dates, str) else set(dates) if _is_names(dates) else {None}
    if not named <= set(_DATE_POLICIES):
        raise OptionsError(f"{title}: 'dates' is {dates!r}, it must be 'strict', 'utc', 'floor' or ['utc', 'floor']")
    return DatePolicy(naive_as_utc="utc" in named, floor="floor" in named)


def _moment(value: Any, title: str) -> datetime:
    try:
        # Python 3.10 does not know Z.
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise OptionsError(
            f"{title}: 'as_of' is {value!r}, it must be a date and time as '2024-06-01T00:00:00+00:00'"
        ) from None
    if moment.tzinfo is None:
        raise OptionsError(
            f"{title}: 'as_of' {moment.isoformat()} has no time zone: add one, as in '{moment.isoformat()}+00:00'"
        )
    return moment


def _is_names(names: Any) -> bool:
    return _is_list(names) and all(isinstance(name, str) for name in names)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
