"""One year of real hours of both stations, from HTTP to MongoDB, against an independent computation."""

import json
import math
from collections import defaultdict
from datetime import datetime, timezone

import pytest

from airquality_dagster.sandbox.server import create_app, running
from airquality_dagster.sandbox.sources import ReplaySource
from airquality_dagster_tests.conftest import CAPTURES, needs_captures, stored_bytes
from airquality_dagster_tests.platform import metadata

pytestmark = needs_captures

STATIONS = {"station1": (283164601, 8133, 348), "station2": (283181971, 8029, 345)}
FIELDS = {
    "CO": "co", "NO2": "no2", "O3": "o3", "PM10": "pm10", "PM2.5": "pm2_5", "T": "temperature",
    "T. int.": "internal_temperature", "RH": "relative_humidity",
}  # fmt: skip


@pytest.fixture(params=[True, False], ids=["end included", "end excluded"])
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
            hour = datetime.strptime(entry.pop("timestamp"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
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
        assert metadata(result, f"raw_{station}")["inserted"] == hours
        assert f"raw_{station}_rejected" not in database.list_collection_names()

    before = stored_bytes(database)
    assert platform.run("2022-12", "2023-12").success
    assert stored_bytes(database) == before
    assert not [name for name in database.list_collection_names() if name.endswith("_revisions")]


def test_the_means_of_the_first_day_are_the_known_ones(platform, database):
    with running(create_app(ReplaySource(CAPTURES))) as url:
        platform.use(url)
        assert platform.run("2022-12", assets=["raw_station1", "station1_aggregates"]).success
    day = database["station1_aggregates"].find_one({"_id": datetime(2022, 12, 7, tzinfo=timezone.utc)})
    assert day["co_mean"] == pytest.approx(0.288612261, abs=1e-9)
    assert day["pm2_5_mean"] == pytest.approx(7.41809153, abs=1e-8)
