"""Time and memory of the IO manager, compared with the bare driver in the same run.

    pip install '.[test]'
    python benchmarks/mongodb_io_manager.py [--rows 100000] [--repeat 7] [--chunked 5000000]

Writes and reads a frame of nine columns (a date as primary key, six floats, an integer, a boolean) on a
mongod of its own (the one on the PATH, or that of the extra ``test``). Prints Markdown tables: medians
and ratios (a ratio above 1 is how many times faster), peak memory of processes that do nothing else
(Linux), and the time of a run in Dagster itself, which is in none of the other figures.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import numpy as np
import pandas as pd
from bson.raw_bson import RawBSONDocument
from dagster_mongodb import DataFrameChunks, MongoDBIOManager
from dagster_mongodb.handlers.dataframes import DataFrameRows
from pymongo import MongoClient, ReplaceOne

KEY = dg.AssetKey("table")
DATABASE = "measured"
COMPARED = (
    ("first write", "insert_many(df.to_dict('records'))"),
    ("first write", "insert_many of documents encoded beforehand"),
    ("unchanged write", "bulk_write of ReplaceOne(upsert)"),
    ("write with 1 % changed", "bulk_write of ReplaceOne(upsert)"),
    ("read", "DataFrame(list(find()))"),
)


def make_frame(rows: int) -> pd.DataFrame:
    """Return a frame of nine columns, the same each time."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "time": pd.date_range("2010-01-01", periods=rows, freq="min", tz="UTC"),
            **{f"value{number}": random.normal(size=rows).round(6) for number in range(6)},
            "station": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.5,
        }
    )


def output_context() -> dg.OutputContext:
    """Return the context of a table with a primary key."""
    return dg.build_output_context(name="result", asset_key=KEY, definition_metadata={"primary_key": "time"})


def input_context(kind: type) -> dg.InputContext:
    """Return the context of an input that reads the table."""
    return dg.build_input_context(
        asset_key=KEY, upstream_output=output_context(), dagster_type=dg.PythonObjectDagsterType(kind)
    )


def measure_speed(uri: str, rows: int, repeat: int) -> dict[str, float]:
    """Return the median seconds of each action."""
    frame = make_frame(rows)
    changed = frame.assign(value0=frame["value0"].where(frame.index % 100 != 0, frame["value0"] + 1))
    # The driver's way to keep the same documents: the key as _id.
    keyed = frame.rename(columns={"time": "_id"})
    manager = MongoDBIOManager(uri=uri, database=DATABASE)
    seconds: dict[str, list[float]] = {}

    def timed(name: str, action: Callable[[], object]) -> None:
        gc.collect()
        begin = time.perf_counter()
        action()
        seconds.setdefault(name, []).append(time.perf_counter() - begin)

    def replace_all() -> None:
        documents = cast("list[dict[str, Any]]", keyed.to_dict("records"))
        bare["upserts"].bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in documents])

    with MongoClient(uri) as client:
        bare = client["bare"]
        for _ in range(repeat):
            client.drop_database(DATABASE)
            client.drop_database("bare")
            context = output_context()
            timed(COMPARED[0][1], lambda: bare["inserts"].insert_many(frame.to_dict("records")))
            timed("first write", lambda: manager.handle_output(context, frame))  # noqa: B023
            encoded = [RawBSONDocument(row) for row in DataFrameRows(frame, ["time"]).encoded(range(rows))]
            timed(COMPARED[1][1], lambda: bare["encoded"].insert_many(encoded, ordered=False))  # noqa: B023
            encoded = []
            bare["upserts"].insert_many(keyed.to_dict("records"))
            timed(COMPARED[2][1], replace_all)
            for name, content in (("unchanged write", frame), ("write with 1 % changed", changed)):
                context = output_context()
                timed(name, lambda: manager.handle_output(context, content))  # noqa: B023
            timed(COMPARED[4][1], lambda: pd.DataFrame(list(bare["upserts"].find())))
            reading = input_context(pd.DataFrame)
            timed("read", lambda: manager.load_input(reading))  # noqa: B023
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure_dagster(uri: str, repeat: int) -> float:
    """Return the median seconds of a run, in this process, that writes a frame of one row and reads it."""

    @dg.asset(key=KEY, metadata={"primary_key": "time"})
    def table() -> pd.DataFrame:
        return frame

    @dg.asset
    def reader(table: pd.DataFrame) -> None:
        assert len(table) == 1  # noqa: S101

    frame, seconds = make_frame(1), []
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    for _ in range(repeat):
        begin = time.perf_counter()
        dg.materialize(
            [table, reader],
            resources={"io_manager": MongoDBIOManager(uri=uri, database="one_row")},
            run_config=quiet,
        )
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def memory(field: str) -> float:
    """Return a field of this process's status in MiB: VmRSS, or VmHWM for the peak."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def report_memory(action: str, uri: str, rows: int) -> None:
    """Do one thing in this process and print the MiB that it took at most, beside those of a frame."""
    manager = MongoDBIOManager(uri=uri, database=DATABASE)
    warm_up = MongoDBIOManager(uri=uri, database="warm_up")
    warm_up.handle_output(output_context(), make_frame(10))
    for kind in (pd.DataFrame, DataFrameChunks):
        list(warm_up.load_input(input_context(kind)))
    frame = make_frame(rows if action == "write" else 1)
    writing = output_context()
    reading = input_context(DataFrameChunks if action == "chunks" else pd.DataFrame)
    gc.collect()
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    if action == "write":
        manager.handle_output(writing, frame)
    elif action == "read":
        frame = manager.load_input(reading)
    else:
        frame = pd.DataFrame({"rows": [sum(map(len, manager.load_input(reading)))]})
    peak = memory("VmHWM") - before
    size = frame.memory_usage(index=False).sum() / 2**20
    print(peak + size if action == "write" else peak, size, memory("VmHWM"))


def measured_memory(action: str, uri: str, rows: int) -> Sequence[float]:
    """Return MiB taken at most, MiB of the frame, and MiB of the whole process, of a process of its own."""
    command = [sys.executable, __file__, "--memory", action, "--uri", uri, "--rows", str(rows)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(number) for number in output.split()]


def print_speed(medians: dict[str, float]) -> None:
    """Print the table of ratios."""
    print("| IO manager | seconds | bare driver | seconds | ratio |\n| --- | --- | --- | --- | --- |")
    for ours, theirs in COMPARED:
        if ours in medians:
            ratio = medians[theirs] / medians[ours]
            print(f"| {ours} | {medians[ours]:.2f} | `{theirs}` | {medians[theirs]:.2f} | {ratio:.2f} |")


def print_memory(uri: str, rows: int, repeat: int) -> None:
    """Print the table of memory."""
    print("\n| | frame, MiB | peak, MiB | ratio |\n| --- | --- | --- | --- |")
    for count in (rows, 10 * rows):
        with MongoClient(uri) as client:
            client.drop_database(DATABASE)
        for title, action in (("first write", "write"), ("unchanged write", "write"), ("read", "read")):
            runs = [measured_memory(action, uri, count) for _ in range(1 if title == "first write" else repeat)]
            peak, size = (statistics.median(run[position] for run in runs) for position in (0, 1))
            print(f"| {title}, {count:,} rows | {size:.1f} | {peak:.1f} | {peak / size:.2f} |")


def print_chunked(uri: str, rows: int) -> None:
    """Print what a read in chunks takes of a collection of many documents."""
    with MongoClient(uri) as client:
        client.drop_database(DATABASE)
        step = 250_000
        manager = MongoDBIOManager(uri=uri, database=DATABASE)
        frame = make_frame(step)
        manager.handle_output(output_context(), frame)
        merging = {"primary_key": "time", "write_mode": "merge"}
        for start in range(step, rows, step):
            context = dg.build_output_context(name="result", asset_key=KEY, definition_metadata=merging)
            shift = timedelta(minutes=start)
            manager.handle_output(context, frame.assign(time=frame["time"] + shift))
        count = client[DATABASE]["table"].estimated_document_count()
    begin = time.perf_counter()
    taken, _, whole = measured_memory("chunks", uri, rows)
    print(
        f"\nRead of {count:,} documents as `DataFrameChunks`: {time.perf_counter() - begin:.0f} s, {taken:.0f} MiB "
        f"more than before, {whole:.0f} MiB the whole process."
    )


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description="Time and memory of the MongoDB IO manager.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--chunked", type=int, default=5_000_000, help="documents of the read in chunks; 0: none")
    parser.add_argument("--memory", choices=["write", "read", "chunks"], help=argparse.SUPPRESS)
    parser.add_argument("--uri", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        report_memory(options.memory, options.uri, options.rows)
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from dagster_mongodb_tests.mongod import running_mongod

    with tempfile.TemporaryDirectory() as folder, running_mongod(Path(folder)) as server:
        uri = f"mongodb://{server}"
        print_speed(measure_speed(uri, options.rows, options.repeat))
        dagster = measure_dagster(uri, options.repeat)
        print(f"\nDagster's own cost of a run that writes and reads one row: {dagster:.2f} s.")
        if sys.platform == "linux":
            print_memory(uri, options.rows, options.repeat)
            if options.chunked:
                print_chunked(uri, options.chunked)


if __name__ == "__main__":
    main()
