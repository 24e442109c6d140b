"""What the dashboard costs: seconds to draw it, its size, and seconds until a browser shows it.

Two stations with a year (the network of Abidjan) and fifty with ten years, of hours that are made up, then
flagged and aggregated as the assets do it, in an embedded MongoDB of a temporary folder. Needs Chromium.

    python benchmarks/dashboard.py --repeat 5
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, sync_playwright
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.network.pollutants import DATE, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.dashboard.build import build_dashboard
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import PERIOD, START, period_summaries

NOW = datetime(2026, 11, 1, tzinfo=UTC)
# Stations beyond these repeat their readings: that costs as much, and so far apart the compression does not notice it.
SEEDS = 10


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print("| network | drawn in, s | MiB | shown by a browser in, s | charts that one scrolls to, s |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder, embedded_mongod(Path(folder) / "mongodb") as uri:
        client: MongoClient[dict[str, Any]] = MongoClient(uri, tz_aware=True)
        for stations, years in ((2, 1), (50, 1), (50, 10)):
            network = network_of(stations)
            database = client[f"stations_{stations}_years_{years}"]
            store(database, network, years)
            path = Path(folder) / f"{stations}_{years}" / "index.html"
            seconds = [timed(partial(build_dashboard, database, network, path, NOW)) for _ in range(repeat)]
            client.drop_database(database.name)
            opened = [open_page(path) for _ in range(repeat)]
            cards, charts = (statistics.median(times) for times in zip(*opened, strict=True))
            print(
                f"| {stations} stations, {years} year{'s' if years > 1 else ''} | {statistics.median(seconds):.2f} | "
                f"{path.stat().st_size / 2**20:.2f} | {cards:.2f} | {charts:.2f} |",
                flush=True,
            )
        client.close()


def timed(work: Any) -> float:
    """Return the seconds that work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def network_of(stations: int) -> Network:
    """Return a network on a grid of places."""
    return Network.model_validate({
        "network": {"name": "Benchmark", "time_zone": "Africa/Abidjan", "first_month": "2016-11"},
        "stations": [
            {"name": f"station{n}", "airqino_id": n, "latitude": 5.3 + n % 10 / 50, "longitude": -4 + n // 10 / 50}
            for n in range(1, stations + 1)
        ],
    })  # fmt: skip


def store(database: Database[dict[str, Any]], network: Network, years: int) -> None:
    """Store the hours of a year, and days, months and years of all of them."""
    documents = [documents_of(made_up_hours(years, seed)) for seed in range(min(SEEDS, len(network.stations)))]
    for number, station in enumerate(network.stations):
        for name, rows in zip(_names(station), documents[number % SEEDS], strict=True):
            database[name].insert_many(rows)


def _names(station: Station) -> Sequence[str]:
    return station.raw_asset, station.quality_asset, station.aggregates_asset, station.summaries_asset


def documents_of(hours: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """Return the documents of a station's collections, made as its assets make them."""
    network = network_of(1)
    flagged = flag_hours(hours)
    daily = daily_aggregates(flagged, network.time_zone)
    summaries = period_summaries(daily, network.time_zone)
    keys = [{"period": row[PERIOD], "start": row[START].to_pydatetime()} for _, row in summaries.iterrows()]
    recent = hours[TIMESTAMP] > pd.Timestamp(NOW - timedelta(days=366))
    return [
        _rows(hours[recent].rename(columns={TIMESTAMP: "_id"})),
        _rows(hourly_quality(flagged)[recent.to_numpy()].rename(columns={TIMESTAMP: "_id"})),
        _rows(daily.rename(columns={DATE: "_id"})),
        _rows(summaries.drop(columns=[PERIOD, START]).assign(_id=pd.Series(keys, dtype=object))),
    ]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return plain.to_dict("records")  # type: ignore[return-value]


def made_up_hours(years: int, seed: int) -> pd.DataFrame:
    """Return hours with a daily cycle, noise, gaps, and weeks in which a sensor is stuck."""
    rng = np.random.default_rng(seed)
    hours = pd.date_range(end=pd.Timestamp(NOW) - timedelta(hours=1), periods=years * 8766, freq="h")
    count = len(hours)
    day = np.sin(np.arange(count) / 24 * 2 * np.pi)
    pm2_5 = 20 + 8 * day + rng.gamma(2, 4, count)
    frame = pd.DataFrame({
        TIMESTAMP: hours,
        "co": 1 + 0.3 * day + rng.normal(0, 0.05, count),
        "no2": 30 + 10 * day + rng.normal(0, 3, count),
        "o3": 50 - 20 * day + rng.normal(0, 3, count),
        "pm10": 1.8 * pm2_5,
        "pm2_5": pm2_5,
        "temperature": 27 + 3 * day + rng.normal(0, 0.5, count),
        "internal_temperature": 390 + rng.normal(0, 5, count),
        "relative_humidity": 70 - 10 * day + rng.normal(0, 2, count),
    })  # fmt: skip
    for begin in rng.integers(0, count, 10 * years):
        frame.loc[begin : begin + rng.integers(20, 300), "co"] = 0.5
    return frame[rng.random(count) > 0.02].reset_index(drop=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless browser."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


def open_page(path: Path) -> tuple[float, float]:
    """Return the seconds until the cards are there, and then until a chart is drawn that was scrolled to."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        begin = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        cards = time.perf_counter() - begin
        begin = time.perf_counter()
        page.locator("#figure-comparison-pm2_5").scroll_into_view_if_needed()
        page.wait_for_selector("#figure-comparison-pm2_5 .main-svg")
        return cards, time.perf_counter() - begin


if __name__ == "__main__":
    main()
