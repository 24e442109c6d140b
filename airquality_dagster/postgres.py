"""Dagster's storage in Postgres, with its connections kept open and the events of a step stored together."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dagster import AssetKey, DagsterEventType, EventLogEntry, EventLogRecord
from dagster import _check as check
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.migration import ASSET_KEY_INDEX_COLS
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetKeyTable, ConcurrencyLimitsTable
from dagster._serdes import deserialize_value, serialize_value
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import (
    create_pg_connection,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)
from sqlalchemy import Engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InternalError, InvalidatePoolError
from sqlalchemy.pool import NullPool
from urllib3.util.wait import wait_for_read

if TYPE_CHECKING:  # the types of Dagster's storage, which Dagster does not export
    from dagster._core.storage.config import PostgresStorageConfig
    from dagster._serdes import ConfigurableClassData
    from dagster_postgres.auth import PgTokenProvider

# A run stores its events one after the other, some while it holds a connection; the daemon asks from threads.
_KEPT_OPEN, _MORE_AT_ONCE = 3, 20
_RENEWED_AFTER_SECONDS = 600
_LOCK = 0x61697271  # any number that nobody else in the database takes
# What a step tells on its way, some fifteen events of an asset with its checks, is stored together.
_STORED_WITH_THE_NEXT = {
    DagsterEventType.STEP_INPUT,
    DagsterEventType.LOADED_INPUT,
    DagsterEventType.STEP_OUTPUT,
    DagsterEventType.HANDLED_OUTPUT,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
_MOST_TOGETHER = 100
# SQLAlchemy's own way with many rows would put each question together anew.
_TOLD = text("""
    INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    SELECT run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition
    FROM unnest(
        CAST(:run_id AS text[]), CAST(:event AS text[]), CAST(:dagster_event_type AS text[]),
        CAST(:timestamp AS timestamp[]), CAST(:step_key AS text[]), CAST(:asset_key AS text[]),
        CAST(:partition AS text[])
    ) WITH ORDINALITY AS told(run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition, place)
    ORDER BY place
    RETURNING id
""")
_EVALUATED = text("""
    UPDATE asset_check_executions AS planned
    SET execution_status = found.status, evaluation_event = found.event,
        evaluation_event_timestamp = found.timestamp, evaluation_event_storage_id = found.event_id,
        materialization_event_storage_id = found.materialization_id
    FROM unnest(
        CAST(:asset_keys AS text[]), CAST(:check_names AS text[]), CAST(:partitions AS text[]),
        CAST(:run_ids AS text[]), CAST(:statuses AS text[]), CAST(:events AS text[]),
        CAST(:timestamps AS timestamp[]), CAST(:event_ids AS bigint[]), CAST(:materialization_ids AS bigint[])
    ) AS found(
        asset_key, check_name, partition, run_id, status, event, timestamp, event_id, materialization_id
    )
    WHERE planned.asset_key = found.asset_key AND planned.check_name = found.check_name
        AND planned.run_id = found.run_id AND planned.partition IS NOT DISTINCT FROM found.partition
""")

# Of assets that were never wiped: Dagster asks for that first, and builds the question of each anew.
_LATEST_DATA_VERSIONS = text("""
    SELECT latest.partition, tag.value
    FROM (
        SELECT partition, max(id) AS id FROM event_logs
        WHERE asset_key = :asset_key AND dagster_event_type = :event_type AND partition = ANY(:partitions)
        GROUP BY partition
    ) AS latest
    JOIN asset_event_tags AS tag ON tag.event_id = latest.id AND tag.key = :tag_key
    WHERE EXISTS (SELECT FROM asset_keys WHERE asset_key = :asset_key AND asset_details IS NULL)
""")
# The last materialization of an asset is asked for by its checks, and by each step and run that reads it.
_deserialized = lru_cache(maxsize=500)(deserialize_value)


@cache
def _upsert(columns: frozenset[str]) -> postgresql.Insert:
    """Return the statement that sets columns of the table of assets."""
    insert = postgresql.insert(AssetKeyTable)
    changed = {name: insert.excluded[name] for name in columns}
    if not changed:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(index_elements=[AssetKeyTable.c.asset_key], set_=changed)


@contextmanager
def _first_one_only(url: str, token_provider: "PgTokenProvider | None") -> Iterator[None]:
    """Hold an advisory lock of Postgres, which ends with the connection at the latest."""
    engine = create_pg_engine(url, token_provider, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with create_pg_connection(engine) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        yield


def _engine(url: str, token_provider: "PgTokenProvider | None") -> Engine:
    """Return an engine that keeps connections open, and none that has died."""
    engine = create_pg_engine(
        url,
        token_provider,
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT_OPEN,
        max_overflow=_MORE_AT_ONCE,
        pool_recycle=_RENEWED_AFTER_SECONDS,
    )

    @event.listens_for(engine, "checkout")
    def refuse_if_dead(connection: Any, *_: object) -> None:
        # Of a connection that nobody uses there is nothing to read, unless the server has ended it. SQLAlchemy's
        # `pool_pre_ping` would ask the server, which takes longer than to store an event.
        if wait_for_read(connection, timeout=0):
            raise InvalidatePoolError("Postgres has ended the connection")

    return engine


class _EventLog(PostgresEventLogStorage):
    """Dagster's, with the events of a step stored together, and without asking again what does not change."""

    def __init__(self, *args, **kwargs) -> None:
        self._there: set[str] = set()  # tables, and columns of the table of assets
        self._waiting: list[EventLogEntry] = []
        self._waiting_lock = threading.RLock()
        super().__init__(*args, **kwargs)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, at the latest with the end of its step or the next question to this storage."""
        with self._waiting_lock:
            self._waiting.append(event)
            may_wait = event.is_dagster_event and event.dagster_event_type in _STORED_WITH_THE_NEXT
            if not may_wait or len(self._waiting) >= _MOST_TOGETHER:
                self._store_waiting()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of any types in their order, with what they say of assets and planned checks: all or nothing."""
        if not events:
            return
        rows = [self._event_to_row(event) for event in events]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        kinds = {entry.dagster_event_type for entry in events if entry.is_dagster_event}
        is_told_elsewhere = not kinds.isdisjoint(ASSET_EVENTS | ASSET_CHECK_EVENTS)
        with self.index_transaction() if is_told_elsewhere else self.index_connection() as connection:
            ids = connection.execute(_TOLD, columns).scalars().all()
            stored: dict[DagsterEventType | None, list[tuple[EventLogEntry, int]]] = defaultdict(list)
            for entry, event_id in zip(events, ids, strict=True):
                stored[entry.dagster_event_type if entry.is_dagster_event else None].append((entry, event_id))
            self._store_asset_events(connection, [one for kind in ASSET_EVENTS for one in stored[kind]])
            self._store_planned_checks(connection, stored[DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED])
            evaluated = stored[DagsterEventType.ASSET_CHECK_EVALUATION]
            are_stored = self._store_evaluated_checks(connection, evaluated)
        # Some were not planned: they are added.
        for entry, event_id in [] if are_stored else evaluated:
            self.store_asset_check_event(entry, event_id)

    def _store_asset_events(self, connection: Connection, stored: Sequence[tuple[EventLogEntry, int]]) -> None:
        """Store what events say of their assets, of each type the last: as Dagster does one by one."""
        entries = [(entry, event_id) for entry, event_id in stored if entry.get_dagster_event().asset_key]
        if not entries:
            return
        self._store_asset_event_tags(connection, *map(list, zip(*entries, strict=True)))
        has_columns = self.has_secondary_index(ASSET_KEY_INDEX_COLS)
        rows: dict[tuple[str, frozenset[str]], dict[str, Any]] = {}
        for entry, event_id in sorted(entries, key=itemgetter(1)):
            key = check.not_none(entry.get_dagster_event().asset_key).to_string()
            values = self._get_asset_entry_values(entry, event_id, has_columns)
            rows[key, frozenset(values)] = {"asset_key": key, **values}
        # In the order of the keys, so that no two processes wait for each other's rows.
        ordered = sorted(rows.items(), key=lambda row: row[0][0])
        for columns, group in groupby(ordered, key=lambda row: row[0][1]):
            connection.execute(_upsert(columns), [row for _, row in group])

    def _store_planned_checks(self, connection: Connection, stored: Sequence[tuple[EventLogEntry, int]]) -> None:
        rows = []
        for entry, event_id in stored:
            planned = entry.get_dagster_event().asset_check_planned_data
            of_check = {
                "asset_key": planned.asset_key.to_string(),
                "check_name": planned.check_name,
                "run_id": entry.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": serialize_value(entry),
                "evaluation_event_timestamp": self._event_insert_timestamp(entry),
                "evaluation_event_storage_id": event_id,
            }
            subset = planned.partitions_subset
            rows += [{**of_check, "partition": key} for key in (subset.get_partition_keys() if subset else [None])]
        if rows:
            connection.execute(AssetCheckExecutionsTable.insert(), rows)

    def _store_evaluated_checks(self, connection: Connection, stored: Sequence[tuple[EventLogEntry, int]]) -> bool:
        """Store what checks found in the rows of those that were planned; return whether all were."""
        if not stored:
            return True
        found: dict[str, list[Any]] = defaultdict(list)
        for entry, event_id in stored:
            evaluation = entry.get_dagster_event().asset_check_evaluation_data
            target = evaluation.target_materialization_data
            status = (
                AssetCheckExecutionRecordStatus.SUCCEEDED
                if evaluation.passed
                else AssetCheckExecutionRecordStatus.FAILED
            )
            found["asset_keys"].append(evaluation.asset_key.to_string())
            found["check_names"].append(evaluation.check_name)
            found["partitions"].append(evaluation.partition)
            found["run_ids"].append(entry.run_id)
            found["statuses"].append(status.value)
            found["events"].append(serialize_value(entry))
            found["timestamps"].append(self._event_insert_timestamp(entry))
            found["event_ids"].append(event_id)
            found["materialization_ids"].append(target.storage_id if target else None)
        return connection.execute(_EVALUATED, found).rowcount == len(stored)

    def initialize_concurrency_limit_to_default(self, concurrency_key: str) -> bool:
        """Give a pool the instance's default limit, also where it has a limit already.

        Dagster goes on in a transaction that the row of another process, or of another default, has ended: of two
        runs that are the first of an instance, one would fail.
        """
        try:
            return super().initialize_concurrency_limit_to_default(concurrency_key)
        except InternalError:
            limit, limits = check.not_none(self._instance.global_op_concurrency_default_limit), ConcurrencyLimitsTable
            with self.index_transaction() as connection:
                is_this = limits.c.concurrency_key == concurrency_key
                connection.execute(limits.update().values(limit=limit).where(is_this))
                self._allocate_concurrency_slots(connection, concurrency_key, limit)
            return True

    def dispose(self) -> None:
        """Store what waits."""
        self._store_waiting()
        super().dispose()

    def _connect(self) -> AbstractContextManager[Connection]:
        # Who asks finds everything that was told before.
        self._store_waiting()
        return super()._connect()

    def _store_waiting(self) -> None:
        with self._waiting_lock:
            waiting, self._waiting = self._waiting, []
            if waiting:
                self.store_event_batch(waiting)

    # Of each event and asset Dagster asks what a migration may have added, which is never taken away again.

    def has_table(self, table_name: str) -> bool:
        """Return whether there is a table."""
        if table_name not in self._there and super().has_table(table_name):
            self._there.add(table_name)
        return table_name in self._there

    def has_asset_key_col(self, column_name: str) -> bool:
        """Return whether the table of assets has a column."""
        return column_name in self._there or super().has_asset_key_col(column_name)

    def _get_latest_materialization_records(
        self, raw_asset_rows: Iterable[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        rows = list(raw_asset_rows)
        # Dagster looks for former formats and wiped assets among all events, even where there can be none.
        records: dict[AssetKey, EventLogRecord | None] = {}
        for row in rows:
            key, stored = AssetKey.from_db_string(row["asset_key"]), row["last_materialization"]
            record = _deserialized(stored) if stored and not row["asset_details"] else None
            if key is None or not isinstance(record, EventLogRecord):
                return super()._get_latest_materialization_records(rows)
            records[key] = record
        return records

    def get_latest_tags_by_partition(
        self,
        asset_key: AssetKey,
        event_type: DagsterEventType,
        tag_keys: Sequence[str],
        asset_partitions: Sequence[str] | None = None,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of each partition's latest event; of data versions, which each step asks, in one question."""
        asked = {"asset_key": asset_key.to_string(), "event_type": event_type.value, "tag_key": DATA_VERSION_TAG}
        if list(tag_keys) == [DATA_VERSION_TAG] and asset_partitions and before_cursor is after_cursor is None:
            with self.index_connection() as connection:
                rows = connection.execute(_LATEST_DATA_VERSIONS, {**asked, "partitions": list(asset_partitions)}).all()
            if rows:
                return {partition: {DATA_VERSION_TAG: version} for partition, version in rows}
        return super().get_latest_tags_by_partition(
            asset_key, event_type, tag_keys, asset_partitions, before_cursor, after_cursor
        )

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._there and super()._has_asset_key_col_on_connection(conn, column_name):
            self._there.add(column_name)
        return column_name in self._there


class PooledPostgresStorage(DagsterPostgresStorage):
    """`DagsterPostgresStorage` that keeps connections open and stores the events of a step together.

    Dagster's own opens one for each event that a run stores, which takes longer than to store it: of a tick of ten
    stations half the time (docs/performance.md). A connection that has died, like those to a Postgres that was
    restarted, is found out and replaced before it is used.

    What a step tells on its way (inputs, outputs, materializations, checks) is stored together: before anything that
    this process asks of the storage, and at the latest when the step ends. A batch is stored whole or not at all.

    In ``dagster.yaml``:

    .. code-block:: yaml

        storage:
          custom:
            module: airquality_dagster.postgres
            class: PooledPostgresStorage
            config:
              postgres_url: {env: DAGSTER_POSTGRES_URL}  # postgresql+psycopg2://…
    """

    def __init__(self, *args, **kwargs) -> None:
        url, token_provider = args[0] if args else kwargs["postgres_url"], kwargs.get("token_provider")
        # On a new database, processes that start together would each make the tables, and some run fail for it.
        with _first_one_only(url, token_provider):
            super().__init__(*args, **kwargs)
        self._event_log_storage = _EventLog(url, should_autocreate_tables=False, token_provider=token_provider)
        for storage in (self._event_log_storage, self._run_storage, self._schedule_storage):
            storage._engine = _engine(url, token_provider)

    @classmethod
    def from_config_value(
        cls, inst_data: "ConfigurableClassData | None", config_value: "PostgresStorageConfig"
    ) -> "PooledPostgresStorage":
        """Return the storage of ``dagster.yaml``, as Dagster asks for it."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            token_provider=get_token_provider_from_config(config_value),
        )
