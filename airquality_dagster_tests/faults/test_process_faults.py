"""Processes that are killed, and platforms that meet: real commands, a real mongod."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from airquality_dagster.local.mongod import find_mongod
from airquality_dagster_tests.faults.commands import BACKFILL, backfill, finished, lost_and_doubled
from airquality_dagster_tests.processes import environment, free_port, wait_until

pytestmark = pytest.mark.long
MOMENTS: dict[str, Callable[[object], bool]] = {
    "at its start": lambda database: True,
    "when the first hours are stored": lambda database: database["raw_station1"].find_one() is not None,
    "when the first flags are stored": lambda database: database["station1_quality"].find_one() is not None,
    "when the second station is stored": lambda database: database["raw_station2"].find_one() is not None,
    "when days are stored": lambda database: database["station2_aggregates"].find_one() is not None,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_killed_is_completed_by_the_next(sandbox, mongodb_uri, database, tmp_path, record, moment):
    process = backfill(tmp_path, mongodb_uri, database.name, sandbox)
    wait_until(lambda: MOMENTS[moment](database) or process.poll() is not None, moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = finished(backfill(tmp_path, mongodb_uri, database.name, sandbox))
    assert code == 0, output
    record(f"SIGKILL of the run {moment}", "the next run completes it", "exit 0", *lost_and_doubled(database))


@contextlib.contextmanager
def own_mongod(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir(exist_ok=True)
    command = [find_mongod(), "--dbpath", folder, "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        with contextlib.suppress(PyMongoError), MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=200) as client:
            return bool(client.admin.command("ping"))
        return False

    try:
        wait_until(answers, "mongod")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


@pytest.mark.parametrize("moment", ["when the first hours are stored", "when the second station is stored"])
def test_a_mongod_that_is_killed_fails_the_run_and_loses_nothing(sandbox, tmp_path, record, moment):
    port = free_port()
    # Does not wait as long for a server as a run would.
    uri = f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=3000"
    with own_mongod(tmp_path / "db", port) as server, MongoClient(uri, tz_aware=True) as client:
        process = backfill(tmp_path / "home", uri, "airquality", sandbox)
        wait_until(lambda: MOMENTS[moment](client["airquality"]) or process.poll() is not None, moment)
        server.send_signal(signal.SIGKILL)
        server.wait()
        code, output = finished(process)
    # Where it was faster than the signal, there is nothing to heal.
    assert code in (0, 1)
    assert "Traceback" not in output
    with own_mongod(tmp_path / "db", port), MongoClient(uri, tz_aware=True) as client:
        again, output = finished(backfill(tmp_path / "home", uri, "airquality", sandbox))
        assert again == 0, output
        happened = f"exit {code}, then 0"
        record(
            f"SIGKILL of mongod {moment}",
            "one line, the next run heals",
            happened,
            *lost_and_doubled(client["airquality"]),
        )


def test_a_mongod_that_is_not_there_is_one_line(sandbox, mongodb_uri, database, tmp_path, record):
    uri = "mongodb://user:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=500"
    code, output = finished(backfill(tmp_path, uri, database.name, sandbox))
    assert code == 1
    assert "127.0.0.1:9" in output
    assert "hunter2" not in output
    assert "Traceback" not in output
    assert finished(backfill(tmp_path, mongodb_uri, database.name, sandbox))[0] == 0
    record("no mongod", "one line, exit 1", "one line, exit 1", *lost_and_doubled(database))


def test_two_platforms_on_one_database_do_no_harm(sandbox, mongodb_uri, database, tmp_path, record):
    both = [backfill(tmp_path / name, mongodb_uri, database.name, sandbox) for name in ("one", "other")]
    codes = [finished(process)[0] for process in both]
    assert finished(backfill(tmp_path / "one", mongodb_uri, database.name, sandbox))[0] == 0
    assert "raw_station1_revisions" not in database.list_collection_names()
    happened = f"exit {codes[0]} and {codes[1]}"
    record("two platforms at once on one database", "no hour twice", happened, *lost_and_doubled(database))


def test_an_api_that_is_not_there_is_one_line(mongodb_uri, database, tmp_path, record, sandbox):
    variables = environment(
        tmp_path, MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name, AIRQINO_BASE_URL="http://nowhere.invalid:x"
    )
    process = subprocess.run(BACKFILL, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 1
    assert "AIRQINO_BASE_URL" in process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    assert finished(backfill(tmp_path, mongodb_uri, database.name, sandbox))[0] == 0
    record("API's URL is none", "one line, exit 1", "one line, exit 1", *lost_and_doubled(database))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_one_line(sandbox, mongodb_uri, database, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    code, output = finished(backfill(home, mongodb_uri, database.name, sandbox))
    assert code == 1
    assert str(home) in output
