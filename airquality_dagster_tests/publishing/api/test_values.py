"""Hours, days, months and years of two stations, as OpenAQ's unchanged client and other programs read them."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from openaq import OpenAQ
from pymongo import MongoClient, monitoring
from pymongo.database import Database

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster_tests.conftest import CAPTURES, needs_captures
from airquality_dagster_tests.publishing.api.conftest import get, network_of, store
from airquality_dagster_tests.publishing.api.stored_network import store_station
from airquality_dagster_tests.readings.series import ordinary

FIRST = datetime(2023, 3, 1, tzinfo=UTC)
ON_SITE = datetime(2023, 3, 4, tzinfo=UTC)
DAYS = 33
STUCK, UNJUDGED = 24 * 10, 24 * DAYS - 1
"""Numbers of hours: from one on PM2.5 is stuck for a day; the last was not judged yet."""


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def stored(mongodb_uri: str, network: Network) -> Iterator[Database[Any]]:
    """Both stations: three days indoors, a day with a stuck sensor, missing hours; the second is simulated."""
    with MongoClient[Any](mongodb_uri, tz_aware=True) as client:
        database = client["test_values"]
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


@pytest.fixture(scope="module")
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


@contextmanager
def client_of(url: str) -> Iterator[OpenAQ]:
    """OpenAQ's client. It sends a key of this length, or does not start."""
    with OpenAQ(api_key="0" * 64, base_url=f"{url}/", auto_wait=False) as client:
        yield client


@pytest.fixture
def openaq(url: str) -> Iterator[OpenAQ]:
    with client_of(url) as client:
        yield client


@pytest.fixture(scope="module")
def station(network: Network) -> Station:
    return network.station("station1")


@pytest.fixture(scope="module")
def pm2_5(network: Network, station: Station) -> int:
    return Catalogue(network).sensor_id(station, "pm2_5")


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


def valid_hours(database: Database[Any], station: Station, field: str) -> list[tuple[str, float]]:
    """Return the valid hours as MongoDB has them: starts and values."""
    levels = {one["_id"]: one[f"{field}_qc"] for one in database[station.quality_asset].find()}
    stored = database[station.raw_asset].find(sort=[("_id", 1)])
    return [(f"{one['_id']:%FT%TZ}", one[field]) for one in stored if levels.get(one["_id"], 9) <= 3]


def check_all(openaq: OpenAQ, database: Database[Any], network: Network) -> None:
    """Every value that the client reads is that of MongoDB, to the last bit."""
    for location in openaq.locations.list().results:
        station = network.station(location.name)
        for sensor in location.sensors:
            _, parameter = Catalogue(network).sensor(sensor.id)
            field = parameter.field
            expected = valid_hours(database, station, field)
            for data in ("hours", "measurements"):
                hours = walk(openaq, sensor.id, data)
                assert [(one.period.datetime_from.utc, one.value) for one in hours] == expected
                assert {(one.parameter.id, one.parameter.units) for one in hours} <= {(parameter.id, parameter.units)}
            days = list(database[station.aggregates_asset].find({f"{field}_valid_mean": {"$ne": None}}).sort("_id", 1))
            for data, rollup in (("days", None), ("hours", "daily"), ("measurements", "daily")):
                found = walk(openaq, sensor.id, data, rollup=rollup)
                assert [(one.period.datetime_from.local[:10], one.value) for one in found] == [
                    (f"{day['_id']:%F}", day[f"{field}_valid_mean"]) for day in days
                ]
                assert [(one.coverage.observed_count, one.coverage.percent_complete) for one in found] == [
                    (day[f"{field}_valid_hours"], day[f"{field}_percent_complete"]) for day in days
                ]
            check_periods(openaq, database, station, field, sensor.id)


def check_periods(openaq: OpenAQ, database: Database[Any], station: Station, field: str, sensor_id: int) -> None:
    for period, ways in {
        "month": (("days", "monthly"), ("hours", "monthly")),
        "year": (("years", None), ("days", "yearly"), ("hours", "yearly")),
    }.items():
        query = {"_id.period": period, f"{field}_valid_mean": {"$ne": None}}
        summaries = list(database[station.summaries_asset].find(query, sort=[("_id", 1)]))
        for data, rollup in ways:
            found = walk(openaq, sensor_id, data, rollup=rollup)
            assert [
                (one.period.datetime_from.local[:10], one.value, one.coverage.percent_complete) for one in found
            ] == [
                (f"{one['_id']['start']:%F}", one[f"{field}_valid_mean"], one[f"{field}_percent_complete"])
                for one in summaries
            ]
            for one, summary in zip(found, summaries, strict=True):
                assert one.summary.max == summary[f"{field}_valid_max"]
                assert one.summary.avg == one.value


def test_the_client_reads_every_value_as_mongodb_has_it(
    openaq: OpenAQ, stored: Database[Any], network: Network
) -> None:
    check_all(openaq, stored, network)
    assert len(walk(openaq, Catalogue(network).sensor_id(network.stations[0], "pm10"), "hours")) > 500


@needs_captures
@pytest.mark.long
def test_the_client_reads_every_value_of_the_real_year_as_mongodb_has_it(database: Database[Any]) -> None:
    network, later = load_network(), datetime(2100, 1, 1, tzinfo=UTC)
    for station in network.stations:
        body = json.loads((CAPTURES / f"{station.airqino_id}.json").read_text(encoding="utf-8"))
        parsed = parse_hourly_answer(body, start=datetime(2000, 1, 1, tzinfo=UTC), end=later, now=later)
        hours = hourly_frame([parsed], station_id=station.airqino_id, now=later, absent=np.nan)
        store_station(database, network, station, hours)
    with running(open_data_app(network, database)) as url, client_of(f"{url}/v3") as openaq:
        check_all(openaq, database, network)
        for location in openaq.locations.list().results:
            for sensor in location.sensors:
                assert all(one.period.datetime_from.utc >= "2023-05-06" for one in walk(openaq, sensor.id, "hours"))


def test_an_hour_has_the_fields_of_openaq_and_what_quality_control_says(url: str, pm2_5: int) -> None:
    begin = {"utc": "2023-03-11T05:00:00Z", "local": "2023-03-11T05:00:00+00:00"}
    end = {"utc": "2023-03-11T06:00:00Z", "local": "2023-03-11T06:00:00+00:00"}
    asked = {"datetime_from": begin["utc"], "datetime_to": end["utc"]}
    assert get(f"{url}/sensors/{pm2_5}/hours", **asked)["results"] == []
    assert get(f"{url}/sensors/{pm2_5}/hours", values="published", **asked)["results"] == [
        {
            "value": 20.5,
            "flagInfo": {"hasFlags": True},
            "parameter": {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": "PM2.5"},
            "period": {"label": "1hour", "interval": "01:00:00", "datetimeFrom": begin, "datetimeTo": end},
            "coordinates": None,
            "summary": None,
            "coverage": {
                "expectedCount": 1,
                "expectedInterval": "01:00:00",
                "observedCount": 1,
                "observedInterval": "01:00:00",
                "percentComplete": 100,
                "percentCoverage": 100,
                "datetimeFrom": begin,
                "datetimeTo": end,
            },
            "x": {"valid": False, "level": 4, "flags": ["stuck"], "provisional": False, "simulated": False},
        }
    ]


def test_off_site_and_failed_values_are_never_valid(url: str, stored: Database[Any], network: Network) -> None:
    for station in network.stations:
        failed = {one["_id"] for one in stored[station.quality_asset].find({"pm2_5_qc": {"$gt": 3}})}
        assert len(failed) > 24 * 3
        sensor_id = Catalogue(network).sensor_id(station, "pm2_5")
        valid = get(f"{url}/sensors/{sensor_id}/hours", limit=1000)["results"]
        assert all(one["x"]["valid"] for one in valid)
        assert {one["period"]["datetimeFrom"]["utc"] for one in valid}.isdisjoint(f"{hour:%FT%TZ}" for hour in failed)
        published = get(f"{url}/sensors/{sensor_id}/hours", limit=1000, values="published")["results"]
        assert len(published) == stored[station.raw_asset].count_documents({"pm2_5": {"$ne": None}})
        for one in published:
            hour = datetime.fromisoformat(one["period"]["datetimeFrom"]["utc"])
            assert one["x"]["valid"] is (hour not in failed and hour != FIRST + timedelta(hours=UNJUDGED))
            assert ("off_site" in one["x"]["flags"]) is (hour < ON_SITE)


def test_an_hour_that_was_not_judged_yet_is_published_but_not_valid(url: str, pm2_5: int) -> None:
    newest = {"datetime_from": f"{FIRST + timedelta(hours=UNJUDGED):%FT%TZ}"}
    assert get(f"{url}/sensors/{pm2_5}/hours", **newest)["results"] == []
    (hour,) = get(f"{url}/sensors/{pm2_5}/hours", values="published", **newest)["results"]
    assert hour["x"] == {"valid": False, "level": None, "flags": [], "provisional": False, "simulated": False}


def test_a_reading_that_was_withdrawn_after_it_was_judged_is_not_valid(
    copied_url: str, copied: Database[Any], station: Station, pm2_5: int
) -> None:
    hour = FIRST + timedelta(hours=24 * 8)
    copied[station.raw_asset].update_one({"_id": hour}, {"$set": {"pm2_5": None}})
    asked = {"datetime_from": f"{hour:%FT%TZ}", "datetime_to": f"{hour + timedelta(hours=1):%FT%TZ}"}
    (found,) = get(f"{copied_url}/sensors/{pm2_5}/hours", **asked)["results"]
    assert (found["value"], found["x"]["valid"]) == (None, False)


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


@pytest.mark.parametrize("values", ["valid", "published"])
@pytest.mark.parametrize("limit", [1000, 113, 7])
def test_pages_together_have_every_hour_once(url: str, pm2_5: int, values: str, limit: int) -> None:
    path, asked = f"{url}/sensors/{pm2_5}/hours", {"values": values}
    whole = get(path, limit=1000, **asked)
    pages = [get(path, limit=limit, page=1 + page, **asked) for page in range(len(whole["results"]) // limit + 2)]
    assert [one for page in pages for one in page["results"]] == whole["results"]
    assert whole["meta"]["found"] == len(whole["results"])
    assert pages[0]["meta"]["found"] == (len(whole["results"]) if limit == 1000 else f">{limit}")


def test_no_hour_is_skipped_or_repeated_while_hours_arrive(
    copied_url: str, copied: Database[Any], station: Station, pm2_5: int
) -> None:
    is_over = threading.Event()
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
        with client_of(copied_url) as openaq:
            hours = [(one.period.datetime_from.utc, one.value) for one in walk(openaq, pm2_5, "hours", limit=20)]
    finally:
        is_over.set()
        arriving.join()
    after = valid_hours(copied, station, "pm2_5")
    assert len(before) < len(hours) <= len(after)
    assert hours == after[: len(hours)]


def test_simulated_values_are_marked_each_and_together(url: str, network: Network) -> None:
    measured, simulated = (Catalogue(network).sensor_id(station, "pm10") for station in network.stations)
    for path in ("hours", "measurements", "days", "months", "hours/monthly"):
        for values in ("valid", "published"):
            answer = get(f"{url}/sensors/{simulated}/{path}", values=values)
            assert answer["meta"]["name"].startswith("SIMULATED DATA"), path
            assert all(one["x"]["simulated"] is True for one in answer["results"])
            answer = get(f"{url}/sensors/{measured}/{path}", values=values)
            assert answer["results"]
            assert answer["meta"]["simulated"] is False
            assert not any(one["x"]["simulated"] for one in answer["results"])


def test_a_network_of_a_hundred_stations_is_walked(database: Database[Any]) -> None:
    stations = [{"name": f"s{number}", "airqino_id": number} for number in range(1, 101)]
    network = network_of(stations=stations)
    for number, station in enumerate(network.stations):
        store(database, station, [FIRST + timedelta(hours=hour) for hour in range(3)], pm10=float(number))
    with running(open_data_app(network, database)) as url, client_of(f"{url}/v3") as openaq:
        for location in openaq.locations.list(limit=1000).results:
            (sensor,) = (one for one in location.sensors if one.parameter.name == "pm10")
            expected = float(location.name.removeprefix("s")) - 1
            assert [one.value for one in walk(openaq, sensor.id, "hours")] == [expected] * 3


def dates(values: Sequence[dict[str, Any]]) -> list[date]:
    return [date.fromisoformat(one["period"]["datetimeFrom"]["local"][:10]) for one in values]


def test_the_first_and_the_last_date_are_included(url: str, pm2_5: int) -> None:
    days = get(f"{url}/sensors/{pm2_5}/days", date_from="2023-03-05", date_to="2023-03-06")["results"]
    assert dates(days) == [date(2023, 3, 5), date(2023, 3, 6)]
    span = {"datetime_from": "2023-03-05", "datetime_to": "2023-03-06"}
    assert dates(get(f"{url}/sensors/{pm2_5}/hours/daily", **span)["results"]) == [date(2023, 3, 5)]
    assert len(get(f"{url}/sensors/{pm2_5}/hours", **span)["results"]) == 24


ABSURD = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    "9999-12-31",
    "1969-12-31",
    "x",
    "",
    "٣",
)


@pytest.mark.parametrize("value", ABSURD)
def test_absurd_times_are_refused_or_find_nothing_and_never_break(
    url: str, pm2_5: int, network: Network, value: str
) -> None:
    location_id = Catalogue(network).location_id(network.stations[0])
    by_time = ["hours", "measurements", "hours/daily", "hours/monthly", "hours/yearly", "measurements/daily"]
    by_date = ["days", "months", "years", "days/monthly", "days/yearly"]
    asked = [
        *((f"sensors/{pm2_5}/{path}", f"datetime_{end}") for path in by_time for end in ("from", "to")),
        *((f"sensors/{pm2_5}/{path}", f"date_{end}") for path in by_date for end in ("from", "to")),
        *((f"x/locations/{location_id}/quality", f"datetime_{end}") for end in ("from", "to")),
    ]
    for path, parameter in asked:
        response = requests.get(f"{url}/{path}", params={parameter: value}, timeout=60)
        assert response.status_code in (200, 422), (path, parameter, response.text)
        if response.status_code == 422:
            assert parameter in response.json()["detail"][0]["loc"]
        if response.status_code == 200 and (value.startswith("9999") == parameter.endswith("from")):
            assert response.json()["results"] == [], (path, parameter)


@pytest.mark.parametrize("path", ["hours", "days", "months", "years"])
@pytest.mark.parametrize(
    ("parameters", "status"),
    [({"page": 10**6, "limit": 1000}, 200), ({"page": 10**30}, 422), ({"limit": 0}, 422), ({"page": "1e3"}, 422)],
    ids=str,
)
def test_huge_pages_are_empty_or_refused(
    url: str, pm2_5: int, path: str, parameters: dict[str, Any], status: int
) -> None:
    response = requests.get(f"{url}/sensors/{pm2_5}/{path}", params=parameters, timeout=60)
    assert response.status_code == status
    assert response.json().get("results", []) == []


@pytest.mark.parametrize("path", ["hours/hourofday", "hours/dayofweek", "days/monthofyear"])
def test_profiles_are_not_served_and_the_answer_says_what_to_use(url: str, pm2_5: int, path: str) -> None:
    response = requests.get(f"{url}/sensors/{pm2_5}/{path}", timeout=60)
    assert response.status_code == 404
    assert f"/v3/sensors/{pm2_5}/hours" in response.json()["detail"]


@pytest.mark.parametrize("path", ["hours", "measurements", "days", "months", "years", "hours/daily", "days/yearly"])
def test_values_of_no_sensor_are_not_found(url: str, path: str) -> None:
    assert requests.get(f"{url}/sensors/7/{path}", timeout=60).status_code == 404


def test_a_station_without_hours_has_no_values(database: Database[Any], network: Network, pm2_5: int) -> None:
    with running(open_data_app(network, database)) as url:
        for path in ("hours", "days", "months", "years"):
            assert get(f"{url}/v3/sensors/{pm2_5}/{path}")["results"] == []


class Reads(monitoring.CommandListener):
    """Names of the commands that a client has sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.mark.parametrize(("path", "most"), [("hours", 4), ("days", 4), ("months", 4)])
def test_a_page_takes_few_reads_however_long_it_is(
    stored: Database[Any], network: Network, mongodb_uri: str, pm2_5: int, path: str, most: int
) -> None:
    reads = Reads()
    with (
        MongoClient(mongodb_uri, tz_aware=True, event_listeners=[reads]) as client,
        running(open_data_app(network, client[stored.name])) as url,
    ):
        counts = []
        for limit in (1, 1000):
            reads.names.clear()
            get(f"{url}/v3/sensors/{pm2_5}/{path}", limit=limit, values="published")
            counts.append(len(reads.names))
    assert max(counts) <= most, counts
