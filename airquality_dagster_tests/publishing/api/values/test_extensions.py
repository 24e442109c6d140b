"""Additions to OpenAQ's API: quality, forecast, deployments, comparisons."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.extensions import REASONS
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.readings import forecast
from airquality_dagster.readings.comparison import VERSION
from airquality_dagster_tests.publishing.api.conftest import get, network_of
from airquality_dagster_tests.publishing.api.values.conftest import STUCK
from airquality_dagster_tests.stored_pair import pair_of_stations

ORIGIN = datetime(2023, 4, 2, 23, tzinfo=UTC)


@pytest.fixture(scope="package")
def location_id(network: Network, station: Station) -> int:
    return Catalogue(network).location_id(station)


def test_quality_has_flags_and_indices_of_all_readings_of_an_hour(
    url: str, stored: Database[Any], station: Station, location_id: int
) -> None:
    hours = get(f"{url}/x/locations/{location_id}/quality", limit=1000)["results"]
    documents = list(stored[station.quality_asset].find().sort("_id", 1))
    assert [one["period"]["datetimeFrom"]["utc"] for one in hours] == [f"{one['_id']:%FT%TZ}" for one in documents]
    for hour, document in zip(hours, documents, strict=True):
        assert [(one["level"], one["flags"]) for one in hour["sensors"]] == [
            (document[name], document.get(name.replace("_qc", "_flags"), []))
            for name in document
            if name.endswith("_qc")
        ]
        assert all(one["valid"] is (one["level"] <= 3) for one in hour["sensors"])
        assert (hour["eaqi"], hour["eaqiWithheld"]) == (document["eaqi"], document["eaqi_withheld"])
        assert hour["nowcast"] == {"pm25": document["pm2_5_nowcast"], "pm10": document["pm10_nowcast"]}
    stuck = hours[STUCK]
    assert stuck["eaqiParameter"] == "no2"
    assert [one["flags"] for one in stuck["sensors"] if one["parameter"] == "pm25"] == [["stuck"]]
    assert stuck["sensors"][4]["sensorsId"] == location_id * 100 + 5


def store_forecast(database: Database[Any], station: Station, **fields: Any) -> None:
    for hours_ahead in (2, 1):
        database[station.forecast_asset].insert_one(
            {
                "_id": {"origin": ORIGIN, "hours_ahead": hours_ahead},
                "target": ORIGIN + timedelta(hours=hours_ahead),
                "made_at": ORIGIN + timedelta(hours=1, minutes=5),
                **{f"pm10_{name}": None for name in ("p10", "p50", "p90", "method", "withheld")},
                **fields,
            }
        )


def test_a_forecast_has_its_uncertainty_and_what_is_withheld_says_why(
    copied_url: str, copied: Database[Any], station: Station, location_id: int
) -> None:
    published = {"pm2_5_p10": 8.1, "pm2_5_p50": 10.2, "pm2_5_p90": 13.3, "pm2_5_method": "model"}
    kept = {"co_withheld": "loses_to_persistence", "co_model_p50": 0.4}
    store_forecast(copied, station, **published, **kept)
    rows = get(f"{copied_url}/x/locations/{location_id}/forecast")["results"]
    assert [(one["parameter"]["name"], one["hoursAhead"]) for one in rows] == [
        (name, hours) for name in ("pm25", "pm10", "co") for hours in (1, 2)
    ]
    assert rows[0] == {
        "sensorsId": location_id * 100 + 5,
        "parameter": {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": "PM2.5"},
        "origin": {"utc": "2023-04-02T23:00:00Z", "local": "2023-04-02T23:00:00+00:00"},
        "madeAt": {"utc": "2023-04-03T00:05:00Z", "local": "2023-04-03T00:05:00+00:00"},
        "hoursAhead": 1,
        "period": {
            "label": "1hour",
            "interval": "01:00:00",
            "datetimeFrom": {"utc": "2023-04-03T00:00:00Z", "local": "2023-04-03T00:00:00+00:00"},
            "datetimeTo": {"utc": "2023-04-03T01:00:00Z", "local": "2023-04-03T01:00:00+00:00"},
        },
        "p10": 8.1,
        "p50": 10.2,
        "p90": 13.3,
        "method": "model",
        "withheld": None,
        "reason": None,
        "simulated": False,
    }
    withheld = rows[4]
    assert (withheld["p10"], withheld["p50"], withheld["p90"]) == (None, None, None)
    assert withheld["withheld"] == "loses_to_persistence"
    assert withheld["reason"] == "Over the last seven days, the model was worse than to say: as now."


def test_a_forecast_from_simulated_hours_is_marked(
    copied_url: str, copied: Database[Any], station: Station, location_id: int
) -> None:
    store_forecast(copied, station, simulated=True)
    answer = get(f"{copied_url}/x/locations/{location_id}/forecast")
    assert answer["meta"]["name"].startswith("SIMULATED DATA")
    assert all(one["simulated"] for one in answer["results"])


def test_every_reason_why_nothing_is_forecast_has_words() -> None:
    names = ("NO_MODEL", "TOO_LITTLE_HISTORY", "TOO_FEW_RECENT_HOURS", "NOT_VALID", "LOSES_TO_PERSISTENCE")
    assert {getattr(forecast, name) for name in names} == REASONS.keys()


def test_a_station_without_forecasts_has_none(url: str, location_id: int) -> None:
    assert get(f"{url}/x/locations/{location_id}/forecast")["results"] == []


def test_deployments_say_when_the_station_stood_where_and_whether_that_was_outdoors(database: Database[Any]) -> None:
    network = load_network()
    location_id = Catalogue(network).location_id(network.station("station1"))
    with running(open_data_app(network, database)) as url:
        rows = get(f"{url}/v3/x/locations/{location_id}/deployments")["results"]
    assert [one["isOutdoor"] for one in rows] == [False] * 5 + [True]
    evidence = rows[-1].pop("attributes")["evidence"]
    assert evidence.startswith("published: place")
    assert rows[-1] == {
        "datetimeFrom": {"utc": "2023-05-06T00:00:00Z", "local": "2023-05-06T00:00:00+00:00"},
        "datetimeTo": None,
        "place": "Pharmacie du Bonheur",
        "kind": "street",
        "surface": "paved",
        "isOutdoor": True,
        "coordinates": {"latitude": 5.369298, "longitude": -3.95893},
        "airqinoId": 283164601,
    }


@pytest.fixture
def paired(database: Database[Any]) -> Network:
    """A pair with the comparison of a pollutant, of all hours and of a month."""
    network = network_of(**pair_of_stations())
    difference = {"mean": 3.1, "low": 1.7, "high": 4.5, "median": 3.0, "detectable": 1.9, "block_days": 7}
    shared = {
        "from": ORIGIN,
        "to": ORIGIN + timedelta(days=200),
        "hours": 4800,
        "days": 200,
        "difference_one_scale": difference,
        "version": VERSION,
    }
    window = {"from": ORIGIN, "to": ORIGIN, "slope": 1.14, "points": [[1.0, 2.0]]}
    whole = {"valid_statement": "It is higher.", "withheld": None, "colocation": window, "inputs": "digest"}
    rows = [
        {"_id": {"pollutant": "pm2_5", "period": "all", "part": "all"}, **shared, **whole, "simulated": True},
        {"_id": {"pollutant": "pm2_5", "period": "month", "part": "2023-05"}, **shared},
        {"_id": {"pollutant": "pm10", "period": "all", "part": "all"}, **shared, **whole, "version": VERSION - 1},
    ]
    database["paving_comparison"].insert_many(rows)
    return network


def test_a_comparison_says_what_may_be_said_of_its_pair(database: Database[Any], paired: Network) -> None:
    with running(open_data_app(paired, database)) as url:
        (pair,) = get(f"{url}/v3/x/comparisons")["results"]
        assert (pair["name"], pair["question"]) == ("paving", "What does paving do?")
        assert [pair[end]["name"] for end in ("first", "second")] == ["paved", "unpaved"]
        answer = get(f"{url}/v3/x/comparisons/paving")
        (month,) = get(f"{url}/v3/x/comparisons/paving", period="month")["results"]
    # That of PM10 is of another version of the method.
    (whole,) = answer["results"]
    assert answer["meta"]["name"].startswith("SIMULATED DATA")
    assert whole["simulated"] is True
    assert (whole["parameter"]["name"], whole["period"], whole["part"]) == ("pm25", "all", "all")
    assert whole["datetimeFrom"]["utc"] == "2023-04-02T23:00:00Z"
    assert whole["details"]["validStatement"] == "It is higher."
    assert whole["details"]["differenceOneScale"]["blockDays"] == 7
    assert whole["details"]["colocation"]["from"]["utc"] == "2023-04-02T23:00:00Z"
    assert "points" not in whole["details"]["colocation"]
    assert "inputs" not in whole["details"]
    assert (month["part"], month["simulated"]) == ("2023-05", False)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("comparisons/nothing", 404),
        ("comparisons/$where", 422),
        ("comparisons/" + "a" * 61, 422),
        ("comparisons/paving?period=%24gt", 422),
        ("locations/7/quality", 404),
        ("locations/7/forecast", 404),
        ("locations/7/deployments", 404),
        ("locations/0/forecast", 422),
    ],
)
def test_what_is_not_there_is_not_found(url: str, path: str, status: int) -> None:
    assert requests.get(f"{url}/x/{path}", timeout=60).status_code == status
