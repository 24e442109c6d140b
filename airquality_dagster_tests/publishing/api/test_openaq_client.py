"""OpenAQ's published client, unchanged, with another base URL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openaq import OpenAQ
from openaq.core.exceptions import NotFoundError
from pymongo.database import Database

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.app import for_everyone, open_data_app
from airquality_dagster.publishing.api.ids import country_id, licence_id
from airquality_dagster_tests.publishing.api.conftest import FIRST, STATION1, STATION2, network_of, store
from airquality_dagster_tests.publishing.api.https import openaq_client, running_https

PLACE = (5.369298, -3.95893)


@pytest.fixture(scope="module")
def served(
    unchanged: Database[Any], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    app = for_everyone(open_data_app(network, unchanged))
    with running_https(app, tmp_path_factory.mktemp("certificates")) as served:
        yield served


@pytest.fixture
def openaq(served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAQ]:
    url, authority = served
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with openaq_client(url) as client:
        yield client


def test_it_walks_from_locations_to_sensors_to_newest_values(openaq: OpenAQ, unchanged: Database[Any]) -> None:
    found = openaq.locations.list()
    assert [location.name for location in found.results] == ["station1", "station2"]
    assert found.meta.found == 2
    assert found.headers.x_ratelimit_remaining > 0
    for location in found.results:
        assert openaq.locations.get(location.id).results == [location]
        sensors = openaq.locations.sensors(location.id).results
        assert [sensor.id for sensor in sensors] == [sensor.id for sensor in location.sensors]
        newest = {value.sensors_id: value for value in openaq.locations.latest(location.id).results}
        document = unchanged[f"raw_{location.name}"].find_one(sort=[("_id", -1)])
        assert document is not None
        for sensor, field in zip(sensors, BY_FIELD, strict=True):
            (alone,) = openaq.sensors.get(sensor.id).results
            assert alone == sensor
            assert sensor.latest is not None
            assert newest[sensor.id].value == sensor.latest.value == document[field]
            assert newest[sensor.id].datetime == sensor.latest.datetime == location.datetime_last
            assert newest[sensor.id].locations_id == location.id


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"limit": 1, "page": 2}, [STATION2]),
        ({"radius": 100, "coordinates": PLACE}, [STATION1]),
        ({"bbox": (-3.958, 5.36, -3.957, 5.37)}, [STATION2]),
        ({"providers_id": 1, "instruments_id": [1, 2], "manufacturers_id": 1}, [STATION1, STATION2]),
        ({"owners_id": 2}, []),
        ({"countries_id": country_id("CI"), "parameters_id": [2, 1]}, [STATION1, STATION2]),
        ({"licenses_id": licence_id("CC-BY-4.0")}, [STATION1, STATION2]),
        ({"iso": "CI", "monitor": False, "mobile": False}, [STATION1, STATION2]),
        ({"order_by": "id", "sort_order": "desc"}, [STATION2, STATION1]),
    ],
    ids=str,
)
def test_all_its_filters_of_locations_are_understood(
    openaq: OpenAQ, filters: dict[str, Any], expected: list[int]
) -> None:
    assert [location.id for location in openaq.locations.list(**filters).results] == expected


def test_it_reads_what_stands_behind_the_locations(openaq: OpenAQ) -> None:
    everywhere: dict[str, Any] = {"coordinates": PLACE, "radius": 25_000, "iso": "CI"}
    (pollutant, *_) = openaq.parameters.list(parameter_type="pollutant", sort_order="asc", **everywhere).results
    assert openaq.parameters.get(pollutant.id).results == [pollutant]
    (country,) = openaq.countries.list(parameters_id=2, providers_id=1).results
    assert openaq.countries.get(country.id).results == [country]
    assert len(country.parameters) == len(BY_FIELD)
    (provider,) = openaq.providers.list(parameters_id=2, monitor=False, **everywhere).results
    assert openaq.providers.get(provider.id).results == [provider]
    assert provider.bbox is not None
    for resource in (openaq.owners, openaq.instruments, openaq.manufacturers, openaq.licenses):
        (entry,) = resource.list(limit=10, page=1, order_by="id", sort_order="asc").results
        assert resource.get(entry.id).results == [entry]
    (manufacturer,) = openaq.manufacturers.list().results
    assert openaq.manufacturers.instruments(manufacturer.id).results == openaq.instruments.list().results
    assert len(openaq.parameters.latest(pollutant.id).results) == 2


def test_what_is_not_there_is_its_not_found_error(openaq: OpenAQ) -> None:
    with pytest.raises(NotFoundError):
        openaq.locations.get(7)


@pytest.mark.long
def test_it_walks_a_network_of_a_hundred_stations(
    database: Database[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stations = [
        {"name": f"s{number}", "airqino_id": number, "latitude": 5 + number / 1000, "longitude": -4}
        for number in range(1, 101)
    ]
    network = network_of(stations=stations)
    for station in network.stations:
        store(database, station, [FIRST])
    with running_https(for_everyone(open_data_app(network, database)), tmp_path) as (url, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with openaq_client(url) as openaq:
            pages = [openaq.locations.list(limit=30, page=page).results for page in (1, 2, 3, 4, 5)]
            assert [len(page) for page in pages] == [30, 30, 30, 10, 0]
            locations = [location for page in pages for location in page]
            assert {location.name for location in locations} == {station.name for station in network.stations}
            assert len({location.id for location in locations}) == 100
            newest = openaq.parameters.latest(2).results
            assert {value.locations_id for value in newest} == {location.id for location in locations}
