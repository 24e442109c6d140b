"""``airquality simulate-network``: networks of any size for the sandbox."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from airquality_dagster import settings
from airquality_dagster.definitions import defs
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.command import airquality

THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"


@pytest.mark.long
def test_a_pass_loads_a_simulated_network(tmp_path, home, mongodb_uri, database):
    made = airquality(
        "simulate-network", "3", "--output", "three.yaml", "--first-month", THIS_MONTH, home=home, cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    assert "AIRQUALITY_STATIONS=three.yaml" in made.stdout
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQUALITY_STATIONS": "three.yaml"}
    done = airquality("run", home=home, cwd=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("sim1", "sim2", "sim3"))


@pytest.mark.parametrize("count", ["1", "10", "1000"])
def test_its_stations_are_as_many_as_asked_apart_and_none_of_the_api(tmp_path, count):
    made = airquality("simulate-network", count, home=tmp_path, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    network = load_network(tmp_path / "simulated-stations.yaml")
    assert len(network.stations) == int(count)
    assert len({(station.latitude, station.longitude) for station in network.stations}) == int(count)
    assert min(station.airqino_id for station in network.stations) > 900_000_000


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "mine.yaml").write_text("mine")
    made = airquality("simulate-network", "3", "--output", "mine.yaml", home=tmp_path, cwd=tmp_path)
    assert made.returncode == 1
    assert "mine.yaml exists" in made.stderr
    assert (tmp_path / "mine.yaml").read_text() == "mine"


def test_the_definitions_of_a_hundred_stations_load(tmp_path, monkeypatch):
    made = airquality("simulate-network", "100", "--output", "many.yaml", home=tmp_path, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    monkeypatch.setenv(settings.AIRQUALITY_STATIONS, str(tmp_path / "many.yaml"))
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    assert len(loaded.resolve_asset_graph().materializable_asset_keys) == 7 * 100 + 3
