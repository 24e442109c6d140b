"""Files of open data are written when their content changes, whole or not at all."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from airquality_dagster.errors import OpenDataError
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.files import build, parts
from airquality_dagster_tests.publishing.files.conftest import NOW, assert_checksums_match, contents
from airquality_dagster_tests.publishing.files.stored_station import STATIONS, VALID, store_station

LAST_OF_2023 = {
    "station1/hours-2023.csv",
    "station1/hours-2023.parquet",
    "station1/openair-2023.csv",
    "station1/excel-fr-hours-2023.csv",
}
DESCRIPTIONS = {"datapackage.json", "SHA256SUMS"}


def changed(before, after):
    return {path for path in after if before.get(path) != after[path]}


def test_a_night_without_change_writes_nothing_and_makes_no_table(files, write, monkeypatch):
    before = {path: (files / path).stat().st_mtime_ns for path in contents(files)}
    monkeypatch.setattr(parts, "hours_table", lambda *_: pytest.fail("a table was made"))
    result = write()
    assert (result.written, result.unchanged, result.removed) == (0, len(before), 0)
    assert {path: (files / path).stat().st_mtime_ns for path in contents(files)} == before


def test_only_what_is_made_of_a_changed_document_is_written(files, write, database):
    before = contents(files)
    database["raw_station1"].update_one({"_id": VALID}, {"$set": {"pm2_5": 13.0}})
    result = write()
    assert changed(before, contents(files)) == LAST_OF_2023 | DESCRIPTIONS
    assert result.written == len(LAST_OF_2023 | DESCRIPTIONS)
    assert_checksums_match(files)


def test_a_file_whose_bytes_are_the_same_is_not_written_again(files, write, database):
    before = (files / "station1" / "openair-2023.csv").stat().st_mtime_ns
    # openair's file has no flags.
    database["station1_quality"].update_one({"_id": VALID}, {"$set": {"pm2_5_flags": ["humid"]}})
    write()
    assert (files / "station1" / "openair-2023.csv").stat().st_mtime_ns == before
    assert "humid restated" not in (files / "station1" / "hours-2023.csv").read_text()


def test_a_new_place_of_a_station_is_in_all_of_its_files(files, write):
    stations = {**STATIONS, "stations": [{**STATIONS["stations"][0], "deployments": []}, STATIONS["stations"][1]]}
    write(stations)
    assert "Pharmacie" not in "".join(path.read_text() for path in files.rglob("*.csv"))


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_file_that_is_not_as_it_was_written_is_written_again(files, write, damage):
    before = contents(files)
    path = files / "station1" / "days-2023.csv"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-10])
    write()
    assert contents(files) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"resources": [{}]}'])
def test_a_damaged_package_is_made_again(files, write, text):
    before = contents(files)
    (files / "datapackage.json").write_text(text)
    write()
    after = contents(files)
    assert changed(before, after) <= DESCRIPTIONS
    assert_checksums_match(files)


def test_a_station_that_left_the_network_keeps_its_files(files, write):
    before = contents(files)
    write({**STATIONS, "stations": STATIONS["stations"][1:]})
    after = contents(files)
    assert {path for path in before if path.startswith("station1/")} <= after.keys()
    assert changed(before, after) == {"stations.csv", "README.md", *DESCRIPTIONS}
    resources = json.loads(after["datapackage.json"])["resources"]
    assert {one["path"] for one in resources if one["no_longer_updated"]} == {
        path for path in before if path.startswith("station1/")
    }
    assert "No longer updated: station1." in after["README.md"].decode()
    assert_checksums_match(files)


def test_a_station_that_came_back_is_no_longer_called_left(files, write):
    write({**STATIONS, "stations": STATIONS["stations"][1:]})
    write()
    assert "No longer updated" not in (files / "README.md").read_text()
    assert '"no_longer_updated": true' not in (files / "datapackage.json").read_text()


def test_measured_files_outlive_a_lost_database_and_simulated_ones_do_not(database, folder, write):
    store_station(database)
    store_station(database, "station2", simulated=True)
    write()
    for name in database.list_collection_names():
        database.drop_collection(name)
    result = write()
    assert not list(folder.glob("station2/*"))
    assert len(list(folder.glob("station1/*"))) == 16
    assert result.removed == 16
    assert_checksums_match(folder)


def test_a_folder_that_the_operator_removed_is_forgotten(files, write):
    for path in (files / "station1").iterdir():
        path.unlink()
    write({**STATIONS, "stations": STATIONS["stations"][1:]})
    assert "station1" not in (files / "datapackage.json").read_text()
    assert_checksums_match(files)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pymongo import MongoClient
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.files.build import write_open_data

uri, database, stations, folder, left = sys.argv[1:]
replace, left = Path.replace, int(left)

def killed(self, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = killed
client = MongoClient(uri, tz_aware=True)
write_open_data(client[database], load_network(Path(stations)), Path(folder), datetime(2026, 11, 27, tzinfo=UTC))
"""


@pytest.mark.parametrize("survived", [*(pytest.param(n, marks=pytest.mark.long) for n in (0, 3, 25)), 17])
def test_what_a_killed_run_left_is_completed_by_the_next(database, folder, write, mongodb_uri, use_stations, survived):
    store_station(database)
    arguments = (mongodb_uri, database.name, str(use_stations(STATIONS)), str(folder), str(survived))
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=os.environ, check=False)
    assert killed.returncode == -9
    assert len(contents(folder)) == survived + 1  # and the unfinished one
    write()
    assert not [path for path in contents(folder) if "/." in f"/{path}"]
    assert_checksums_match(folder)


def test_a_reader_finds_the_former_file_until_the_new_one_is_whole(files, write, database, monkeypatch):
    before, seen = contents(files), []

    @contextmanager
    def watched(path):
        with replaced(path) as unfinished:
            yield unfinished
            seen.append(path.read_bytes() == before[path.relative_to(files).as_posix()])

    replaced = build.replaced
    monkeypatch.setattr(build, "replaced", watched)
    database["raw_station1"].update_one({"_id": VALID}, {"$set": {"pm2_5": 13.0}})
    write()
    assert seen == [True] * len(LAST_OF_2023 | DESCRIPTIONS)


def test_two_at_once_write_each_file_once(database, folder, use_stations):
    store_station(database)
    network, barrier = load_network(use_stations(STATIONS)), threading.Barrier(2)

    def write_at_once(_):
        barrier.wait()
        return build.write_open_data(database, network, folder, NOW)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(write_at_once, range(2)))
    assert sorted(result.written for result in results) == [0, len(contents(folder))]
    assert_checksums_match(folder)


def test_a_folder_that_cannot_be_written_is_explained(database, tmp_path, use_stations):
    store_station(database)
    (tmp_path / "file").write_text("")
    with pytest.raises(OpenDataError, match="AIRQUALITY_OPEN_DATA_DIR"):
        build.write_open_data(database, load_network(use_stations(STATIONS)), tmp_path / "file" / "x", NOW)


def test_a_former_process_that_hangs_is_named(database, folder, use_stations, monkeypatch):
    monkeypatch.setattr(build, "_LOCK_SECONDS", 0)
    folder.mkdir()
    with build.FileLock(folder / ".lock"), pytest.raises(OpenDataError, match="another process"):
        build.write_open_data(database, load_network(use_stations(STATIONS)), folder, NOW)
