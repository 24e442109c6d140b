"""How many stations are asked for at the same time by runs in real processes, and who waits for whom."""

import shutil
import signal
import subprocess
import threading
from collections import Counter

import dagster as dg
import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.definitions import defs
from airquality_dagster.local import runs
from airquality_dagster.local.serving import running
from airquality_dagster_tests import command
from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.processes import COMMAND, environment, wait_until
from airquality_dagster_tests.scripted_server import Reply, scripted_server

POOL = "airqino_api"
BACKFILL = ("backfill", "--from", "2023-01", "--to", "2023-01", "--station", "station1")


@pytest.fixture
def pool_of_one(empty_instance, tmp_path):
    """The home of a platform that asks for one station at a time."""
    folder = shutil.copytree(empty_instance, tmp_path / "home" / "dagster")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n")
    return tmp_path / "home"


@pytest.mark.parametrize("places", [1, pytest.param(2, marks=pytest.mark.long)])
def test_all_runs_together_ask_for_no_more_stations_at_a_time_than_the_pool_has_places(
    mongodb_uri, database, empty_instance, tmp_path, places
):
    folder = shutil.copytree(empty_instance, tmp_path / "dagster")
    (folder / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nconcurrency: {{pools: {{default_limit: {places}}}}}\n"
    )
    at_once, both_are_there = Counter(), threading.Event()

    def until_both_are_there(request, number):
        at_once["now"] += 1
        at_once["most"] = max(at_once["most"], at_once["now"])
        both_are_there.wait(300)
        at_once["now"] -= 1
        return Reply(body=answer())

    with (
        scripted_server(until_both_are_there) as server,
        dg.DagsterInstance.from_config(str(folder)) as instance,
    ):
        variables = {
            "AIRQINO_BASE_URL": server.url,
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": database.name,
            "DAGSTER_HOME": str(folder),
        }
        backfill = [*COMMAND, "backfill", "--from", "2023-01", "--to", "2023-01"]

        def waiting() -> int:
            """Return how many stations wait for a place in the pool."""
            return instance.event_log_storage.get_concurrency_info(POOL).pending_step_count

        runs = []
        for station in ("station1", "station2"):
            # One after the other: SQLite may give a place twice to two who ask at the same moment.
            wait_until(lambda: len(server.received) == len(runs), "the first question")
            command = [*backfill, "--station", station]
            runs.append(
                subprocess.Popen(command, env=environment(tmp_path / "home", **variables), stdout=subprocess.DEVNULL)
            )
        wait_until(lambda: len(server.received) + waiting() == 2, "the second station, asked for or waiting")
        both_are_there.set()
        assert [run.wait(300) for run in runs] == [0, 0]
    assert at_once["most"] == places


def test_a_pass_after_one_that_was_killed_with_the_last_place_waits_for_nothing(mongodb_uri, database, pool_of_one):
    asked, variables = threading.Event(), {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name}

    def first_hangs(request, number):
        if number == 0:
            asked.set()
            return Reply(wait_for=threading.Event())
        return Reply(body=answer())

    with scripted_server(first_hangs) as server:
        variables["AIRQINO_BASE_URL"] = server.url
        process = subprocess.Popen([*COMMAND, *BACKFILL], env=environment(pool_of_one, **variables))
        assert asked.wait(120)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = command.airquality(*BACKFILL, home=pool_of_one, **variables)
    assert done.returncode == 0, done.stderr
    assert "waiting for" not in done.stderr
    with dg.DagsterInstance.from_config(str(pool_of_one / "dagster")) as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS", "FAILURE"]


def test_a_pass_says_which_run_has_the_place_that_it_waits_for_and_ends_with_an_error(
    mongodb_uri, database, pool_of_one, monkeypatch
):
    # As if each question came minutes after the former one.
    monkeypatch.setattr("dagster._core.execution.plan.active.CONCURRENCY_CLAIM_MESSAGE_INTERVAL", 0.0)
    monkeypatch.setattr(runs, "_LEAST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(runs, "_LONGEST_WAIT_SECONDS", 0.001)
    with running(create_app(SimulatedSource())) as api:
        variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQINO_BASE_URL": api}
        with dg.DagsterInstance.from_config(str(pool_of_one / "dagster")) as instance:
            storage = instance.event_log_storage
            storage.set_concurrency_slots(POOL, 1)
            holder = instance.create_run_for_job(
                defs().resolve_job_def("hourly_job"),
                status=dg.DagsterRunStatus.STARTED,
                tags={runs.HOST_TAG: "pod-1"},
            ).run_id
            assert storage.claim_concurrency_slot(POOL, holder, "raw_station2").is_claimed
            failed = command.airquality(*BACKFILL, home=pool_of_one, **variables)
            assert {step.run_id for step in storage.get_concurrency_info(POOL).pending_steps} == {holder}
            storage.free_concurrency_slots_for_run(holder)
        done = command.airquality(*BACKFILL, home=pool_of_one, **variables)
    assert failed.returncode == 1
    assert f"waiting for a place in the pool {POOL}; taken by raw_station2 of run {holder[:8]}" in failed.stderr
    assert "on pod-1" in failed.stderr
    (line,) = [line for line in failed.stderr.splitlines() if line.startswith("failed: ")]
    assert "run again when they have ended" in line
    assert done.returncode == 0, done.stderr
