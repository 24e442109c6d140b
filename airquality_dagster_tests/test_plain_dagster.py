"""Dagster's own commands on the code location, without the ``airquality`` command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import ReplaySource
from airquality_dagster.local.serving import running
from airquality_dagster_tests.conftest import CAPTURES, needs_captures
from airquality_dagster_tests.processes import environment
from airquality_dagster_tests.scripted_server import Reply, scripted_server


def dagster(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    command = [sys.executable, "-m", "dagster", *arguments]
    environ = environment(home, DAGSTER_HOME=str(home), **variables)
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.long
@needs_captures
def test_a_range_of_months_is_materialized_by_dagster_asset_materialize(tmp_path, mongodb_uri, database):
    with running(create_app(ReplaySource(CAPTURES))) as url:
        run = dagster(
            "asset", "materialize", "-m", "airquality_dagster.definitions",
            "--select", "raw_station1,station1_aggregates", "--partition-range", "2022-12-01...2023-01-01",
            home=tmp_path / "home", MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name, AIRQINO_BASE_URL=url,
        )  # fmt: skip
    assert run.returncode == 0, run.stderr
    captured = json.loads((CAPTURES / "283164601.json").read_text())["data"]
    hours = {row["timestamp"] for row in captured if row["timestamp"] < "2023-02"}
    assert len(hours) > 500
    assert database["raw_station1"].count_documents({}) == len(hours)
    assert database["station1_aggregates"].count_documents({}) == len({hour[:10] for hour in hours})


@pytest.mark.long
def test_without_credentials_the_definitions_load_and_a_materialization_fails_with_what_to_do(tmp_path):
    with scripted_server(lambda request, number: Reply(status=401, body={})) as api:
        run = dagster(
            "asset", "materialize", "-m", "airquality_dagster.definitions", "--select", "raw_station1",
            "--partition", "2023-01-01", home=tmp_path / "home", AIRQINO_BASE_URL=api.url,
        )  # fmt: skip
    assert run.returncode == 1
    assert f"station1 (AirQino SMART188 283164601), 2023-01: {api.url} requires credentials" in run.stderr
    assert "set AIRQINO_CLIENT_ID" in run.stderr


def test_a_broken_stations_file_fails_the_code_location_with_one_line(tmp_path):
    (tmp_path / "stations.yaml").write_text("stations: []")
    run = dagster(
        "asset",
        "list",
        "-m",
        "airquality_dagster.definitions",
        home=tmp_path / "home",
        AIRQUALITY_STATIONS=str(tmp_path / "stations.yaml"),
    )
    assert run.returncode != 0
    assert f"StationsFileError: stations file {tmp_path / 'stations.yaml'}" in run.stderr
