"""``--simulate`` of ``airquality sandbox``, ``run`` and ``dev``: faults that anybody can see."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.airqino.sandbox.simulations import KINDS
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.processes import COMMAND, environment

COMMANDS = pytest.mark.parametrize("command", ["sandbox", "run", "dev"])


@COMMANDS
def test_help_explains_every_kind(tmp_path, command):
    text = " ".join(airquality(command, "--help", home=tmp_path).stdout.split())
    for name, kind in KINDS.items():
        assert f"{name}: {kind.description}" in text


@COMMANDS
@pytest.mark.parametrize("simulation", ["earthquake", "gain:7"])
def test_an_unknown_kind_or_station_is_one_line_that_lists_the_kinds(tmp_path, command, simulation):
    run = airquality(command, "--simulate", simulation, home=tmp_path / "home")
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert f"--simulate '{simulation}' is not KIND[:STATION_ID]" in line
    assert ", ".join(KINDS) in line
    assert "283164601, 283181971" in line


@pytest.mark.parametrize("command", ["run", "dev"])
@pytest.mark.parametrize(
    "variables",
    [
        {"AIRQINO_BASE_URL": "http://127.0.0.1:9"},
        {"AIRQINO_USERNAME": "user", "AIRQINO_PASSWORD": "hunter2", "AIRQINO_CLIENT_ID": "client"},
    ],
)
def test_readings_of_an_api_are_never_changed(tmp_path, command, variables):
    run = airquality(command, "--simulate", "gain", home=tmp_path / "home", **variables)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "--simulate changes the sandbox of this command, but the environment names an API" in line
    assert "hunter2" not in line
    assert not (tmp_path / "home").exists()


def test_captured_answers_are_never_changed(tmp_path):
    run = airquality("sandbox", "--simulate", "gain", "--replay", str(tmp_path), home=tmp_path)
    assert run.returncode == 1
    assert "leave out --simulate or --replay" in run.stderr


def test_the_sandbox_says_what_it_simulates(tmp_path):
    command = [*COMMAND, "sandbox", "--port", "0", "--simulate", "gain:283164601", "--simulate", "front"]
    process = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert "simulated readings, not measured" in lines[0]
    assert "Simulated: gain at station 283164601" in lines[1]
    assert "Simulated: front at every station" in lines[2]
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.mark.long
def test_a_run_stores_what_is_simulated_at_the_station_and_nothing_of_it_at_the_other(
    tmp_path, home, mongodb_uri, database
):
    stations = tmp_path / "stations.yaml"
    stations.write_text(
        f'network: {{name: Test, time_zone: Africa/Abidjan, first_month: "{datetime.now(UTC) - timedelta(days=31):%Y-%m}"}}\n'
        "stations:\n  - {name: one, airqino_id: 1}\n  - {name: two, airqino_id: 2}\n"
    )
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQUALITY_STATIONS": str(stations)}
    run = airquality("run", "--simulate", "dead:1", home=home, **variables)
    assert run.returncode == 0, run.stderr
    assert "Simulated: dead at station 1" in run.stdout
    newest, other = (database[name].find_one(sort=[("_id", -1)]) for name in ("raw_one", "raw_two"))
    assert newest["pm2_5"] == newest["pm10"] == 0.0
    assert newest["simulated"] is True
    assert other["pm2_5"] > 0
