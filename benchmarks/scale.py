"""What an hourly tick and the load of a year cost as the network grows.

    python -m benchmarks.scale [--tick 2 10 100 1000] [--year 2 10 100] [--lost 2 100] [--bare 2 10 100] [--workers 2]

As in production: Dagster's instance in Postgres (a throwaway one; Debian's package), the runs of a tick shared out
among processes, MongoDB and the API's server on the same machine. Simulated stations.

*A tick* is the current month of every station, loaded before but for the newest hour. *A year* is thirteen months into
an empty database. *After a drop* of the whole database, and *after a restore* of a backup of 45 days ago, a pass stores
what is missing of such a year; the benchmark compares every final hour with before. *The bare script* is what programs
of this kind do every hour: it asks for a year in one call, computes daily means, drops the collections and inserts
everything.

Prints a Markdown table: wall-clock seconds from the first run's begin to the last one's end; processor seconds of the
processes that execute the runs, with their start; the highest memory of one of them; rows of Dagster's event log; bytes
that the API sent; documents that MongoDB inserted, changed or deleted. Then how long a process takes to load the
definitions, the daemon to find what is due (each hour) and what to alert (each minute), and a scrape of the metrics.
"""

import argparse
import contextlib
import hashlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml
from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from airquality_dagster.cli.simulate_network import simulated_network
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster_tests.postgres import running_postgres

DAGSTER_YAML = """\
telemetry: {enabled: false}
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
"""
MOST_STATIONS_PER_RUN = 100
HEADER = (
    "| work | stations | seconds | processor seconds | MiB of a process | event rows | MB from the API | documents |"
)


def bare_year() -> int:
    """Drop and reload a year of every station with requests, pandas and pymongo; return the bytes received."""
    import pandas as pd

    stations = yaml.safe_load(Path(os.environ["AIRQUALITY_STATIONS"]).read_text())["stations"]
    received = 0
    with MongoClient(os.environ["MONGODB_URI"]) as client, requests.Session() as session:
        database = client["bare"]
        for station in stations:
            url = f"{os.environ['AIRQINO_BASE_URL']}/v3/getStationHourlyAvg/{station['airqino_id']}"
            response = session.get(url, timeout=60)
            received += int(response.headers["Content-Length"])
            frame = pd.DataFrame(response.json()["data"])
            frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
            days = frame.groupby(frame["timestamp"].dt.floor("D")).mean(numeric_only=True).reset_index()
            for name, content in ((f"raw_{station['name']}", frame), (f"{station['name']}_aggregates", days)):
                database[name].drop()
                database[name].insert_many(content.to_dict("records"))
    return received


def platform_runs(worker: int, workers: int) -> int:
    """Execute every so many-th of the runs that are due; return the bytes received."""
    import dagster as dg

    from airquality_dagster.automation.instance import due_runs
    from airquality_dagster.automation.jobs import HOURLY_JOB, asset_selection, run_tags
    from airquality_dagster.component import network_definitions
    from airquality_dagster.network.stations import load_network

    network = load_network(Path(os.environ["AIRQUALITY_STATIONS"]))
    job = network_definitions(network).resolve_job_def(HOURLY_JOB)
    received = 0
    with dg.DagsterInstance.get() as instance:
        with MongoClient(os.environ["MONGODB_URI"], tz_aware=True) as client:
            runs = due_runs(instance, network, datetime.now(UTC), client["airquality"])
        _barrier()
        for run in runs[worker::workers]:
            result = job.execute_in_process(
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                instance=instance,
                asset_selection=asset_selection(network, run, is_last=run is runs[-1]),
                tags=run_tags(run),
            )
            # One write a run and asset: what it says of itself is the same on each month's event.
            written = {event.asset_key: event.materialization for event in result.get_asset_materialization_events()}
            for station in map(network.station, run.stations):
                raw = written[dg.AssetKey(station.raw_asset)]
                received += int(str(raw.metadata["bytes_received"].value))
    return received


# What a tick consists of: (file, function) of the profile → what it is. Each is counted with what it calls, and none of
# them calls another.
PARTS = {
    ("dagster_postgres/event_log/event_log.py", "store_event"): "Dagster stores an event",
    ("context/data_version_cache.py", "fetch_external_input_asset_version_info"): "Dagster asks for versions of inputs",
    (
        "context/data_version_cache.py",
        "maybe_fetch_and_get_input_asset_version_info",
    ): "Dagster asks for versions of inputs",
    ("sql_event_log.py", "claim_concurrency_slot"): "Dagster gives places of the pool",
    ("sql_event_log.py", "free_concurrency_slot_for_step"): "Dagster gives places of the pool",
    ("dagster_mongodb/io_manager.py", "handle_output"): "IO manager: compare and write",
    ("dagster_mongodb/io_manager.py", "load_input"): "IO manager: read",
    ("airqino/resource.py", "hourly_answer"): "ask the API, parse the answer",
    ("readings/hours.py", "hourly_quality"): "flags and indices of hours",
    ("storage/surroundings.py", "surroundings"): "read the hours around",
    ("readings/days.py", "daily_aggregates"): "days",
    ("readings/periods.py", "period_summaries"): "months and years",
    ("checks/outcome.py", "check_results"): "checks",
    ("dashboard/build.py", "build_dashboard"): "draw the dashboard",
}


def profile_tick() -> None:
    """Execute the runs that are due, and print where the time goes."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    begin = time.perf_counter()
    profiler.runcall(platform_runs, 0, 1)
    total = time.perf_counter() - begin
    seconds: dict[str, float] = {}
    calls: dict[str, int] = {}
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, count, _, cumulative, _) in stats.items():
        for (ending, name), part in PARTS.items():
            if file.endswith(ending) and function == name:
                seconds[part] = seconds.get(part, 0) + cumulative
                calls[part] = calls.get(part, 0) + count
    print("| part of a tick | times | share |\n| --- | --- | --- |")
    for part, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"| {part} | {calls[part]:,} | {100 * taken / total:.0f} % |")
    print(
        f"| the rest: Dagster's steps, and loading | | {100 * (total - sum(seconds.values())) / total:.0f} % |",
        flush=True,
    )


def ask() -> dict[str, float]:
    """Return the seconds that the daemon and Prometheus wait for what they ask again and again."""
    import dagster as dg
    from prometheus_client import generate_latest

    from airquality_dagster.automation.instance import due_runs
    from airquality_dagster.component import network_definitions
    from airquality_dagster.network.stations import load_network
    from airquality_dagster.watching.metrics import metrics_registry
    from airquality_dagster.watching.problems import RunHistory, follow_runs, problems

    network, now = load_network(Path(os.environ["AIRQUALITY_STATIONS"])), datetime.now(UTC)
    with dg.DagsterInstance.get() as instance, MongoClient(os.environ["MONGODB_URI"], tz_aware=True) as client:
        asked = {
            "definitions": lambda: network_definitions(network).get_repository_def(),
            "due": lambda: due_runs(instance, network, now, client["airquality"]),
            "alerts": lambda: problems(instance, network, follow_runs(instance, network, RunHistory(), now), now),
            "metrics": lambda: generate_latest(metrics_registry(network, client["airquality"], instance)),
        }
        seconds = {}
        for name, question in asked.items():
            begin = time.perf_counter()
            question()
            seconds[name] = time.perf_counter() - begin
    return seconds


def _barrier() -> None:
    """Wait until every worker has loaded the code and knows what is due."""
    print("ready", flush=True)
    if sys.stdin is not None and not sys.stdin.closed:
        sys.stdin.readline()


def work(kind: str, worker: int, workers: int) -> None:
    """Do a share of the work in this process and print what it cost."""
    if kind == "ask":
        print(json.dumps(ask()), flush=True)
        return
    if kind == "profile":
        profile_tick()
        return
    if kind == "bare":
        import pandas  # noqa: F401

        _barrier()
        received = bare_year()
    else:
        received = platform_runs(worker, workers)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024, "received": received}),
        flush=True,
    )


def measure(kind: str, workers: int, environment: dict[str, str], database: Any) -> dict[str, float]:
    """Let workers share the work."""
    command = [sys.executable, "-m", "benchmarks.scale", "--work", kind, "--workers", str(workers), "--worker"]
    processes = [
        subprocess.Popen(
            [*command, str(worker)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for worker in range(workers)
    ]
    try:
        for process in processes:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit("a worker did not start")
        rows, documents = event_rows(environment), written_documents(database)
        begin = time.perf_counter()
        for process in processes:
            if process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.close()
        costs = [json.loads(process.stdout.readline()) for process in processes if process.stdout is not None]
        seconds = time.perf_counter() - begin
    finally:
        for process in processes:
            process.kill() if process.poll() is None and sys.exc_info()[0] else process.wait(60)
    return {
        "seconds": seconds,
        "cpu": sum(cost["cpu"] for cost in costs),
        "peak": max(cost["peak"] for cost in costs),
        "rows": event_rows(environment) - rows,
        "received": sum(cost["received"] for cost in costs),
        "documents": written_documents(database) - documents,
    }


def event_rows(environment: dict[str, str]) -> int:
    """Return the rows of Dagster's event log."""
    import sqlalchemy as db

    engine = db.create_engine(environment["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        if not db.inspect(engine).has_table("event_logs"):
            return 0
        return int(connection.execute(db.text("SELECT count(*) FROM event_logs")).scalar_one())


def written_documents(client: MongoClient) -> int:
    """Return how many documents MongoDB has inserted, changed or deleted so far."""
    counts = client.admin.command("serverStatus")["metrics"]["document"]
    return sum(int(counts[what]) for what in ("inserted", "updated", "deleted"))


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """Serve the AirQino API in another process; hands out its URL."""
    command = [sys.executable, "-m", "airquality_dagster", "sandbox", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield next(word.rstrip(":") for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait(20)


def final_hours(client: MongoClient, now: datetime) -> dict[str, str]:
    """Return for each station a hash of its stored hours that are final."""
    options: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    database = client.get_database("airquality", codec_options=options)
    hashes = {}
    for name in database.list_collection_names(filter={"name": {"$regex": r"^raw_[a-z]+\d+$"}}):
        of_station = hashlib.sha256()
        for hour in database[name].find({"_id": {"$lt": now - timedelta(hours=4)}}, sort=[("_id", 1)]):
            of_station.update(hour.raw)
        hashes[name] = of_station.hexdigest()
    return hashes


def restore_backup(client: MongoClient, moment: datetime) -> None:
    """Bring the database back to a moment, as a restored backup does."""
    for name in client["airquality"].list_collection_names():
        key = "_id.start" if name.endswith("_summaries") else "_id"
        client["airquality"][name].delete_many({key: {"$gt": moment}})


# What happens to a database that was loaded before → how it is made.
LOSSES: dict[str, Callable[[MongoClient, datetime], None]] = {
    "after a drop": lambda client, _: client.drop_database("airquality"),
    "after a restore": restore_backup,
}


def row(kind: str, stations: int, cost: dict[str, float]) -> str:
    """Return a row of the table."""
    return (
        f"| {kind} | {stations:,} | {cost['seconds']:.1f} | {cost['cpu']:.1f} | {cost['peak']:.0f} | "
        f"{cost['rows']:,.0f} | {cost['received'] / 1e6:.1f} | {cost['documents']:,.0f} |"
    )


def stations_per_run(stations: int, workers: int) -> int:
    """Return how many stations a run has so that all workers end at about the same time.

    The last run has fewer: it also draws the dashboard, which takes as long as a twelfth of the stations.
    """
    of_a_worker = 13 / 12 * stations / workers
    return max(1, round(of_a_worker / math.ceil(of_a_worker / MOST_STATIONS_PER_RUN)))


def one(kind: str, stations: int, workers: int) -> dict[str, float]:
    """Measure one piece of work, on new servers."""
    now = datetime.now(UTC)
    first_month = now if kind in ("tick", "profile") else now - timedelta(days=365)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network = simulated_network(stations, f"{first_month:%Y-%m}")
        network["network"]["stations_per_run"] = stations_per_run(stations, workers)
        (folder / "stations.yaml").write_text(yaml.safe_dump(network))
        (folder / "dagster.yaml").write_text(DAGSTER_YAML)
        environment = {
            **os.environ,
            "AIRQUALITY_STATIONS": str(folder / "stations.yaml"),
            "AIRQUALITY_HOME": str(folder),
            "DAGSTER_HOME": str(folder),
            "DAGSTER_EVENT_BATCH_SIZE": "50",
            "DAGSTER_POSTGRES_URL": f"{stack.enter_context(running_postgres()).url}?plugin=keep_connections",
            "MONGODB_URI": stack.enter_context(embedded_mongod(folder / "mongodb")),
            "AIRQINO_BASE_URL": stack.enter_context(sandbox()),
        }
        client: MongoClient[dict[str, Any]] = stack.enter_context(MongoClient(environment["MONGODB_URI"]))
        # As a deployment does before its processes start: it makes the tables and the pool.
        set_limit = [sys.executable, "-m", "dagster", "instance", "concurrency", "set", "airqino_api", "4"]
        subprocess.run(set_limit, env=environment, stdout=subprocess.DEVNULL, check=True)
        # The simulation keeps what it has made.
        for station in network["stations"]:
            url = f"{environment['AIRQINO_BASE_URL']}/v3/getStationHourlyAvg/{station['airqino_id']}"
            requests.get(url, timeout=60).raise_for_status()
        if kind in ("tick", "profile"):
            measure("tick", workers, environment, client)
            database = client["airquality"]
            for station in network["stations"]:
                database[f"raw_{station['name']}"].find_one_and_delete({}, sort=[("_id", -1)])
        if kind == "profile":
            command = [sys.executable, "-m", "benchmarks.scale", "--work", kind, "--worker", "0"]
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)
            return {}
        before: dict[str, str] = {}
        if kind in LOSSES:
            measure("year", workers, environment, client)
            before = final_hours(client, now)
            LOSSES[kind](client, now - timedelta(days=45))
        cost = measure(kind, 1 if kind == "bare" else workers, environment, client)
        if kind in LOSSES and final_hours(client, now) != before:
            raise SystemExit(f"{kind}: hours are missing, or are not as before")
        if kind == "tick":
            command = [sys.executable, "-m", "benchmarks.scale", "--work", "ask", "--worker", "0"]
            asked = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            cost |= json.loads(asked.stdout.splitlines()[-1])
        return cost


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tick", type=int, nargs="*", default=[2, 10, 100, 1000], help="sizes of the network")
    parser.add_argument("--year", type=int, nargs="*", default=[2, 10, 100])
    parser.add_argument("--bare", type=int, nargs="*", default=[2, 10, 100])
    parser.add_argument("--lost", type=int, nargs="*", default=[2, 100])
    parser.add_argument("--workers", type=int, default=2, help="processes that execute runs at the same time")
    parser.add_argument("--profile", type=int, metavar="N", help="say only where the time of N stations' tick goes")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.worker, options.workers)
        return
    if options.profile:
        one("profile", options.profile, options.workers)
        return
    print(f"{HEADER}\n|{' --- |' * (HEADER.count('|') - 1)}", flush=True)
    asked = {}
    sizes = {"tick": options.tick, "year": options.year, **dict.fromkeys(LOSSES, options.lost), "bare": options.bare}
    for kind, numbers in sizes.items():
        for stations in numbers:
            cost = one(kind, stations, min(options.workers, stations))
            print(row(kind, stations, cost), flush=True)
            if kind == "tick":
                asked[stations] = cost
    print("\n| stations | definitions, s | what is due, s | what to alert, s | metrics, s |\n|" + " --- |" * 5)
    for stations, cost in asked.items():
        parts = (cost[name] for name in ("definitions", "due", "alerts", "metrics"))
        print(f"| {stations:,} | {' | '.join(f'{seconds:.1f}' for seconds in parts)} |")


if __name__ == "__main__":
    main()
