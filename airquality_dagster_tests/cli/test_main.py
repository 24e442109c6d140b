"""The ``airquality`` command as a user runs it: its first run as a process, the rest called in this one."""

import csv
import json
import re
import socket
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.local.serving import running
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.processes import COMMAND, environment, processes_of
from airquality_dagster_tests.processes import airquality as airquality_process
from airquality_dagster_tests.scripted_server import Reply, scripted_server

# One worker makes the first run, and all that look at what it stored.
after_the_first_run = pytest.mark.xdist_group("first run")
WARNING = re.compile("warning", re.IGNORECASE)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """A home after its first run, which was a process of its own; its embedded MongoDB runs on for those that look."""
    home = tmp_path_factory.mktemp("cli") / "home"
    run = airquality_process("run", home=home)
    assert run.returncode == 0, run.stderr
    left_behind = processes_of(home)
    with embedded_mongod(home / "mongodb"):
        yield home, run, left_behind


@after_the_first_run
def test_a_first_run_loads_a_year_of_simulated_hours_and_says_so(first_run):
    _, run, left_behind = first_run
    assert re.search(r"station1 +(\d+) +\1 +0 +0 +0", run.stdout)
    assert re.search(r"station2 +(\d+) +\1 +0 +0 +0", run.stdout)
    assert int(re.search(r"station1 +(\d+)", run.stdout)[1]) > 8000
    assert "newest hour" in run.stdout
    assert "µg/m³" in run.stdout
    assert "Simulated readings" in run.stdout
    assert "make dev" in run.stdout
    assert not WARNING.search(run.stdout + run.stderr)
    assert left_behind == []


@after_the_first_run
def test_a_second_run_reports_nothing_new_but_the_newest_hours(first_run):
    home, *_ = first_run
    run = airquality("run", home=home)
    assert run.returncode == 0, run.stderr
    for station in ("station1", "station2"):
        fetched, inserted, revised, unchanged, rejected = map(
            int, re.search(rf"{station} +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)", run.stdout).groups()
        )
        assert fetched <= 2 * 31 * 24
        assert inserted + revised <= 5
        assert unchanged == fetched - inserted - revised
        assert rejected == 0


@after_the_first_run
def test_status_shows_age_coverage_means_and_the_last_run(first_run):
    home, *_ = first_run
    run = airquality("status", home=home)
    assert run.returncode == 0, run.stderr
    assert re.search(r"station1 .*\d+ min .*\d+/24 .*\d+/720 .*success", run.stdout.replace("\n", " "))
    assert "daily means" in run.stdout
    assert re.search(r"station1: now AQI \d+, [A-Z]", run.stdout)
    # A first run fits models and forecasts by them, too.
    assert re.search(
        r"station1: (PM2.5 at \d\d:00 UTC: \d+ to \d+ µg/m³, about \d+|no forecast of PM2.5 \((?!no model))", run.stdout
    )
    assert re.search(r"station1: valid hours of 30 days: CO \d+ %, PM2.5 \d+ %", run.stdout)
    assert "the API puts the station at 5.3693, 0.0500, 443.7 km" in run.stdout
    assert "Simulated readings" in run.stdout


def test_status_of_an_empty_home_says_that_there_is_nothing(home, mongodb_uri, database):
    run = airquality("status", home=home, MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name)
    assert run.returncode == 0, run.stderr
    assert "no run" in run.stdout.replace("\n", " ")
    assert "no day yet" in run.stdout


@pytest.fixture(scope="module")
def simulated():
    """What the sandbox says of the hours of station1."""
    return SimulatedSource().answer(283164601, None, None, pd.Timestamp.now("UTC").to_pydatetime())["data"]


@after_the_first_run
@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_an_export_holds_every_stored_value(first_run, simulated, tmp_path, kind):
    home, *_ = first_run
    paths = {}
    for flags in ([], ["--raw"]):
        path = tmp_path / f"export{''.join(flags)}.{kind}"
        run = airquality("export", "station1", *flags, "--format", kind, "--output", str(path), home=home)
        assert run.returncode == 0, run.stderr
        assert "Simulated" in run.stderr
        paths["raw" if flags else "daily"] = path
    if kind == "csv":
        records = list(csv.DictReader(paths["raw"].open()))
        days = list(csv.DictReader(paths["daily"].open()))
    elif kind == "json":
        records, days = json.loads(paths["raw"].read_text()), json.loads(paths["daily"].read_text())
    else:
        records, days = (pd.read_parquet(paths[name]).to_dict("records") for name in ("raw", "daily"))
    by_hour = {str(record["timestamp"])[:19].replace("T", " "): record for record in records}
    compared = [row for row in simulated if row["timestamp"] in by_hour][:-5]
    assert len(compared) > 8000
    for row in compared:
        assert float(by_hour[row["timestamp"]]["co"]) == row["CO"]
        assert float(by_hour[row["timestamp"]]["pm2_5"]) == row["PM2.5"]
        if row["CO"] < -0.26:
            assert int(by_hour[row["timestamp"]]["co_qc"]) == 4
            assert "out_of_range" in by_hour[row["timestamp"]]["co_flags"]
    assert any(row["CO"] < -0.26 for row in compared)
    assert {"date", "co_mean", "pm2_5_valid_mean", "co_invalid", "co_percent_complete", "aqi"} <= set(days[0])
    assert len({str(day["date"]) for day in days}) == len(days) > 365


def test_an_export_of_nothing_says_what_to_materialize_and_leaves_no_file(tmp_path, home, mongodb_uri, database):
    path = tmp_path / "out.csv"
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name}
    run = airquality("export", "station1", "--format", "csv", "--output", str(path), home=home, **variables)
    assert run.returncode == 1
    assert "'station1_aggregates' was never stored" in run.stderr
    assert not path.exists()


@after_the_first_run
def test_an_output_that_cannot_be_written_is_named_and_leaves_nothing(first_run, tmp_path):
    home, *_ = first_run
    path = tmp_path / "nowhere" / "out.csv"
    run = airquality("export", "station1", "--format", "csv", "--output", str(path), home=home)
    assert run.returncode == 1
    assert f"--output {path} cannot be written" in run.stderr


def test_a_test_message_reaches_the_services_that_there_are_and_names_those_that_do_not_take_it(tmp_path):
    with scripted_server(lambda request, number: Reply()) as webhook:
        good = f"json://{webhook.url.removeprefix('http://')}/hook"
        run = airquality("alert-test", home=tmp_path, AIRQUALITY_ALERT_URLS=good)
        assert run.returncode == 0, run.stderr
        assert "1 of 1 alert services accepted the test message" in run.stdout
        run = airquality(
            "alert-test", home=tmp_path, AIRQUALITY_ALERT_URLS=f"{good}\njson://user:hunter2@127.0.0.1:9/hook"
        )
        assert run.returncode == 1
        assert "alert service 2 (json) did not accept the message" in run.stderr
        assert "hunter2" not in run.stdout + run.stderr
    assert ["a test" in request.json["title"] for request in webhook.received] == [True, True]


def test_without_a_service_the_test_message_says_how_to_name_one(tmp_path):
    assert "AIRQUALITY_ALERT_URLS is not set" in one_line(airquality("alert-test", home=tmp_path))


def one_line(run) -> str:
    """Return the one line of an expected error."""
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("airquality: ")]
    return line


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2023-02", "2023-01", "--from 2023-02 is after --to 2023-01"),
        ("2022-11", "2023-01", "before the network's first month, 2022-12"),
        ("2022-12", "2099-01", "after the current month"),
        ("2022-13", "2023-01", "'2022-13', not a month like 2023-01"),
        ("last year", "2023-01", "not a month"),
    ],
)
def test_months_that_make_no_range_are_refused(tmp_path, first, last, message):
    assert message in one_line(airquality("backfill", "--from", first, "--to", last, home=tmp_path))


BAD_ENVIRONMENTS = {
    "unreachable MongoDB": (
        {"MONGODB_URI": "mongodb://user:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=200"},
        "MongoDB at 127.0.0.1:9 does not answer",
    ),
    "no MongoDB URI": ({"MONGODB_URI": "localhost"}, "URI is not valid"),
    "contradictory credentials": ({"AIRQINO_USERNAME": "somebody"}, "AIRQINO_PASSWORD"),
    "no stations file": ({"AIRQUALITY_STATIONS": "/nowhere.yaml"}, "/nowhere.yaml cannot be read"),
}


@pytest.mark.parametrize("name", BAD_ENVIRONMENTS)
def test_a_wrong_environment_is_one_line_that_says_what_to_do(tmp_path, name):
    variables, message = BAD_ENVIRONMENTS[name]
    line = one_line(airquality("run", home=tmp_path / "home", **variables))
    assert message in line
    assert "hunter2" not in line


@pytest.mark.parametrize("name", ["air.quality", "air quality", "$air", "x" * 64])
def test_a_database_whose_name_is_none_is_one_line_that_says_what_to_do(home, mongodb_uri, name):
    line = one_line(airquality("status", home=home, MONGODB_URI=mongodb_uri, MONGODB_DATABASE=name))
    assert f"MONGODB_DATABASE is {name!r}" in line
    assert "set it to a name of up to 63 bytes" in line


@pytest.mark.parametrize("form", ["{0}/?", " {0}\n", "{0}?", "{0}?retryWrites=true", "{0}/?w=1;retryWrites=true"])
def test_a_mongodb_uri_may_end_in_other_ways_than_usual(home, mongodb_uri, database, form):
    variables = {"MONGODB_URI": form.format(mongodb_uri), "MONGODB_DATABASE": f" {database.name}\n"}
    assert "no day yet" in airquality("status", home=home, **variables).stdout


def test_a_process_that_fails_prints_one_line_and_ends_with_1(tmp_path):
    run = airquality_process("run", home=tmp_path / "home", MONGODB_URI="localhost")
    assert run.returncode == 1
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("home", ["/proc/airquality", "/sys/airquality"])
def test_a_home_that_cannot_be_written_is_named(home):
    assert f"{home} cannot be written" in one_line(airquality("run", home=Path(home)))


def test_a_home_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert "AIRQUALITY_HOME" in one_line(airquality("run", home=tmp_path / "file"))


@pytest.mark.parametrize("command", ["run", "status", "serve", "prune", "dashboard"])
def test_a_home_whose_path_dagster_would_misread_is_named_and_not_made(tmp_path, command):
    line = one_line(airquality(command, home=tmp_path / "what?" / "home"))
    assert "its path contains ? or %: set AIRQUALITY_HOME" in line
    assert not (tmp_path / "what?").exists()


def test_an_unknown_station_is_answered_with_those_there_are(tmp_path):
    line = one_line(airquality("export", "station9", "--format", "csv", "--output", "x", home=tmp_path))
    assert "'station9': the stations file has station1, station2" in line


@pytest.mark.parametrize("command", ["sandbox", "dev"])
def test_a_busy_port_is_named(tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = one_line(airquality(command, "--port", port, home=tmp_path))
    assert f"port {port}" in line
    assert "--port" in line


@pytest.mark.parametrize("arguments", [["--verbose", "run"], ["run", "--verbose"]])
def test_verbose_shows_the_stack_trace(tmp_path, arguments):
    run = airquality(*arguments, home=tmp_path / "home", MONGODB_URI="localhost")
    assert run.returncode == 1
    assert "Traceback" in run.stderr


def test_a_station_that_fails_makes_the_exit_code_1_and_the_other_is_stored(tmp_path, home, mongodb_uri, database):
    stations = tmp_path / "stations.yaml"
    stations.write_text(
        'network: {name: Test, time_zone: Africa/Abidjan, first_month: "2023-01"}\n'
        "stations:\n  - {name: good, airqino_id: 1}\n  - {name: bad, airqino_id: 2}\n"
    )

    class OneStation(SimulatedSource):
        def answer(self, station_id, start, end, now):
            return super().answer(station_id, start, end, now) if station_id == 1 else None

    with running(create_app(OneStation())) as url:
        run = airquality(
            "backfill",
            "--from",
            "2023-01",
            "--to",
            "2023-02",
            home=home,
            MONGODB_URI=mongodb_uri,
            MONGODB_DATABASE=database.name,
            AIRQINO_BASE_URL=url,
            AIRQUALITY_STATIONS=str(stations),
        )
    assert run.returncode == 1
    assert re.search(r"good +(\d+) +\1 ", run.stdout)
    assert re.search(r"failed: bad \(AirQino 2\), 2023-01: .*does not know the station", run.stderr)
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "arguments", [["backfill"], ["nonsense"], ["run", "--nonsense"], ["export", "station1", "--format", "xls"]]
)
def test_a_wrong_use_of_the_command_is_explained_with_exit_code_1(tmp_path, arguments):
    run = airquality(*arguments, home=tmp_path)
    assert run.returncode == 1
    assert "Usage:" in run.stderr
    assert "Error:" in run.stderr


@pytest.mark.parametrize("command", ["run", "dev", "backfill", "export", "status", "sandbox", "alert-test", "verify"])
def test_every_command_explains_itself(tmp_path, command):
    run = airquality(command, "--help", home=tmp_path)
    assert run.returncode == 0
    assert len(run.stdout) > 150


def test_the_sandbox_says_on_screen_that_its_readings_are_simulated_and_ends_with_0(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0"], env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "simulated readings, not measured" in process.stdout.readline()
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()
