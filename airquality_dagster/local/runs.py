"""Runs that commands execute in their own process: which of them go on, and what killed ones have left behind.

A command holds a lock file while it executes a run. The operating system releases the lock even if the command is
killed or its container ends, whatever the names of hosts and the numbers of processes are then. Runs of the daemon and
of other machines have no lock here: such a run counts as dead if it has written nothing for `RUN_LIMIT`.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from airquality_dagster import settings
from airquality_dagster.assets.raw import AIRQINO_POOL
from airquality_dagster.automation.instance import end_run, free_places, is_silent, users_of_pool
from airquality_dagster.local.services import instance_folder

HOST_TAG = "airquality/host"
# Dagster tells of each waiting step of a run, every five minutes.
_LEAST_PAUSE_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 600.0


class WaitedTooLongError(BaseException):
    """No place in the pool became free. Of an `Exception` in a listener, Dagster prints a line of its own."""


@contextlib.contextmanager
def executing(run_id: str) -> Iterator[None]:
    """Show other commands that this process executes a run, until the end of the block."""
    path = _folder() / f"{run_id}.lock"
    with FileLock(path):
        try:
            yield
        finally:
            _delete(path)


def run_tags_of_host() -> dict[str, str]:
    """Return the tag that names the machine that executes a run."""
    return {HOST_TAG: platform.node()}


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark the runs of killed commands as failed, and free the places in the pool that no living run needs.

    These are places of runs that have ended, that were deleted, that a killed command has executed, or that have
    written nothing for `RUN_LIMIT` and have no lock here.
    """
    living = set(_end_killed(instance))
    now = datetime.now(UTC)
    for run_id in users_of_pool(instance, AIRQINO_POOL).keys() - living:
        record = _record(instance, run_id)
        if record is None or record.dagster_run.is_finished:
            free_places(instance, run_id)
        elif is_silent(instance, record, now):
            end_run(instance, record.dagster_run, "this run has written nothing for hours: its process has ended")


def _end_killed(instance: dg.DagsterInstance) -> Iterator[str]:
    """End the runs whose lock nobody holds, and yield the ids of the others."""
    for path in _folder().glob("*.lock"):
        try:
            with FileLock(path, timeout=0):
                # Read now: a command ends its run before it releases the lock.
                record = _record(instance, path.stem)
                if record is not None and not record.dagster_run.is_finished:
                    end_run(instance, record.dagster_run, "the command that executed this run was killed")
                _delete(path)
        except Timeout:
            yield path.stem


class PoolWait:
    """The wait of a run for a place in the pool: it is told, and it has an end.

    Args:
        instance: Dagster's instance.
        run_id: id of the run.
        tell: called with a line that says what the run waits for.
    """

    def __init__(self, instance: dg.DagsterInstance, run_id: str, tell: Callable[[str], None]) -> None:
        self._instance, self._run_id, self._tell = instance, run_id, tell
        self._holders: list[str] = []
        self._since = self._told_at = float("-inf")

    def go_on(self) -> None:
        """Free the places of dead runs and tell of the others; called while a step waits.

        Raises:
            WaitedTooLongError: the same steps have had all places for ten minutes.
        """
        now = time.monotonic()
        if now - self._told_at < _LEAST_PAUSE_SECONDS:
            return
        self._told_at = now
        end_dead_runs(self._instance)
        holders = sorted(self._others())
        if holders != self._holders:
            self._holders, self._since = holders, now
        if not holders:
            return
        place = f"a place in the pool {AIRQINO_POOL}; taken by {', '.join(holders)}"
        if now - self._since >= _LONGEST_WAIT_SECONDS:
            raise WaitedTooLongError(
                f"it waited {(now - self._since) / 60:.0f} minutes for {place}: run again when they have ended, or end "
                "them in the Dagster UI (Runs)"
            )
        self._tell(f"waiting for {place}")

    def _others(self) -> Iterator[str]:
        for run_id, steps in users_of_pool(self._instance, AIRQINO_POOL).items():
            record = _record(self._instance, run_id)
            if run_id == self._run_id or not steps or record is None:
                continue
            host = record.dagster_run.tags.get(HOST_TAG)
            began = record.create_timestamp.replace(tzinfo=UTC)
            where = f" on {host}" if host else ""
            yield f"{' and '.join(sorted(steps))} of run {run_id[:8]} (since {began:%Y-%m-%d %H:%M} UTC{where})"


def _record(instance: dg.DagsterInstance, run_id: str) -> dg.RunRecord | None:
    return next(iter(instance.get_run_records(dg.RunsFilter(run_ids=[run_id]), limit=1)), None)


def _folder() -> Path:
    # Beside the instance that records the runs. With Postgres, its folder may be read-only.
    folder = instance_folder(settings.home())
    if folder.exists() and not os.access(folder, os.W_OK):
        folder = settings.home()
    folder /= "executing"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _delete(path: Path) -> None:
    # Windows does not delete a file that is open.
    with contextlib.suppress(OSError):
        path.unlink()
