"""``/v3/locations``: the stations."""

from typing import Any

import pytest
import requests
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.countries import countries
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import country_id, licence_id
from airquality_dagster_tests.publishing.api.conftest import (
    FIRST,
    LAST,
    STATION1,
    STATION2,
    get,
    hours,
    network_of,
    store,
)


def ids(url: str, **parameters: Any) -> list[int]:
    return [location["id"] for location in get(f"{url}/v3/locations", **parameters)["results"]]


def test_a_location_is_a_station_with_its_hours_place_and_licence(url: str) -> None:
    answer = get(f"{url}/v3/locations/{STATION1}")
    assert answer["meta"]["found"] == 1
    (location,) = answer["results"]
    sensors = location.pop("sensors")
    assert location == {
        "id": STATION1,
        "name": "station1",
        "locality": "Abidjan",
        "timezone": "Africa/Abidjan",
        "country": {"id": 61, "code": "CI", "name": countries()["CI"]},
        "owner": {"id": 1, "name": "Ville d’Abidjan"},
        "provider": {"id": 1, "name": "AirQino"},
        "isMobile": False,
        "isMonitor": False,
        "instruments": [{"id": 1, "name": "AirQino"}],
        "coordinates": {"latitude": 5.369298, "longitude": -3.95893},
        "licenses": [
            {
                "id": licence_id("CC-BY-4.0"),
                "name": "Creative Commons Attribution 4.0 International",
                "attribution": {"name": "Ville d’Abidjan", "url": "https://example.org"},
                "dateFrom": None,
                "dateTo": None,
            }
        ],
        "bounds": [-3.95893, 5.369298, -3.95893, 5.369298],
        "distance": None,
        "datetimeFirst": {"utc": "2023-06-01T00:00:00Z", "local": "2023-06-01T00:00:00+00:00"},
        "datetimeLast": {"utc": "2023-06-04T00:00:00Z", "local": "2023-06-04T00:00:00+00:00"},
        "x": {
            "label": "SMART188",
            "airqinoId": 283164601,
            "place": "",
            "kind": None,
            "surface": "",
            "simulated": False,
        },
    }
    assert [(sensor["id"], sensor["name"]) for sensor in sensors][3:5] == [
        (STATION1 * 100 + 4, "pm10 µg/m³"),
        (STATION1 * 100 + 5, "pm25 µg/m³"),
    ]
    assert sensors[0]["parameter"] == {"id": 90001, "name": "co", "units": "mg/m³", "displayName": "CO"}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [STATION1, STATION2]),
        ({"sort_order": "desc"}, [STATION2, STATION1]),
        ({"limit": 1}, [STATION1]),
        ({"limit": 1, "page": 2}, [STATION2]),
        ({"limit": 1, "page": 3}, []),
        ({"iso": "ci"}, [STATION1, STATION2]),
        ({"iso": "GH"}, []),
        ({"countries_id": country_id("CI")}, [STATION1, STATION2]),
        ({"countries_id": country_id("GH")}, []),
        ({"countries_id": f"{country_id('GH')},{country_id('CI')}"}, [STATION1, STATION2]),
        ({"parameters_id": 2}, [STATION1, STATION2]),
        ({"parameters_id": [4, 2]}, [STATION1, STATION2]),
        ({"parameters_id": 4}, []),
        ({"providers_id": 2}, []),
        ({"owner_contacts_id": 2}, []),
        ({"licenses_id": licence_id("CC-BY-4.0")}, [STATION1, STATION2]),
        ({"licenses_id": licence_id("CC0-1.0")}, []),
        ({"instruments_id": "1"}, [STATION1, STATION2]),
        ({"manufacturers_id": "2"}, []),
        ({"monitor": "true"}, []),
        ({"monitor": "false", "mobile": "false"}, [STATION1, STATION2]),
        ({"mobile": "true"}, []),
        ({"bbox": "-3.958,5.36,-3.957,5.37"}, [STATION2]),
        ({"coordinates": "5.369298,-3.95893", "radius": 100}, [STATION1]),
        ({"of_no_meaning": "x"}, [STATION1, STATION2]),
    ],
    ids=str,
)
def test_locations_are_selected_ordered_and_paged(url: str, parameters: dict[str, Any], expected: list[int]) -> None:
    assert ids(url, **parameters) == expected


def test_a_circle_gives_distances_in_metres(url: str) -> None:
    near, far = get(f"{url}/v3/locations", coordinates="5.369298,-3.95893", radius=1000)["results"]
    assert near["distance"] == 0
    assert far["distance"] == pytest.approx(459, abs=1)


def test_a_station_without_hours_or_position_is_a_location(database: Database[Any]) -> None:
    network = network_of(stations=[{"name": "new", "airqino_id": 1}])
    with running(open_data_app(network, database)) as url:
        (location,) = get(f"{url}/v3/locations")["results"]
        assert [location[name] for name in ("coordinates", "bounds", "datetimeFirst", "datetimeLast")] == [None] * 4
        assert ids(url, bbox="-180,-90,180,90") == []


def test_the_place_is_that_of_the_deployment_at_the_newest_hour(database: Database[Any]) -> None:
    network = load_network()
    store(database, network.station("station1"), hours())
    store(database, network.station("station2"), hours(FIRST.replace(month=3), LAST.replace(month=3)))
    with running(open_data_app(network, database)) as url:
        at_its_street, beside_another = get(f"{url}/v3/locations")["results"]
    assert at_its_street["x"] | {"label": ""} == {
        "label": "",
        "airqinoId": 283164601,
        "place": "Pharmacie du Bonheur",
        "kind": "street",
        "surface": "paved",
        "simulated": False,
    }
    assert beside_another["x"]["kind"] == "colocation"
    assert at_its_street["licenses"] == []


def test_simulated_stations_are_marked(database: Database[Any], network: Network) -> None:
    store(database, network.station("station1"), hours())
    store(database, network.station("station2"), hours(), simulated=True)
    with running(open_data_app(network, database)) as url:
        answer = get(f"{url}/v3/locations")
        assert answer["meta"]["name"] == "SIMULATED DATA: Abidjan"
        assert [location["x"]["simulated"] for location in answer["results"]] == [False, True]
        assert get(f"{url}/v3/locations/{STATION1}")["meta"]["simulated"] is False


@pytest.mark.parametrize("location_id", [7, 2**31 - 1])
def test_an_unknown_location_is_not_found(url: str, location_id: int) -> None:
    response = requests.get(f"{url}/v3/locations/{location_id}", timeout=60)
    assert response.status_code == 404
    assert response.json() == {"detail": f"No location has the id {location_id}: /v3/locations lists all locations."}


@pytest.mark.parametrize("location_id", ["0", "-1", str(2**31), "station1", "1.5"])
def test_what_is_no_id_is_refused(url: str, location_id: str) -> None:
    response = requests.get(f"{url}/v3/locations/{location_id}", timeout=60)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["path", "locations_id"]


def test_a_refused_parameter_is_named_without_its_value(url: str) -> None:
    response = requests.get(f"{url}/v3/locations", params={"limit": "9" * 5000}, timeout=60)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "limit"]
    assert len(response.content) < 500
