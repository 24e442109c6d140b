"""A backup brings everything back, to the byte; a damaged or unwanted one changes nothing."""

import shutil

import bson
import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.serving import running
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.faults.published import MONTH


def indexes(database) -> dict[str, dict]:
    return {name: database[name].index_information() for name in database.list_collection_names()}


@pytest.fixture
def command(home, mongodb_uri, database):
    with running(create_app(SimulatedSource())) as api:

        def run(*arguments: str, into: str = database.name):
            variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": into, "AIRQINO_BASE_URL": api}
            return airquality(*arguments, home=home, **variables)

        yield run


@pytest.fixture
def backed_up(command, database, tmp_path):
    """A backup of a small database."""
    for name in ("raw_station1", "station2_quality"):
        database[name].insert_many({"_id": number, "text": "x" * number, "number": 1.5} for number in range(50))
        database[name].create_index([("number", -1), ("text", 1)], name="of both")
    folder = tmp_path / "backup"
    done = command("backup", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def test_what_is_restored_is_what_was_backed_up_and_the_next_run_changes_nothing(command, tmp_path, database, client):
    load = ("backfill", "--from", MONTH, "--to", MONTH, "--station", "station1")
    assert command(*load).returncode == 0
    backed_up = tmp_path / "backup"
    done = command("backup", str(backed_up))
    assert done.returncode == 0, done.stderr
    other = client[f"{database.name}_restored"]
    try:
        done = command("restore", str(backed_up), into=other.name)
        assert done.returncode == 0, done.stderr
        assert stored_bytes(other) == stored_bytes(database)
        assert indexes(other) == indexes(database)
        again = command(*load, into=other.name)
        assert again.returncode == 0, again.stderr
        assert stored_bytes(other) == stored_bytes(database)
    finally:
        client.drop_database(other.name)


def test_files_are_those_of_mongodump(backed_up, database):
    (folder,) = backed_up.iterdir()
    assert folder.name == database.name
    names = {path.name for path in folder.iterdir()}
    assert {"raw_station1.bson", "raw_station1.metadata.json"} <= names
    documents = bson.decode_all((folder / "raw_station1.bson").read_bytes())
    assert documents == list(database["raw_station1"].find())


def test_nothing_is_written_over(command, backed_up, database):
    before = stored_bytes(database)
    refused = command("restore", str(backed_up))
    assert refused.returncode == 1
    assert "raw_station1" in refused.stderr
    assert stored_bytes(database) == before
    assert "exists already" in command("backup", str(backed_up)).stderr


def test_a_damaged_backup_is_named_before_anything_is_written(command, backed_up, database, client):
    (file,) = backed_up.glob("*/station2_quality.bson")
    file.write_bytes(file.read_bytes()[:-7])
    refused = command("restore", str(backed_up), into=f"{database.name}_x")
    assert refused.returncode == 1
    assert "station2_quality.bson is damaged" in refused.stderr
    assert f"{database.name}_x" not in client.list_database_names()


def test_without_anything_stored_or_room_there_is_no_backup_and_no_half_of_one(command, tmp_path):
    empty = command("backup", str(tmp_path / "new"))
    assert "nothing is stored" in empty.stderr
    assert empty.returncode == 1
    assert not (tmp_path / "new").exists()
    assert "holds no backup" in command("restore", str(tmp_path)).stderr


@pytest.mark.skipif(shutil.which("mongorestore") is None, reason="mongorestore is not installed")
def test_mongorestore_takes_it(backed_up, mongodb_uri, database, client):
    import subprocess

    name = f"{database.name}_theirs"
    try:
        subprocess.run(
            ["mongorestore", f"--uri={mongodb_uri}", f"--nsFrom={database.name}.*", f"--nsTo={name}.*", backed_up],
            check=True,
        )
        assert stored_bytes(client[name]) == stored_bytes(database)
    finally:
        client.drop_database(name)
