"""The newest value of each sensor: valid by default, published on request."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster_tests.publishing.api.conftest import (
    FIRST,
    LAST,
    STATION1,
    STATION2,
    flag,
    get,
    hours,
    store,
)

PM2_5 = STATION1 * 100 + 5


@pytest.fixture
def station(network: Network) -> Station:
    return network.station("station1")


def newest(url: str, sensor_id: int = PM2_5, **parameters: Any) -> dict[str, Any] | None:
    results = get(f"{url}/v3/locations/{sensor_id // 100}/latest", **parameters)["results"]
    return next((result for result in results if result["sensorsId"] == sensor_id), None)


def test_each_sensor_has_its_newest_value_at_the_end_of_its_hour(url: str) -> None:
    answer = get(f"{url}/v3/locations/{STATION1}/latest")
    assert answer["meta"]["found"] == len(BY_FIELD)
    assert [result["sensorsId"] for result in answer["results"]] == [STATION1 * 100 + number for number in range(1, 9)]
    assert [result["value"] for result in answer["results"]] == [71 + place / 10 for place in range(8)]
    assert answer["results"][4] == {
        "datetime": {"utc": "2023-06-04T00:00:00Z", "local": "2023-06-04T00:00:00+00:00"},
        "value": 71.4,
        "coordinates": {"latitude": 5.369298, "longitude": -3.95893},
        "flagInfo": {"hasFlags": False},
        "x": {"valid": True, "level": 1, "flags": [], "provisional": False, "simulated": False},
        "sensorsId": PM2_5,
        "locationsId": STATION1,
    }


def test_the_newest_value_of_a_parameter_is_given_for_each_location(url: str) -> None:
    answer = get(f"{url}/v3/parameters/2/latest")
    assert [(result["locationsId"], result["value"]) for result in answer["results"]] == [
        (STATION1, 71.4),
        (STATION2, 71.4),
    ]
    assert get(f"{url}/v3/parameters/2/latest", limit=1, page=2)["results"] == answer["results"][1:]


@pytest.mark.parametrize("name", ["off_site", "stuck"])
def test_what_is_not_valid_is_published_with_its_flags_but_never_the_newest_valid_value(
    own_url: str, stored: Database[Any], station: Station, name: str
) -> None:
    flag(stored, station, "pm2_5", LAST - timedelta(hours=9), 4, name)
    valid, published = newest(own_url), newest(own_url, values="published")
    assert valid is not None
    assert published is not None
    assert (valid["value"], valid["datetime"]["utc"]) == (61.4, "2023-06-03T14:00:00Z")
    assert published["value"] == 71.4
    assert published["flagInfo"] == {"hasFlags": True}
    assert published["x"] == {"valid": False, "level": 4, "flags": [name], "provisional": False, "simulated": False}


def test_suspect_values_are_valid_and_say_why_they_are_suspect(
    own_url: str, stored: Database[Any], station: Station
) -> None:
    flag(stored, station, "pm2_5", LAST, 3, "unconfirmed")
    result = newest(own_url)
    assert result is not None
    assert (result["value"], result["flagInfo"]["hasFlags"]) == (71.4, True)
    assert result["x"] == {
        "valid": True,
        "level": 3,
        "flags": ["unconfirmed"],
        "provisional": False,
        "simulated": False,
    }


def test_an_hour_that_was_not_judged_yet_is_published_but_not_valid(
    own_url: str, stored: Database[Any], station: Station
) -> None:
    stored[station.quality_asset].delete_one({"_id": LAST})
    stored[station.raw_asset].update_one({"_id": LAST}, {"$set": {"provisional": True}})
    valid, published = newest(own_url), newest(own_url, values="published")
    assert valid is not None
    assert published is not None
    assert valid["value"] == 70.4
    assert published["x"] == {"valid": False, "level": None, "flags": [], "provisional": True, "simulated": False}


def test_a_reading_that_is_null_or_withdrawn_is_no_newest_value(
    own_url: str, stored: Database[Any], station: Station
) -> None:
    stored[station.raw_asset].update_many({"_id": {"$gte": LAST}}, {"$set": {"pm2_5": None}, "$unset": {"co": 1}})
    published = newest(own_url, values="published")
    assert published is not None
    assert published["value"] == 70.4
    # The flags of its former value are still there.
    assert newest(own_url) is None
    assert newest(own_url, STATION1 * 100 + 1) is None


def test_newest_values_are_looked_for_in_30_days(database: Database[Any], network: Network, station: Station) -> None:
    store(database, station, [LAST - timedelta(days=30, hours=1), LAST - timedelta(days=30), LAST])
    flag(database, station, "pm2_5", LAST, 4, "stuck")
    flag(database, station, "co", LAST - timedelta(days=30), 4, "stuck")
    with running(open_data_app(network, database)) as url:
        assert newest(url) is None
        assert newest(url, STATION1 * 100 + 1) is None
        flag(database, station, "pm2_5", LAST - timedelta(days=30), 4, "stuck")
        assert get(f"{url}/v3/locations/{STATION1}/latest")["meta"]["found"] == 6


def test_datetime_min_leaves_out_what_ended_before(own_url: str, stored: Database[Any], station: Station) -> None:
    flag(stored, station, "pm2_5", LAST, 4, "stuck")
    assert newest(own_url, datetime_min="2023-06-03T22:59:59Z") is not None
    assert newest(own_url, datetime_min="2023-06-03T23:00:00Z") is None
    assert newest(own_url, datetime_min="9999-12-31") is None


def test_a_network_without_hours_has_no_newest_values(database: Database[Any], network: Network) -> None:
    with running(open_data_app(network, database)) as url:
        for path in (f"locations/{STATION1}", "parameters/2"):
            assert get(f"{url}/v3/{path}/latest")["results"] == []


def test_coordinates_are_where_the_station_stood(database: Database[Any]) -> None:
    network = load_network()
    store(database, network.station("station1"), hours())
    store(database, network.station("station2"), hours(FIRST.replace(month=3), LAST.replace(month=3)))
    with running(open_data_app(network, database)) as url:
        at_its_street, beside_another = get(f"{url}/v3/parameters/2/latest", values="published")["results"]
    assert at_its_street["coordinates"] == {"latitude": 5.369298, "longitude": -3.95893}
    assert beside_another["coordinates"] is None


def test_simulated_values_are_marked_each_and_together(
    database: Database[Any], network: Network, station: Station
) -> None:
    store(database, station, hours())
    store(database, network.station("station2"), hours(), simulated=True)
    with running(open_data_app(network, database)) as url:
        answer = get(f"{url}/v3/parameters/2/latest")
        assert answer["meta"]["name"].startswith("SIMULATED DATA")
        assert [result["x"]["simulated"] for result in answer["results"]] == [False, True]
        assert get(f"{url}/v3/locations/{STATION1}/latest")["meta"]["simulated"] is False


@pytest.mark.parametrize("path", ["locations/7/latest", "parameters/4/latest", "locations/7/sensors", "sensors/7"])
def test_newest_values_and_sensors_of_nothing_are_not_found(url: str, path: str) -> None:
    response = requests.get(f"{url}/v3/{path}", timeout=60)
    assert response.status_code == 404
    assert "has the id" in response.json()["detail"]


def test_a_sensor_has_its_coverage_and_newest_valid_value(
    own_url: str, stored: Database[Any], station: Station
) -> None:
    flag(stored, station, "pm2_5", LAST, 4, "stuck")
    stored[station.summaries_asset].update_one({}, {"$set": {"pm2_5_valid_hours": 71}})
    sensors = get(f"{own_url}/v3/locations/{STATION1}/sensors")
    assert sensors["meta"]["found"] == len(BY_FIELD)
    assert get(f"{own_url}/v3/sensors/{PM2_5}")["results"] == [sensors["results"][4]]
    first = {"utc": "2023-06-01T00:00:00Z", "local": "2023-06-01T00:00:00+00:00"}
    last = {"utc": "2023-06-04T00:00:00Z", "local": "2023-06-04T00:00:00+00:00"}
    assert sensors["results"][4] == {
        "id": PM2_5,
        "name": "pm25 µg/m³",
        "parameter": {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": "PM2.5"},
        "datetimeFirst": first,
        "datetimeLast": last,
        "coverage": {
            "expectedCount": 72,
            "expectedInterval": "72:00:00",
            "observedCount": 71,
            "observedInterval": "71:00:00",
            "percentComplete": 98,
            "percentCoverage": 98,
            "datetimeFrom": first,
            "datetimeTo": last,
        },
        "latest": {
            "datetime": {"utc": "2023-06-03T23:00:00Z", "local": "2023-06-03T23:00:00+00:00"},
            "value": 70.4,
            "coordinates": {"latitude": 5.369298, "longitude": -3.95893},
            "flagInfo": {"hasFlags": False},
            "x": {"valid": True, "level": 1, "flags": [], "provisional": False, "simulated": False},
        },
        "summary": None,
        "x": {"simulated": False},
    }


def test_a_sensor_without_hours_has_no_coverage(database: Database[Any], network: Network) -> None:
    with running(open_data_app(network, database)) as url:
        (sensor,) = get(f"{url}/v3/sensors/{PM2_5}")["results"]
    assert [sensor[name] for name in ("datetimeFirst", "datetimeLast", "coverage", "latest")] == [None] * 4
