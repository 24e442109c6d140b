"""Dagster's storage in Postgres, with its connections kept open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import (
    create_pg_connection,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)
from sqlalchemy import text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:  # the types of Dagster's storage, which Dagster does not export
    from dagster._core.storage.config import PostgresStorageConfig
    from dagster._serdes import ConfigurableClassData
    from dagster_postgres.auth import PgTokenProvider

# A run stores its events one after the other, some while it holds a connection; the daemon asks from threads.
_KEPT_OPEN, _MORE_AT_ONCE = 3, 20
_RENEWED_AFTER_SECONDS = 600
_LOCK = 0x61697271  # any number that nobody else in the database takes


@contextmanager
def _first_one_only(url: str, token_provider: "PgTokenProvider | None") -> Iterator[None]:
    """Hold an advisory lock of Postgres, which ends with the connection at the latest."""
    engine = create_pg_engine(url, token_provider, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with create_pg_connection(engine) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        yield


class PooledPostgresStorage(DagsterPostgresStorage):
    """`DagsterPostgresStorage` that keeps connections open.

    Dagster's own opens one for each event that a run stores, which takes longer than to store it: of a tick of ten
    stations half the time (docs/performance.md). A connection that has died, like those to a Postgres that was
    restarted, is found out and replaced before it is used.

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
        # On a new database, processes that start together would each make the tables, and some run fail for it.
        with _first_one_only(args[0] if args else kwargs["postgres_url"], kwargs.get("token_provider")):
            super().__init__(*args, **kwargs)
        for storage in (self._event_log_storage, self._run_storage, self._schedule_storage):
            storage._engine = create_pg_engine(
                self.postgres_url,
                kwargs.get("token_provider"),
                isolation_level="AUTOCOMMIT",
                pool_size=_KEPT_OPEN,
                max_overflow=_MORE_AT_ONCE,
                pool_recycle=_RENEWED_AFTER_SECONDS,
                pool_pre_ping=True,
            )

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
