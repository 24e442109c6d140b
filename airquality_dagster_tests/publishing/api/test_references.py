"""Parameters, countries, owners, providers, instruments, manufacturers, licences."""

from typing import Any

import pytest
import requests
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.countries import countries
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import country_id, licence_id
from airquality_dagster_tests.publishing.api.conftest import get, hours, network_of, store

CI = country_id("CI")
LICENCE = licence_id("CC-BY-4.0")


def ids(url: str, kinds: str, **parameters: Any) -> list[int]:
    return [entry["id"] for entry in get(f"{url}/v3/{kinds}", **parameters)["results"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [1, 2, 3, 5, 98, 100, 90001, 90007]),
        ({"sort_order": "DESC", "limit": 2}, [90007, 90001]),
        ({"parameter_type": "pollutant"}, [1, 2, 3, 5, 90001]),
        ({"parameter_type": "meteorological"}, [98, 100]),
        ({"iso": "CI", "limit": 1}, [1]),
        ({"iso": "GH"}, []),
        ({"bbox": "0,0,1,1"}, []),
    ],
    ids=str,
)
def test_parameters_are_those_that_are_measured_there(
    url: str, parameters: dict[str, Any], expected: list[int]
) -> None:
    assert ids(url, "parameters", **parameters) == expected


def test_a_parameter_has_its_unit_and_a_description(url: str) -> None:
    assert get(f"{url}/v3/parameters/2")["results"] == [
        {
            "id": 2,
            "name": "pm25",
            "units": "µg/m³",
            "displayName": "PM2.5",
            "description": "Mass concentration of particles up to 2.5 µm",
        }
    ]


def test_the_country_is_that_of_the_stations_file(url: str) -> None:
    (country,) = get(f"{url}/v3/countries/{CI}")["results"]
    assert len(country.pop("parameters")) == 8
    assert country == {
        "id": CI,
        "code": "CI",
        "name": countries()["CI"],
        "datetimeFirst": "2023-06-01T00:00:00Z",
        "datetimeLast": "2023-06-04T00:00:00Z",
    }
    assert ids(url, "countries", parameters_id=2, providers_id=1) == [CI]
    assert ids(url, "countries", parameters_id=4) == ids(url, "countries", providers_id=2) == []


def test_the_provider_has_the_box_around_all_stations(url: str) -> None:
    (provider,) = get(f"{url}/v3/providers/1")["results"]
    assert len(provider.pop("parameters")) == 8
    west, south, east, north = -3.95893, 5.365316, -3.957837, 5.369298
    assert provider == {
        "id": 1,
        "name": "AirQino",
        "sourceName": "airqino",
        "exportPrefix": "",
        "datetimeAdded": "2023-06-01T00:00:00Z",
        "datetimeFirst": "2023-06-01T00:00:00Z",
        "datetimeLast": "2023-06-04T00:00:00Z",
        "entitiesId": 1,
        "bbox": {
            "type": "Polygon",
            "coordinates": [[[west, south], [west, north], [east, north], [east, south], [west, south]]],
        },
    }
    assert ids(url, "providers", monitor="false", iso="CI", bbox="-4,5,-3,6") == [1]
    assert ids(url, "providers", monitor="true") == ids(url, "providers", bbox="0,0,1,1") == []


def test_owner_instrument_manufacturer_and_licence(url: str) -> None:
    owner, instrument, manufacturer, licence = (
        get(f"{url}/v3/{kinds}")["results"] for kinds in ("owners", "instruments", "manufacturers", "licenses")
    )
    assert owner == [{"id": 1, "name": "Ville d’Abidjan"}]
    assert instrument == [
        {"id": 1, "name": "AirQino", "isMonitor": False, "manufacturer": {"id": 1, "name": "CNR-IBE"}}
    ]
    assert manufacturer == [{"id": 1, "name": "CNR-IBE", "instruments": [{"id": 1, "name": "AirQino"}]}]
    assert licence == [
        {
            "id": LICENCE,
            "name": "Creative Commons Attribution 4.0 International",
            "commercialUseAllowed": True,
            "attributionRequired": True,
            "shareAlikeRequired": False,
            "modificationAllowed": True,
            "redistributionAllowed": True,
            "sourceUrl": "https://creativecommons.org/licenses/by/4.0/",
            "x": {"spdx": "CC-BY-4.0"},
        }
    ]
    assert get(f"{url}/v3/manufacturers/1/instruments")["results"] == instrument


def test_a_network_that_says_nothing_of_itself_claims_nothing(database: Database[Any]) -> None:
    network = network_of(network={"name": "Bare", "time_zone": "UTC", "first_month": "2023-01"})
    with running(open_data_app(network, database)) as url:
        assert ids(url, "countries") == ids(url, "licenses") == []
        assert get(f"{url}/v3/owners")["results"] == [{"id": 1, "name": "Bare"}]
        (location, _) = get(f"{url}/v3/locations")["results"]
        assert (location["country"], location["licenses"]) == (None, [])
        assert ids(url, "providers", iso="CI") == []


def test_times_of_simulated_hours_are_marked(database: Database[Any], network: Network) -> None:
    store(database, network.station("station2"), hours(), simulated=True)
    with running(open_data_app(network, database)) as url:
        for path in ("countries", f"countries/{CI}", "providers", "providers/1"):
            assert get(f"{url}/v3/{path}")["meta"]["name"] == "SIMULATED DATA: Abidjan"
        for path in ("countries?parameters_id=4", "parameters", "owners"):
            assert get(f"{url}/v3/{path}")["meta"]["simulated"] is False


@pytest.mark.parametrize(
    ("kinds", "own"),
    [
        ("parameters", 2),
        ("countries", CI),
        ("owners", 1),
        ("providers", 1),
        ("instruments", 1),
        ("manufacturers", 1),
        ("licenses", LICENCE),
    ],
)
def test_each_entry_is_found_under_its_id_and_others_are_not(url: str, kinds: str, own: int) -> None:
    assert ids(url, f"{kinds}/{own}") == [own]
    response = requests.get(f"{url}/v3/{kinds}/77", timeout=60)
    assert response.status_code == 404
    assert response.json()["detail"].endswith(f"has the id 77: /v3/{kinds} lists all {kinds}.")


def test_the_description_of_the_api_needs_no_other_server(url: str) -> None:
    page = requests.get(f"{url}/docs", timeout=60)
    assert page.status_code == 200
    assert "http" not in page.text.lower().replace("http-equiv", "").replace("<!doctype html", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/static-offline-docs/{name}" in page.text
        assert requests.get(f"{url}/static-offline-docs/{name}", timeout=60).status_code == 200
