"""What runs that were killed leave behind, and what a run says that waits for others."""

import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from airquality_dagster.assets.raw import AIRQINO_POOL
from airquality_dagster.automation.instance import RUN_LIMIT
from airquality_dagster.definitions import defs
from airquality_dagster.local import runs
from airquality_dagster.local.runs import HOST_TAG, PoolWait, WaitedTooLongError, end_dead_runs, executing
from airquality_dagster_tests.processes import environment

FAILED, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED
# A process that says when it holds the lock of a run, and then waits.
EXECUTES = """
import sys
from airquality_dagster.local.runs import executing
with executing(sys.argv[1]):
    print("executes", flush=True)
    sys.stdin.read()
"""


def started_run(instance: dg.DagsterInstance, **tags: str) -> str:
    job = defs().resolve_job_def("hourly_job")
    return instance.create_run_for_job(job, status=STARTED, tags={HOST_TAG: "another", **tags}).run_id


def killed_run(instance: dg.DagsterInstance, home, **variables: str) -> str:
    """Return a run whose process was killed while it executed it."""
    run_id = started_run(instance)
    command = [sys.executable, "-c", EXECUTES, run_id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(home, **variables), **pipes) as process:
        assert process.stdout.readline() == b"executes\n"
        process.send_signal(signal.SIGKILL)
    return run_id


def claim(instance: dg.DagsterInstance, run_id: str, step: str = "raw_station1") -> bool:
    return instance.event_log_storage.claim_concurrency_slot(AIRQINO_POOL, run_id, step).is_claimed


@pytest.fixture
def pool_of_one(instance_on_disk):
    instance_on_disk.event_log_storage.set_concurrency_slots(AIRQINO_POOL, 1)
    return instance_on_disk


def test_a_run_of_a_killed_command_is_marked_as_failed_and_one_that_goes_on_is_not(instance, tmp_path):
    dead, alive = killed_run(instance, tmp_path / "home"), started_run(instance)
    with executing(alive):
        end_dead_runs(instance)
        assert instance.get_run_by_id(dead).status == FAILED
        assert instance.get_run_by_id(alive).status == STARTED
    assert list((tmp_path / "home" / "dagster" / "executing").iterdir()) == []


def test_a_run_that_ended_before_its_command_was_killed_stays_as_it_is(instance, tmp_path):
    run_id = killed_run(instance, tmp_path / "home")
    instance.report_run_canceled(instance.get_run_by_id(run_id))
    end_dead_runs(instance)
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_killed_command_gives_back_its_place_whatever_its_machine_was_called(pool_of_one, tmp_path):
    dead = killed_run(pool_of_one, tmp_path / "home")
    assert claim(pool_of_one, dead)
    assert not claim(pool_of_one, "another run")
    end_dead_runs(pool_of_one)
    assert claim(pool_of_one, "another run")


def test_a_run_that_has_ended_or_was_deleted_gives_back_its_place(pool_of_one):
    for end in (
        lambda run_id: pool_of_one.report_run_failed(pool_of_one.get_run_by_id(run_id)),
        pool_of_one.delete_run,
    ):
        run_id = started_run(pool_of_one)
        assert claim(pool_of_one, run_id)
        end(run_id)
        end_dead_runs(pool_of_one)
    assert claim(pool_of_one, "another run")


@pytest.mark.parametrize(
    ("age", "is_dead"), [(RUN_LIMIT - timedelta(minutes=1), False), (RUN_LIMIT + timedelta(minutes=1), True)]
)
def test_a_run_of_another_machine_is_dead_when_it_has_been_silent_for_long(pool_of_one, age, is_dead):
    now = datetime.now(UTC)
    with time_machine.travel(now - RUN_LIMIT * 3):
        run_id = started_run(pool_of_one)
    assert claim(pool_of_one, run_id)
    with time_machine.travel(now - age):
        pool_of_one.report_engine_event("a sign of life", pool_of_one.get_run_by_id(run_id))
    end_dead_runs(pool_of_one)
    assert pool_of_one.get_run_by_id(run_id).status == (FAILED if is_dead else STARTED)
    assert claim(pool_of_one, "another run") == is_dead


def test_a_run_that_this_machine_executes_keeps_its_place_however_long_it_is_silent(pool_of_one):
    run_id = started_run(pool_of_one)
    assert claim(pool_of_one, run_id)
    with executing(run_id), time_machine.travel(datetime.now(UTC) + RUN_LIMIT * 3):
        end_dead_runs(pool_of_one)
    assert pool_of_one.get_run_by_id(run_id).status == STARTED
    assert not claim(pool_of_one, "another run")


def test_a_new_container_with_another_home_and_the_same_instance_knows_what_was_killed(
    pool_of_one, tmp_path, monkeypatch
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "volume"))
    dead = killed_run(pool_of_one, tmp_path / "former", DAGSTER_HOME=str(tmp_path / "volume"))
    assert claim(pool_of_one, dead)
    end_dead_runs(pool_of_one)
    assert claim(pool_of_one, "another run")


def test_a_silent_run_that_has_no_place_in_the_pool_is_left_alone(pool_of_one):
    with time_machine.travel(datetime.now(UTC) - RUN_LIMIT * 3):
        run_id = started_run(pool_of_one)
    end_dead_runs(pool_of_one)
    assert pool_of_one.get_run_by_id(run_id).status == STARTED


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(runs, "_LEAST_PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("no_pause")
def test_a_wait_names_the_runs_that_have_the_places_and_ends_when_none_of_them_moves(pool_of_one, monkeypatch):
    holder, told = started_run(pool_of_one), []
    assert claim(pool_of_one, holder)
    wait = PoolWait(pool_of_one, "waiting run", told.append)
    wait.go_on()
    assert re.search(rf"waiting for .*airqino_api.*raw_station1 of run {holder[:8]} \(since 20.* on another\)", told[0])
    monkeypatch.setattr(runs, "_LONGEST_WAIT_SECONDS", 0.0)
    pool_of_one.event_log_storage.free_concurrency_slots_for_run(holder)
    assert claim(pool_of_one, started_run(pool_of_one), "raw_station2")
    monkeypatch.setattr(runs, "_LONGEST_WAIT_SECONDS", 60.0)
    wait.go_on()  # the place has gone to another: the wait begins anew
    assert "raw_station2" in told[1]
    monkeypatch.setattr(runs, "_LONGEST_WAIT_SECONDS", 0.0)
    with pytest.raises(WaitedTooLongError, match="raw_station2 of run .*: run again when they have ended"):
        wait.go_on()


@pytest.mark.usefixtures("no_pause")
def test_a_wait_frees_the_places_of_dead_runs_and_says_nothing_then(pool_of_one, tmp_path):
    dead, told = killed_run(pool_of_one, tmp_path / "home"), []
    assert claim(pool_of_one, dead)
    PoolWait(pool_of_one, "waiting run", told.append).go_on()
    assert told == []
    assert claim(pool_of_one, "waiting run")
