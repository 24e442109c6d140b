"""What the nightly comparisons of a network cost: 50 pairs of 11 stations, a year each, on a real mongod.

python -m benchmarks.comparison_cost --pairs 50 --days 365

The neighbours' days are stored, but for the last one, as in each night. All pairs are compared as the assets compare
them, parts and statements included; then once more, as in a night without news.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.assets.compared_pair import read_pair
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.network.neighbours import Neighbours
from airquality_dagster.network.pollutants import DATE, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.neighbour_days import FIRST_STATION, SECOND_STATION, neighbour_days

_BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
_SIDE_BY_SIDE = timedelta(days=28)
_SEED = 24
_KEYS = (DATE, FIRST_STATION, SECOND_STATION)


def network_of(pairs: int) -> Network:
    """Return a network of as few stations as have so many pairs, side by side at first and then each at its street."""
    count = next(number for number in range(2, 1000) if number * (number - 1) // 2 >= pairs)
    names = [f"s{number:02d}" for number in range(count)]
    apart = _BEGIN + _SIDE_BY_SIDE
    return Network.model_validate(
        {
            "network": {"name": "Simulated", "time_zone": "Africa/Abidjan", "first_month": f"{_BEGIN:%Y-%m}"},
            "stations": [
                {
                    "name": name,
                    "airqino_id": number + 1,
                    "deployments": [
                        {"from": _BEGIN.date(), "to": apart.date(), "kind": "colocation", "place": "Lab"},
                        {"from": apart.date(), "kind": "street", "place": f"Street {number}"},
                    ],
                }
                for number, name in enumerate(names)
            ],
            "pairs": [
                {"name": f"{first}_{second}", "first": first, "second": second}
                for first, second in islice(combinations(names, 2), pairs)
            ],
        }
    )


def store(database: Database[dict[str, Any]], network: Network, days: int, *, with_gases: bool) -> None:
    """Store hours, flags and the neighbours' days.

    Args:
        database: an empty one.
        network: the network.
        days: at the streets.
        with_gases: gases can be compared, too.
    """
    rng = np.random.default_rng(_SEED)
    hours = pd.date_range(_BEGIN, _BEGIN + _SIDE_BY_SIDE + timedelta(days=days), freq="h", inclusive="left")
    weather = pd.Series(rng.normal(0, 4, len(hours))).ewm(halflife=12).mean().to_numpy()
    day = np.sin(2 * np.pi * np.arange(len(hours)) / 24)
    frames = {}
    for station in network.stations:
        frame = _readings(rng, weather, day, with_gases=with_gases)
        _store_hours(database, station, frame, hours, [] if with_gases else ["no2"])
        frames[station.name] = frame.set_index(hours.rename(TIMESTAMP)).reset_index()
    dates = pd.date_range(_BEGIN + _SIDE_BY_SIDE, hours[-1], freq="D")[:-1]
    for pair in network.pairs:
        first, second = network.station(pair.first), network.station(pair.second)
        moves = Neighbours(first, second).moves(network.time_zone)
        found = neighbour_days(frames, {(first.name, second.name): moves}, dates)
        database[network.neighbours_asset].insert_many(
            {"_id": {name: row[name] for name in _KEYS}, **{str(name): row[name] for name in row if name not in _KEYS}}
            for row in found.to_dict("records")
        )


def _store_hours(
    database: Database[dict[str, Any]],
    station: Station,
    readings: pd.DataFrame,
    hours: pd.DatetimeIndex,
    cross_sensitive: Sequence[str],
) -> None:
    """Store the hours of a station and their flags."""
    names = list(map(str, readings))
    values = readings.astype(object).where(readings.notna(), None).to_numpy().tolist()
    moments = hours.to_pydatetime().tolist()
    database[station.raw_asset].insert_many(
        {"_id": at, **dict(zip(names, of_hour, strict=True))} for at, of_hour in zip(moments, values, strict=True)
    )
    at_street = {f"{name}_flags": ["cross_sensitive"] if name in cross_sensitive else [] for name in names}
    beside = {name: [*flags, "off_site"] for name, flags in at_street.items()}
    apart = _BEGIN + _SIDE_BY_SIDE
    database[station.quality_asset].insert_many({"_id": at, **(beside if at < apart else at_street)} for at in moments)


def _readings(rng: np.random.Generator, weather: np.ndarray, day: np.ndarray, *, with_gases: bool) -> pd.DataFrame:
    """Return the hours of a station: its own gain, offset, dust and noise.

    Without gases as in Abidjan: CO is missing, and O3 does not agree side by side.
    """
    count, dust = len(day), 12 * np.exp(0.15 * weather + 0.2 * day)
    own = pd.Series(rng.normal(0, 4, count)).ewm(halflife=3).mean().to_numpy()
    pm2_5 = rng.uniform(0.9, 1.2) * dust + rng.uniform(0, 3) + np.where(np.arange(count) < 24 * 28, 0, own)
    noise = rng.normal(0, 0.3, (count, 6))
    return pd.DataFrame(
        {
            "co": 0.4 + 0.02 * dust + 0.02 * noise[:, 0] if with_gases else np.nan,
            "no2": 20 + dust + noise[:, 1],
            "o3": 40 - dust + noise[:, 2] if with_gases else 40 + 5 * noise[:, 2],
            "pm10": 2 * pm2_5 + noise[:, 3],
            "pm2_5": pm2_5 + noise[:, 4],
            "temperature": 27 + 3 * day + weather + noise[:, 5],
            "relative_humidity": 80 - 8 * day - 3 * weather + noise[:, 0],
        }
    )


def seconds(work: Callable[[], object]) -> str:
    """Return how long some work takes, and how much of it this process works itself."""
    begin, own = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - begin:.1f} s, processor time {time.process_time() - own:.1f} s"


@click.command()
@click.option("--pairs", default=50, show_default=True, help="Pairs that are compared.")
@click.option("--days", default=365, show_default=True, help="Days at the streets.")
@click.option("--with-gases", is_flag=True, help="Gases can be compared, too; in Abidjan they cannot.")
def main(pairs: int, days: int, with_gases: bool) -> None:
    """Print how many seconds the comparisons of all pairs take."""
    network = network_of(pairs)
    now = _BEGIN + _SIDE_BY_SIDE + timedelta(days=days)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        uri = stack.enter_context(embedded_mongod(folder / "mongodb"))
        client = stack.enter_context(MongoClient[dict[str, Any]](uri, tz_aware=True))
        database = client["airquality"]
        store(database, network, days, with_gases=with_gases)
        every = seconds(lambda: [read_pair(database, network, pair, now).compared() for pair in network.pairs])
        unchanged = seconds(lambda: [read_pair(database, network, pair, now).digest for pair in network.pairs])
    click.echo(f"{pairs} pairs of {len(network.stations)} stations, {days} days")
    click.echo(f"compared: {every}")
    click.echo(f"read, and found as they were: {unchanged}")


if __name__ == "__main__":
    main()
