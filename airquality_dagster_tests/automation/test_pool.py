"""How many stations are asked for at the same time, by runs in real processes."""

import shutil
import subprocess
import threading
from collections import Counter

import dagster as dg
import pytest

from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.processes import COMMAND, environment, wait_until
from airquality_dagster_tests.scripted_server import Reply, scripted_server

POOL = "airqino_api"


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
