"""One client a process and server, safe under threads and fork, closed with its last user."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from dagster_mongodb import MongoDBConnectionError, MongoDBIOManager, io_manager
from dagster_mongodb.clients import CLIENTS, ClientSettings, SharedClients
from dagster_mongodb.writing.revision_log import RevisionLog
from pymongo import ReadPreference, WriteConcern

from dagster_mongodb_tests.tables import read_directly, write_directly

FRAME = pd.DataFrame({"id": [1], "x": [1.5]})


def release(manager: MongoDBIOManager) -> None:
    manager.teardown_after_execution(None)  # pyright: ignore[reportArgumentType]


def test_managers_of_one_server_share_a_client_which_the_last_one_closes(mongodb_uri, database):
    first, second = (
        MongoDBIOManager(uri=mongodb_uri, database=database.name, app_name=database.name) for _ in range(2)
    )
    client = first._client()
    assert second._client() is client
    release(first)
    write_directly(second, FRAME)
    release(second)
    assert first._client_settings not in CLIENTS._clients
    # Whoever uses the manager once more gets another client.
    assert first._client() is not client
    release(first)


def test_threads_that_begin_at_the_same_time_get_one_client(mongodb_uri):
    clients, settings, barrier = SharedClients(), ClientSettings(mongodb_uri, "threads"), threading.Barrier(8)

    def client(user: int):
        barrier.wait()
        return clients.client(settings, user)

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(client, range(8)))
    assert len(found) == 1
    for user in range(8):
        clients.release(settings, user)
    assert clients._clients == {}


def write_in_child(manager: MongoDBIOManager, queue) -> None:
    write_directly(manager, FRAME.assign(x=2.5), primary_key="id")
    queue.put((id(manager._client()), read_directly(manager, pd.DataFrame, primary_key="id")["x"].tolist()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_writes_by_a_client_of_its_own_and_leaves_the_parents_alone(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name)
    write_directly(manager, FRAME, primary_key="id")
    parents, fork = manager._client(), multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=write_in_child, args=(manager, queue))
    child.start()
    childs, found = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    assert found == [2.5]
    assert childs != id(parents)
    assert manager._client() is parents
    assert read_directly(manager, pd.DataFrame, primary_key="id")["x"].tolist() == [2.5]
    release(manager)


def test_fields_say_where_is_read_and_who_confirms(mongodb_uri):
    manager = MongoDBIOManager(
        uri=f"{mongodb_uri}/?w=1&readPreference=nearest",
        database="x",
        read_preference="secondaryPreferred",
        write_concern="1",
    )
    client = manager._client()
    assert client.read_preference == ReadPreference.SECONDARY_PREFERRED
    assert client.write_concern == WriteConcern(w=1)
    release(manager)
    of_uri = MongoDBIOManager(uri=f"{mongodb_uri}/?w=0&readPreference=nearest", database="x")
    assert of_uri._client().read_preference == ReadPreference.NEAREST
    assert of_uri._client().write_concern == WriteConcern(w=0)
    release(of_uri)


def test_a_write_compares_with_the_primary_wherever_inputs_are_read(mongodb_uri, database, monkeypatch):
    asked = []

    class Log(RevisionLog):
        def note_insertions(self, ids) -> None:
            asked.append(self.database.read_preference)
            super().note_insertions(ids)

    monkeypatch.setattr(io_manager, "RevisionLog", Log)
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, read_preference="secondaryPreferred")
    write_directly(manager, FRAME, primary_key="id", keep_revisions=True)
    release(manager)
    assert asked == [ReadPreference.PRIMARY]


@pytest.mark.parametrize(
    "fields",
    [
        {"read_preference": "best"},
        {"uri": "mongodb://localhost/?maxPoolSize=-1"},
        {"uri": "mongodb://localhost/?tls=maybe"},
    ],
)
def test_an_option_that_is_none_is_refused_in_one_line(fields):
    manager = MongoDBIOManager(**{"uri": "mongodb://localhost", "database": "x", **fields})
    with pytest.raises(MongoDBConnectionError, match="not valid"):
        manager._client()


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(Exception, match="batch_size"):
        MongoDBIOManager(uri="mongodb://localhost", database="x", batch_size=0)
