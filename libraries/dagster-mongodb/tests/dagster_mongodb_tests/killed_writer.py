"""Writers that kill themselves at one of the commands they send."""

import multiprocessing
import os
import signal
import sys

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManager
from pymongo import monitoring

from dagster_mongodb_tests.commands import Listener
from dagster_mongodb_tests.tables import NO_RESOURCES

OLD = {number: f"old {number}" for number in range(20)}
# Unchanged 0 to 4, changed 5 to 9, vanished 10 to 19, new 20 to 24.
NEW = {
    **{number: OLD[number] for number in range(5)},
    **{number: f"new {number}" for number in (*range(5, 10), *range(20, 25))},
}


class Killer(Listener):
    """Kills this process before the n-th command that it sends."""

    def __init__(self, number: int) -> None:
        self.left = number

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def write(uri: str, database: str, *, is_keyed: bool, rows: dict[int, str], app_name: str = "writer") -> None:
    """Write rows with the IO manager."""
    metadata = {"primary_key": "id", "keep_revisions": True} if is_keyed else {}
    context = dg.build_output_context(
        name="result",
        asset_key=dg.AssetKey("table"),
        definition_metadata=metadata,
        run_id=f"run of {os.getpid()}",
        resources=NO_RESOURCES,
    )
    frame = pd.DataFrame({"id": list(rows), "text": list(rows.values())})
    manager = MongoDBIOManager(uri=uri, database=database, app_name=app_name)
    try:
        manager.handle_output(context, frame)
    finally:
        manager.teardown_after_execution(None)  # pyright: ignore[reportArgumentType]


def write_until_killed(uri: str, database: str, is_keyed: bool, number: int) -> None:
    """Write the new rows; the process kills itself before its n-th command."""
    monitoring.register(Killer(number))
    write(uri, database, is_keyed=is_keyed, rows=NEW)


def exit_code_of_writer(uri: str, database: str, *, is_keyed: bool, number: int) -> int | None:
    """Run `write_until_killed` in a process of its own and return its exit code: -9 if it was killed."""
    processes = multiprocessing.get_context("forkserver")  # from a server that has imported everything
    processes.set_forkserver_preload([__name__])
    writer = processes.Process(target=write_until_killed, args=(uri, database, is_keyed, number))
    with pytest.MonkeyPatch.context() as patch:
        # The server does not take over what pytest added to sys.path.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        writer.start()
    writer.join(60)
    return writer.exitcode
