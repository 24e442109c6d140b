"""What a network's hours take in MongoDB as it grows, in three layouts.

    python -m benchmarks.growth --stations 1000

One year of simulated hours of each station (readings as the sandbox publishes them; of every twenty stations the
same) is inserted into an embedded mongod: a collection per station, as the platform does; one collection with the
station in `_id`; one time-series collection. Then flags and days of a hundred stations, made as the assets make them.
Prints Markdown tables: MiB of data and indexes on disk per station-year, seconds to insert, and milliseconds (medians)
of what a tick and an analyst ask: a station's month, a station's newest hour, an hour of all stations. The layouts are
measured on new servers, with a cache of 1 GiB.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from dagster_mongodb import ABSENT
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.mongod import find_mongod
from airquality_dagster.network.pollutants import DATE, SIMULATED, TIMESTAMP
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster_tests.processes import free_port

Document = dict[str, Any]
SEEDS = 20
NOW = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = {"$gte": datetime(2026, 9, 1, tzinfo=UTC), "$lt": datetime(2026, 10, 1, tzinfo=UTC)}
HOUR = datetime(2026, 9, 15, 12, tzinfo=UTC)
ASKED = 25


class Layout:
    """How hours are kept: a collection per station."""

    name = "a collection per station"

    def __init__(self, database: Database[Document], stations: int) -> None:
        self.database, self.stations = database, stations

    def create(self) -> None:
        """Make the collections that are not made by inserting."""

    def insert(self, station: int, hours: Sequence[Document]) -> None:
        """Insert a station's year."""
        self.hours(station).insert_many(hours, ordered=False)

    def hours(self, station: int) -> Collection[Document]:
        """Return the collection of a station's hours."""
        return self.database[f"raw_station{station}"]

    def month(self, station: int) -> int:
        """Read a station's month."""
        return len(list(self.hours(station).find({"_id": MONTH})))

    def newest(self, station: int) -> int:
        """Read a station's newest hour."""
        return len(list(self.hours(station).find({}, {"_id": True}).sort("_id", -1).limit(1)))

    def hour(self) -> int:
        """Read an hour of all stations."""
        return sum(len(list(self.hours(station).find({"_id": HOUR}))) for station in range(self.stations))


class OneCollection(Layout):
    """All stations in one collection, which could be sharded by station."""

    name = "one collection, station in `_id`"

    def create(self) -> None:
        """Make the index that an hour of all stations needs."""
        self.hours(0).create_index("_id.hour")

    def insert(self, station: int, hours: Sequence[Document]) -> None:
        """Insert a station's year."""
        keyed = [{**hour, "_id": {"station": station, "hour": hour["_id"]}} for hour in hours]
        self.hours(station).insert_many(keyed, ordered=False)

    def hours(self, station: int) -> Collection[Document]:
        """Return the collection."""
        return self.database["hours"]

    def month(self, station: int) -> int:
        """Read a station's month."""
        first, last = ({"station": station, "hour": MONTH[bound]} for bound in ("$gte", "$lt"))
        return len(list(self.hours(station).find({"_id": {"$gte": first, "$lt": last}})))

    def newest(self, station: int) -> int:
        """Read a station's newest hour."""
        below = {"$lt": {"station": station + 1}, "$gte": {"station": station}}
        return len(list(self.hours(station).find({"_id": below}, {"_id": True}).sort("_id", -1).limit(1)))

    def hour(self) -> int:
        """Read an hour of all stations."""
        return len(list(self.hours(0).find({"_id.hour": HOUR})))


class TimeSeries(OneCollection):
    """All stations in one time-series collection."""

    name = "one time-series collection"

    def create(self) -> None:
        """Make it."""
        options = {"timeField": TIMESTAMP, "metaField": "station", "granularity": "hours"}
        self.database.create_collection("hours", timeseries=options)
        self.hours(0).create_index([("station", 1), (TIMESTAMP, -1)])

    def insert(self, station: int, hours: Sequence[Document]) -> None:
        """Insert a station's year."""
        rows = [{TIMESTAMP: hour["_id"], "station": station, **without_id(hour)} for hour in hours]
        self.hours(station).insert_many(rows, ordered=False)

    def month(self, station: int) -> int:
        """Read a station's month."""
        return len(list(self.hours(station).find({"station": station, TIMESTAMP: MONTH})))

    def newest(self, station: int) -> int:
        """Read a station's newest hour."""
        found = self.hours(station).find({"station": station}, {TIMESTAMP: True}).sort(TIMESTAMP, -1).limit(1)
        return len(list(found))

    def hour(self) -> int:
        """Read an hour of all stations."""
        return len(list(self.hours(0).find({TIMESTAMP: HOUR})))


def without_id(document: Document) -> Document:
    """Return a document without its key."""
    return {name: value for name, value in document.items() if name != "_id"}


def documents_of(seed: int) -> dict[str, list[Document]]:
    """Return a year of a simulated station, made as the assets make it: raw, quality, aggregates."""
    start = NOW - timedelta(days=365)
    answer = SimulatedSource(seed=1).answer(900_000_000 + seed, start, NOW, NOW)
    parsed = parse_hourly_answer(answer, start=start, end=NOW, now=NOW)
    hours = hourly_frame([parsed], station_id=900_000_000 + seed, now=NOW + timedelta(days=9), absent=np.nan)
    flagged = flag_hours(hours)
    days = daily_aggregates(flagged, ZoneInfo("Africa/Abidjan"))
    return {
        "raw": rows(hours, TIMESTAMP),
        "quality": rows(hourly_quality(flagged, absent=ABSENT), TIMESTAMP),
        "aggregates": rows(days, DATE),
    }


def rows(frame: pd.DataFrame, key: str) -> list[Document]:
    """Return the documents of a frame."""
    plain = frame.rename(columns={key: "_id"}).drop(columns=SIMULATED, errors="ignore").astype(object)
    plain = plain.where(plain.notna(), None)
    records = plain.to_dict("records")
    return [{str(name): value for name, value in row.items() if value is not ABSENT} for row in records]


@contextmanager
def mongod(folder: Path) -> Iterator[MongoClient[Document]]:
    """Run a server with a cache of 1 GiB."""
    port = free_port()
    options = ["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "1", "--quiet"]
    process = subprocess.Popen(
        [find_mongod(), "--dbpath", folder, "--port", str(port), *options], stdout=subprocess.DEVNULL
    )
    try:
        with MongoClient("127.0.0.1", port, tz_aware=True, serverSelectionTimeoutMS=60_000) as client:
            client.admin.command("ping")
            yield client
    finally:
        process.terminate()
        process.wait(120)


def disk(database: Database[Document]) -> tuple[float, float]:
    """Return MiB of data and of indexes on disk, after a checkpoint."""
    database.client.admin.command("fsync")
    stats = database.command("dbStats")
    return stats["storageSize"] / 2**20, stats["indexSize"] / 2**20


def milliseconds(ask: Callable[[], int], times: int) -> float:
    """Return the median of what a question takes."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        if not ask():
            raise SystemExit("nothing was found")
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)


def start_seconds(folder: Path) -> float:
    """Return how long a server takes to start on its data."""
    begin = time.perf_counter()
    with mongod(folder):
        return time.perf_counter() - begin


def main() -> None:
    """Measure each layout and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=1000)
    stations = parser.parse_args().stations
    made = [documents_of(seed) for seed in range(min(SEEDS, stations))]
    hours = sum(len(made[station % SEEDS]["raw"]) for station in range(stations))
    print(f"{stations:,} stations, {hours:,} hours\n")
    print(
        "| layout | data, MiB a station-year | indexes | inserted in, s | a month, ms | newest hour, ms | "
        "an hour of all, ms | server starts in, s |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
        flush=True,
    )
    for kind in (Layout, OneCollection, TimeSeries):
        with tempfile.TemporaryDirectory() as folder:
            with mongod(Path(folder)) as client:
                layout = kind(client["airquality"], stations)
                print(f"| {layout.name} | {measured(layout, made)} |", end="", flush=True)
            print(f" {start_seconds(Path(folder)):.1f} |", flush=True)
    with tempfile.TemporaryDirectory() as folder, mongod(Path(folder)) as client:
        print("\n| collection | documents a year | data, MiB a station-year | indexes | without compression |")
        print("| --- | --- | --- | --- | --- |")
        for name in ("raw", "quality", "aggregates"):
            database = client[name]
            few = min(stations, 100)
            for station in range(few):
                database[f"{name}{station}"].insert_many([dict(row) for row in made[station % SEEDS][name]])
            data, indexes = disk(database)
            plain = database.command("dbStats")["dataSize"] / 2**20
            count = sum(len(made[station % SEEDS][name]) for station in range(few)) // few
            print(f"| {name} | {count:,} | {data / few:.2f} | {indexes / few:.2f} | {plain / few:.2f} |", flush=True)


def measured(layout: Layout, made: Sequence[dict[str, list[Document]]]) -> str:
    """Fill a layout and ask it."""
    layout.create()
    begin = time.perf_counter()
    for station in range(layout.stations):
        hours = [{**hour, "station_id": station} for hour in made[station % SEEDS]["raw"]]
        layout.insert(station, hours)
    seconds = time.perf_counter() - begin
    data, indexes = disk(layout.database)
    random = np.random.default_rng(0)
    chosen = iter(random.integers(0, layout.stations, 2 * ASKED).tolist())
    month = milliseconds(lambda: layout.month(next(chosen)), ASKED)
    newest = milliseconds(lambda: layout.newest(next(chosen)), ASKED)
    hour = milliseconds(layout.hour, 3)
    return (
        f"{data / layout.stations:.2f} | {indexes / layout.stations:.2f} | {seconds:.0f} | {month:.1f} | "
        f"{newest:.1f} | {hour:.0f}"
    )


if __name__ == "__main__":
    try:
        main()
    except PyMongoError as error:
        raise SystemExit(f"MongoDB: {error}") from error
