"""Dagster's instance in a real Postgres, configured as in production."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import sqlalchemy as db
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.events import LoadedInputData
from dagster_postgres import PostgresEventLogStorage
from pymongo import MongoClient

from airquality_dagster_tests.postgres import postgres_programs, running_postgres
from airquality_dagster_tests.processes import COMMAND, environment

pytestmark = pytest.mark.skipif(postgres_programs() is None, reason="Postgres is not installed")

PRODUCTION = Path(__file__).parents[1] / "deploy" / "dagster.yaml"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as server:
        yield server.url


@pytest.fixture
def production(postgres, tmp_path, monkeypatch) -> dict[str, str]:
    """The variables of an instance of deploy/dagster.yaml."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(PRODUCTION, home / "dagster.yaml")
    variables = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_POSTGRES_URL": postgres,
        "DAGSTER_COMPUTE_LOGS": str(tmp_path / "compute_logs"),
        "AIRQUALITY_HOME": str(tmp_path / "home"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg2", "postgresql")


def sessions(url: str) -> int:
    """Return how many connections Postgres has accepted for the database."""
    with psycopg2.connect(plain(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot(), sessions FROM pg_stat_database WHERE datname = 'dagster'")
        (row,) = cursor.fetchall()
        return row[1]


def run(instance: dg.DagsterInstance, count: int) -> int:
    """Materialize some assets; return how many events were stored."""

    def make(number: int) -> dg.AssetsDefinition:
        @dg.asset(name=f"asset{number}")
        def made() -> None:
            pass

        return made

    result = dg.materialize([make(number) for number in range(count)], instance=instance)
    return len(instance.all_logs(result.run_id))


def test_a_run_stores_its_events_without_a_connection_for_each(production, postgres):
    with dg.DagsterInstance.get() as instance:
        run(instance, 1)  # tables are made, connections opened
        before = sessions(postgres)
        assert run(instance, 10) > 50
        # One for each place that runs in a thread of its own, and the two that counted.
        assert sessions(postgres) - before <= 8


MONTHS = dg.MonthlyPartitionsDefinition("2026-01-01", end_date="2026-04-01")


@dg.asset(
    partitions_def=MONTHS,
    check_specs=[dg.AssetCheckSpec(name, asset="first") for name in ("passes", "warns")],
)
def first(context: dg.AssetExecutionContext):
    context.log.info("made")
    yield dg.MaterializeResult(metadata={"rows": 1})
    yield dg.AssetCheckResult(check_name="passes", passed=True)
    yield dg.AssetCheckResult(check_name="warns", passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(partitions_def=MONTHS, deps=[first])
def second(context: dg.AssetExecutionContext) -> None:
    context.log_event(dg.AssetObservation("second", metadata={"seen": 1}))


@dg.asset(deps=[second], check_specs=[dg.AssetCheckSpec("never_made", asset="fails")])
def fails():
    raise ValueError("not to be made")


TABLES = {
    "event_logs": "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs ORDER BY id",
    "asset_keys": """
        SELECT a.asset_key, a.last_run_id IS NOT NULL, a.last_materialization_timestamp IS NOT NULL,
            e.dagster_event_type, e.partition
        FROM asset_keys a LEFT JOIN event_logs e ON e.id = (a.last_materialization::json->>'storage_id')::int
        ORDER BY a.asset_key""",
    "asset_event_tags": """
        SELECT e.dagster_event_type, e.partition, t.asset_key, t.key
        FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id ORDER BY e.id, t.key""",
    "asset_check_executions": """
        SELECT c.asset_key, c.check_name, c.partition, c.run_id IS NOT NULL, c.execution_status, e.dagster_event_type,
            m.dagster_event_type, m.partition, c.evaluation_event_timestamp = e.timestamp
        FROM asset_check_executions c JOIN event_logs e ON e.id = c.evaluation_event_storage_id
            LEFT JOIN event_logs m ON m.id = c.materialization_event_storage_id
        ORDER BY c.asset_key, c.check_name, c.id""",
}


def versions(instance: dg.DagsterInstance) -> list[tuple]:
    """Return what Dagster knows of the last materialization of each asset."""
    entries = [record.asset_entry for record in instance.get_asset_records()]
    return [
        (entry.asset_key, made and (made.event_log_entry.dagster_event.partition, made.storage_id))
        for entry in entries
        for made in [entry.last_materialization_record]
    ]


INSTANCE = """
telemetry: {enabled: false}
storage:
  custom: {module: %s, class: %s, config: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
"""


@pytest.mark.parametrize("batch_size", ["0", "50", "3"])
def test_all_that_a_run_tells_is_stored_as_by_dagsters_own_storage(postgres, tmp_path, monkeypatch, batch_size):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch_size)
    stored = {}
    for module, storage in (
        ("dagster_postgres", "DagsterPostgresStorage"),
        ("airquality_dagster.postgres", "PooledPostgresStorage"),
    ):
        with contextlib.closing(psycopg2.connect(plain(postgres))) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{storage}{batch_size}"')
        url = f"{postgres.rpartition('/')[0]}/{storage}{batch_size}"
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
        home = tmp_path / storage
        home.mkdir()
        (home / "dagster.yaml").write_text(INSTANCE % (module, storage))
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        months = {
            "dagster/asset_partition_range_start": "2026-01-01",
            "dagster/asset_partition_range_end": "2026-03-01",
        }
        with dg.DagsterInstance.get() as instance:
            assets = dg.Definitions(assets=[first, second, fails], executor=dg.in_process_executor)
            for _ in range(2):
                for keys, tags in ((["first", "second"], months), (["fails"], {})):
                    assets.resolve_implicit_global_asset_job_def().execute_in_process(
                        instance=instance, asset_selection=list(map(dg.AssetKey, keys)), tags=tags, raise_on_error=False
                    )
            stored[storage, "records"] = versions(instance)
            outside = dg.AssetCheckEvaluation(asset_key=dg.AssetKey("fails"), check_name="never_made", passed=True)
            instance.report_runless_asset_event(outside)
        with psycopg2.connect(plain(url)) as connection, connection.cursor() as cursor:
            for table, query in TABLES.items():
                cursor.execute(query)
                stored[storage, table] = cursor.fetchall()
        with dg.DagsterInstance.get() as instance:
            instance.wipe_assets([dg.AssetKey("first")])
            stored[storage, "records of wiped"] = versions(instance)
    for table in [*TABLES, "records", "records of wiped"]:
        theirs, ours = stored["DagsterPostgresStorage", table], stored["PooledPostgresStorage", table]
        assert theirs == ours
        assert len(ours) > 1, table


def test_data_versions_of_partitions_are_those_that_dagsters_own_storage_finds_also_after_a_wipe(production):
    def found(*asked) -> list[dict[str, dict[str, str]]]:
        theirs = PostgresEventLogStorage.get_latest_tags_by_partition
        return [
            dict(method(instance.event_log_storage, *asked))
            for method in (type(storage).get_latest_tags_by_partition, theirs)
        ]

    asked = (first.key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG])
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        seen = []
        for months in (["2026-01-01"], ["2026-01-01", "2026-02-01"], None, ["2026-02-01"]):
            if months is None:
                instance.wipe_assets([first.key])
            for month in months or []:
                assert dg.materialize([first], instance=instance, partition_key=month).success
            ours, theirs = found(*asked, ["2026-01-01", "2026-02-01", "2026-03-01"])
            assert ours == theirs
            seen.append(ours)
        assert [sorted(versions) for versions in seen] == [
            ["2026-01-01"],
            ["2026-01-01", "2026-02-01"],
            [],
            ["2026-02-01"],
        ]
        assert seen[0]["2026-01-01"] != seen[1]["2026-01-01"]
        for others in ((None,), (["2026-02-01"], 1), (["2026-02-01"], None, 1)):
            ours, theirs = found(*asked, *others)
            assert ours == theirs


def test_what_waits_to_be_stored_is_found_by_who_asks_and_stored_when_the_instance_is_closed(production):
    waiting = dg.DagsterEvent(
        dg.DagsterEventType.LOADED_INPUT.value,
        "job",
        step_key="step",
        event_specific_data=LoadedInputData("input", "io_manager"),
    )
    with dg.DagsterInstance.get() as instance, dg.DagsterInstance.get() as other:
        instance.report_dagster_event(waiting, "waiting")
        assert not other.all_logs("waiting")
        assert len(instance.all_logs("waiting")) == len(other.all_logs("waiting")) == 1
        instance.report_dagster_event(waiting, "waiting")
    with dg.DagsterInstance.get() as instance:
        assert len(instance.all_logs("waiting")) == 2


def test_a_pool_that_another_run_has_just_made_gets_its_limit_and_a_changed_one_too(production, postgres):
    configuration = Path(production["DAGSTER_HOME"]) / "dagster.yaml"
    for limit in (4, 2):
        configuration.write_text(PRODUCTION.read_text().replace("default_limit: 4", f"default_limit: {limit}"))
        with dg.DagsterInstance.get() as instance:
            for _ in range(2):
                assert instance.event_log_storage.initialize_concurrency_limit_to_default("made_twice")
            (made,) = [pool for pool in instance.event_log_storage.get_pool_limits() if pool.name == "made_twice"]
            assert (made.limit, made.from_default) == (limit, True)
            assert instance.event_log_storage.get_concurrency_info("made_twice").slot_count == limit


def test_connections_that_have_died_are_replaced_unseen(production, postgres):
    with dg.DagsterInstance.get() as instance:
        run(instance, 1)
        engine = db.create_engine(postgres)
        with engine.connect() as connection:
            ended = connection.execute(
                db.text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'dagster'"
                )
            ).fetchall()
        assert ended
        engine.dispose()
        assert run(instance, 1) > 5


def test_a_process_that_gets_the_instance_from_another_keeps_its_storage(production):
    with dg.DagsterInstance.get() as instance, dg.DagsterInstance.from_ref(instance.get_ref()) as other:
        assert type(other._event_storage) is type(instance._event_storage)
        assert run(other, 1) > 5
        assert len(instance.get_runs()) == len(other.get_runs())


STARTS = """
import sys, time
import dagster as dg

@dg.asset
def made():
    pass

while time.time() < float(sys.argv[1]):
    time.sleep(0.001)
with dg.DagsterInstance.get() as instance:
    sys.exit(0 if dg.materialize([made], instance=instance, raise_on_error=False).success else 1)
"""


def test_processes_that_start_together_on_a_new_database_all_succeed(production, postgres):
    """Without the lock around the making of tables, about one of ten failed."""
    with contextlib.closing(psycopg2.connect(plain(postgres))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE new")
    url = f"{postgres.rpartition('/')[0]}/new"
    command = [sys.executable, "-c", STARTS, str(time.time() + 4)]
    processes = [
        subprocess.Popen(command, env={**os.environ, "DAGSTER_POSTGRES_URL": url}, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said


def test_two_run_processes_at_once_store_everything(production, postgres, mongodb_uri, database, tmp_path):
    """Each loads two months of a station, with events stored in batches."""
    variables = {
        **production,
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database.name,
        "DAGSTER_EVENT_BATCH_SIZE": "50",
    }
    home = Path(variables.pop("AIRQUALITY_HOME"))
    processes = [
        subprocess.Popen(
            [*COMMAND, "backfill", "--from", "2026-01", "--to", "2026-02", "--station", station],
            env=environment(home, **variables),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for station in ("station1", "station2")
    ]
    outputs = [process.communicate(timeout=180)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    with MongoClient(mongodb_uri) as client:
        for station in ("station1", "station2"):
            assert client[database.name][f"{station}_aggregates"].count_documents({}) == 31 + 28
    with dg.DagsterInstance.get() as instance:
        for station in ("station1", "station2"):
            months = instance.get_materialized_partitions(dg.AssetKey(f"raw_{station}"))
            assert months == {"2026-01-01", "2026-02-01"}
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        said = [entry.user_message for run in failed for entry in instance.all_logs(run.run_id)][-20:]
        assert not failed, (said, outputs)
