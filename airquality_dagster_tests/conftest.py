"""Services of the whole suite: one real mongod, real HTTP servers, real Dagster instances."""

import os

# Before NumPy is imported: two workers with two threads each wait for each other, and a fit costs four times as much.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import gc
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest
import yaml
from alembic.config import Config
from alembic.script import ScriptDirectory
from pymongo import MongoClient
from pymongo.database import Database
from sqlalchemy import event
from sqlalchemy.engine import Engine

from airquality_dagster import settings
from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.local.mongod import embedded_mongod

# How long an example takes depends on the machine; what the suite takes is measured as a whole.
hypothesis.settings.register_profile("platform", deadline=None, max_examples=50)
hypothesis.settings.load_profile("platform")

CAPTURES = Path(__file__).parents[2] / "shared" / "airqino"
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captured answers (shared/airqino) are not here")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the developer's shell reaches a test, and no test the working directory."""
    for name in list(os.environ):
        if name.startswith(("AIRQINO_", "AIRQUALITY_", "MONGODB_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv(settings.AIRQUALITY_HOME, str(tmp_path / "home"))


def pytest_collection_finish() -> None:
    """Leave what is imported by now to no garbage collection: each would look at all of it."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _migrations_are_read_once() -> Iterator[None]:
    """Each instance in memory stamps its tables, for which Alembic reads all migrations of Dagster."""
    read, known = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def read_once(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once)
        yield


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in the test's process ask again at once: how long they would wait is tested with the client."""
    monkeypatch.setattr(
        "airquality_dagster.airqino.resource.AirQinoClient",
        lambda *arguments, **options: AirQinoClient(*arguments, **{**options, "backoff_seconds": 0.0}),
    )


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded_mongod(tmp_path_factory.mktemp("mongodb")) as uri:
        yield uri


@pytest.fixture
def client(mongodb_uri: str) -> Iterator[MongoClient[Any]]:
    """An independent client, with tz-aware dates."""
    with MongoClient(mongodb_uri, tz_aware=True) as client:
        yield client


@pytest.fixture
def database(client: MongoClient[Any]) -> Iterator[Database[Any]]:
    """An empty database of the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield client[name]
    client.drop_database(name)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory: a run costs half of what it does where SQLite opens a file for each event."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def empty_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance on disk, to be copied: making its tables takes half a second."""
    folder = tmp_path_factory.mktemp("empty_instance")
    with sqlite_instance(folder):
        return folder


@contextmanager
def sqlite_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of a folder, as a local run has it."""
    with dg.DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


@pytest.fixture
def instance_on_disk(tmp_path: Path, empty_instance: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of files, for what asks for its configuration, its places in a pool, or its ticks."""
    with sqlite_instance(shutil.copytree(empty_instance, tmp_path / "instance")) as instance:
        yield instance


@event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: object, _: object) -> None:
    """Let SQLite hand its writes to the operating system: no test pulls the plug of the machine."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def home(tmp_path: Path, empty_instance: Path) -> Path:
    """A home whose instance has its tables already."""
    shutil.copytree(empty_instance, tmp_path / "home" / "dagster")
    return tmp_path / "home"


def stored_bytes(database: Database[Any]) -> dict[str, list[bytes]]:
    """Return every document of every collection as BSON."""
    import bson

    return {
        name: sorted(bson.encode(document) for document in database[name].find())
        for name in sorted(database.list_collection_names())
    }


@pytest.fixture
def platform(monkeypatch, mongodb_uri, database, instance, tmp_path):
    """The platform for the two stations of Abidjan, as if they had always stood at their streets."""
    from airquality_dagster_tests.builders import PLAIN_STATIONS
    from airquality_dagster_tests.platform import Platform

    file = tmp_path / "stations.yaml"
    file.write_text(PLAIN_STATIONS, encoding="utf-8")
    monkeypatch.setenv(settings.AIRQUALITY_STATIONS, str(file))
    return Platform(monkeypatch, mongodb_uri, database, instance)


@pytest.fixture
def use_stations(tmp_path, monkeypatch):
    """Use a stations file with this content: ``use_stations(content)`` returns its path."""

    def use(content: dict[str, Any]) -> Path:
        path = tmp_path / "stations.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        monkeypatch.setenv(settings.AIRQUALITY_STATIONS, str(path))
        return path

    return use


@pytest.fixture
def serve(platform):
    """Serve one body at a time to every question: ``serve(body)``."""
    from airquality_dagster_tests.scripted_server import Reply, scripted_server

    current = {}
    with scripted_server(lambda request, number: current["reply"]) as server:
        platform.use(server.url)

        def set_body(body, status=200):
            current["reply"] = Reply(status=status, body=body)
            return server

        yield set_body
