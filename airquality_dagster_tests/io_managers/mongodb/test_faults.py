"""Writers that are killed, writers at the same time, and readers meanwhile."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airquality_dagster_tests.io_managers.mongodb import killed_writer
from airquality_dagster_tests.io_managers.mongodb.killed_writer import NEW, OLD
from airquality_dagster_tests.processes import environment

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
