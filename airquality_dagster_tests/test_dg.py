"""The project as the `dg` command knows it, and networks in a project of somebody else."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.dev import START_SECONDS
from airquality_dagster_tests.processes import free_port, processes_of, wait_until

ROOT = Path(__file__).parents[1]
DG = Path(sys.executable).with_name("dg")
pytestmark = pytest.mark.skipif(not DG.exists(), reason="dagster-dg-cli is not installed")

PYPROJECT = """
[project]
name = "somebody"
version = "1"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "somebody"
[tool.dg.cli]
suppress_warnings = ["project_and_activated_venv_mismatch"]
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""

COMPONENT = """\
type: airquality_dagster.AirQualityNetwork
attributes:
  network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: "2025-01"}
  stations:
    - {name: station1, airqino_id: 283164601}
"""


def environment(cwd: Path, **variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    # As in an activated environment, of which dg asks.
    activated = {"VIRTUAL_ENV": str(DG.parents[1]), "PATH": f"{DG.parent}:{os.environ['PATH']}"}
    return {**kept, **activated, "DO_NOT_TRACK": "1", "PYTHONPATH": str(cwd), **variables}


def dg(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [DG, *arguments],
        cwd=cwd,
        env=environment(cwd, **variables),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh project of somebody else."""
    package = tmp_path / "somebody"
    (package / "defs").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (package / "definitions.py").write_text(DEFINITIONS)
    for folder in (package, package / "defs"):
        (folder / "__init__.py").touch()
    return tmp_path


def scaffold(project: Path, name: str) -> Path:
    done = dg("scaffold", "defs", "airquality_dagster.AirQualityNetwork", name, cwd=project)
    assert done.returncode == 0, done.stderr
    return project / "somebody" / "defs" / name / "defs.yaml"


def test_dg_checks_this_project_without_a_complaint():
    done = dg("check", "defs")
    assert done.returncode == 0, done.stderr
    assert "All definitions loaded successfully." in done.stdout
    assert "warning" not in f"{done.stdout}{done.stderr}".lower()


@pytest.mark.long
def test_dg_launch_materializes_a_month_of_a_station(mongodb_uri, database, tmp_path):
    with running(create_app(SimulatedSource())) as url:
        done = dg(
            "launch", "--assets", "raw_station1,station1_quality,station1_aggregates", "--partition", "2023-01-01",
            DAGSTER_HOME=str(tmp_path),
            MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name, AIRQINO_BASE_URL=url,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert database["raw_station1"].count_documents({}) > 600
    assert database["station1_aggregates"].count_documents({}) > 25


@pytest.mark.long
def test_dg_dev_serves_the_definitions_and_ends_with_all_its_processes(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [DG, "dev", "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env=environment(ROOT, DAGSTER_HOME=str(tmp_path)),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def is_up() -> bool:
        assert process.poll() is None, (tmp_path / "dev.log").read_text()
        try:
            return requests.get(f"{url}/server_info", timeout=5).ok
        except requests.RequestException:
            return False

    try:
        wait_until(is_up, "the UI", START_SECONDS)
        query = {"query": "{ assetNodes { assetKey { path } } }"}
        answer = requests.post(f"{url}/graphql", json=query, timeout=60).json()
        assert ["raw_station1"] in [node["assetKey"]["path"] for node in answer["data"]["assetNodes"]]
        process.send_signal(signal.SIGINT)
        process.wait(60)
        wait_until(lambda: not processes_of(tmp_path), "the end of its processes", 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


@pytest.mark.long
def test_two_networks_live_in_a_project_of_somebody_else(project):
    for name in ("abidjan", "bouake"):
        file = scaffold(project, name)
        file.write_text(file.read_text().replace("# key_prefix", "key_prefix"))
    for arguments, words in (
        (("check", "yaml"), "All component YAML validated successfully."),
        (("check", "defs"), "All definitions loaded successfully."),
        (("list", "components"), "airquality_dagster.AirQualityNetwork"),
    ):
        done = dg(*arguments, cwd=project)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    listed = dg("list", "defs", "--json", cwd=project)
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    keys = {asset["asset_key"] for asset in found["assets"]}
    assert keys == {
        f"{name}/{asset}"
        for name in ("abidjan", "bouake")
        for asset in (
            "airqino_api",
            "raw_station1",
            "station1_quality",
            "station1_aggregates",
            "station1_summaries",
            "station1_forecast",
            "station1_forecast_model",
            "station1_forecast_scores",
            "neighbours",
            "air_quality_dashboard",
            "open_data",
        )
    }
    for kind, names in (
        ("jobs", {"hourly_job", "dashboard_job", "neighbours_job", "forecast_job", "open_data_job"}),
        (
            "schedules",
            {
                *("hourly_schedule", "forecast_schedule", "neighbours_schedule"),
                *("open_data_schedule", "reconcile_schedule"),
            },
        ),
        ("sensors", {"alert_sensor", "dashboard_sensor"}),
        ("resources", {"airqino", "mongodb", "io_manager"}),
    ):
        assert {one["name"] for one in found[kind]} == {
            f"{prefix}_{name}" for prefix in ("abidjan", "bouake") for name in names
        }


def test_a_fault_in_a_component_names_file_line_station_and_field(project):
    file = project / "somebody" / "defs" / "defs.yaml"
    file.write_text(COMPONENT.replace("283164601", "-3"))
    done = dg("check", "defs", "--no-check-yaml", cwd=project)
    assert done.returncode != 0
    said = f"{done.stdout}{done.stderr}"
    assert f"{file}:5" in said
    assert "station station1, field airqino_id: Input should be greater than 0 (it is -3)" in said


def test_a_command_takes_the_file_of_a_component_as_its_stations_file(tmp_path):
    file = tmp_path / "defs.yaml"
    file.write_text(COMPONENT)
    assert [station.name for station in load_network(file).stations] == ["station1"]
