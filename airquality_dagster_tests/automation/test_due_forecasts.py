"""Which models and scores are due, and what the schedule asks for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from airquality_dagster.automation import schedules
from airquality_dagster.automation.due_forecasts import due_forecasts
from airquality_dagster.definitions import defs
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, VERSION
from airquality_dagster.settings import stations_file

NOW = datetime(2023, 3, 20, 10, 40, tzinfo=UTC)
FITTED = datetime(2023, 3, 15, tzinfo=UTC)


@pytest.fixture
def network(platform, database):
    """The network of two stations that have hours, models and scores: nothing is due."""
    network = load_network(stations_file())
    for station in network.stations:
        database[station.raw_asset].insert_one({"_id": NOW - timedelta(hours=2), "pm2_5": 1.0})
        database[station.forecast_model_asset].insert_many(
            {"_id": field, "version": VERSION, "fitted_at": FITTED} for field in FORECAST_FIELDS
        )
        today = NOW.replace(hour=0, minute=0)
        database[station.forecast_scores_asset].insert_one({"_id": {"date": today, "hours_ahead": 1}})
    return network


def due(database, network, now=NOW, **options) -> tuple[list[str], list[str]]:
    found = due_forecasts(database, network, now, **options)
    return [one.name for one in found.fitted], [one.name for one in found.scored]


def test_nothing_is_due_between_two_fits_of_the_same_day(database, network):
    assert due(database, network) == ([], [])


@pytest.mark.parametrize(("day", "fitted"), [(31, False), (32, True)])
def test_models_are_due_on_the_1st_and_the_15th(database, network, day, fitted):
    now = datetime(2023, 2, 28, 0, 40, tzinfo=UTC) + timedelta(days=day)
    assert due(database, network, now)[0] == (["station1", "station2"] if fitted else [])


@pytest.mark.parametrize(
    "change",
    [{"$set": {"version": VERSION - 1}}, {"$set": {"fitted_at": datetime(2023, 3, 1, tzinfo=UTC)}}],
    ids=["another version", "a former fit"],
)
def test_one_outdated_model_is_enough(database, network, change):
    database["station2_forecast_model"].update_one({"_id": "co"}, change)
    assert due(database, network) == (["station2"], [])


def test_a_fit_that_was_killed_between_two_models_is_due_again(database, network):
    database["station1_forecast_model"].delete_one({"_id": "pm10"})
    assert due(database, network) == (["station1"], [])


def test_scores_are_due_once_a_day(database, network):
    assert due(database, network, NOW + timedelta(hours=13)) == ([], [])
    assert due(database, network, NOW + timedelta(hours=14)) == ([], ["station1", "station2"])


def test_a_station_without_hours_has_nothing_due(database, network):
    for asset in network.station("station1").forecast_model_assets:
        database[asset].drop()
    database["raw_station1"].drop()
    assert due(database, network) == ([], [])


def test_at_most_so_many_stations_are_fitted_at_once(database, network):
    for station in network.stations:
        database[station.forecast_model_asset].drop()
    assert due(database, network, most=1) == (["station1"], [])
    assert due(database, network, most=None) == (["station1", "station2"], [])


def tick(instance, now=NOW):
    repository = defs().get_repository_def()
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=now, repository_def=repository, resources={}
    )
    return repository.get_schedule_def("forecast_schedule").evaluate_tick(context)


def test_the_schedule_says_that_nothing_is_due(instance_on_disk, network):
    data = tick(instance_on_disk)
    assert data.run_requests == []
    assert data.skip_message == "no model and no score is due"


def test_the_schedule_asks_for_models_with_a_new_forecast_and_for_scores(instance_on_disk, database, network):
    database["station1_forecast_model"].drop()
    database["station2_forecast_scores"].drop()
    requests = tick(instance_on_disk).run_requests
    # A run each: a fit that fails keeps no forecast from being scored.
    assert [[key.to_user_string() for key in request.asset_selection] for request in requests] == [
        ["station2_forecast_scores"],
        ["station1_forecast_model", "station1_forecast"],
    ]
    keys = {request.run_key for request in requests}
    assert len(keys) == 2
    assert {request.run_key for request in tick(instance_on_disk).run_requests} == keys


def test_the_schedule_leaves_the_rest_to_the_next_hour(instance_on_disk, database, network, monkeypatch):
    monkeypatch.setattr(schedules, "MOST_FITS", 1)
    for station in network.stations:
        database[station.forecast_model_asset].drop()
    (request,) = tick(instance_on_disk).run_requests
    assert {key.path[-1] for key in request.asset_selection} == {"station1_forecast_model", "station1_forecast"}


def test_without_a_database_the_schedule_skips_and_says_so(instance_on_disk, network, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100")
    data = tick(instance_on_disk)
    assert data.run_requests == []
    assert data.skip_message.startswith("MongoDB does not say which models are due")


def test_scores_are_due_once_a_day_in_any_time_zone(database, network):
    for hours in range(0, 13, 3):
        assert due(database, network, (NOW + timedelta(hours=hours)).astimezone(ZoneInfo("Asia/Kathmandu")))[1] == []
        assert due(database, network, (NOW + timedelta(hours=hours)).astimezone(ZoneInfo("America/Bogota")))[1] == []


@pytest.mark.parametrize(
    "change",
    [{"$unset": {"version": True}}, {"$unset": {"fitted_at": True}}, {"$set": {"fitted_at": "yesterday"}}],
    ids=["no version", "no moment", "a text"],
)
def test_a_damaged_model_is_due_and_keeps_no_other_from_being_fitted(database, network, change):
    database["station2_forecast_model"].update_one({"_id": "co"}, change)
    assert due(database, network) == (["station2"], [])


def test_a_model_of_the_future_is_due(database, network):
    database["station1_forecast_model"].update_one({"_id": "co"}, {"$set": {"fitted_at": NOW + timedelta(days=40)}})
    assert due(database, network) == (["station1"], [])
