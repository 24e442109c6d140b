"""The files of a small network."""

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymongo import MongoClient

from airquality_dagster.network.stations import Network, load_network
from airquality_dagster.publishing.files.build import CHECKSUMS, OpenData, write_open_data
from airquality_dagster_tests.publishing.files.stored_station import STATIONS, store_station

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where the files will be."""
    return tmp_path / "open-data"


@pytest.fixture
def write(database, folder, use_stations):
    """Write the files of what is stored: ``write(stations)``."""
    nights = iter(range(1000))

    def write(stations=STATIONS) -> OpenData:
        network = load_network(use_stations(stations))
        return write_open_data(database, network, folder, NOW + timedelta(days=next(nights)))

    return write


@pytest.fixture(scope="session")
def made(mongodb_uri, tmp_path_factory) -> Path:
    """The files of a network whose first station has readings, made once."""
    path = tmp_path_factory.mktemp("made")
    with MongoClient(mongodb_uri, tz_aware=True) as client:
        store_station(client["made_files"])
        write_open_data(client["made_files"], Network.model_validate(STATIONS), path / "open-data", NOW)
        client.drop_database("made_files")
    return path / "open-data"


@pytest.fixture
def files(database, folder, made) -> Path:
    """These files, with the readings in the test's own database."""
    store_station(database)
    shutil.copytree(made, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return path → content of all files but the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def assert_checksums_match(folder: Path) -> None:
    """Assert that the checksums are those of the files, and name all of them."""
    listed = dict(reversed(line.split("  ")) for line in (folder / CHECKSUMS).read_text().splitlines())
    there = contents(folder)
    there.pop(CHECKSUMS)
    assert listed == {path: hashlib.sha256(content).hexdigest() for path, content in there.items()}
