"""``airquality dev``: the UI, the daemon and its schedule, and that nothing outlives the command."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest
from pymongo import MongoClient

from airquality_dagster_tests.dev import START_SECONDS, hourly_state, miss_a_tick, running_dev
from airquality_dagster_tests.processes import COMMAND, environment, free_port, processes_of, wait_until

STARTED = dg.DagsterRunStatus.STARTED
DEAD_PROXY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A platform that came up and was ended by SIGTERM: its processes, its exit code, what was left, and its log.

    A start ends when the daemon has loaded the definitions; ended before, Dagster warns that it could not.
    """
    folder = tmp_path_factory.mktemp("dev")
    # No part of it may ask a proxy for a server of this machine.
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "grpc_proxy"), DEAD_PROXY)
    with running_dev(folder, **proxies) as dev, dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
        names = " ".join(processes_of(dev.home))
        dev.process.terminate()
        code = dev.process.wait(120)
        return names, code, processes_of(dev.home), (folder / "dev.log").read_text()


@pytest.mark.xdist_group("dev")
def test_sigterm_ends_it_with_everything_it_started(ended):
    names, code, left, _ = ended
    assert all(part in names for part in ("mongod", "dagster-webserver", "dagster-daemon"))
    assert code == 0
    assert left == []


@pytest.mark.xdist_group("dev")
def test_the_log_of_a_start_has_no_warning(ended):
    *_, log = ended
    assert "warning" not in log.lower()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_another_signal_ends_it_with_everything_it_started(tmp_path, number):
    with running_dev(tmp_path) as dev:
        assert processes_of(dev.home) != []
        dev.process.send_signal(number)
        assert dev.process.wait(120) == 0
        assert processes_of(dev.home) == []


@pytest.mark.long
def test_a_terminal_that_goes_ends_it_with_everything_it_started(tmp_path):
    home, port = tmp_path / "home", free_port()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(COMMAND[0], [*COMMAND, "dev", "--port", str(port)], environment(home))
    shown = b""
    deadline = time.monotonic() + START_SECONDS
    while b"Dagster UI" not in shown:
        assert time.monotonic() < deadline
        shown += os.read(terminal, 65536)
    os.close(terminal)
    wait_until(lambda: processes_of(home) == [], "the end of everything")
    os.waitpid(pid, 0)


@pytest.mark.long
def test_a_shell_that_starts_it_in_the_background_ignores_sigint_and_it_ends_by_it_all_the_same(tmp_path):
    home, port = tmp_path / "home", free_port()
    script = f"trap '' INT; {' '.join(COMMAND)} dev --port {port} > {tmp_path}/dev.log 2>&1 & echo $!; wait"
    shell = subprocess.Popen(
        ["sh", "-c", script], env=environment(home), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert shell.stdout is not None
    pid = int(shell.stdout.readline())
    try:
        wait_until(
            lambda: (tmp_path / "dev.log").exists() and "Dagster UI" in (tmp_path / "dev.log").read_text(),
            "the UI",
            START_SECONDS,
        )
        os.kill(pid, signal.SIGINT)
        shell.wait(120)
        assert processes_of(home) == []
    finally:
        shell.stdout.close()


@pytest.mark.long
def test_a_webserver_that_dies_ends_everything_with_an_error(tmp_path):
    with running_dev(tmp_path) as dev:
        (webserver,) = [folder for folder in Path("/proc").glob("[0-9]*") if is_webserver_of(folder, dev.home)]
        os.kill(int(webserver.name), signal.SIGKILL)
        assert dev.process.wait(120) == 1
        assert "dagster-webserver ended with code -9" in (tmp_path / "dev.log").read_text()
        assert processes_of(dev.home) == []


def is_webserver_of(folder: Path, home: Path) -> bool:
    try:
        return (
            b"dagster-webserver" in (folder / "cmdline").read_bytes()
            and str(home).encode() in (folder / "environ").read_bytes()
        )
    except OSError:
        return False


@pytest.mark.long
def test_the_daemon_runs_the_schedule_from_tick_to_success(tmp_path):
    """The tick is that of the last minute 5, which the daemon finds that it missed while it was down."""
    with running_dev(tmp_path) as dev, dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
        assert instance.get_runs() == []
    miss_a_tick(tmp_path / "home")

    with running_dev(tmp_path) as dev, dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        wait_until(instance.get_runs, "a run of the schedule", 240)
        run = instance.get_runs()[-1]
        assert run.job_name == "hourly_job"
        assert run.tags["dagster/schedule_name"] == "hourly_schedule"
        wait_until(lambda: instance.get_run_by_id(run.run_id).is_finished, "the end of the run", 300)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS

        location = dev.graphql(
            '{ schedulesOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: '
            '"airquality_dagster.definitions"}) { ... on Schedules { results { name scheduleState { status } } } } }'
        )
        assert {
            entry["name"]: entry["scheduleState"]["status"] for entry in location["schedulesOrError"]["results"]
        } == {
            "hourly_schedule": "RUNNING",
            "reconcile_schedule": "RUNNING",
        }
        port = next(
            iter(
                part
                for part in (tmp_path / "dev.log").read_text().split()
                if part.startswith("127.0.0.1:") and part.endswith(",")
            )
        )
        with MongoClient(f"mongodb://{port.rstrip(',')}") as client:
            database = client["airquality"]
            for station in ("station1", "station2"):
                assert database[f"raw_{station}"].count_documents({}) > 8000
                assert database[f"{station}_aggregates"].count_documents({}) > 365


def hourly_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(job_name="hourly_job"))


@pytest.mark.long
def test_a_fresh_home_is_loaded_at_the_start_and_each_run_of_a_tick_is_made_once(tmp_path):
    """In spite of a dead proxy. The second start finds a tick that was missed: daemon and start could both make it."""
    proxies = {"HTTP_PROXY": DEAD_PROXY, "http_proxy": DEAD_PROXY}
    with running_dev(tmp_path, loads=True, **proxies) as dev, opened(dev) as instance:
        log = tmp_path / "dev.log"
        wait_until(lambda: "Loading what is due: 1 run, see Runs in the UI" in log.read_text(), "the run", 60)
        (run,) = hourly_runs(instance)
        assert run.tags["airquality/stations"] == "station1, station2"
        (shown,) = dev.graphql("{ runsOrError { ... on Runs { results { runId jobName } } } }")["runsOrError"][
            "results"
        ]
        assert shown == {"runId": run.run_id, "jobName": "hourly_job"}
        wait_until(lambda: instance.get_run_by_id(run.run_id).is_finished, "the end of the run", 300)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS
        assert len(instance.get_materialized_partitions(dg.AssetKey("station2_aggregates"))) == 13
        wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
    miss_a_tick(tmp_path / "home")
    with running_dev(tmp_path, loads=True) as dev, opened(dev) as instance:
        state = hourly_state(instance)
        wait_until(lambda: re.search("Loading what is due|What is due is", log.read_text()), "what the start does", 60)
        wait_until(lambda: instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1), "the tick", 120)
        wait_until(lambda: all(run.is_finished for run in hourly_runs(instance)), "the end of its runs", 300)
        assert {run.status for run in hourly_runs(instance)} == {dg.DagsterRunStatus.SUCCESS}
        keys = [run.tags["dagster/run_key"] for run in hourly_runs(instance)]
        assert len(set(keys)) == len(keys)


@pytest.mark.long
def test_a_first_load_that_was_interrupted_is_made_at_the_next_start(tmp_path):
    with running_dev(tmp_path, loads=True) as dev, opened(dev) as instance:
        wait_until(lambda: [run for run in hourly_runs(instance) if run.status == STARTED], "the run", 120)
        dev.process.terminate()
        assert dev.process.wait(120) == 0
    with running_dev(tmp_path, loads=True) as dev, opened(dev) as instance:
        wait_until(lambda: len(hourly_runs(instance)) > 1, "the runs of the start", 60)
        wait_until(lambda: hourly_runs(instance)[-1].is_finished, "the end of what was interrupted", 60)
        wait_until(
            lambda: any(run.status == dg.DagsterRunStatus.SUCCESS for run in hourly_runs(instance)), "a month", 300
        )


def opened(dev) -> contextlib.AbstractContextManager[dg.DagsterInstance]:
    return dg.DagsterInstance.from_config(str(dev.home / "dagster"))


LAUNCH_BACKFILL = """
mutation { launchPartitionBackfill(backfillParams: {
  assetSelection: [{path: ["raw_station1"]}, {path: ["station1_aggregates"]}],
  partitionNames: ["2022-12-01", "2023-01-01", "2023-02-01"]
}) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""


@pytest.mark.long
def test_months_that_are_picked_in_the_ui_are_materialized_in_one_run(tmp_path):
    """The UI's button sends this mutation."""
    with running_dev(tmp_path) as dev, dg.DagsterInstance.from_config(str(dev.home / "dagster")) as instance:
        launched = dev.graphql(LAUNCH_BACKFILL)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        runs = dg.RunsFilter(tags={"dagster/backfill": launched["backfillId"]})
        wait_until(
            lambda: any(run.is_finished for run in instance.get_runs(runs)), "the end of the backfill's run", 300
        )
        (run,) = instance.get_runs(runs)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        materialized = instance.get_materialized_partitions(dg.AssetKey("station1_aggregates"))
        assert materialized == {"2022-12-01", "2023-01-01", "2023-02-01"}
