"""What Dagster and the platform cost, against a bare script that does the same work in the same run.

    .venv/bin/python benchmarks/hourly_job.py [--captures DIR] [--repeat 5]

Loads one year of two stations into an empty database, and then makes one tick (the current month of
both stations), each in a process of its own, on an embedded MongoDB and a local AirQino server in
another process. The bare script asks for the whole year, computes the daily means and replaces the
collections: what programs of this kind do every hour. Prints medians and ratios as a Markdown table.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

STATIONS = {"station1": 283164601, "station2": 283181971}
KINDS = ("bare script, a year", "platform, a year", "platform, a tick")


def bare_year() -> None:
    """Drop and reload a year of both stations with requests, pandas and pymongo."""
    import pandas as pd
    import requests
    from pymongo import MongoClient

    with MongoClient(os.environ["MONGODB_URI"]) as client, requests.Session() as session:
        database = client["bare"]
        for station, airqino_id in STATIONS.items():
            url = f"{os.environ['AIRQINO_BASE_URL']}/v3/getStationHourlyAvg/{airqino_id}"
            frame = pd.DataFrame(session.get(url, timeout=60).json()["data"])
            frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
            days = frame.groupby(frame["timestamp"].dt.floor("D")).mean(numeric_only=True).reset_index()
            for name, content in ((f"raw_{station}", frame), (f"{station}_aggregates", days)):
                database[name].drop()
                database[name].insert_many(content.to_dict("records"))


def platform_runs() -> Callable[[], None]:
    """Return what executes the runs that are due, as `airquality run` does."""
    from datetime import datetime

    import dagster as dg

    from airquality_dagster import settings
    from airquality_dagster.automation.due import StationRun
    from airquality_dagster.automation.instance import due_runs
    from airquality_dagster.automation.jobs import HOURLY_JOB
    from airquality_dagster.cli.execution import execute
    from airquality_dagster.component import network_definitions
    from airquality_dagster.local.services import Services
    from airquality_dagster.network.stations import load_network

    network = load_network()
    services = Services({}, os.environ["MONGODB_URI"], settings.mongodb_database(), "", Path())
    # To open the instance (of SQLite files, made here for the first time) is part of loading.
    instance = dg.DagsterInstance.get()
    instance.get_run_records(limit=1)
    network_definitions(network).resolve_job_def(HOURLY_JOB)

    def run() -> None:
        months = os.environ.get("BENCHMARK_MONTHS", "").split()
        runs = (
            [StationRun(tuple(STATIONS), f"{months[0]}-01", f"{months[1]}-01")]
            if months
            else due_runs(instance, network, datetime.now(UTC))
        )
        report = execute(services, instance, network, runs)
        if report.faults:
            raise SystemExit("\n".join(report.faults))

    return run


def work(kind: str) -> None:
    """Do one piece of work in this process and print what it cost."""
    begin = time.perf_counter()
    if kind.startswith("bare"):
        import pandas  # noqa: F401
        import pymongo  # noqa: F401
        import requests  # noqa: F401

        run = bare_year
    else:
        run = platform_runs()
    loaded = time.perf_counter()
    run()
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"load": loaded - begin, "seconds": ended - loaded, "peak": peak}))


@contextlib.contextmanager
def sandbox(captures: Path | None) -> Iterator[str]:
    """Serve the AirQino API in another process; hands out its URL."""
    source = ["--replay", str(captures)] if captures else []
    command = [sys.executable, "-m", "airquality_dagster", "sandbox", "--port", "0", *source]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        url = next(word.rstrip(":") for word in line.split() if word.startswith("http://"))
        for airqino_id in STATIONS.values():  # the simulation keeps what it made
            import requests

            requests.get(f"{url}/v3/getStationHourlyAvg/{airqino_id}", timeout=60).raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(20)


def measure(kind: str, environment: dict[str, str]) -> dict[str, float]:
    """Do one piece of work in a process of its own."""
    run = subprocess.run(
        [sys.executable, __file__, "--work", kind], env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    """Measure everything and print the table."""
    from pymongo import MongoClient

    from airquality_dagster.local.mongod import embedded_mongod

    parser = argparse.ArgumentParser(description="What Dagster and the platform cost.")
    parser.add_argument("--captures", type=Path, help="replay captured answers of December 2022 to December 2023")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return

    costs: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        uri = stack.enter_context(embedded_mongod(Path(folder) / "mongodb"))
        year, now = stack.enter_context(sandbox(options.captures)), stack.enter_context(sandbox(None))
        client = stack.enter_context(MongoClient(uri))
        for number in range(options.repeat):
            client.drop_database("bare")
            client.drop_database("airquality")
            home = Path(folder) / f"dagster{number}"
            home.mkdir()
            (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
            environment = {**os.environ, "MONGODB_URI": uri, "DAGSTER_HOME": str(home), "AIRQINO_BASE_URL": year}
            costs[KINDS[0]].append(measure(KINDS[0], environment))
            months = {"BENCHMARK_MONTHS": "2022-12 2023-12"} if options.captures else {}
            costs[KINDS[1]].append(measure(KINDS[1], {**environment, **months}))
            tick = {**environment, "AIRQINO_BASE_URL": now, "MONGODB_DATABASE": "tick"}
            if options.captures:
                measure(KINDS[2], tick)  # the year that a tick finds done
            else:
                tick["MONGODB_DATABASE"] = "airquality"
            costs[KINDS[2]].append(measure(KINDS[2], tick))
            client.drop_database("tick")
    print("| work | seconds | ratio | loading | peak memory, MiB | ratio |\n| --- | --- | --- | --- | --- | --- |")
    base = {name: statistics.median(cost[name] for cost in costs[KINDS[0]]) for name in ("seconds", "peak")}
    for kind, measured in costs.items():
        median = {name: statistics.median(cost[name] for cost in measured) for name in ("load", "seconds", "peak")}
        print(
            f"| {kind} | {median['seconds']:.2f} | {median['seconds'] / base['seconds']:.1f} | {median['load']:.2f} | "
            f"{median['peak']:.0f} | {median['peak'] / base['peak']:.1f} |"
        )


if __name__ == "__main__":
    main()
