"""A process that writes a frame and kills itself at one of the commands it sends; started by the tests.

Arguments: URI, database, whether rows have a key, event (``started`` or ``succeeded``), its number.
"""

import os
import signal
import sys

import dagster as dg
import pandas as pd
from pymongo import monitoring

from airquality_dagster.io_managers.mongodb import MongoDBIOManager

OLD = {number: f"old {number}" for number in range(20)}
# Unchanged 0 to 4, changed 5 to 9, vanished 10 to 19, new 20 to 24.
NEW = {
    **{number: OLD[number] for number in range(5)},
    **{number: f"new {number}" for number in (*range(5, 10), *range(20, 25))},
}


class Killer(monitoring.CommandListener):
    """Kills this process at the n-th event of a kind, counted over all commands."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.left = kind, number

    def count(self, kind: str) -> None:
        if kind == self.kind:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.count("started")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.count("succeeded")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def write(uri: str, database: str, *, is_keyed: bool, rows: dict[int, str]) -> None:
    """Write rows with the IO manager."""
    metadata = {"primary_key": "id", "keep_revisions": True} if is_keyed else {}
    context = dg.build_output_context(
        name="result", asset_key=dg.AssetKey("table"), definition_metadata=metadata, run_id=f"run of {os.getpid()}"
    )
    frame = pd.DataFrame({"id": list(rows), "text": list(rows.values())})
    MongoDBIOManager(uri=uri, database=database).handle_output(context, frame)


if __name__ == "__main__":
    uri, database, keyed, kind, number = sys.argv[1:]
    monitoring.register(Killer(kind, int(number)))
    write(uri, database, is_keyed=keyed == "keyed", rows=NEW)
