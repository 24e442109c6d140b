"""What the MongoDB IO manager costs, against the bare driver in the same run.

    .venv/bin/python benchmarks/mongodb_io_manager.py [--rows 100000] [--repeat 5]

Writes and reads a frame of nine columns (a date as primary key, six floats, an integer, a boolean) on
an embedded MongoDB. The IO manager is called as Dagster calls it, without Dagster's own cost for a
run. Prints medians and ratios as a Markdown table; a ratio above 1 is how many times faster.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import dagster as dg
import numpy as np
import pandas as pd
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient, ReplaceOne

from airquality_dagster.io_managers.mongodb import MongoDBIOManager
from airquality_dagster.io_managers.mongodb.values import encode_frame
from airquality_dagster.local.mongod import embedded_mongod

METADATA = {"primary_key": "time"}


def make_frame(rows: int) -> pd.DataFrame:
    """Return a frame of nine columns, the same each time."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "time": pd.date_range("2010-01-01", periods=rows, freq="h", tz="UTC"),
            **{f"value{number}": random.normal(size=rows).round(6) for number in range(6)},
            "station": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.5,
        }
    )


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description="What the MongoDB IO manager costs.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    frame = make_frame(options.rows)
    changed = frame.assign(value0=frame["value0"].where(frame.index % 100 != 0, frame["value0"] + 1))
    # The driver's way to keep the same documents: the key as _id.
    keyed = frame.rename(columns={"time": "_id"})
    key = dg.AssetKey("table")

    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_mongod(Path(folder) / "mongodb") as uri,
        MongoClient(uri) as client,
    ):
        manager = MongoDBIOManager(uri=uri, database="measured")
        bare = client["bare"]

        def write(content: pd.DataFrame) -> None:
            manager.handle_output(
                dg.build_output_context(name="result", asset_key=key, definition_metadata=METADATA), content
            )

        def read() -> None:
            upstream = dg.build_output_context(name="result", asset_key=key, definition_metadata=METADATA)
            frame_type = dg.PythonObjectDagsterType(pd.DataFrame)
            manager.load_input(dg.build_input_context(asset_key=key, upstream_output=upstream, dagster_type=frame_type))

        def replace_all(content: pd.DataFrame) -> None:
            documents = cast("list[dict[str, Any]]", content.to_dict("records"))
            bare["upserts"].bulk_write(
                [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
            )

        def insert_encoded() -> None:
            bare["encoded"].insert_many(encoded, ordered=False)

        seconds: dict[str, list[float]] = {}

        def timed(name: str, action: Callable[[], object]) -> None:
            begin = time.perf_counter()
            action()
            seconds.setdefault(name, []).append(time.perf_counter() - begin)

        for _ in range(options.repeat):
            client.drop_database("measured")
            client.drop_database("bare")
            encoded = [RawBSONDocument(document) for document in encode_frame(frame, ["time"]).documents]
            timed("insert_many(to_dict)", lambda: bare["inserts"].insert_many(frame.to_dict("records")))
            timed("first write", lambda: write(frame))
            timed("insert of documents encoded beforehand", insert_encoded)
            bare["upserts"].insert_many(keyed.to_dict("records"))
            timed("bulk_write(ReplaceOne)", lambda: replace_all(keyed))
            timed("unchanged write", lambda: write(frame))
            timed("write with 1 % changed", lambda: write(changed))
            timed("DataFrame(list(find()))", lambda: pd.DataFrame(list(bare["inserts"].find())))
            timed("read", read)

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print("| IO manager | seconds | bare driver | seconds | ratio |\n| --- | --- | --- | --- | --- |")
    for ours, theirs in (
        ("first write", "insert_many(to_dict)"),
        ("first write", "insert of documents encoded beforehand"),
        ("unchanged write", "bulk_write(ReplaceOne)"),
        ("write with 1 % changed", "bulk_write(ReplaceOne)"),
        ("read", "DataFrame(list(find()))"),
    ):
        ratio = medians[theirs] / medians[ours]
        print(f"| {ours} | {medians[ours]:.2f} | {theirs} | {medians[theirs]:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
