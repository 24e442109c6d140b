"""Hours of a sensor: valid by default, published on request."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster_tests.publishing.api.conftest import get
from airquality_dagster_tests.publishing.api.values.conftest import FIRST, ON_SITE, UNJUDGED


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
                "observedCount": 0,
                "observedInterval": "00:00:00",
                "percentComplete": 0,
                "percentCoverage": 0,
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


@pytest.mark.parametrize("values", ["valid", "published"])
@pytest.mark.parametrize("limit", [1000, 113, 7])
def test_pages_together_have_every_hour_once(url: str, pm2_5: int, values: str, limit: int) -> None:
    path, asked = f"{url}/sensors/{pm2_5}/hours", {"values": values}
    whole = get(path, limit=1000, **asked)
    pages = [get(path, limit=limit, page=1 + page, **asked) for page in range(len(whole["results"]) // limit + 2)]
    assert [one for page in pages for one in page["results"]] == whole["results"]
    assert whole["meta"]["found"] == len(whole["results"])
    assert pages[0]["meta"]["found"] == (len(whole["results"]) if limit == 1000 else f">{limit}")


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


@pytest.mark.parametrize("unit", ["hours", "days", "months"])
@pytest.mark.parametrize(("name", "is_simulated"), [("station1", False), ("station2", True)])
def test_an_empty_page_of_a_station_is_marked_as_its_newest_hour(
    url: str, network: Network, unit: str, name: str, is_simulated: bool
) -> None:
    sensor = Catalogue(network).sensor_id(network.station(name), "pm2_5")
    answer = get(f"{url}/sensors/{sensor}/{unit}", page=1000)
    assert answer["results"] == []
    assert (answer["meta"]["simulated"], answer["meta"]["name"].startswith("SIMULATED")) == (is_simulated,) * 2


def test_all_hours_are_counted_beyond_the_last_page_too(url: str, pm2_5: int) -> None:
    whole = get(f"{url}/sensors/{pm2_5}/hours", limit=1000)["meta"]["found"]
    assert get(f"{url}/sensors/{pm2_5}/hours", limit=1000, page=7)["meta"]["found"] == whole > 0
