"""How many stations are asked for at the same time, by runs in real processes."""

import os
import subprocess
import sys
import threading

import pytest

from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.processes import wait_until
from airquality_dagster_tests.scripted_server import Reply, scripted_server


# Where the pool has one place, nobody comes, and the test takes as long as it waits.
@pytest.mark.parametrize(("places", "seconds"), [(1, 8), (2, 60)])
def test_all_runs_together_ask_for_no_more_stations_at_a_time_than_the_pool_has_places(
    mongodb_uri, database, tmp_path, places, seconds
):
    instance = tmp_path / "dagster"
    instance.mkdir()
    (instance / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nconcurrency: {{pools: {{default_limit: {places}}}}}\n"
    )
    condition, at_once = threading.Condition(), {"now": 0, "most": 0}

    def until_the_other_comes(request, number):
        with condition:
            at_once["now"] += 1
            at_once["most"] = max(at_once["most"], at_once["now"])
            condition.notify_all()
            condition.wait_for(lambda: at_once["most"] == 2, timeout=seconds)
            at_once["now"] -= 1
        return Reply(body=answer())

    with scripted_server(until_the_other_comes) as server:
        environment = {
            **os.environ,
            "AIRQINO_BASE_URL": server.url,
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": database.name,
            "DAGSTER_HOME": str(instance),
        }
        backfill = [sys.executable, "-m", "airquality_dagster", "backfill", "--from", "2023-01", "--to", "2023-01"]
        runs = []
        for station in ("station1", "station2"):
            # One after the other: SQLite may give a place twice to two who ask at the same moment.
            wait_until(lambda: len(server.received) == len(runs), "the first question")
            runs.append(subprocess.Popen([*backfill, "--station", station], env=environment, stdout=subprocess.DEVNULL))
        assert [run.wait(120) for run in runs] == [0, 0]
    assert at_once["most"] == places
