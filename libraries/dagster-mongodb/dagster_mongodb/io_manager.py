"""The IO manager: from Dagster's contexts to a slice of a collection, and back."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic import Field, PrivateAttr
from pymongo import MongoClient, ReadPreference
from pymongo.database import Database

import dagster_mongodb.collection as collections
from dagster_mongodb import connection, writes
from dagster_mongodb.clients import CLIENTS, ClientSettings
from dagster_mongodb.columns import Column
from dagster_mongodb.errors import CollectionNotStoredError, MongoDBIOManagerError, OptionsError
from dagster_mongodb.handlers.handler import Rows, StoredRows
from dagster_mongodb.handlers.registry import handler_of, handler_reading, type_names
from dagster_mongodb.options import ReadOptions, WriteOptions, name_of_output, title_of
from dagster_mongodb.persisting import WriteCounts
from dagster_mongodb.reads import SliceReader
from dagster_mongodb.revision_log import RevisionLog
from dagster_mongodb.revisions import REVISION_BYTES
from dagster_mongodb.slices import CollectionSlice, locate
from dagster_mongodb.values import ID

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_NAIVE_DATES: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)
_MAX_DOCUMENT_BYTES = 16 * 2**20  # of the server
_OBJECT_ID_BYTES = 17  # that a row without a primary key is given


class MongoDBIOManager(dg.ConfigurableIOManager):
    """Keeps assets in MongoDB: a collection for each asset, a document for each row.

    Stores and reads `pandas.DataFrame`, ``list[dict]``, ``dict``, `polars.DataFrame` and
    `pyarrow.Table`; the annotation of an input says as what it is read, `DataFrameChunks` for a part at
    a time. A write compares the rows with what is stored and writes the difference. Readers never see
    half a slice, and the next run completes what a killed run began.

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

    The collection is the whole asset key joined by dots; for an output that is not an asset, its name.
    Definition metadata of an asset:

    ``partition_expr``
        the column that partitions are cut by; for multi-dimensional partitions a dict of dimension →
        column. Time windows need a column of tz-aware dates, partition keys a column of text.
    ``calendar_dates``
        true: the partition column holds calendar dates as midnight UTC. They are compared with the dates
        of the window in the time zone of the partitions, not with its instants.
    ``primary_key``
        column or columns that identify a row and become ``_id`` (several columns: a subdocument).
    ``write_mode``
        ``replace`` (default): the rows replace the slice. ``merge``: rows are added and changed, none
        is deleted; needs a primary key.
    ``keep_revisions``
        true: former versions of changed and deleted rows are kept in ``<collection>_revisions``.
    ``provisional_column``
        former versions in which this column is true were never final and are not kept.
    ``indexes``
        further indexes: a list of columns, lists of columns, or dicts of ``keys`` and options.
    ``validation_action``
        ``error`` or ``warn``: MongoDB refuses or logs documents, no matter which program writes them,
        whose fields have other types than the columns.
    ``database``, ``collection``
        where the asset is kept.

    Metadata of an input (``AssetIn(metadata={"columns": [...]})``):

    ``columns``
        only these are read.
    ``as_of``
        a moment with a time zone: the asset is read as it was known then; needs `keep_revisions`.
    """

    uri: str = Field(
        repr=False, description="MongoDB connection string, with the options for TLS, X.509, pool and time-outs."
    )
    database: str = Field(description="Database of all assets that do not name another one.")
    app_name: str = Field(default="dagster", description="Name under which the server's log shows the connections.")
    read_preference: str | None = Field(
        default=None,
        description="From which members inputs are read, such as 'secondaryPreferred'. Default: that of the URI, else "
        "'primary'. A write always compares with the primary.",
    )
    write_concern: str | None = Field(
        default=None,
        description="Which members confirm a write: 'majority', a number or a tag. Default: that of the URI, else "
        "'majority'.",
    )
    batch_size: int = Field(
        default=5_000,
        gt=0,
        description="Rows that are encoded, sent or received at a time (fewer if rows are large); rows of a chunk.",
    )

    _user: object = PrivateAttr(default_factory=object)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run, unless something else in the process uses them."""
        CLIENTS.release(self._client_settings, self._user)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write an object to the slice of its partitions.

        Raises:
            MongoDBIOManagerError: the object cannot be stored and nothing was written, or MongoDB failed.
        """
        title = title_of(context)
        handler = handler_of(obj)
        if handler is None:
            raise MongoDBIOManagerError(
                f"{title} returned {type(obj).__name__}, but MongoDBIOManager stores {type_names()}. Annotate an asset "
                "that returns nothing with '-> None'."
            )
        begin = time.monotonic()
        where = locate(context, context.definition_metadata, database=self.database, name=name_of_output(context))
        options = WriteOptions.of(context.definition_metadata, has_primary_key=bool(where.primary_key), title=title)
        indexes = collections.index_models(where, options.indexes, title)
        rows: Rows = handler.rows(obj, where.primary_key)
        _check_partitions(where, rows)
        added = REVISION_BYTES if options.keep_revisions else _OBJECT_ID_BYTES
        rows.check(max_bytes=_MAX_DOCUMENT_BYTES - added, batch_size=self.batch_size)

        with connection.explained_errors(self.uri):
            # On a secondary, a key that is stored already might be missing.
            database = self._client().get_database(where.database, read_preference=ReadPreference.PRIMARY)
            collections.check_collection(database, where.collection, keep_revisions=options.keep_revisions)

            def prepare() -> None:
                is_whole = options.is_replacement and where.boxes is None
                columns = collections.note_columns(database, where.collection, rows.columns, is_whole=is_whole)
                if options.validation_action and columns is not None:
                    collections.set_validator(database, where, columns, options.validation_action)
                collections.create_missing_indexes(database, where.collection, indexes)

            documents = database.get_collection(where.collection, codec_options=_RAW)
            if where.primary_key:
                counts = writes.write_keyed(
                    documents,
                    where,
                    rows,
                    mode="replace" if options.is_replacement else "merge",
                    begin=prepare,
                    log=_revision_log(context, database, where, options),
                )
            else:
                counts = writes.write_unkeyed(documents, where, rows, begin=prepare)
            total = documents.estimated_document_count()
        context.add_output_metadata(
            {
                **_output_metadata(context, where, rows, counts, total),
                "seconds": round(time.monotonic() - begin, 3),
                "look": dg.MetadataValue.md(_look(connection.shown(self.uri, where.database), where)),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Read the slice of the partitions that an input depends on, as the type of its annotation.

        Rows are ordered by the primary key; without one, as they were written.

        Raises:
            CollectionNotStoredError: the upstream asset was never stored.
            MongoDBIOManagerError: the type or a column is not known, or MongoDB failed.
        """
        title = title_of(context)
        annotation = context.dagster_type.typing_type
        handler = handler_reading(annotation)
        if handler is None:
            raise MongoDBIOManagerError(
                f"{title} cannot be read as {annotation}: MongoDBIOManager reads {type_names()}, so annotate the input "
                "with one of them"
            )
        upstream = context.upstream_output
        where = locate(
            context,
            upstream.definition_metadata if upstream is not None else {},
            database=self.database,
            name=name_of_output(upstream) if upstream is not None else context.name,
        )
        options = ReadOptions.of(context.definition_metadata, title=title)
        with connection.explained_errors(self.uri):
            database = self._client().get_database(where.database, codec_options=_NAIVE_DATES)
            note = collections.find_note(database, where.collection)
            # An input without partitions (the first one of an asset that depends on itself) may be missing.
            if note is None and where.boxes != () and database[where.collection].find_one({}, {ID: True}) is None:
                raise CollectionNotStoredError(
                    f"{title} was never stored in {where.database}.{where.collection} "
                    f"({connection.address(self.uri)}): materialize it first"
                )
            reader = SliceReader(database, where, options.columns, self.batch_size, self.uri)
            as_of = options.as_of
            return handler.load(
                StoredRows(
                    chunks=reader.chunks if as_of is None else lambda: reader.chunks_as_of(as_of),
                    raw_batches=reader.raw_batches if as_of is None else None,
                    columns=_selected(collections.columns_of(note), options.columns, title),
                    selected=options.columns,
                    primary_key=where.primary_key,
                    title=title,
                )
            )

    @property
    def _client_settings(self) -> ClientSettings:
        return ClientSettings(self.uri, self.app_name, self.read_preference, self.write_concern)

    def _client(self) -> MongoClient[Any]:
        return CLIENTS.client(self._client_settings, self._user)


def _check_partitions(where: CollectionSlice, rows: Rows) -> None:
    if where.boxes is not None and len(rows):
        if rows.columns is not None:
            where.check_columns([column.name for column in rows.columns])
        where.check_rows(rows.frame(where.partition_columns))


def _revision_log(
    context: dg.OutputContext, database: Database[Any], where: CollectionSlice, options: WriteOptions
) -> RevisionLog | None:
    if not options.keep_revisions:
        return None
    return RevisionLog(
        database,
        where.collection,
        run_id=context.run_id,
        partition=str(where) if where.boxes is not None else None,
        provisional_column=options.provisional_column,
    )


def _selected(
    columns: tuple[Column, ...] | None, selected: Sequence[str] | None, title: str
) -> tuple[Column, ...] | None:
    if columns is None or selected is None:
        return columns
    by_name = {column.name: column for column in columns}
    missing = [name for name in selected if name not in by_name]
    if missing:
        raise OptionsError(
            f"{title} has no column {', '.join(missing)}, which the metadata 'columns' of the input names: it has "
            f"{', '.join(by_name)}"
        )
    return tuple(by_name[name] for name in selected)


def _output_metadata(
    context: dg.OutputContext, where: CollectionSlice, rows: Rows, counts: WriteCounts, total: int
) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": total,
        "dagster/table_name": f"{where.database}.{where.collection}",
        "inserted": counts.inserted,
        "revised": counts.revised,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "bytes": counts.size,
    }
    if where.boxes is not None:
        metadata["dagster/partition_row_count"] = len(rows)
    if "dagster/column_schema" not in context.definition_metadata and rows.columns is not None:
        metadata["dagster/column_schema"] = dg.TableSchema(
            columns=[dg.TableColumn(column.name, column.dtype) for column in rows.columns]
        )
    return metadata


def _look(uri: str, where: CollectionSlice) -> str:
    """Return the commands that show the newest documents of a collection in a terminal."""
    newest = f'db.getCollection("{where.collection}").find().sort({{_id: -1}}).limit(10)'
    return f"`mongosh '{uri}'`, then `{newest}`"
