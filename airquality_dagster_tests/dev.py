"""A running ``airquality dev``: UI, daemon, and what they need."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import requests
from dagster._core.scheduler.instigation import TickStatus

from airquality_dagster_tests.processes import COMMAND, environment, free_port, wait_until

START_SECONDS = 240


class Dev:
    """A running ``airquality dev``."""

    def __init__(self, process: subprocess.Popen, home: Path, port: int):
        self.process, self.home, self.url = process, home, f"http://127.0.0.1:{port}"

    def is_up(self) -> bool:
        assert self.process.poll() is None, (self.home.parent / "dev.log").read_text()
        return "Dagster UI" in (self.home.parent / "dev.log").read_text()

    @property
    def dashboard(self) -> str:
        """URL of the dashboard, as the command printed it."""
        log = (self.home.parent / "dev.log").read_text()
        return log.partition("Dashboard: ")[2].split()[0]

    def graphql(self, query: str) -> dict:
        return requests.post(f"{self.url}/graphql", json={"query": query}, timeout=30).json()["data"]


@contextmanager
def running_dev(folder: Path, *, loads: bool = False, **variables: str) -> Iterator[Dev]:
    """Start it in the background without a terminal; whatever happens, end it.

    Args:
        folder: for its home and its log.
        loads: whether it loads at its start what is due.
        variables: of its environment.
    """
    home, port = folder / "home", free_port()
    with (folder / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, "dev", "--port", str(port), *([] if loads else ["--no-load"])],
            env=environment(home, **variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    dev = Dev(process, home, port)
    try:
        wait_until(dev.is_up, "the UI", START_SECONDS)
        yield dev
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(120)


def hourly_state(instance: dg.DagsterInstance):
    return next((state for state in instance.all_instigator_state() if state.name == "hourly_schedule"), None)


def miss_a_tick(home: Path) -> None:
    """Let the daemon find, when it starts, that it missed the tick of the last minute 5."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        state = hourly_state(instance)
        assert state is not None
        statuses = list(TickStatus)
        instance.purge_ticks(state.instigator_origin_id, state.selector_id, time.time() + 1, statuses)
        data = state.instigator_data._replace(start_timestamp=time.time() - 3600, last_iteration_timestamp=None)
        instance.update_instigator_state(state.with_data(data))
