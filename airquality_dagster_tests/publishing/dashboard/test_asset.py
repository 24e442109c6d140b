"""``air_quality_dashboard`` and ``airquality dashboard``: when the page is written, and when the former one stays."""

import base64
import gzip
import json
import re
from datetime import UTC, datetime

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.faults import Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.component import network_definitions
from airquality_dagster.definitions import defs
from airquality_dagster.errors import DashboardError
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster.publishing.dashboard.build import build_dashboard
from airquality_dagster.publishing.dashboard.stored import station_record
from airquality_dagster_tests.platform import failures, metadata
from airquality_dagster_tests.processes import airquality
from airquality_dagster_tests.publishing.dashboard.compared_rows import compared_rows

DASHBOARD = "air_quality_dashboard"
STATION2 = 283181971
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def faults():
    return FaultSwitch()


@pytest.fixture
def simulated(platform, faults):
    with running(create_app(SimulatedSource(), faults=faults)) as url:
        platform.use(url)
        yield platform


def page_of(home) -> str:
    return (home / "dashboard" / "index.html").read_text(encoding="utf-8")


def content_of(path) -> dict:
    (packed,) = re.findall(r'id="content">([^<]*)<', path.read_text(encoding="utf-8"))
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_the_hourly_job_writes_the_page_and_tells_where_it_is(simulated, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_URL", "https://air.example.org")
    result = simulated.run("2026-01")
    assert result.success
    stored = metadata(result, DASHBOARD)
    path = tmp_path / "home" / "dashboard" / "index.html"
    assert stored["path"] == str(path)
    assert stored["dashboard"] == "https://air.example.org"
    assert stored["bytes"] == path.stat().st_size
    assert stored["stations"] == 2
    assert stored["station_days"] == 62
    assert path.stat().st_mode & 0o777 == 0o644


def test_another_folder_can_be_named(simulated, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_DIR", str(tmp_path / "web" / "air"))
    assert simulated.run("2026-01").success
    assert (tmp_path / "web" / "air" / "index.html").is_file()
    assert not (tmp_path / "home" / "dashboard").exists()


def test_networks_with_key_prefixes_have_pages_and_addresses_of_their_own(simulated, instance, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_URL", "https://air.example.org")
    for prefix in ("abidjan", "bouake"):
        network = Network.model_validate({**load_network().model_dump(), "key_prefix": prefix})
        job = network_definitions(network).resolve_job_def(f"{prefix}_dashboard_job")
        result = job.execute_in_process(instance=instance)
        stored = metadata(result, f"{prefix}__{DASHBOARD}", DASHBOARD)
        assert stored["path"] == str(tmp_path / "home" / "dashboard" / prefix / "index.html")
        assert stored["dashboard"] == f"https://air.example.org/{prefix}/"
    assert {path.name for path in (tmp_path / "home" / "dashboard").iterdir()} == {"abidjan", "bouake"}


def test_after_a_failed_station_the_page_is_drawn_by_the_sensor(simulated, faults, instance, tmp_path):
    faults.add(Fault(kind="status", value=404, station=STATION2))
    result = simulated.run("2026-01")
    assert set(failures(result)) == {"raw_station2"}
    # Dagster skips what is downstream of a failure ...
    assert not (tmp_path / "home" / "dashboard").exists()
    repository = defs().get_repository_def()
    sensor = repository.get_sensor_def("dashboard_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=result.filter_events(lambda event: event.event_type == dg.DagsterEventType.RUN_FAILURE)[0],
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(result.run_id),
    ).for_run_failure()
    request = sensor(context)
    # ... and the sensor asks for it, once a run.
    assert request.run_key == result.run_id
    assert {target.job_name for target in sensor.targets} == {"dashboard_job"}
    assert repository.get_job("dashboard_job").execute_in_process(instance=instance).success
    assert page_of(tmp_path / "home")


@pytest.mark.long
def test_the_command_draws_the_page_though_a_station_failed(tmp_path, monkeypatch):
    faults = FaultSwitch()
    faults.add(Fault(kind="status", value=404, station=STATION2))
    home = tmp_path / "home"
    with running(create_app(SimulatedSource(), faults=faults)) as url:
        done = airquality("backfill", "--from", "2026-01", "--to", "2026-01", home=home, AIRQINO_BASE_URL=url)
    assert done.returncode == 1
    assert "station2" in done.stderr
    assert page_of(home)
    (home / "dashboard" / "index.html").unlink()
    again = airquality("dashboard", home=home)
    assert again.returncode == 0, again.stderr
    assert (home / "dashboard" / "index.html").as_uri() in again.stdout.replace("\n", "")
    assert "Simulated readings" in again.stdout
    assert page_of(home)


def test_a_page_that_cannot_be_written_is_a_clear_error_and_the_readings_are_stored(simulated, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_DIR", str(tmp_path / "file"))
    result = simulated.run("2026-01")
    assert set(failures(result)) == {DASHBOARD}
    assert re.search("AIRQUALITY_DASHBOARD_DIR", failures(result)[DASHBOARD])
    assert simulated.database["raw_station1"].count_documents({}) > 600


def test_a_page_that_breaks_off_leaves_the_former_one(database, tmp_path, monkeypatch):
    network, path = load_network(), tmp_path / "index.html"
    path.write_text("former")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(DashboardError, match=r"No space left.*the former page stays"):
        build_dashboard(database, network, path, NOW)
    assert path.read_text() == "former"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["index.html"]


def test_a_network_without_any_reading_has_a_page_that_says_so(database, tmp_path):
    built = build_dashboard(database, load_network(), tmp_path / "index.html", NOW)
    assert (built.stations, built.days, built.newest_hour) == (2, 0, None)


def test_a_name_from_the_stations_file_is_no_markup(database, tmp_path):
    evil = "</script><img src=x onerror=alert(1)>"
    network = Network.model_validate({
        "network": {"name": evil, "time_zone": "Africa/Abidjan", "first_month": "2022-12"},
        "stations": [{"name": "station1", "airqino_id": 1, "label": evil, "city": evil}],
    })  # fmt: skip
    build_dashboard(database, network, tmp_path / "index.html", NOW)
    assert evil not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_loading_the_same_readings_again_draws_the_same_page(simulated, tmp_path):
    assert simulated.run("2026-01", "2026-02").success
    network = load_network(settings.stations_file())
    build_dashboard(simulated.database, network, tmp_path / "first", NOW)
    assert simulated.run("2026-01", "2026-02").success
    build_dashboard(simulated.database, network, tmp_path / "second", NOW)
    first, second = (content_of(tmp_path / name) for name in ("first", "second"))
    for station in (*first["stations"], *second["stations"]):
        # The same forecast is made again.
        station["forecast"].pop("made_at")
    assert first == second


def test_the_page_has_the_stored_comparisons_of_the_pairs_of_the_stations_file(database, tmp_path):
    network, path = load_network(), tmp_path / "index.html"
    build_dashboard(database, network, path, NOW)
    assert content_of(path)["pairs"] == []
    (pair,) = network.pairs
    keys = ("pollutant", "period", "part")
    database[network.comparison_asset(pair)].insert_many(
        {"_id": {key: row[key] for key in keys}, **{key: row[key] for key in row if key not in keys}}
        for row in compared_rows(["pm2_5"])
    )
    build_dashboard(database, network, path, NOW)
    (shown,) = content_of(path)["pairs"]
    assert shown["question"] == pair.question
    assert [one["field"] for one in shown["fields"]] == ["pm2_5"]


def test_readings_that_another_program_stored_as_whole_numbers_are_shown_too(simulated, database):
    assert simulated.run("2026-01").success
    station = load_network(settings.stations_file()).stations[0]
    now, hours = datetime(2026, 2, 1, tzinfo=UTC), database[station.raw_asset]
    before = station_record(database, station, now).hours
    newest = hours.find_one({}, sort=[("_id", -1)])
    hours.update_one({"_id": newest["_id"]}, {"$set": {"co": 7}, "$unset": {"pm2_5": ""}})
    after = station_record(database, station, now).hours
    assert after["co"].iloc[-1] == 7
    assert np.isnan(after["pm2_5"].iloc[-1])
    pd.testing.assert_frame_equal(after.iloc[:-1], before.iloc[:-1])
