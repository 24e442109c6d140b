"""Time and memory of the IO manager beside other ways to keep a table in MongoDB, in the same run.

    pip install '.[test]' pymongoarrow dagster-community-components
    python benchmarks/mongodb_io_manager.py [--rows 100000] [--repeat 7] [--kinds frame documents] [--chunked 5000000]

The last two packages are optional. Writes and reads frames, documents and Arrow tables of nine columns (`ways.py`) on a
mongod of its own (the one on the PATH, or that of the extra ``test``). Prints Markdown tables: medians, and how many
times slower the other ways are; peak memory of processes that do nothing else (Linux); and the time of a run in Dagster
itself, which is in none of the other figures.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import MongoDBIOManager
from pymongo import MongoClient
from ways import DATABASE, KEY, KINDS, WAYS, ThisLibrary, Way, is_installed, make_frame, output_context

ACTIONS = ("first write", "unchanged write", "write with 1 % changed", "read")


def measured(way: Way, tables: Sequence[Any]) -> Iterator[float]:
    """Do the `ACTIONS` with an empty database and yield the seconds of each.

    Args:
        way: that keeps the table.
        tables: one, the same again, and one with a hundredth of the rows changed.
    """
    way.collection.database.client.drop_database(DATABASE)
    first, *again = map(way.prepared, tables)
    for action in (lambda: way.write(first), *(lambda table=table: way.rewrite(table) for table in again), way.read):
        gc.collect()
        begin = time.perf_counter()
        action()
        yield time.perf_counter() - begin


def print_speed(uri: str, ways: Sequence[type[Way]], kinds: Sequence[str], rows: int, repeat: int) -> None:
    """Print the medians of each kind, action and way."""
    print(f"| | | {' | '.join(way.title for way in ways)} |")
    print(f"| --- | --- |{' --- |' * len(ways)}")
    frame = make_frame(rows)
    changed = frame.assign(value0=frame["value0"].where(frame.index % 100 != 0, frame["value0"] + 1))
    with MongoClient(uri) as client:
        for kind in kinds:
            made = KINDS[kind][1]
            tables = [made(frame), made(frame), made(changed)]
            compared = [way(client, uri, kind) for way in ways if kind in way.kinds]
            runs = [[list(measured(way, tables)) for way in compared] for _ in range(repeat)]
            for position, action in enumerate(ACTIONS):
                medians = [statistics.median(times[position] for times in of_way) for of_way in zip(*runs, strict=True)]
                seconds = {way.title: median for way, median in zip(compared, medians, strict=True)}
                print(f"| {kind} | {action} | {' | '.join(shown(seconds, way.title) for way in ways)} |", flush=True)


def shown(seconds: dict[str, float], title: str) -> str:
    """Return the seconds of a way, and the ratio to those of this library."""
    if title not in seconds:
        return "–"
    ratio = f" ({seconds[title] / seconds[ThisLibrary.title]:.2f} ×)" if title != ThisLibrary.title else ""
    return f"{seconds[title]:.2f} s{ratio}"


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
    resources = {"io_manager": MongoDBIOManager(uri=uri, database="one_row")}
    for _ in range(repeat):
        begin = time.perf_counter()
        dg.materialize([table, reader], resources=resources, run_config=quiet)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def memory(field: str) -> float:
    """Return a field of this process's status in MiB: VmRSS, or VmHWM for the peak."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def report_memory(uri: str, title: str, kind: str, action: str, rows: int) -> None:
    """Do one thing in this process; print the MiB that it took at most, and those of the whole process."""
    with MongoClient(uri) as client:
        (chosen,) = (way for way in WAYS if way.title == title)
        warm_up, way = chosen(client, uri, kind, "warm_up"), chosen(client, uri, kind)
        few = warm_up.prepared(KINDS[kind][1](make_frame(10)))
        client.drop_database("warm_up")
        warm_up.write(few)
        warm_up.rewrite(few)
        warm_up.read()
        perform = {"first write": way.write, "unchanged write": way.rewrite}.get(action)
        read = way.read_chunks if action == "chunks" and isinstance(way, ThisLibrary) else way.read
        table = way.prepared(KINDS[kind][1](make_frame(rows))) if perform else None
        gc.collect()
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        kept = perform(table) if perform else read()
        print(memory("VmHWM") - before, memory("VmHWM"), len([kept]))


def measured_memory(uri: str, title: str, kind: str, action: str, rows: int) -> tuple[float, float]:
    """Return MiB taken at most, and MiB of the whole process, of a process of its own."""
    command = [sys.executable, __file__, "--memory", uri, title, kind, action, "--rows", str(rows)]
    taken, whole, _ = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(taken), float(whole)


def print_memory(uri: str, ways: Sequence[type[Way]], kinds: Sequence[str], rows: int) -> None:
    """Print the peaks of each kind, action and way."""
    size = make_frame(rows).memory_usage(index=False).sum() / 2**20
    print(f"\nPeak memory beyond what is there before, MiB; the frame has {size:.1f} MiB.\n")
    print(f"| | | {' | '.join(way.title for way in ways)} |")
    print(f"| --- | --- |{' --- |' * len(ways)}")
    for kind in kinds:
        cells: dict[str, list[str]] = {}
        for way in ways:
            with MongoClient(uri) as client:
                client.drop_database(DATABASE)
            for action in ("first write", "unchanged write", "read"):
                peak = measured_memory(uri, way.title, kind, action, rows)[0] if kind in way.kinds else None
                cells.setdefault(action, []).append("–" if peak is None else f"{peak:.0f}")
        for action, peaks in cells.items():
            print(f"| {kind} | {action} | {' | '.join(peaks)} |", flush=True)


def print_chunked(uri: str, rows: int) -> None:
    """Print what a read in chunks takes of a collection of many documents."""
    step = 250_000
    manager, frame = MongoDBIOManager(uri=uri, database=DATABASE), make_frame(step)
    with MongoClient(uri) as client:
        client.drop_database(DATABASE)
        for start in range(0, rows, step):
            merging = output_context(primary_key="time", write_mode="merge")
            manager.handle_output(merging, frame.assign(time=frame["time"] + timedelta(minutes=start)))
        count = client[DATABASE]["table"].estimated_document_count()
    begin = time.perf_counter()
    taken, whole = measured_memory(uri, ThisLibrary.title, "frame", "chunks", rows)
    print(
        f"\nRead of {count:,} documents as `DataFrameChunks`: {time.perf_counter() - begin:.0f} s, {taken:.0f} MiB "
        f"more than before, {whole:.0f} MiB the whole process."
    )


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description="Time and memory of ways to keep a table in MongoDB.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS], help="what is written and read")
    parser.add_argument("--chunked", type=int, default=5_000_000, help="documents of the read in chunks; 0: none")
    parser.add_argument("--memory", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        uri, title, kind, action = options.memory
        report_memory(uri, title, kind, action, options.rows)
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from dagster_mongodb_tests.mongod import running_mongod  # pyright: ignore[reportMissingImports]  # of tests/

    ways = [way for way in WAYS if is_installed(way)]
    versions = ", ".join(f"{way.title} {version(way.title)}" for way in ways)
    print(f"{options.rows:,} rows, medians of {options.repeat}. {versions}, pandas {pd.__version__}.")
    for way in WAYS:
        if way not in ways:
            print(f"{way.title} is not installed and left out: pip install {way.title}")
    print()
    with tempfile.TemporaryDirectory() as folder, running_mongod(Path(folder)) as server:
        uri = f"mongodb://{server}"
        print_speed(uri, ways, options.kinds, options.rows, options.repeat)
        print(
            f"\nDagster's own cost of a run that writes and reads a row: {measure_dagster(uri, options.repeat):.2f} s."
        )
        if sys.platform == "linux":
            print_memory(uri, ways, options.kinds, options.rows)
            if options.chunked:
                print_chunked(uri, options.chunked)


if __name__ == "__main__":
    main()
