"""Metadata of assets and inputs as typed functions: a misspelt option is an error where it is written."""

import datetime
import decimal
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import dagster as dg
import numpy as np
from bson import Decimal128, json_util
from bson.binary import UuidRepresentation

from dagster_mongodb.dates import midnight
from dagster_mongodb.errors import OptionsError

_RELAXED = json_util.RELAXED_JSON_OPTIONS.with_options(uuid_representation=UuidRepresentation.STANDARD)


def Write(
    *,
    key: str | Sequence[str] | None = None,
    mode: Literal["replace", "merge", "append", "set"] | None = None,
    partition_expr: str | Mapping[str, str] | None = None,
    calendar_dates: bool | None = None,
    keep_revisions: bool | None = None,
    provisional_column: str | None = None,
    indexes: Sequence[str | Sequence[str] | Mapping[str, Any]] | None = None,
    validation_action: Literal["error", "warn"] | None = None,
    dates: Literal["strict", "utc", "floor"] | Sequence[Literal["utc", "floor"]] | None = None,
    database: str | None = None,
    collection: str | None = None,
) -> dict[str, Any]:
    """Return the metadata of an asset that `MongoDBIOManager` writes.

    Args:
        key: the metadata ``primary_key``.
        mode: the metadata ``write_mode``.
        partition_expr, calendar_dates, keep_revisions, provisional_column, indexes, validation_action, dates,
            database, collection: the metadata of these names; see `MongoDBIOManager`.

    Example:
        .. code-block:: python

            import dagster_mongodb as mongo

            @dg.asset(metadata={**mongo.Write(key="city", mode="merge"), "source": "weather service"})
            def cities() -> pd.DataFrame: ...
    """
    return _given(
        primary_key=key,
        write_mode=mode,
        partition_expr=partition_expr,
        calendar_dates=calendar_dates,
        keep_revisions=keep_revisions,
        provisional_column=provisional_column,
        indexes=indexes,
        validation_action=validation_action,
        dates=dates,
        database=database,
        collection=collection,
    )


def Read(
    *,
    columns: Sequence[str] | None = None,
    filter: Mapping[str, Any] | None = None,
    sort: str | Sequence[str | tuple[str, int]] | Mapping[str, int] | None = None,
    limit: int | None = None,
    pipeline: Sequence[Mapping[str, Any]] | None = None,
    as_of: datetime.datetime | str | None = None,
) -> dict[str, Any]:
    """Return the metadata of an input that `MongoDBIOManager` reads.

    Dates, ObjectIds and other values that JSON does not have are written as MongoDB's extended JSON, because
    Dagster shows the metadata of inputs as JSON.

    Args:
        columns, filter, sort, limit, pipeline, as_of: the metadata of these names; see `MongoDBIOManager`.

    Example:
        .. code-block:: python

            import dagster_mongodb as mongo

            warm = mongo.Read(filter={"value": {"$gt": 20}}, sort={"time": -1}, limit=100)

            @dg.asset(ins={"readings": dg.AssetIn(metadata=warm)})
            def warm_hours(readings: pd.DataFrame) -> None: ...
    """
    if isinstance(as_of, datetime.datetime):
        as_of = as_of.isoformat()
    return _given(
        columns=columns if columns is None else list(columns),
        filter=_extended_json(filter),
        sort=list(sort.items()) if isinstance(sort, Mapping) else sort,
        limit=limit,
        pipeline=_extended_json(pipeline),
        as_of=as_of,
    )


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _extended_json(query: Any) -> Any:
    """Return a query as a metadata value of JSON."""
    if query is None:
        return None
    return dg.MetadataValue.json(json.loads(json_util.dumps(_as_stored(query), json_options=_RELAXED)))


def _as_stored(query: Any) -> Any:
    """Return a query with values as they are stored: calendar dates as midnight UTC, decimals as decimal128."""
    if isinstance(query, Mapping):
        return {name: _as_stored(value) for name, value in query.items()}
    if isinstance(query, (list, tuple)):
        return [_as_stored(value) for value in query]
    if isinstance(query, datetime.datetime) and query.tzinfo is None:
        raise OptionsError(f"the date {query} in a filter or a pipeline has no time zone: add one")
    if isinstance(query, datetime.date) and not isinstance(query, datetime.datetime):
        return midnight(query)
    if isinstance(query, decimal.Decimal):
        return Decimal128(query)
    return query.item() if isinstance(query, np.generic) else query
