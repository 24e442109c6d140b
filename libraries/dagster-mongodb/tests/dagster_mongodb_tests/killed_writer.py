"""Writers that kill themselves at one of the commands they send, in all modes."""

import multiprocessing
import os
import signal
import sys
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManager, connect
from pymongo import monitoring

from dagster_mongodb_tests.commands import Listener
from dagster_mongodb_tests.direct import write_table
from dagster_mongodb_tests.tables import NO_RESOURCES

OLD = {number: f"old {number}" for number in range(20)}
# Unchanged 0 to 4, changed 5 to 9, vanished 10 to 19, new 20 to 24.
NEW = {
    **{number: OLD[number] for number in range(5)},
    **{number: f"new {number}" for number in (*range(5, 10), *range(20, 25))},
}
# As NEW, but the texts of 5 and 6, those of 7, 8 and 9, and those of 10 and 20 change places or owners.
SWAPPED = {**NEW, 5: OLD[6], 6: OLD[5], 7: OLD[8], 8: OLD[9], 9: OLD[7], 20: OLD[10]}


class Killer(Listener):
    """Kills this process before the n-th command that it sends."""

    def __init__(self, number: int) -> None:
        self.left = number

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def write(uri: str, database: str, *, kind: str, rows: dict[int, str], app_name: str = "writer") -> None:
    """Write rows.

    Args:
        uri, database: where.
        kind: ``keyed`` or ``unique`` (with a unique index on the texts): with revisions. ``unkeyed``.
            ``set``, ``append``. ``unique unkeyed``.
        rows: to write.
        app_name: of the client; a listener is heard by clients that are made after it.
    """
    frame = pd.DataFrame({"id": list(rows), "text": list(rows.values())})
    if kind in ("set", "append"):
        with connect(uri, app_name) as client:
            # An append is named after its rows: that of the same rows repeats it.
            write_table(
                client[database],
                frame,
                kind,
                primary_key="id" if kind == "set" else None,
                run=[*rows.values()][-1],
            )
        return
    metadata: dict[str, Any] = {}
    if kind in ("keyed", "unique"):
        metadata = {"primary_key": "id", "keep_revisions": True}
    if kind.startswith("unique"):
        metadata["indexes"] = [{"keys": "text", "unique": True}]
    context = dg.build_output_context(
        name="result",
        asset_key=dg.AssetKey("table"),
        definition_metadata=metadata,
        run_id=f"run of {os.getpid()}",
        resources=NO_RESOURCES,
    )
    manager = MongoDBIOManager(uri=uri, database=database, app_name=app_name)
    try:
        manager.handle_output(context, frame)
    finally:
        manager.teardown_after_execution(None)  # pyright: ignore[reportArgumentType]


def write_until_killed(uri: str, database: str, kind: str, rows: dict[int, str], number: int) -> None:
    """Write rows; the process kills itself before its n-th command."""
    monitoring.register(Killer(number))
    write(uri, database, kind=kind, rows=rows)


def exit_code_of_writer(uri: str, database: str, *, kind: str, rows: dict[int, str], number: int) -> int | None:
    """Run `write_until_killed` in a process of its own and return its exit code: -9 if it was killed."""
    processes = multiprocessing.get_context("forkserver")  # from a server that has imported everything
    processes.set_forkserver_preload([__name__])
    writer = processes.Process(target=write_until_killed, args=(uri, database, kind, rows, number))
    with pytest.MonkeyPatch.context() as patch:
        # The server does not take over what pytest added to sys.path.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        writer.start()
    writer.join(60)
    return writer.exitcode
