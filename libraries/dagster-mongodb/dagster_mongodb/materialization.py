"""What a materialization shows in Dagster."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.writing.persisting import WriteCounts

_PREFIX = "mongodb/"


def materialization_metadata(
    context: dg.OutputContext,
    where: CollectionSlice,
    rows: Rows,
    counts: WriteCounts,
    *,
    total: int,
    partition_rows: int,
    seconds: float,
    uri: str,
) -> Mapping[str, Any]:
    """Return the metadata of a materialization.

    Args:
        context: of the output.
        where: the slice that was written.
        rows: that were written.
        counts: what the write changed.
        total: documents in the collection.
        partition_rows: documents in the slice.
        seconds: that the write took.
        uri: of the database, without user and password.
    """
    own = {
        "inserted": counts.inserted,
        "revised": counts.revised,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "bytes": counts.size,
        "seconds": round(seconds, 3),
        "look": dg.MetadataValue.md(_look(uri, where)),
    }
    # The names of release 0.1, until the next release but one; what the asset itself says wins.
    former = {name: value for name, value in own.items() if name not in (context.output_metadata or {})}
    metadata: dict[str, Any] = {
        "dagster/row_count": total,
        "dagster/table_name": f"{where.database}.{where.collection}",
        **{_PREFIX + name: value for name, value in own.items()},
        **former,
    }
    if where.boxes is not None:
        metadata["dagster/partition_row_count"] = partition_rows
    if "dagster/column_schema" not in context.definition_metadata and rows.columns is not None:
        metadata["dagster/column_schema"] = dg.TableSchema(
            columns=[dg.TableColumn(column.name, column.dtype) for column in rows.columns]
        )
    return metadata


def _look(uri: str, where: CollectionSlice) -> str:
    """Return the commands that show the newest documents of a collection in a terminal."""
    newest = f'db.getCollection("{where.collection}").find().sort({{_id: -1}}).limit(10)'
    return f"`mongosh '{uri}'`, then `{newest}`"
