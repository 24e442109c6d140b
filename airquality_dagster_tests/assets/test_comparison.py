"""The comparison of a pair in MongoDB: what is stored, what a second run changes, what the check says."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.platform import QUIET, definitions
from airquality_dagster_tests.readings.compared_pair import APART, BEGIN, DAYS, DIFFERENCE
from airquality_dagster_tests.stored_pair import END, pair_of_stations, store_pair


@pytest.fixture
def compare(platform, instance):
    def run(now=END):
        with time_machine.travel(now + timedelta(hours=4), tick=False):
            job = definitions().resolve_job_def("neighbours_job")
            result = job.execute_in_process(instance=instance, run_config=QUIET)
        (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "comparison_can_be_told"]
        return check

    return run


def whole(database, field="pm2_5"):
    return database["paving_comparison"].find_one({"_id": {"pollutant": field, "period": "all", "part": "all"}})


def test_the_comparison_is_stored_and_a_second_run_changes_no_byte(database, use_stations, compare):
    use_stations(pair_of_stations())
    store_pair(database)
    check = compare()
    assert check.passed, check.description
    assert "On the scale of unpaved (Street of unpaved), PM2.5 there is" in check.description
    row = whole(database)
    assert row["difference_one_scale"]["low"] < DIFFERENCE < row["difference_one_scale"]["high"]
    assert row["colocation"]["from"] == BEGIN
    assert row["colocation"]["source"] == "declared"
    assert 0 < len(row["colocation"]["points"]) <= 200
    assert row["valid_statement_fr"].startswith("À l’échelle de unpaved (Street of unpaved), ")
    assert database["paving_comparison"].count_documents({"_id.period": "hour", "_id.pollutant": "pm10"}) == 24
    assert whole(database, "co")["withheld"] == "no_hours"
    before = stored_bytes(database)["paving_comparison"]
    compare()
    assert stored_bytes(database)["paving_comparison"] == before


@pytest.fixture
def is_computed_again(compare, instance):
    """Compare, and return whether the comparison was computed."""

    def run(now=END) -> bool:
        compare(now)
        event = instance.get_latest_materialization_event(dg.AssetKey("paving_comparison"))
        return event.asset_materialization.metadata["computed_again"].value

    return run


def test_a_night_without_news_computes_nothing_and_a_corrected_hour_does(database, use_stations, is_computed_again):
    content = pair_of_stations()
    use_stations(content)
    store_pair(database)
    assert is_computed_again()
    # The neighbours of the last day are stored only once it is over.
    is_computed_again(END + timedelta(days=1))
    before = stored_bytes(database)["paving_comparison"]
    assert not is_computed_again(END + timedelta(days=2))
    assert stored_bytes(database)["paving_comparison"] == before
    hour = {"_id": APART + timedelta(days=3)}
    database["raw_paved"].update_one(hour, {"$inc": {"pm2_5": 1.0}})
    assert is_computed_again(END + timedelta(days=2))
    database["paved_quality"].update_one(hour, {"$set": {"pm10_flags": ["spike"], "pm10_qc": 4}})
    assert is_computed_again(END + timedelta(days=2))
    content["stations"][0]["deployments"][1]["place"] = "Another street"
    use_stations(content)
    assert is_computed_again(END + timedelta(days=2))
    assert not is_computed_again(END + timedelta(days=2))


@pytest.mark.parametrize("period", ["all", pytest.param("hour", marks=pytest.mark.long)])
def test_rows_that_were_lost_are_computed_again(database, use_stations, is_computed_again, period):
    use_stations(pair_of_stations())
    store_pair(database)
    is_computed_again()
    database["paving_comparison"].delete_one({"_id.pollutant": "pm2_5", "_id.period": period})
    assert is_computed_again()
    assert whole(database)["withheld"] is None
    assert database["paving_comparison"].count_documents({"_id.period": "hour", "_id.pollutant": "pm2_5"}) == 24


def test_a_station_without_a_valid_hour_is_named_after_a_fortnight(database, use_stations, compare):
    use_stations(pair_of_stations())
    store_pair(database)
    database["paved_quality"].update_many({}, {"$set": {"pm2_5_flags": ["stuck"], "pm2_5_qc": 4}})
    check = compare()
    assert not check.passed
    assert "PM2.5 of paved (Street of paved) has no valid hour in the 3600 hours" in check.description
    for name in ("raw_paved", "raw_unpaved"):
        database[name].delete_many({"_id": {"$gte": APART + timedelta(days=10)}})
    assert "no valid hour" not in compare().description


def test_dates_of_the_check_are_those_of_the_network(database, use_stations, compare):
    content = pair_of_stations()
    content["network"]["time_zone"] = "Asia/Tokyo"
    use_stations(content)
    store_pair(database)
    due = compare(APART + timedelta(days=400)).description
    # Midnight in Tokyo is 15:00 of the day before in UTC.
    assert f"has been due since {APART + timedelta(days=366):%Y-%m-%d}" in due
    assert f"{BEGIN:%Y-%m-%d} to {APART - timedelta(days=1):%Y-%m-%d}" in whole(database)["valid_statement"]


def test_one_new_day_leaves_the_months_before_as_they_are(database, use_stations, compare):
    use_stations(pair_of_stations())
    store_pair(database)
    last = END - timedelta(days=1)
    later = {name: list(database[name].find({"_id": {"$gte": last}})) for name in ("raw_paved", "raw_unpaved")}
    for name in later:
        database[name].delete_many({"_id": {"$gte": last}})
    compare(last)
    march = {"_id": {"pollutant": "pm10", "period": "month", "part": "2023-03"}}
    before = database["paving_comparison"].find_one(march), whole(database, "pm10")
    for name, documents in later.items():
        database[name].insert_many(documents)
    compare(END)
    assert database["paving_comparison"].find_one(march) == before[0]
    assert whole(database, "pm10")["hours"] == before[1]["hours"] + 24


def test_faulty_hours_are_compared_nowhere(database, use_stations, compare):
    use_stations(pair_of_stations())
    store_pair(database)
    wrong = {"_id": {"$gte": APART + timedelta(days=30), "$lt": APART + timedelta(days=40)}}
    database["paved_quality"].update_many(wrong, {"$set": {"pm2_5_flags": ["spike"], "pm2_5_qc": 4}})
    beside = {"_id": {"$lt": BEGIN + timedelta(days=2)}}
    database["paved_quality"].update_many(beside, {"$set": {"pm2_5_flags": ["spike", "off_site"], "pm2_5_qc": 4}})
    compare()
    assert whole(database)["hours"] == 24 * (DAYS - 10)
    assert whole(database, "pm10")["hours"] == 24 * DAYS
    assert whole(database)["colocation"]["hours"] == whole(database, "pm10")["colocation"]["hours"] - 48


@pytest.mark.long
def test_the_yearly_fortnight_side_by_side_is_due_after_a_year_unless_it_is_planned(database, use_stations, compare):
    content = pair_of_stations()
    use_stations(content)
    store_pair(database)
    due = APART + timedelta(days=366)
    assert compare(due - timedelta(days=1)).passed
    check = compare(due + timedelta(days=30))
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert f"a fortnight side by side has been due since {due:%Y-%m-%d}" in check.description
    for station in content["stations"]:
        planned = {"from": datetime(2024, 5, 1, tzinfo=UTC).date(), "to": datetime(2024, 5, 15, tzinfo=UTC).date()}
        station["deployments"][-1]["to"] = planned["from"]
        station["deployments"].append({**planned, "kind": "colocation", "place": "Lab"})
    use_stations(content)
    assert compare(due + timedelta(days=30)).passed


def test_a_pair_that_never_stood_side_by_side_cannot_be_told(database, use_stations, compare):
    content = pair_of_stations()
    for station in content["stations"]:
        del station["deployments"][0]
    use_stations(content)
    store_pair(database)
    for name in ("raw_paved", "raw_unpaved"):
        database[name].delete_many({"_id": {"$lt": APART}})
    check = compare()
    assert not check.passed
    assert "never stood side by side" in check.description


def test_weeks_that_look_side_by_side_are_proposed_to_the_operator(database, use_stations, compare):
    content = pair_of_stations()
    for station in content["stations"]:
        del station["deployments"][0]
    use_stations(content)
    store_pair(database)
    check = compare()
    assert not check.passed
    assert "the readings look as if the two stood side by side (2023-02-0" in check.description
    assert "which nobody has confirmed" in whole(database)["valid_statement"]


def test_a_pair_without_hours_passes(database, use_stations, compare):
    use_stations(pair_of_stations())
    check = compare()
    assert check.passed
    assert "no hour has been compared yet" in check.description
    assert whole(database)["withheld"] == "no_hours"
