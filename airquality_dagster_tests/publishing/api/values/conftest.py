"""Hours, days, months and years of two stations, and their API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openaq import OpenAQ
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.limits import RateLimit
from airquality_dagster_tests.publishing.api.conftest import network_of
from airquality_dagster_tests.publishing.api.https import openaq_client, running_https
from airquality_dagster_tests.publishing.api.values.stored_network import store_station
from airquality_dagster_tests.readings.series import ordinary

FIRST = datetime(2023, 3, 1, tzinfo=UTC)
ON_SITE = datetime(2023, 3, 4, tzinfo=UTC)
DAYS = 33
STUCK, UNJUDGED = 24 * 10, 24 * DAYS - 1
"""Numbers of hours: from one on PM2.5 is stuck for a day; the last was not judged yet."""


@pytest.fixture(scope="package")
def network() -> Network:
    deployments = [
        {"from": FIRST.date(), "kind": "indoor", "place": "Lab"},
        {"from": ON_SITE.date(), "kind": "street", "place": "Street"},
    ]
    names = ("station1", "station2")
    return network_of(
        stations=[
            {"name": name, "airqino_id": number, "deployments": deployments} for number, name in enumerate(names, 1)
        ]
    )


@pytest.fixture(scope="package")
def stored(mongodb_uri: str, network: Network) -> Iterator[Database[Any]]:
    """Both stations: three days indoors, a day with a stuck sensor, missing hours; the second is simulated."""
    with MongoClient[Any](mongodb_uri, tz_aware=True) as client:
        database = client["test_stored_values"]
        for seed, station in enumerate(network.stations):
            frame = ordinary(24 * DAYS, seed).assign(internal_temperature=300.0)
            frame["timestamp"] = pd.date_range(FIRST, periods=len(frame), freq="h")
            frame.loc[STUCK : STUCK + 23, "pm2_5"] = 20.5
            frame.loc[24 * 12 : 24 * 12 + 9, "co"] = np.nan
            if seed:
                frame["simulated"] = True
            frame = frame.drop(index=range(24 * 15, 24 * 15 + 5))
            store_station(database, network, station, frame)
            database[station.quality_asset].delete_one({"_id": FIRST + timedelta(hours=UNJUDGED)})
        yield database
        client.drop_database(database)


@pytest.fixture(scope="package")
def url(stored: Database[Any], network: Network) -> Iterator[str]:
    with running(open_data_app(network, stored)) as url:
        yield f"{url}/v3"


@pytest.fixture
def copied(stored: Database[Any], database: Database[Any]) -> Database[Any]:
    """The same documents, for tests that change some."""
    for name in stored.list_collection_names():
        database[name].insert_many(list(stored[name].find()))
    return database


@pytest.fixture
def copied_url(copied: Database[Any], network: Network) -> Iterator[str]:
    with running(open_data_app(network, copied)) as url:
        yield f"{url}/v3"


@pytest.fixture(scope="package")
def station(network: Network) -> Station:
    return network.station("station1")


@pytest.fixture(scope="package")
def pm2_5(network: Network, station: Station) -> int:
    return Catalogue(network).sensor_id(station, "pm2_5")


@pytest.fixture
def openaq_of(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAQ]]:
    """Serve a database, and return OpenAQ's client of it: ``openaq_of(database)``; answers say what it may ask."""
    with ExitStack() as stack:

        def serve(database: Database[Any], network: Network = network) -> OpenAQ:
            url, authority = stack.enter_context(running_https(RateLimit(open_data_app(network, database)), tmp_path))
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
            return stack.enter_context(openaq_client(url))

        yield serve


def valid_hours(database: Database[Any], station: Station, field: str) -> list[tuple[str, float]]:
    """Return the valid hours as MongoDB has them: starts and values."""
    levels = {one["_id"]: one[f"{field}_qc"] for one in database[station.quality_asset].find()}
    stored = database[station.raw_asset].find(sort=[("_id", 1)])
    return [(f"{one['_id']:%FT%TZ}", one[field]) for one in stored if levels.get(one["_id"], 9) <= 3]
