"""What the tests share: real mongod servers, databases of a test, an IO manager, a Dagster instance."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest
from dagster_mongodb import MongoDBIOManager
from pymongo import MongoClient
from pymongo.database import Database

from dagster_mongodb_tests.mongod import running_mongod
from dagster_mongodb_tests.replica_sets import running_replica_set

# How long an example takes depends on the machine.
hypothesis.settings.register_profile("dagster-mongodb", deadline=None)
hypothesis.settings.load_profile("dagster-mongodb")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the developer's shell reaches a test."""
    for name in list(os.environ):
        if name.startswith(("MONGODB_", "DAGSTER_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a single server."""
    with running_mongod(tmp_path_factory.mktemp("mongod")) as address:
        yield f"mongodb://{address}"


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a replica set of one member: the least that has transactions and change streams."""
    with running_replica_set(tmp_path_factory.mktemp("replica_set"), 1) as uri:
        yield uri


@pytest.fixture(scope="session")
def three_members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a replica set whose primary can step down."""
    with running_replica_set(tmp_path_factory.mktemp("three_members"), 3) as uri:
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


@pytest.fixture(params=["mongodb_uri", "replica_set"], ids=["single server", "replica set"])
def each_database(request: pytest.FixtureRequest) -> Iterator[Database[Any]]:
    """An empty database of the test, on a single server and on a replica set."""
    with MongoClient(request.getfixturevalue(request.param), tz_aware=True, w="majority") as client:
        name = f"test_{uuid.uuid4().hex}"
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def io_manager(mongodb_uri: str, database: Database[Any]) -> MongoDBIOManager:
    return MongoDBIOManager(uri=mongodb_uri, database=database.name)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance
