"""One year of real hours of both stations, from HTTP to MongoDB, against an independent computation."""

import itertools
import json
import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest

from airquality_dagster import settings
from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import ReplaySource
from airquality_dagster.local.serving import running
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import HOURS_AFTER, HOURS_BEFORE, flag_hours
from airquality_dagster_tests.conftest import CAPTURES, needs_captures, stored_bytes
from airquality_dagster_tests.platform import metadata

pytestmark = needs_captures

STATIONS = {"station1": (283164601, 8133, 348), "station2": (283181971, 8029, 345)}
JANUARY = datetime(2023, 1, 1, tzinfo=UTC)
QUALITY_AND_DAYS = ("station1_quality", "station1_aggregates")
FIELDS = {
    "CO": "co", "NO2": "no2", "O3": "o3", "PM10": "pm10", "PM2.5": "pm2_5", "T": "temperature",
    "T. int.": "internal_temperature", "RH": "relative_humidity",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _abidjan(platform, monkeypatch):
    """The network of this repository, with what is known of where the stations stood."""
    monkeypatch.delenv(settings.AIRQUALITY_STATIONS)


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["end included", "end excluded"])
def loaded(platform, request):
    with running(create_app(ReplaySource(CAPTURES), end_included=request.param)) as url:
        platform.use(url)
        result = platform.run("2022-12", "2023-12")
        assert result.success
        yield platform, result


def test_every_hour_is_stored_once_with_the_source_s_values_and_the_days_equal_an_independent_computation(
    loaded, database
):
    platform, result = loaded
    for station, (airqino_id, hours, days) in STATIONS.items():
        source = json.loads((CAPTURES / f"{airqino_id}.json").read_text())["data"]
        stored = {document.pop("_id"): document for document in database[f"raw_{station}"].find()}
        assert len(stored) == len(source) == hours
        by_day = defaultdict(lambda: defaultdict(list))
        for entry in source:
            hour = datetime.strptime(entry.pop("timestamp"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            expected = {"station_id": airqino_id} | {FIELDS[name]: value for name, value in entry.items()}
            assert stored[hour] == expected
            for name, value in entry.items():
                by_day[hour.date()][FIELDS[name]].append(value)
        aggregates = {document["_id"].date(): document for document in database[f"{station}_aggregates"].find()}
        assert set(aggregates) == set(by_day)
        assert len(aggregates) == days
        for date, readings in by_day.items():
            for field, values in readings.items():
                assert aggregates[date][f"{field}_mean"] == pytest.approx(
                    math.fsum(values) / len(values), abs=1e-9, rel=0
                )
                assert aggregates[date][f"{field}_hours"] == len(values)
        assert metadata(result, f"raw_{station}")["mongodb/inserted"] == hours
        assert f"raw_{station}_rejected" not in database.list_collection_names()

    before = stored_bytes(database)
    assert platform.run("2022-12", "2023-12").success
    assert stored_bytes(database) == before
    assert not [name for name in database.list_collection_names() if name.endswith("_revisions")]


def test_the_means_of_the_first_day_are_the_known_ones(platform, database):
    with running(create_app(ReplaySource(CAPTURES))) as url:
        platform.use(url)
        assert platform.run("2022-12", assets=["raw_station1", "station1_aggregates"]).success
    day = database["station1_aggregates"].find_one({"_id": datetime(2022, 12, 7, tzinfo=UTC)})
    assert day["co_mean"] == pytest.approx(0.288612261, abs=1e-9)
    assert day["pm2_5_mean"] == pytest.approx(7.41809153, abs=1e-8)


@pytest.mark.long
def test_only_the_air_of_the_two_streets_is_valid_and_of_it_no_carbon_monoxide_and_no_index_of_no2(platform, database):
    with running(create_app(ReplaySource(CAPTURES))) as url:
        platform.use(url)
        assert platform.run("2022-12", "2023-12").success
    put_up = datetime(2023, 5, 6, tzinfo=UTC)
    for station in STATIONS:
        quality = list(database[f"{station}_quality"].find())
        before = [hour for hour in quality if hour["_id"] < put_up]
        assert len(before) > 2000
        assert all("off_site" in hour["pm2_5_flags"] and hour["eaqi"] is None for hour in before)
        assert {hour["eaqi_pollutant"] for hour in quality} == {None, "pm2_5", "pm10"}
        days = list(database[f"{station}_aggregates"].find())
        valid = [day["_id"] for day in days for field in FIELDS.values() if day[f"{field}_valid_mean"] is not None]
        assert min(valid) == put_up
        on_site = [day for day in days if day["_id"] >= put_up]
        # Its offset is below zero nearly all the time, or half of it.
        assert sum(day["co_valid_mean"] is not None for day in on_site) == {"station1": 0, "station2": 2}[station]
        assert sum(day["pm2_5_valid_mean"] is not None for day in on_site) > 205
        assert all(day["no2_who"] is None and "no2" not in day["aqi_pollutants"] for day in days)
        year = database[f"{station}_summaries"].find_one({"_id.period": "year", "_id.start": {"$gte": JANUARY}})
        assert (year["pm2_5_valid_mean"], year["pm2_5_who"], year["no2_days_above_guideline"]) == (None, None, None)
        assert year["pm2_5_invalid"]["off_site"] > 2200
    # What would be days above WHO's guideline, had the channel a signal of its own.
    assert database["station1_aggregates"].count_documents({"no2_mean": {"$gt": 25}}) >= 13


@pytest.mark.long
def test_a_load_month_by_month_gives_the_same_flags_and_days_as_a_load_in_one_run(platform, database):
    """But for a month's last hours, which know what comes after once it is stored: hence the second pass."""
    with running(create_app(ReplaySource(CAPTURES))) as url:
        platform.use(url)
        months = ["2022-12", "2023-01", "2023-02"]
        for month in (*months, *months):
            assert platform.run(month, assets=["raw_station1", "station1_quality", "station1_aggregates"]).success
        in_pieces = {name: list(database[name].find(sort=[("_id", 1)])) for name in QUALITY_AND_DAYS}
        assert platform.run("2022-12", "2023-02").success
    for name in QUALITY_AND_DAYS:
        assert list(database[name].find(sort=[("_id", 1)])) == in_pieces[name]


def test_days_of_the_real_year_are_the_same_to_the_last_digit_however_the_year_is_cut():
    zone = ZoneInfo("Africa/Abidjan")
    now = datetime(2024, 1, 1, tzinfo=UTC)
    for airqino_id in (283164601, 283181971):
        answer = json.loads((CAPTURES / f"{airqino_id}.json").read_text())
        parsed = parse_hourly_answer(answer, start=datetime(2022, 1, 1, tzinfo=UTC), end=now, now=now)
        year = hourly_frame([parsed], station_id=airqino_id, now=now, absent=math.nan)
        hours = year["timestamp"]
        whole = daily_aggregates(flag_hours(year), zone)
        edges = pd.date_range("2022-12-01", "2024-01-01", freq="MS", tz="UTC")
        pieces = []
        for start, end in itertools.pairwise(edges):
            around = (hours >= start - timedelta(hours=HOURS_BEFORE)) & (hours < end + timedelta(hours=HOURS_AFTER))
            is_asked = (hours >= start) & (hours < end)
            flagged = flag_hours(year[is_asked], surrounding=year[around & ~is_asked])
            pieces.append(daily_aggregates(flagged, zone))
        pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), whole, check_exact=True)


@pytest.mark.long
def test_checks_of_the_real_year_are_red_where_the_sensors_are_and_say_so(platform, instance):
    with running(create_app(ReplaySource(CAPTURES))) as url:
        platform.use(url)
        result = platform.run("2022-12", "2023-12")
    found = {
        (check.asset_key.to_user_string(), check.check_name): check for check in result.get_asset_check_evaluations()
    }
    assert len(found) == 8
    assert "km" in found["raw_station2", "source_consistent"].description
    sensors = found["station1_quality", "sensors_sound"]
    assert not sensors.passed
    assert "CO" in sensors.description
    assert sensors.metadata["hours_off_site"].value > 2000
    assert "offset below zero" in sensors.description
    silent = found["raw_station1", "hours_complete_and_fresh"]
    assert (silent.passed, silent.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "the newest hour is 2023-12-06 16:00 UTC" in silent.description
    assert silent.metadata["percent_complete"].value >= 75
