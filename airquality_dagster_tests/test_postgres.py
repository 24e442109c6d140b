"""Dagster's instance in a real Postgres, configured as in production."""

import contextlib
import gc
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
from pymongo import MongoClient

from airquality_dagster_tests.postgres import Postgres, postgres_programs, running_postgres
from airquality_dagster_tests.processes import COMMAND, environment

pytestmark = pytest.mark.skipif(postgres_programs() is None, reason="Postgres is not installed")

PRODUCTION = Path(__file__).parents[1] / "deploy" / "dagster.yaml"
PLUGIN = "?plugin=keep_connections"
SET_LIMIT = [sys.executable, "-m", "dagster", "instance", "concurrency", "set", "airqino_api", "4"]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def production(server, tmp_path, monkeypatch) -> dict[str, str]:
    """The variables of an instance of deploy/dagster.yaml, in a new database."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(PRODUCTION, home / "dagster.yaml")
    name = f"test_{time.time_ns()}"
    with administrator(server) as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    variables = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_POSTGRES_URL": f"{server.url.rpartition('/')[0]}/{name}{PLUGIN}",
        "DAGSTER_COMPUTE_LOGS": str(tmp_path / "compute_logs"),
        "AIRQUALITY_HOME": str(tmp_path / "home"),
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return variables


@contextlib.contextmanager
def administrator(server: Postgres) -> Iterator["psycopg2.extensions.cursor"]:
    with contextlib.closing(psycopg2.connect(server.url.replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        yield connection.cursor()


def open_connections(server: Postgres) -> int:
    """Return how many connections are open to other databases than the administrator's."""
    with administrator(server) as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'test%'")
        ((count,),) = cursor.fetchall()
    return count


def sessions(server: Postgres) -> int:
    """Return how many connections Postgres has accepted so far."""
    with administrator(server) as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot(), sum(sessions) FROM pg_stat_database WHERE datname LIKE 'test%'"
        )
        ((_, count),) = cursor.fetchall()
    return count


def run(instance: dg.DagsterInstance, count: int) -> int:
    """Materialize some assets; return how many events were stored."""

    def make(number: int) -> dg.AssetsDefinition:
        @dg.asset(name=f"asset{number}", pool="airqino_api")
        def made() -> None:
            pass

        return made

    result = dg.materialize([make(number) for number in range(count)], instance=instance)
    return len(instance.all_logs(result.run_id))


def test_a_run_stores_its_events_without_a_connection_for_each(production, server):
    with dg.DagsterInstance.get() as instance:
        run(instance, 1)  # tables are made, connections opened
        before = sessions(server)
        assert run(instance, 10) > 50
        assert sessions(server) - before <= 2


@pytest.mark.long
def test_connections_that_a_restart_of_postgres_ended_are_replaced_unseen(production, server, caplog):
    with dg.DagsterInstance.get() as instance:
        run(instance, 1)
        server.kill()
        assert run(instance, 1) > 5
    assert "Retrying" not in caplog.text


def test_an_engine_opens_ten_connections_at_most_and_keeps_two(production, server):
    engine = db.create_engine(production["DAGSTER_POSTGRES_URL"], poolclass=db.NullPool, pool_timeout=0.1)
    before = open_connections(server)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(engine.connect())
        with pytest.raises(db.exc.TimeoutError):
            engine.connect()
        assert open_connections(server) == before + 10
    assert engine.pool.checkedin() == 2
    engine.dispose()


def test_another_pool_than_the_one_to_be_replaced_is_left_alone():
    engine = db.create_engine(f"postgresql+psycopg2://nobody@127.0.0.1/none{PLUGIN}", pool_size=1, max_overflow=20)
    assert engine.pool.size() == 1
    assert engine.pool._max_overflow == 20
    assert engine.url.query == {}


def test_former_instances_keep_no_connections_open(production, server):
    before = open_connections(server)
    for _ in range(5):
        with dg.DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            instance.event_log_storage.get_pool_limits()
            instance.all_instigator_state()
            assert open_connections(server) - before <= 12  # two of each of six engines
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(statement_timeout=1000, pool_recycle=60, max_overflow=20)
        instance.get_runs(limit=1)
        gc.collect()
        assert open_connections(server) - before <= 3


def test_the_instance_of_a_process_keeps_its_connections_though_others_are_made_at_each_tick(production, server):
    def use(instance: dg.DagsterInstance) -> None:
        instance.get_runs(limit=1)
        instance.event_log_storage.get_pool_limits()
        instance.all_instigator_state()

    with dg.DagsterInstance.get() as kept:
        for _ in range(5):
            use(kept)
            before = sessions(server)
            with dg.DagsterInstance.get() as of_a_tick:
                use(of_a_tick)
            use(kept)
            assert sessions(server) - before == 3


def test_engines_that_the_plugin_leaves_alone_neither_lose_connections_nor_close_those_of_others(production, server):
    url = production["DAGSTER_POSTGRES_URL"]
    engines = [db.create_engine(url, poolclass=db.NullPool)]
    engines[0].connect().close()
    for _ in range(8):
        engines.append(db.create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1))
        engines[-1].connect().close()
    assert [engine.pool.checkedin() for engine in engines] == [1] * 9
    for engine in engines:
        engine.dispose()


STARTS = """
import sys, time
import dagster as dg

@dg.asset(pool="airqino_api")
def made():
    pass

while time.time() < float(sys.argv[1]):
    time.sleep(0.001)
with dg.DagsterInstance.get() as instance:
    sys.exit(0 if dg.materialize([made], instance=instance, raise_on_error=False).success else 1)
"""


@pytest.mark.long
def test_processes_that_start_together_on_a_new_database_succeed_once_the_limit_of_the_pool_is_set(production):
    """Without that step, some fail while they make the tables or the pool; so does each run once its default changes."""
    subprocess.run(SET_LIMIT, check=True, timeout=120, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-c", STARTS, str(time.time() + 5)]
    processes = [subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, said
    configuration = Path(production["DAGSTER_HOME"]) / "dagster.yaml"
    configuration.write_text(PRODUCTION.read_text().replace("default_limit: 4", "default_limit: 2"))
    with dg.DagsterInstance.get() as instance:
        assert run(instance, 1) > 5
        (pool,) = instance.event_log_storage.get_pool_limits()
        assert (pool.name, pool.limit, pool.from_default) == ("airqino_api", 4, False)


@pytest.mark.long
def test_two_run_processes_at_once_store_everything(production, mongodb_uri, database, tmp_path):
    """Each loads a month of a station, with events stored in batches."""
    subprocess.run(SET_LIMIT, check=True, timeout=120, stdout=subprocess.DEVNULL)
    variables = {
        **production,
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database.name,
        "DAGSTER_EVENT_BATCH_SIZE": "50",
    }
    home = Path(variables.pop("AIRQUALITY_HOME"))
    processes = [
        subprocess.Popen(
            [*COMMAND, "backfill", "--from", "2026-01", "--to", "2026-01", "--station", station],
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
            assert client[database.name][f"{station}_aggregates"].count_documents({}) == 31
    with dg.DagsterInstance.get() as instance:
        for station in ("station1", "station2"):
            assert instance.get_materialized_partitions(dg.AssetKey(f"raw_{station}")) == {"2026-01-01"}
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        said = [entry.user_message for run in failed for entry in instance.all_logs(run.run_id)][-20:]
        assert not failed, (said, outputs)
