"""The comparison of neighbours in MongoDB: what is stored, what a second run changes, what the checks say."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pytest
import time_machine

from airquality_dagster.automation.instance import failed_checks
from airquality_dagster.component import network_definitions
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.flags import RULES
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.platform import QUIET
from airquality_dagster_tests.readings.neighbour_series import DAYS, FIRST, two_stations

TODAY = FIRST + timedelta(days=DAYS)


def store(database, name, frame):
    """Store hours as raw and quality assets do: every reading passes."""
    fields = [column for column in frame if column != "timestamp"]
    rows = frame.to_dict("records")
    database[f"raw_{name}"].insert_many(
        [{"_id": row["timestamp"].to_pydatetime(), **{field: row[field] for field in fields}} for row in rows]
    )
    database[f"{name}_quality"].insert_many(
        [{"_id": row["timestamp"].to_pydatetime(), **{f"{field}_qc": 1 for field in fields}} for row in rows]
    )


@pytest.fixture
def compare(platform, instance):
    def run(now=TODAY, network=None):
        with time_machine.travel(now + timedelta(hours=4), tick=False):
            job = network_definitions(network or load_network()).resolve_job_def("neighbours_job")
            result = job.execute_in_process(
                instance=instance, run_config=QUIET, asset_selection=[dg.AssetKey("neighbours")]
            )
        return {check.check_name: check for check in result.get_asset_check_evaluations()}

    return run


def test_every_day_of_two_stations_is_stored_once_and_a_second_run_changes_no_byte(database, compare):
    for name, frame in zip(("station1", "station2"), two_stations(), strict=True):
        store(database, name, frame)
    checks = compare()
    assert {name: check.passed for name, check in checks.items()} == {
        "station1_agrees_with_neighbours": True,
        "station2_agrees_with_neighbours": True,
    }
    assert "agrees with station2 as before" in checks["station1_agrees_with_neighbours"].description
    rows = list(database["neighbours"].find(sort=[("_id", 1)]))
    assert len(rows) == DAYS
    assert rows[-1]["_id"] == {"date": TODAY - timedelta(days=1), "first": "station1", "second": "station2"}
    assert rows[0]["withheld"] == "too_few_hours"
    assert rows[0]["pm2_5_log_ratio"] is None
    assert rows[-1]["withheld"] is None
    assert rows[-1]["pm2_5_log_ratio"] == pytest.approx(np.log(1.5), abs=0.05)
    assert rows[-1]["temperature_correlation"] > 0.9
    assert (rows[-1]["hours"], rows[-1]["lag_hours"], rows[-1]["rules"]) == (24, 0, RULES)
    before = stored_bytes(database)["neighbours"]
    compare()
    assert stored_bytes(database)["neighbours"] == before


def test_day_by_day_the_same_is_stored_as_in_one_run(database, compare):
    for name, frame in zip(("station1", "station2"), two_stations(), strict=True):
        store(database, name, frame)
    compare()
    at_once = stored_bytes(database)["neighbours"]
    database["neighbours"].delete_many({"_id.date": {"$gte": TODAY - timedelta(days=5)}})
    for days in range(4, -1, -1):
        compare(TODAY - timedelta(days=days))
    assert stored_bytes(database)["neighbours"] == at_once


def test_a_corrected_stations_file_lets_all_days_be_compared_anew(database, compare):
    for name, frame in zip(("station1", "station2"), two_stations(), strict=True):
        store(database, name, frame)
    compare()
    (version,) = database["neighbours"].distinct("version")
    network = load_network()
    first = network.stations[0].model_copy(update={"cross_sensitive": {"o3": True}})
    compare(network=network.model_copy(update={"stations": (first, network.stations[1])}))
    (corrected,) = database["neighbours"].distinct("version")
    assert corrected != version
    assert database["neighbours"].count_documents({}) == DAYS


def test_a_changed_level_fails_the_check_of_the_station_that_changed_and_no_other(database, compare, instance):
    first, second = two_stations()
    change = TODAY - timedelta(days=20)
    second.loc[second["timestamp"] >= change, "pm2_5"] *= 2
    for name, frame in zip(("station1", "station2"), (first, second), strict=True):
        store(database, name, frame)
    checks = compare()
    assert checks["station1_agrees_with_neighbours"].passed
    failed = checks["station2_agrees_with_neighbours"]
    assert not failed.passed
    assert failed.severity == dg.AssetCheckSeverity.ERROR
    assert "PM2.5 reads 1.9" in failed.description
    assert f"against station1 since about {change:%Y-%m-%d}" in failed.description
    assert "it is this station that changed" in failed.description
    (found,) = failed_checks(instance, load_network())
    assert (found.name, found.must_act) == ("station2", True)


def test_a_network_without_hours_passes_and_stores_nothing(database, compare):
    checks = compare(datetime(2023, 5, 1, tzinfo=UTC))
    assert all(check.passed for check in checks.values())
    assert "no day has been compared" in checks["station1_agrees_with_neighbours"].description
    assert database["neighbours"].count_documents({}) == 0
