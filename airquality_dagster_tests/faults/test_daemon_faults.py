"""Dagster's own processes, killed under the real daemon; runs that hang; ticks that meet a run."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import yaml

from airquality_dagster.airqino.sandbox.faults import Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local import services
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.dev import Dev, hourly_state, miss_a_tick, running_dev
from airquality_dagster_tests.faults.commands import lost_and_doubled
from airquality_dagster_tests.faults.published import MONTH
from airquality_dagster_tests.processes import wait_until

pytestmark = pytest.mark.long
FAILED, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


def processes(dev: Dev, is_wanted: Callable[[str, str], bool]) -> list[int]:
    """Return processes of a dev by their own command line and their parent's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(dev.home).encode() not in (folder / "environ").read_bytes():
                continue
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            lines = [
                (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                for place in (folder, Path("/proc") / parent)
            ]
        except OSError:
            continue
        if is_wanted(*lines):
            found.append(int(folder.name))
    return found


VICTIMS: dict[str, Callable[[str, str], bool]] = {
    "the run's worker": lambda line, parent: " api grpc" in parent and "spawn_main" in line,
    "the daemon's code server": lambda line, parent: " api grpc" in line and "dagster-daemon run" in parent,
    "the daemon": lambda line, parent: "dagster-daemon run" in line,
}


class Operator:
    """A platform with its daemon, whose API the test slows down."""

    def __init__(self, folder: Path, mongodb_uri: str, database: str, api: str, **monitoring: int):
        self.folder, self.home = folder, folder / "home"
        network = yaml.safe_load(Path(services.__file__).parents[1].joinpath("network", "stations.yaml").read_text())
        network["network"]["first_month"] = MONTH
        stations = folder / "stations.yaml"
        stations.write_text(yaml.safe_dump(network))
        load_network(stations)
        instance = self.home / "dagster"
        instance.mkdir(parents=True)
        settings = yaml.safe_load(Path(services.__file__).with_name("dagster.yaml").read_text())
        settings["run_monitoring"] |= {"poll_interval_seconds": 2, **monitoring}
        (instance / "dagster.yaml").write_text(yaml.safe_dump(settings))
        self.variables = {
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": database,
            "AIRQINO_BASE_URL": api,
            "AIRQUALITY_STATIONS": str(stations),
        }

    def dev(self):
        return running_dev(self.folder, **self.variables)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.home / "dagster"))


@pytest.fixture
def switch():
    return FaultSwitch()


@pytest.fixture
def api(switch):
    with running(create_app(SimulatedSource(), faults=switch)) as url:
        yield url


def newest_run(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    return next(iter(instance.get_runs(limit=1)), None)


def after(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.DagsterRun]:
    return [new for new in instance.get_runs() if new.run_id != run.run_id]


def has_status(instance: dg.DagsterInstance, run_id: str, *statuses: dg.DagsterRunStatus) -> bool:
    return instance.get_run_by_id(run_id).status in statuses


def next_tick_succeeds(operator: Operator, run: dg.DagsterRun) -> None:
    """Let the tick come due again, as if the former one had been another hour's."""
    with operator.instance() as instance:
        for former in instance.get_runs():
            instance.add_run_tags(former.run_id, {"dagster/run_key": "an earlier hour"})
    miss_a_tick(operator.home)
    with operator.dev(), operator.instance() as instance:
        wait_until(lambda: after(instance, run), "the next tick", 300)
        # What failed gets a run of its own; all of a tick's are made before the first can end.
        wait_until(lambda: all(new.is_finished for new in after(instance, run)), "the end of its runs", 300)
        assert {new.status for new in after(instance, run)} == {SUCCESS}


@pytest.mark.parametrize("victim", VICTIMS)
def test_what_dagster_runs_in_is_killed_and_the_next_tick_heals(
    victim, switch, api, mongodb_uri, database, tmp_path, record
):
    operator = Operator(tmp_path, mongodb_uri, database.name, api)
    with operator.dev(), operator.instance() as instance:
        wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
    miss_a_tick(operator.home)
    switch.add(Fault(kind="slow", value=2))
    with operator.dev() as dev, operator.instance() as instance:
        wait_until(database["raw_station1"].find_one, "the first hours", 300)
        run = newest_run(instance)
        victims = processes(dev, VICTIMS[victim])
        assert victims, victim
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        if victim == "the daemon":
            assert dev.process.wait(120) == 1
            happened = "dev ended with an error, "
        else:
            wait_until(lambda: has_status(instance, run.run_id, FAILED, SUCCESS), "the end of the run", 300)
            happened = f"run {instance.get_run_by_id(run.run_id).status.value.lower()}, "
    switch.clear()
    next_tick_succeeds(operator, run)
    record(f"SIGKILL of {victim}", "the next tick heals", happened + "then success", *lost_and_doubled(database))


def test_a_run_that_hangs_is_ended_and_the_next_tick_heals(switch, api, mongodb_uri, database, tmp_path, record):
    operator = Operator(tmp_path, mongodb_uri, database.name, api, max_runtime_seconds=15)
    with operator.dev(), operator.instance() as instance:
        wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
    miss_a_tick(operator.home)
    switch.add(Fault(kind="slow", value=40, times=3))
    with operator.dev(), operator.instance() as instance:
        wait_until(lambda: newest_run(instance) is not None, "the tick", 300)
        run = newest_run(instance)
        wait_until(lambda: has_status(instance, run.run_id, FAILED, dg.DagsterRunStatus.CANCELED), "its end", 300)
        assert "maximum runtime" in str([entry.message for entry in instance.all_logs(run.run_id)])
    switch.clear()
    next_tick_succeeds(operator, run)
    record(
        "a run that hangs",
        "ended at its limit, the next tick heals",
        "failed, then success",
        *lost_and_doubled(database),
    )
