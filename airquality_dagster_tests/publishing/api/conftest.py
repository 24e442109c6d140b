"""Two stations with some hours, and their API behind a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import yaml
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.app import for_everyone, open_data_app
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster_tests.builders import PLAIN_STATIONS

FIRST = datetime(2023, 6, 1, tzinfo=UTC)
LAST = datetime(2023, 6, 3, 23, tzinfo=UTC)
"""Starts of the first and the newest hour."""
STATION1, STATION2 = 9411286, 15902704
"""Ids of the locations."""

CONTENT: dict[str, Any] = yaml.safe_load(PLAIN_STATIONS)
CONTENT["network"] |= {
    "country": "CI",
    "owner": "Ville d’Abidjan",
    "licence": "CC-BY-4.0",
    "contact": "https://example.org",
}


def network_of(**changes: Any) -> Network:
    return Network.model_validate(CONTENT | changes)


def hours(first: datetime = FIRST, last: datetime = LAST) -> list[datetime]:
    return [first + timedelta(hours=number) for number in range((last - first) // timedelta(hours=1) + 1)]


def store(database: Database[Any], station: Station, starts: list[datetime], **marks: Any) -> None:
    """Store hours, all valid: each reading is the number of its hour and a tenth of the place of its field."""
    documents = [
        {"_id": start} | {field: number + place / 10 for place, field in enumerate(BY_FIELD)} | marks
        for number, start in enumerate(starts)
    ]
    database[station.raw_asset].insert_many(documents)
    levels = {f"{field}_qc": 1 for field in BY_FIELD} | {f"{field}_flags": [] for field in BY_FIELD}
    database[station.quality_asset].insert_many([{"_id": start} | levels for start in starts])
    years = {"_id": {"period": "year", "start": datetime(2023, 1, 1, tzinfo=UTC)}}
    database[station.summaries_asset].insert_one(years | {f"{field}_valid_hours": len(starts) for field in BY_FIELD})


def flag(database: Database[Any], station: Station, field: str, since: datetime, level: int, *flags: str) -> None:
    database[station.quality_asset].update_many(
        {"_id": {"$gte": since}}, {"$set": {f"{field}_qc": level, f"{field}_flags": list(flags)}}
    )


@pytest.fixture(scope="session")
def network() -> Network:
    return network_of()


@pytest.fixture
def stored(database: Database[Any], network: Network) -> Database[Any]:
    """Hours of both stations, which the test may change."""
    return _stored(database, network)


@pytest.fixture
def own_url(stored: Database[Any], network: Network) -> Iterator[str]:
    """The API of what is in `stored`."""
    with running(open_data_app(network, stored)) as url:
        yield url


@pytest.fixture(scope="session")
def unchanged(mongodb_uri: str, network: Network) -> Iterator[Database[Any]]:
    """The same hours, which no test changes."""
    with MongoClient(mongodb_uri, tz_aware=True) as client:
        yield _stored(client["test_unchanged_hours"], network)
        client.drop_database("test_unchanged_hours")


@pytest.fixture(scope="session")
def url(unchanged: Database[Any], network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Page and API of what is in `unchanged`, as the public gets them."""
    api = for_everyone(open_data_app(network, unchanged))
    with running(dashboard_app(tmp_path_factory.mktemp("page") / "index.html", api=api)) as url:
        yield url


def get(url: str, **parameters: Any) -> dict[str, Any]:
    """Return the body of a good answer."""
    response = requests.get(url, params=parameters, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def _stored(database: Database[Any], network: Network) -> Database[Any]:
    for station in network.stations:
        store(database, station, hours())
    return database
