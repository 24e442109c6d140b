"""The IO manager: from Dagster's contexts to a slice of a collection, and back."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, get_args, get_origin

import dagster as dg
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic import Field, PrivateAttr
from pymongo import MongoClient, ReadPreference
from pymongo.database import Database

from dagster_mongodb import connection
from dagster_mongodb.clients import CLIENTS, ClientSettings
from dagster_mongodb.collection import collection_name
from dagster_mongodb.destination import Destination
from dagster_mongodb.errors import (
    CollectionNotStoredError,
    MongoDBIOManagerError,
    OptionsError,
    PartitionError,
)
from dagster_mongodb.handlers.handler import Rows, TypeHandler
from dagster_mongodb.handlers.partitions import PartitionedRows
from dagster_mongodb.handlers.registry import (
    handler_of,
    handler_reading,
    is_optional,
    loaded_annotation,
    partition_value,
    type_names,
)
from dagster_mongodb.intermediates import drop_expired, name_of_output, owner_of_output
from dagster_mongodb.materialization import materialization_metadata
from dagster_mongodb.notes import Note, owner_of
from dagster_mongodb.options import (
    ReadOptions,
    WriteOptions,
    asset_key_of,
    metadata_of_input,
    metadata_of_output,
    plain_metadata,
    title_of,
)
from dagster_mongodb.reads import stored_rows
from dagster_mongodb.revisions import REVISION_BYTES
from dagster_mongodb.slices import CollectionSlice, Partitions, locate, names_of
from dagster_mongodb.source import Source
from dagster_mongodb.values import READING
from dagster_mongodb.writing import writes
from dagster_mongodb.writing.revision_log import RevisionLog

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
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

    The collection is the whole asset key joined by dots. Definition metadata of an asset (`Write` makes it, with
    names that are checked):

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
        is deleted. ``set``: the same, and fields that the rows do not have stay. ``append``: rows without a
        primary key are added; what the same step of the same run appended before is replaced.
    ``keep_revisions``
        true: former versions of changed and deleted rows are kept in ``<collection>_revisions``.
    ``provisional_column``
        former versions in which this column is true were never final and are not kept.
    ``indexes``
        further indexes: a list of columns, lists of columns, or dicts of ``keys`` and options. One that is
        taken out of the list is dropped.
    ``validation_action``
        ``error`` or ``warn``: MongoDB refuses or logs documents, no matter which program writes them,
        whose fields have other types than the columns.
    ``dates``
        ``strict`` (default): dates without a time zone or finer than a millisecond are refused. ``utc``: dates
        without a time zone are UTC. ``floor``: finer dates and durations are rounded down. Or a list of both.
    ``database``, ``collection``
        where the asset is kept.

    Metadata of an input (``AssetIn(metadata={"columns": [...]})``, or made by `Read`):

    ``columns``
        only these are read.
    ``filter``, ``sort``, ``limit``
        in MongoDB's query language, with the names of columns.
    ``pipeline``
        stages of an aggregation, after the filter, with the names of the stored fields.
    ``as_of``
        a moment with a time zone: the asset is read as it was known then; needs `keep_revisions`.

    In all of these, a name with dots is a path into nested documents, as ``address.city``, unless a column has
    this very name.

    An output that is not an asset is kept in a collection of its run, step and name, and dropped
    `keep_intermediates_days` later.
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
    keep_intermediates_days: float = Field(
        default=7,
        gt=0,
        description="Days after which outputs that are not assets are dropped, when the next such output is written.",
    )

    _user: object = PrivateAttr(default_factory=object)
    _root_run_id: str | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Remember of which run this one is a retry, so that its appends are repeated, not doubled."""
        self._root_run_id = context.run.root_run_id if context.run is not None else None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run, unless something else in the process uses them."""
        CLIENTS.release(self._client_settings, self._user)

    def type_handlers(self) -> Sequence[TypeHandler[Any]]:
        """Return handlers of further Python types; they win over the built-in ones. Override it in a subclass."""
        return ()

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write an object to the slice of its partitions.

        Raises:
            MongoDBIOManagerError: the object cannot be stored and nothing was written, or MongoDB failed.
        """
        begin, title = time.monotonic(), title_of(context)
        partitions = Partitions.of(context)
        handler = handler_of(obj, self.type_handlers(), has_partitions=partitions is not None)
        if handler is None:
            raise MongoDBIOManagerError(
                f"{title} returned {type(obj).__name__}, but MongoDBIOManager stores "
                f"{type_names(self.type_handlers())}. Annotate an asset that returns nothing with '-> None'."
            )
        metadata = metadata_of_output(context, title)
        primary_key = names_of(metadata.get("primary_key"))
        options = WriteOptions.of(metadata, has_primary_key=bool(primary_key), title=title)
        rows: Rows = handler.rows(obj, primary_key, options.dates)
        where = locate(
            self._database_of(metadata),
            self._collection_of(context, metadata),
            metadata,
            partitions=partitions,
            dotted_names=rows.dotted_names,
        )
        note = self._note_of(context, where, rows, options, metadata)
        _check_partitions(where, rows, metadata, partitions)
        added = REVISION_BYTES if options.keep_revisions else _OBJECT_ID_BYTES
        rows.check(max_bytes=_MAX_DOCUMENT_BYTES - added, batch_size=self.batch_size)

        # On a secondary, a key that is stored already might be missing.
        with self._open_database(where.database, self._user, read_preference=ReadPreference.PRIMARY) as database:
            if note.expires_at is not None:
                drop_expired(database)
            destination = Destination.check(database, where, options, note)
            begin_write = destination.prepare
            documents = database.get_collection(where.collection, codec_options=_RAW)
            if options.mode == "append":
                identity = f"{self._root_run_id or context.run_id} {note.owner} {where}"
                counts = writes.append(documents, where, rows, begin=begin_write, identity=identity)
            elif where.primary_key:
                log = _revision_log(context, database, where, options)
                counts = writes.write_keyed(documents, where, rows, mode=options.mode, begin=begin_write, log=log)
            else:
                counts = writes.write_unkeyed(documents, where, rows, begin=begin_write)
            destination.note_success()
            total = documents.estimated_document_count()
            is_all = options.mode == "replace" or where.boxes is None
            partition_rows = len(rows) if is_all else documents.count_documents(where.query)
        context.add_output_metadata(
            materialization_metadata(
                context,
                where,
                rows,
                counts,
                total=total,
                partition_rows=partition_rows,
                seconds=time.monotonic() - begin,
                uri=connection.shown(self.uri, where.database),
            )
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Read the slice of the partitions that an input depends on, as the type of its annotation.

        Rows are ordered by the primary key; without one, as they were written.

        Raises:
            CollectionNotStoredError: the upstream asset was never stored.
            MongoDBIOManagerError: the type or a column is not known, or MongoDB failed.
        """
        annotation = context.dagster_type.typing_type
        try:
            return self._load(context, annotation)
        except CollectionNotStoredError:
            if is_optional(annotation):
                return None
            raise

    def _load(self, context: dg.InputContext, annotation: Any) -> Any:
        title, more = title_of(context), self.type_handlers()
        of_partition = partition_value(annotation, more)
        kind = loaded_annotation(annotation if of_partition is None else of_partition, more)
        if context.upstream_output is not None and not context.upstream_output.has_asset_key:
            collected = context.upstream_output.dagster_type.typing_type
            # Of several outputs Dagster loads one after the other.
            if get_origin(annotation) is list and get_args(annotation) == (collected,):
                kind = collected
        handler = handler_reading(kind, more)
        if handler is None:
            raise MongoDBIOManagerError(
                f"{title} cannot be read as {annotation}: MongoDBIOManager reads {type_names(more)}, so annotate the "
                "input with one of them"
            )
        options = ReadOptions.of(metadata_of_input(context, title), title=title)
        upstream = context.upstream_output
        metadata = plain_metadata((context if upstream is None else upstream).definition_metadata)
        database_name, partitions = self._database_of(metadata), Partitions.of(context)
        if of_partition is not None and partitions is None:
            raise OptionsError(
                f"{title} has no partitions, or none are given, so it cannot be read as {annotation}: annotate it with "
                f"{kind}"
            )
        with self._open_database(database_name, self._user, codec_options=READING) as database:
            source = Source.find(
                database,
                self._collection_of(context, metadata),
                None if metadata.get("collection") else asset_key_of(context),
                metadata,
                partitions,
                title,
            )
            if options.as_of is not None:
                source.check_revisions(database)

        # Chunks may be read when the run is over and its client closed, so each reading uses one of its own.
        def open_database() -> AbstractContextManager[Database[Any]]:
            return self._open_database(database_name, object(), codec_options=READING)

        def load(some: Partitions | None) -> Any:
            return handler.load(stored_rows(open_database, source, some, options, self.batch_size), kind)

        if of_partition is None or partitions is None:
            return load(partitions)
        return {key: load(replace(partitions, keys=(key,))) for key in partitions.keys}

    def _database_of(self, metadata: Mapping[str, Any]) -> str:
        return str(metadata.get("database") or self.database)

    def _collection_of(self, context: dg.OutputContext | dg.InputContext, metadata: Mapping[str, Any]) -> str:
        output = context if isinstance(context, dg.OutputContext) else context.upstream_output
        asset_key = asset_key_of(context)
        if asset_key is not None:
            name = ".".join(asset_key.path)
        else:
            name = context.name if output is None else name_of_output(output)
        return collection_name(self._database_of(metadata), name, metadata)

    def _note_of(
        self,
        context: dg.OutputContext,
        where: CollectionSlice,
        rows: Rows,
        options: WriteOptions,
        metadata: Mapping[str, Any],
    ) -> Note:
        """Return what an output says of its collection."""
        expiry = datetime.now(timezone.utc) + timedelta(days=self.keep_intermediates_days)
        is_intermediate = not context.has_asset_key and not metadata.get("collection")
        if is_intermediate and options.keep_revisions:
            raise OptionsError(f"{title_of(context)} is not an asset, so it keeps no revisions: set its 'collection'")
        return Note(
            collection=where.collection,
            owner=owner_of(context.asset_key) if context.has_asset_key else f"output {owner_of_output(context)!r}",
            primary_key=where.primary_key,
            partition_expr=None if where.boxes is None else metadata["partition_expr"],
            calendar_dates=where.boxes is not None and bool(metadata.get("calendar_dates")),
            keep_revisions=options.keep_revisions,
            columns=rows.columns,
            dotted_names=rows.dotted_names,
            has_validator=options.validation_action is not None,
            expires_at=expiry if is_intermediate else None,
        )

    def _client(self) -> MongoClient[Any]:
        return CLIENTS.client(self._client_settings, self._user)

    @property
    def _client_settings(self) -> ClientSettings:
        return ClientSettings(self.uri, self.app_name, self.read_preference, self.write_concern)

    @contextmanager
    def _open_database(self, name: str, user: object, **options: Any) -> Iterator[Database[Any]]:
        """Return a database, and explain failures within the ``with`` block."""
        with connection.explained_errors(self.uri):
            try:
                yield CLIENTS.client(self._client_settings, user).get_database(name, **options)
            finally:
                if user is not self._user:
                    CLIENTS.release(self._client_settings, user)


def _check_partitions(
    where: CollectionSlice, rows: Rows, metadata: Mapping[str, Any], partitions: Partitions | None
) -> None:
    rows_of = rows.rows_of if isinstance(rows, PartitionedRows) else {}
    lacking = [] if partitions is None or not rows_of else [key for key in partitions.keys if key not in rows_of]
    if lacking:
        raise PartitionError(
            f"partition {lacking[0]!r} is written, but not returned: return an empty table, which deletes its rows"
        )
    unknown = [key for key in rows_of if partitions is None or key not in partitions.keys]
    if unknown:
        written = "no partitions" if partitions is None else f"the partitions {', '.join(partitions.keys)}"
        raise PartitionError(f"partition {unknown[0]!r} is returned, but {written} are written")
    if where.boxes is None or partitions is None or not len(rows):
        return
    if rows.columns is not None:
        where.check_columns([column.name for column in rows.columns])
    frame = rows.frame(where.partition_columns)
    where.check_rows(frame)
    for key, numbers in rows_of.items():
        one = locate(where.database, where.collection, metadata, partitions=replace(partitions, keys=(key,)))
        one.check_rows(frame.iloc[numbers.start : numbers.stop])


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
