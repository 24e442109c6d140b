"""The IO manager: from Dagster's contexts to a slice of a collection, and back."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import dagster as dg
import pandas as pd
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic import Field, PrivateAttr
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.io_managers.mongodb import connection, difference, revisions, schema
from airquality_dagster.io_managers.mongodb.errors import (
    CollectionNotStoredError,
    MongoDBIOManagerError,
    SliceError,
)
from airquality_dagster.io_managers.mongodb.slices import CollectionSlice, locate
from airquality_dagster.io_managers.mongodb.values import ID, Column, EncodedFrame, decode_frame, encode_frame

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_NAIVE_DATES: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)
_REVISIONS = "_revisions"


class MongoDBIOManager(dg.ConfigurableIOManager):
    """Keeps `pandas.DataFrame` assets in MongoDB: a collection an asset, a document a row.

    A write compares the frame with what is stored and writes what differs. It never leaves a reader
    with half a slice, and a run that was killed is completed by the next one.

    Example:
        .. code-block:: python

            @dg.asset(
                partitions_def=dg.DailyPartitionsDefinition("2024-01-01"),
                metadata={"partition_expr": "time", "primary_key": "time"},
            )
            def readings(context: dg.AssetExecutionContext) -> pd.DataFrame: ...

            defs = dg.Definitions(
                assets=[readings],
                resources={
                    "io_manager": MongoDBIOManager(uri=dg.EnvVar("MONGODB_URI"), database="weather")
                },
            )

    The collection is the whole asset key, joined by dots. Definition metadata of an asset:

    ``partition_expr``
        the column that partitions are cut by; of multi-dimensional partitions a dict of dimension →
        column. Time windows need a column of tz-aware dates, keys one of text.
    ``calendar_dates``
        true: the partition column holds calendar dates, as midnight UTC, which are compared with the
        window's dates in the time zone of the partitions instead of its instants.
    ``primary_key``
        column or columns that identify a row and become ``_id`` (several: a subdocument).
    ``write_mode``
        ``replace`` (default): the slice becomes the frame. ``merge``: rows are added and changed, none
        is deleted; needs a primary key.
    ``keep_revisions``
        true: former versions of changed and deleted rows are kept in ``<collection>_revisions``.
    ``provisional_column``
        versions in which this column is true are not kept as revisions: they were never final.
    ``database``, ``collection``
        keep the asset there.

    Metadata of an input (``AssetIn(metadata={"columns": [...]})``): only these columns are read.
    """

    uri: str = Field(description="MongoDB connection string; TLS, pool and write options go here, too.")
    database: str = Field(description="Database of all assets that do not name another.")
    app_name: str = Field(default="dagster", description="Name under which the server's log shows the connections.")

    _client: MongoClient[Any] | None = PrivateAttr(default=None)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write a frame to the slice of its partitions.

        Raises:
            MongoDBIOManagerError: the frame cannot be stored, nothing was written; or MongoDB failed.
        """
        if not isinstance(obj, pd.DataFrame):
            raise MongoDBIOManagerError(
                f"{_title(context)} returned {type(obj).__name__}, but MongoDBIOManager stores pandas.DataFrame. "
                "An asset that returns nothing is annotated '-> None'."
            )
        metadata = context.definition_metadata
        where = locate(context, metadata, database=self.database, name=context.name)
        is_replacement = _write_mode(context, metadata, where) == "replace"
        begin = time.monotonic()
        where.check_rows(obj)
        encoded = encode_frame(obj, where.primary_key)

        with connection.explained_errors(self.uri):
            client = self._connected()
            database = client[where.database]
            schema.store_columns(
                database, where.collection, encoded.columns, is_whole=is_replacement and where.boxes is None
            )
            collection = database.get_collection(where.collection, codec_options=_RAW)
            for path in map(where.path, where.partition_columns):
                if path != ID:
                    collection.create_index(path)
            if where.primary_key:
                counts = difference.write_keyed(
                    collection,
                    where,
                    encoded.documents,
                    delete_vanished=is_replacement,
                    keep_former=self._keep_former(context, metadata, database, where),
                )
            else:
                counts = difference.write_unkeyed(client, collection, where, encoded.documents)
            total = collection.estimated_document_count()
        context.add_output_metadata(
            {
                **_output_metadata(context, where, encoded, counts, total),
                "seconds": round(time.monotonic() - begin, 3),
                "look": dg.MetadataValue.md(_look(connection.shown(self.uri, where.database), where)),
            }
        )

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Read the slice of the partitions that an input depends on.

        Rows come in the order of the primary key, without one in the order in which they were stored.

        Raises:
            CollectionNotStoredError: the upstream asset was never stored.
            MongoDBIOManagerError: the input asks for another type than a frame, or MongoDB failed.
        """
        wanted = context.dagster_type.typing_type
        if wanted not in (Any, pd.DataFrame):
            raise MongoDBIOManagerError(
                f"{_title(context)} is to be read as {wanted}, but MongoDBIOManager reads pandas.DataFrame: annotate "
                "the input so"
            )
        upstream = context.upstream_output
        metadata = upstream.definition_metadata if upstream is not None else {}
        name = upstream.name if upstream is not None else context.name
        where = locate(context, metadata, database=self.database, name=name)
        with connection.explained_errors(self.uri):
            database = self._connected()[where.database]
            columns = schema.stored_columns(database, where.collection)
            selected = context.definition_metadata.get("columns")
            projection = {where.path(column): True for column in selected} if selected else None
            collection = database.get_collection(where.collection, codec_options=_NAIVE_DATES)
            documents = list(collection.find(where.query, projection, sort=[(ID, 1)], allow_disk_use=True))
        if columns is None:
            if not documents:
                raise CollectionNotStoredError(
                    f"{_title(context)} was never stored in {where.database}.{where.collection} "
                    f"({connection.address(self.uri)}): materialize it first"
                )
            columns = _columns_of(documents, where)
        if selected:
            by_name = {column.name: column for column in columns}
            missing = [column for column in selected if column not in by_name]
            if missing:
                raise SliceError(
                    f"{_title(context)} has no column {', '.join(missing)}, which an input names in its metadata "
                    f"'columns': it has {', '.join(by_name)}"
                )
            columns = tuple(by_name[column] for column in selected)
        return decode_frame(documents, columns, where.primary_key)

    def _connected(self) -> MongoClient[Any]:
        if self._client is None:
            self._client = connection.connect(self.uri, self.app_name)
        return self._client

    def _keep_former(
        self,
        context: dg.OutputContext,
        metadata: Mapping[str, Any],
        database: Database[Any],
        where: CollectionSlice,
    ) -> Callable[[Sequence[RawBSONDocument], str], None] | None:
        if not metadata.get("keep_revisions"):
            return None

        def keep_former(former: Sequence[RawBSONDocument], kind: str) -> None:
            revisions.keep_revisions(
                database.get_collection(where.collection + _REVISIONS, codec_options=_RAW),
                former,
                kind=kind,
                valid_until=datetime.now(timezone.utc),
                run_id=context.run_id,
                partition=str(where) if where.boxes is not None else None,
                provisional_column=metadata.get("provisional_column"),
            )

        return keep_former


def _write_mode(context: dg.OutputContext, metadata: Mapping[str, Any], where: CollectionSlice) -> str:
    mode = metadata.get("write_mode", "replace")
    if mode not in ("replace", "merge"):
        raise SliceError(f"{_title(context)}: 'write_mode' is {mode!r}: it is 'replace' or 'merge'")
    needing = [key for key in ("keep_revisions",) if metadata.get(key)] + (
        ["write_mode: merge"] if mode == "merge" else []
    )
    if needing and not where.primary_key:
        raise SliceError(f"{_title(context)}: {' and '.join(needing)} need a 'primary_key' that identifies rows")
    return mode


def _output_metadata(
    context: dg.OutputContext,
    where: CollectionSlice,
    encoded: EncodedFrame,
    counts: difference.WriteCounts,
    total: int,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": total,
        "dagster/table_name": f"{where.database}.{where.collection}",
        "inserted": counts.inserted,
        "revised": counts.revised,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "bytes": sum(map(len, encoded.documents)),
    }
    if where.boxes is not None:
        metadata["dagster/partition_row_count"] = len(encoded.documents)
    if "dagster/column_schema" not in context.definition_metadata:
        metadata["dagster/column_schema"] = dg.TableSchema(
            columns=[dg.TableColumn(column.name, column.dtype) for column in encoded.columns]
        )
    return metadata


def _look(uri: str, where: CollectionSlice) -> str:
    """Return the lines that show the newest documents of a collection in a terminal."""
    newest = f'db.getCollection("{where.collection}").find().sort({{_id: -1}}).limit(10)'
    return f"`mongosh '{uri}'`, then `{newest}`"


def _columns_of(documents: Sequence[Mapping[str, Any]], where: CollectionSlice) -> tuple[Column, ...]:
    """Return the columns of documents that something else wrote, with the dtypes that pandas finds."""
    fields = dict.fromkeys(field for document in documents for field in document)
    if where.primary_key:
        fields.pop(ID)
    names = [*where.primary_key, *fields]
    objects = decode_frame(documents, [Column(name, "object") for name in names], where.primary_key)
    return tuple(Column(name, str(dtype)) for name, dtype in objects.infer_objects().dtypes.items())


def _title(context: dg.OutputContext | dg.InputContext) -> str:
    if context.has_asset_key:
        return f"asset {context.asset_key.to_user_string()!r}"
    return f"{'output' if isinstance(context, dg.OutputContext) else 'input'} {context.name!r}"
