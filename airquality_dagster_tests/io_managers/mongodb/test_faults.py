"""Writers that are killed, writers at the same time, and readers meanwhile."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from airquality_dagster_tests.io_managers.mongodb import killed_writer
from airquality_dagster_tests.io_managers.mongodb.killed_writer import NEW, OLD
from airquality_dagster_tests.processes import environment, running_mongod, wait_until

MOST_COMMANDS = 40


def stored(database) -> dict[int, str]:
    return {document["_id"]: document["text"] for document in database["table"].find()}


@pytest.mark.parametrize("kind", ["started", "succeeded"])
def test_a_writer_killed_at_any_command_leaves_old_or_new_versions_and_the_next_write_completes_it(
    mongodb_uri, database, tmp_path, kind
):
    for number in range(1, MOST_COMMANDS):
        database.client.drop_database(database.name)
        killed_writer.write(mongodb_uri, database.name, is_keyed=True, rows=OLD)
        command = [sys.executable, "-m", killed_writer.__name__, mongodb_uri, database.name, "keyed", kind, str(number)]
        returncode = subprocess.run(command, env=environment(tmp_path), check=False).returncode
        if returncode == 0:
            break
        assert returncode == -9

        left = stored(database)
        assert all(text in (OLD.get(key), NEW.get(key)) for key, text in left.items())
        # What is neither changed nor deleted is there, whatever happened.
        assert {key for key in OLD if key in NEW} <= left.keys()
        kept = {revision["document"]["_id"] for revision in database["table_revisions"].find()}
        # No former version is gone before it is kept.
        assert {key for key in OLD if left.get(key) != OLD[key]} <= kept

        killed_writer.write(mongodb_uri, database.name, is_keyed=True, rows=NEW)
        assert stored(database) == NEW
        former = [revision["document"] for revision in database["table_revisions"].find()]
        assert sorted((document["_id"], document["text"]) for document in former) == [
            (key, text) for key, text in OLD.items() if NEW.get(key) != text
        ]
    print(f"{number - 1} kills")
    assert number > 8, "the writer sent fewer commands than a write needs: nothing was tried"
    assert returncode == 0


def test_a_writer_without_keys_that_is_killed_loses_no_row_and_the_next_write_completes_it(
    mongodb_uri, database, tmp_path
):
    for number in range(1, MOST_COMMANDS):
        database.client.drop_database(database.name)
        killed_writer.write(mongodb_uri, database.name, is_keyed=False, rows=OLD)
        command = [
            sys.executable,
            "-m",
            killed_writer.__name__,
            mongodb_uri,
            database.name,
            "unkeyed",
            "started",
            str(number),
        ]
        returncode = subprocess.run(command, env=environment(tmp_path), check=False).returncode
        if returncode == 0:
            break
        rows = sorted((document["id"], document["text"]) for document in database["table"].find())
        old, new = sorted(OLD.items()), sorted(NEW.items())
        assert rows in (old, sorted(old + new), new)
        killed_writer.write(mongodb_uri, database.name, is_keyed=False, rows=NEW)
        assert sorted((document["id"], document["text"]) for document in database["table"].find()) == new
    print(f"{number - 1} kills")
    assert number > 4
    assert returncode == 0


def test_writers_of_one_slice_at_the_same_time_leave_one_version_of_each_row(mongodb_uri, database):
    versions = [{key: f"{text} of writer {writer}" for key, text in OLD.items()} for writer in range(4)]
    with ThreadPoolExecutor(4) as writers:
        for _ in range(10):
            for result in [
                writers.submit(killed_writer.write, mongodb_uri, database.name, is_keyed=True, rows=rows)
                for rows in versions
            ]:
                result.result()
            left = stored(database)
            assert left.keys() == OLD.keys()
            assert all(text in [rows[key] for rows in versions] for key, text in left.items())


def test_a_reader_never_finds_fewer_rows_than_the_smaller_of_old_and_new(mongodb_uri, database):
    killed_writer.write(mongodb_uri, database.name, is_keyed=True, rows=OLD)
    counts, is_over = [], threading.Event()

    def poll() -> None:
        while not is_over.is_set():
            counts.append(len(list(database["table"].find())))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for _ in range(20):
            for rows in (NEW, OLD):
                killed_writer.write(mongodb_uri, database.name, is_keyed=True, rows=rows)
    finally:
        is_over.set()
        reader.join()
    assert len(counts) > 40
    assert min(counts) >= min(len(OLD), len(NEW))


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory):
    """The URI of a replica set of one member: the least that has transactions."""
    with running_mongod(tmp_path_factory.mktemp("replica"), "--replSet", "rs") as address:
        with MongoClient(f"mongodb://{address}", directConnection=True) as client:
            client.admin.command("replSetInitiate", {"_id": "rs", "members": [{"_id": 0, "host": address}]})
            wait_until(lambda: client.admin.command("hello")["isWritablePrimary"], "the election")
        yield f"mongodb://{address}/?replicaSet=rs"


def test_on_a_replica_set_rows_without_keys_are_rewritten_at_one_moment(replica_set):
    with MongoClient(replica_set) as client:
        database, few, many = client["test"], dict(list(OLD.items())[:7]), OLD
        killed_writer.write(replica_set, "test", is_keyed=False, rows=many)
        counts, is_over = [], threading.Event()

        def poll() -> None:
            while not is_over.is_set():
                # A snapshot: without one, a cursor may pass a row before a commit and another after it.
                with client.start_session(snapshot=True) as session:
                    counts.append(len(list(database["table"].find(session=session))))

        reader = threading.Thread(target=poll)
        reader.start()
        try:
            for _ in range(20):
                for rows in (few, many):
                    killed_writer.write(replica_set, "test", is_keyed=False, rows=rows)
        finally:
            is_over.set()
            reader.join()
    assert len(counts) > 40
    assert set(counts) == {len(few), len(many)}


def test_on_a_replica_set_keyed_rows_are_written_and_their_revisions_kept(replica_set):
    with MongoClient(replica_set) as client:
        for rows in (OLD, NEW):
            killed_writer.write(replica_set, "keyed", is_keyed=True, rows=rows)
        assert stored(client["keyed"]) == NEW
        assert client["keyed"]["table_revisions"].count_documents({}) == len(
            [key for key in OLD if NEW.get(key) != OLD[key]]
        )
