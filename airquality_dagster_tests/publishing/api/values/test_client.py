"""OpenAQ's published client, unchanged, reads what MongoDB has."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from openaq import OpenAQ
from openaq.core.models import build_measurements_path
from pymongo.database import Database

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster_tests.conftest import CAPTURES, needs_captures
from airquality_dagster_tests.publishing.api.conftest import get, network_of
from airquality_dagster_tests.publishing.api.values.conftest import DAYS, FIRST, valid_hours
from airquality_dagster_tests.publishing.api.values.stored_network import store_station

OpenAQOf = Callable[..., OpenAQ]


def walk(openaq: OpenAQ, sensor_id: int, data: Any, *, limit: int = 1000, rollup: Any = None) -> list[Any]:
    """Return all values of a sensor, page by page, as the client's documentation shows it."""
    values: list[Any] = []
    page = 1
    while True:
        response = openaq.measurements.list(sensor_id, data, rollup, limit=limit, page=page)
        values += response.results
        if len(response.results) < limit:
            return values
        page += 1


def check_all(openaq: OpenAQ, database: Database[Any], network: Network) -> None:
    """Every value that the client reads is that of MongoDB, to the last bit."""
    for location in openaq.locations.list().results:
        station = network.station(location.name)
        for sensor in location.sensors:
            _, parameter = Catalogue(network).sensor(sensor.id)
            field = parameter.field
            expected = valid_hours(database, station, field)
            hours = walk(openaq, sensor.id, "hours")
            assert [(one.period.datetime_from.utc, one.value) for one in hours] == expected
            assert {(one.parameter.id, one.parameter.units) for one in hours} <= {(parameter.id, parameter.units)}
            days = list(database[station.aggregates_asset].find({f"{field}_valid_mean": {"$ne": None}}).sort("_id", 1))
            found = walk(openaq, sensor.id, "days")
            assert [(one.period.datetime_from.local[:10], one.value) for one in found] == [
                (f"{day['_id']:%F}", day[f"{field}_valid_mean"]) for day in days
            ]
            assert [(one.coverage.observed_count, one.coverage.percent_complete) for one in found] == [
                (day[f"{field}_valid_hours"], day[f"{field}_percent_complete"]) for day in days
            ]
            check_periods(openaq, database, station, field, sensor.id)


def check_periods(openaq: OpenAQ, database: Database[Any], station: Station, field: str, sensor_id: int) -> None:
    for period, data, rollup in (("month", "days", "monthly"), ("year", "years", None)):
        query = {"_id.period": period, f"{field}_valid_mean": {"$ne": None}}
        summaries = list(database[station.summaries_asset].find(query, sort=[("_id", 1)]))
        found = walk(openaq, sensor_id, data, rollup=rollup)
        assert [(one.period.datetime_from.local[:10], one.value, one.coverage.percent_complete) for one in found] == [
            (f"{one['_id']['start']:%F}", one[f"{field}_valid_mean"], one[f"{field}_percent_complete"])
            for one in summaries
        ]
        for one, summary in zip(found, summaries, strict=True):
            assert one.summary.max == summary[f"{field}_valid_max"]
            assert one.summary.avg == one.value


def test_the_client_reads_every_value_as_mongodb_has_it(
    openaq_of: OpenAQOf, stored: Database[Any], network: Network
) -> None:
    openaq = openaq_of(stored)
    check_all(openaq, stored, network)
    assert len(walk(openaq, Catalogue(network).sensor_id(network.stations[0], "pm10"), "hours")) > 500


@pytest.mark.parametrize(
    ("data", "rollup", "same"),
    [
        ("measurements", None, "hours"),
        ("measurements", "hourly", "hours"),
        ("measurements", "daily", "days"),
        ("hours", "daily", "days"),
        ("hours", "monthly", "months"),
        ("days", "monthly", "months"),
        ("hours", "yearly", "years"),
        ("days", "yearly", "years"),
    ],
)
def test_the_rollups_of_the_client_lead_to_the_same_values(
    url: str, pm2_5: int, data: Any, rollup: Any, same: str
) -> None:
    _, _, path = build_measurements_path(pm2_5, data, rollup).rpartition("sensors")
    whole = get(f"{url}/sensors/{pm2_5}/{same}")["results"]
    assert get(f"{url}/sensors{path}")["results"] == whole
    assert whole or same == "years"


@needs_captures
@pytest.mark.long
def test_the_client_reads_every_value_of_the_real_year_as_mongodb_has_it(
    openaq_of: OpenAQOf, database: Database[Any]
) -> None:
    network, later = load_network(), datetime(2100, 1, 1, tzinfo=UTC)
    for station in network.stations:
        body = json.loads((CAPTURES / f"{station.airqino_id}.json").read_text(encoding="utf-8"))
        parsed = parse_hourly_answer(body, start=datetime(2000, 1, 1, tzinfo=UTC), end=later, now=later)
        hours = hourly_frame([parsed], station_id=station.airqino_id, now=later, absent=np.nan)
        store_station(database, network, station, hours)
    openaq = openaq_of(database, network)
    check_all(openaq, database, network)
    for location in openaq.locations.list().results:
        for sensor in location.sensors:
            assert all(one.period.datetime_from.utc >= "2023-05-06" for one in walk(openaq, sensor.id, "hours"))


def test_no_hour_is_skipped_or_repeated_while_hours_arrive(
    openaq_of: OpenAQOf, copied: Database[Any], station: Station, pm2_5: int
) -> None:
    openaq, is_over = openaq_of(copied), threading.Event()
    before = valid_hours(copied, station, "pm2_5")
    newest = FIRST + timedelta(days=DAYS)

    def insert() -> None:
        for number in range(2000):
            if is_over.is_set():
                return
            hour = newest + timedelta(hours=number)
            copied[station.raw_asset].insert_one({"_id": hour, "pm2_5": float(number)})
            copied[station.quality_asset].insert_one({"_id": hour, "pm2_5_qc": 1})

    arriving = threading.Thread(target=insert)
    arriving.start()
    try:
        hours = [(one.period.datetime_from.utc, one.value) for one in walk(openaq, pm2_5, "hours", limit=20)]
    finally:
        is_over.set()
        arriving.join()
    after = valid_hours(copied, station, "pm2_5")
    assert len(before) < len(hours) <= len(after)
    assert hours == after[: len(hours)]


def test_a_network_of_a_hundred_stations_is_walked(openaq_of: OpenAQOf, database: Database[Any]) -> None:
    stations = [{"name": f"s{number}", "airqino_id": number} for number in range(1, 101)]
    network = network_of(stations=stations)
    for number, station in enumerate(network.stations):
        hours = [FIRST + timedelta(hours=hour) for hour in range(3)]
        database[station.raw_asset].insert_many([{"_id": hour, "pm10": float(number)} for hour in hours])
        database[station.quality_asset].insert_many([{"_id": hour, "pm10_qc": 1} for hour in hours])
    openaq = openaq_of(database, network)
    for location in openaq.locations.list(limit=1000).results:
        (sensor,) = (one for one in location.sensors if one.parameter.name == "pm10")
        expected = float(location.name.removeprefix("s")) - 1
        assert [one.value for one in walk(openaq, sensor.id, "hours")] == [expected] * 3
