"""Disks that are full or may not be written: a small tmpfs under the real command, MongoDB and Dagster's instance."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster_tests.faults.commands import backfill, finished, lost_and_doubled

pytestmark = pytest.mark.long
MONGOD_MIB = 500  # of which its journal takes 200 to 300 before the first document


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MONGOD_MIB}m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def full(disk: Path, left: int) -> Iterator[None]:
    """Fill a disk, but for some bytes."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        file.truncate(0)
        room = shutil.disk_usage(disk).free - left
        while room > 0:
            room -= file.write(bytes(min(room, 1 << 20)))
    try:
        yield
    finally:
        filler.unlink()


def is_one_line(output: str) -> bool:
    return "Traceback" not in output and "--verbose shows where" not in output


@pytest.mark.parametrize("left", [kib << 10 for kib in (0, 16, 64, 256)])
def test_a_full_disk_under_mongodb_is_named_and_with_room_the_next_run_heals(
    sandbox, small_disk, tmp_path, record, left
):
    """At each level the disk becomes full at another write: of the journal, a collection, an index, a log."""
    home, instance = small_disk / "home", tmp_path / "instance"
    instance.mkdir()
    (instance / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    with embedded_mongod(home / "mongodb") as uri:  # room for its journal
        MongoClient(uri)["other"]["row"].insert_one({})
    with full(small_disk, left):
        code, output = finished(backfill(home, None, "airquality", sandbox, DAGSTER_HOME=str(instance)))
        assert is_one_line(output), output
        # What fits into the journal is stored.
        assert code == 1 or left
        told = ("is full", "no room left", "No space left", "disk was full")
        assert code == 0 or any(words in output for words in told), output
    again, output = finished(backfill(home, None, "airquality", sandbox, DAGSTER_HOME=str(instance)))
    assert again == 0, output
    with embedded_mongod(home / "mongodb") as uri, MongoClient(uri, tz_aware=True) as client:
        assert client["other"]["row"].count_documents({}) == 1
        for name in client["airquality"].list_collection_names():
            assert client["airquality"].validate_collection(name)["valid"]
        record(
            f"disk of MongoDB full, {left >> 10} KiB left",
            "what does not fit says so, exit 1; with room the next run heals",
            f"exit {code}, then 0; nothing corrupt",
            *lost_and_doubled(client["airquality"]),
        )


@pytest.mark.parametrize("left", [kib << 10 for kib in (0, 256, 600)])
def test_a_full_disk_under_dagsters_instance_is_named_and_with_room_the_next_run_heals(
    sandbox, mongodb_uri, database, small_disk, tmp_path, record, left
):
    instance = small_disk / "instance"
    instance.mkdir()
    (instance / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    with full(small_disk, left):
        code, output = finished(backfill(tmp_path, mongodb_uri, database.name, sandbox, DAGSTER_HOME=str(instance)))
    assert code == 1, output
    assert is_one_line(output), output
    assert str(instance) in output
    assert "disk" in output
    code, output = finished(backfill(tmp_path, mongodb_uri, database.name, sandbox, DAGSTER_HOME=str(instance)))
    assert code == 0, output
    record(
        f"disk of Dagster's instance full, {left >> 10} KiB left",
        "what does not fit says so, exit 1; with room the next run heals",
        "exit 1, then 0",
        *lost_and_doubled(database),
    )


def test_a_disk_that_becomes_read_only_is_named_and_when_it_can_be_written_the_next_run_heals(
    sandbox, mongodb_uri, database, small_disk, tmp_path, record
):
    home = small_disk / "home"
    code, output = finished(backfill(home, mongodb_uri, database.name, sandbox))
    assert code == 0, output
    database["raw_station1"].delete_many({})
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    code, output = finished(backfill(home, mongodb_uri, database.name, sandbox))
    assert code == 1
    assert is_one_line(output), output
    assert str(home) in output
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert finished(backfill(home, mongodb_uri, database.name, sandbox))[0] == 0
    record(
        "disk of the home read-only",
        "says so, exit 1; the next run heals",
        "exit 1, then 0",
        *lost_and_doubled(database),
    )
