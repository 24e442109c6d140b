"""Days, months and years of a sensor."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster_tests.publishing.api.conftest import get, network_of
from airquality_dagster_tests.publishing.api.values.conftest import valid_hours
from airquality_dagster_tests.publishing.api.values.stored_network import store_station
from airquality_dagster_tests.readings.series import ordinary


def test_a_day_has_a_summary_of_its_valid_hours(
    url: str, stored: Database[Any], network: Network, station: Station
) -> None:
    sensor_id = Catalogue(network).sensor_id(station, "co")
    assert get(f"{url}/sensors/{sensor_id}/days", date_from="2023-03-13", date_to="2023-03-13")["results"] == []
    (day,) = get(f"{url}/sensors/{sensor_id}/days", date_from="2023-03-16", date_to="2023-03-16")["results"]
    values = [value for hour, value in valid_hours(stored, station, "co") if "2023-03-16" <= hour < "2023-03-17"]
    assert len(values) == 19
    assert (day["coverage"]["expectedCount"], day["coverage"]["observedCount"]) == (24, 19)
    assert (day["coverage"]["percentComplete"], day["coverage"]["observedInterval"]) == (79, "19:00:00")
    assert day["flagInfo"] == {"hasFlags": True}
    assert day["summary"]["avg"] == day["value"]
    assert (day["summary"]["min"], day["summary"]["max"]) == (min(values), max(values))
    assert day["summary"]["median"] == pytest.approx(float(np.median(values)))
    assert day["summary"]["sd"] == pytest.approx(float(np.std(values, ddof=1)))
    assert day["period"]["datetimeTo"]["local"] == "2023-03-17T00:00:00+00:00"


def test_a_day_without_a_valid_mean_is_published_with_the_reason(url: str, pm2_5: int) -> None:
    asked = {"date_from": "2023-03-11", "date_to": "2023-03-12"}
    (valid,) = get(f"{url}/sensors/{pm2_5}/days", **asked)["results"]
    assert valid["period"]["datetimeFrom"]["utc"] == "2023-03-12T00:00:00Z"
    stuck, sound = get(f"{url}/sensors/{pm2_5}/days", values="published", **asked)["results"]
    assert stuck["value"] == 20.5
    assert stuck["summary"] is None
    assert stuck["coverage"]["observedCount"] == 0
    assert stuck["x"] == {
        "valid": False,
        "validMean": None,
        "publishedMean": 20.5,
        "validHours": 0,
        "invalid": {"stuck": 24},
        "crossSensitive": False,
        "simulated": False,
    }
    assert sound["x"]["valid"] is True
    assert sound["summary"] == valid["summary"]


def test_a_published_mean_that_holds_failed_hours_is_not_valid(
    copied_url: str, copied: Database[Any], station: Station, pm2_5: int
) -> None:
    changes = {"pm2_5_mean": 21.0, "pm2_5_valid_mean": 20.0, "pm2_5_valid_hours": 20}
    copied[station.aggregates_asset].update_one({"_id": datetime(2023, 3, 12, tzinfo=UTC)}, {"$set": changes})
    asked = {"date_from": "2023-03-12", "date_to": "2023-03-12"}
    (valid,) = get(f"{copied_url}/sensors/{pm2_5}/days", **asked)["results"]
    (published,) = get(f"{copied_url}/sensors/{pm2_5}/days", values="published", **asked)["results"]
    assert (valid["value"], valid["x"]["valid"]) == (20.0, True)
    assert (published["value"], published["x"]["valid"], published["x"]["validMean"]) == (21.0, False, 20.0)


def test_a_channel_that_mirrors_another_gas_is_told(
    copied_url: str, copied: Database[Any], network: Network, station: Station
) -> None:
    sensor_id = Catalogue(network).sensor_id(station, "no2")
    copied[station.aggregates_asset].update_one(
        {"_id": datetime(2023, 3, 20, tzinfo=UTC)}, {"$set": {"cross_sensitive": ["no2"]}}
    )
    days = get(f"{copied_url}/sensors/{sensor_id}/days")["results"]
    assert [one["period"]["datetimeFrom"]["utc"][:10] for one in days if one["x"]["crossSensitive"]] == ["2023-03-20"]
    (march,) = get(f"{copied_url}/sensors/{sensor_id}/months", date_to="2023-03-31")["results"]
    assert march["x"]["crossSensitive"] is True


def test_days_of_a_time_zone_with_summer_time_have_23_or_25_hours(database: Database[Any]) -> None:
    facts = {"name": "Roma", "time_zone": "Europe/Rome", "first_month": "2023-03"}
    network = network_of(network=facts, stations=[{"name": "roma", "airqino_id": 1}], pairs=[])
    (station,) = network.stations
    for first in (datetime(2023, 3, 24, 23, tzinfo=UTC), datetime(2023, 10, 27, 22, tzinfo=UTC)):
        frame = ordinary(73)
        frame["timestamp"] = pd.date_range(first, periods=73, freq="h")
        store_station(database, network, station, frame)
        database[station.summaries_asset].drop()
    sensor_id = Catalogue(network).sensor_id(station, "pm2_5")
    with running(open_data_app(network, database)) as url:
        days = get(f"{url}/v3/sensors/{sensor_id}/days")["results"]
    edges = {one["period"]["datetimeFrom"]["local"]: one["coverage"] for one in days}
    assert {local: (one["expectedCount"], one["observedCount"]) for local, one in edges.items()} == {
        "2023-03-25T00:00:00+01:00": (24, 24),
        "2023-03-26T00:00:00+01:00": (23, 23),
        "2023-03-27T00:00:00+02:00": (24, 24),
        "2023-10-28T00:00:00+02:00": (24, 24),
        "2023-10-29T00:00:00+02:00": (25, 25),
        "2023-10-30T00:00:00+01:00": (24, 24),
    }
    assert all(one["summary"]["min"] <= one["value"] <= one["summary"]["max"] for one in days)
    assert days[1]["period"]["datetimeTo"]["utc"] == "2023-03-26T22:00:00Z"


def dates(values: Sequence[dict[str, Any]]) -> list[date]:
    return [date.fromisoformat(one["period"]["datetimeFrom"]["local"][:10]) for one in values]


def test_the_first_and_the_last_date_are_included(url: str, pm2_5: int) -> None:
    days = get(f"{url}/sensors/{pm2_5}/days", date_from="2023-03-05", date_to="2023-03-06")["results"]
    assert dates(days) == [date(2023, 3, 5), date(2023, 3, 6)]
    span = {"datetime_from": "2023-03-05", "datetime_to": "2023-03-06"}
    assert dates(get(f"{url}/sensors/{pm2_5}/hours/daily", **span)["results"]) == [date(2023, 3, 5)]
    assert len(get(f"{url}/sensors/{pm2_5}/hours", **span)["results"]) == 24
