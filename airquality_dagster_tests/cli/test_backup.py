"""A backup brings everything back, to the byte; a damaged or unwanted one changes nothing."""

import gzip
import itertools
import shutil
import struct
import tarfile
from pathlib import Path

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


def zipped(backup: Path) -> Path:
    """Compress each file, as `mongodump --gzip` and `gzip --recursive` do."""
    for path in list(backup.rglob("*.*")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return backup


def packed(mode: str, inside: str = "2026-06-01"):
    def pack(backup: Path) -> Path:
        path = backup.with_name("backup.archive")
        with tarfile.open(path, mode) as archive:
            archive.add(backup, inside)
        shutil.rmtree(backup)
        return path

    return pack


FORMS = {
    "each file with gzip": zipped,
    "the data with gzip": lambda backup: (
        [
            (path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())), path.unlink())
            for path in backup.glob("*/*.bson")
        ]
        and backup
    ),
    "the database's folder": lambda backup: next(backup.iterdir()),
    "tar": packed("w"),
    "tar.gz": packed("w:gz"),
    "tar.xz with another folder": packed("w:xz", "srv/backups/of june"),
    "tar.gz of files with gzip": lambda backup: packed("w:gz", ".")(zipped(backup)),
    "files of a Mac between": lambda backup: (
        (next(backup.iterdir()) / "._raw_station1.bson").write_bytes(b"x") and backup
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_backup_is_restored_in_each_form_that_people_keep_it_in(form, command, backed_up, database, client):
    backup = FORMS[form](backed_up)
    other = client[f"{database.name}_x"]
    try:
        done = command("restore", str(backup), into=other.name)
        assert done.returncode == 0, done.stderr
        assert "2 collections, 100 documents restored" in done.stdout
        assert stored_bytes(other) == stored_bytes(database)
        assert indexes(other) == indexes(database)
    finally:
        client.drop_database(other.name)


def cut(path: Path, after: str | None = None) -> Path:
    end = -9
    if after is not None:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            end = next(following.offset for member, following in itertools.pairwise(members) if after in member.name)
    path.write_bytes(path.read_bytes()[:end])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


ARCHIVE = struct.pack("<I", 0x8199E26D) + b"x" * 99
REFUSED = {
    "a file that gzip did not end": (
        lambda backup: cut(next(zipped(backup).glob("*/station2_quality.bson.gz"))) and backup,
        "station2_quality.bson.gz is damaged",
    ),
    "a file that is no gzip": (
        lambda backup: (
            next(backup.glob("*/station2_quality.bson")).rename(next(backup.iterdir()) / "station2_quality.bson.gz")
            and backup
        ),
        "station2_quality.bson.gz is damaged",
    ),
    "metadata that is no JSON": (
        lambda backup: next(backup.glob("*/station2_quality.metadata.json")).write_text("{") and backup,
        "station2_quality.metadata.json is damaged",
    ),
    "a compressed tar file that was cut": (lambda backup: cut(packed("w:gz")(backup)), "backup.archive is damaged"),
    "a tar file that was cut after a file": (
        lambda backup: cut(packed("w")(backup), after="raw_station1.metadata.json"),
        "backup.archive is damaged",
    ),
    "an archive of mongodump": (
        lambda backup: written(backup.with_name("dump.archive"), ARCHIVE),
        "restore it with mongorestore --archive=",
    ),
    "an archive of mongodump with gzip": (
        lambda backup: written(backup.with_name("dump.gz"), gzip.compress(ARCHIVE)),
        "mongorestore --archive={0} --gzip",
    ),
    "another file": (lambda backup: written(backup.with_name("notes.txt"), b"notes"), "is no backup: name the folder"),
    "a file of the backup": (
        lambda backup: next(backup.glob("*/station2_quality.bson")),
        "is no backup: name the folder",
    ),
    "an empty folder": (
        lambda backup: [shutil.rmtree(path) for path in backup.iterdir()] and backup,
        "holds no backup: airquality backup and mongodump write files DATABASE/*.bson or DATABASE/*.bson.gz",
    ),
    "two databases": (
        lambda backup: shutil.copytree(next(backup.iterdir()), backup / "other") and backup,
        "holds several databases",
    ),
    "a collection with and without gzip": (
        lambda backup: written(next(backup.iterdir()) / "raw_station1.bson.gz", gzip.compress(b"")) and backup,
        "holds a collection twice",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_restored_is_named_before_anything_is_written(what, command, backed_up, database, client):
    make, message = REFUSED[what]
    backup = make(backed_up)
    refused = command("restore", str(backup), into=f"{database.name}_x")
    assert refused.returncode == 1
    assert message.format(backup) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert f"{database.name}_x" not in client.list_database_names()


def test_nothing_is_unpacked_outside_the_folder_of_the_moment(command, backed_up, database, tmp_path):
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(next(backed_up.glob("*/raw_station1.bson")), "../../outside/raw_station1.bson")
    refused = command("restore", str(path), into=f"{database.name}_x")
    assert "evil.tar is damaged or cannot be read" in refused.stderr
    assert not (tmp_path / "outside").exists()


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
