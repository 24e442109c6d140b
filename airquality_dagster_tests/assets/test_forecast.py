"""Forecasts in MongoDB: what is stored, when nothing is said, and what a second run changes."""

from datetime import timedelta

import dagster as dg
import pytest
import time_machine

from airquality_dagster.assets.forecast import forecast_station
from airquality_dagster.assets.forecast_inputs import past_forecasts
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.forecast import withheld_before
from airquality_dagster.readings.forecast_model import HOURS_AHEAD
from airquality_dagster.settings import stations_file
from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.platform import QUIET, definitions
from airquality_dagster_tests.readings.forecast_series import history
from airquality_dagster_tests.stored_history import (
    DAYS,
    FITTED,
    NOW,
    ORIGIN,
    answer_rows,
    fit,
    forecast_at,
    stored_history,
    tick_after,
)

HOUR = timedelta(hours=1)
MODEL, FORECAST = "station1_forecast_model", "station1_forecast"


@pytest.fixture
def station(platform):
    return load_network(stations_file()).station("station1")


@pytest.fixture
def make(platform, instance):
    """Make assets at a moment, in the job that fits models."""

    def make(*assets, now=NOW):
        with time_machine.travel(now, tick=False):
            job = definitions().resolve_job_def("forecast_job")
            keys = list(map(dg.AssetKey, assets))
            return job.execute_in_process(
                instance=instance, run_config=QUIET, raise_on_error=False, asset_selection=keys
            )

    return make


def documents(database) -> dict[int, dict]:
    """Return hours ahead → the stored forecasts of the newest origin."""
    found = list(database[FORECAST].find(sort=[("_id", 1)]))
    return {one["_id"]["hours_ahead"]: one for one in found if one["_id"]["origin"] == found[-1]["_id"]["origin"]}


def reasons(database, field="pm2_5") -> set:
    return {one[f"{field}_withheld"] for one in documents(database).values()}


def test_after_an_hourly_run_and_a_fit_a_document_an_hour_ahead_says_what_the_contract_promises(
    platform, serve, make, database
):
    serve(answer(*answer_rows(history(DAYS))))
    with time_machine.travel(NOW, tick=False):
        assert platform.run("2023-01", "2023-03").success
    assert reasons(database) == {"no_model"}
    assert make(MODEL, FORECAST).success
    found = documents(database)
    assert list(found) == list(HOURS_AHEAD)
    for hours_ahead, one in found.items():
        assert one["_id"] == {"origin": ORIGIN, "hours_ahead": hours_ahead}
        assert one["target"] == ORIGIN + hours_ahead * HOUR
        assert one["made_at"] == NOW
        for field in ("pm2_5", "pm10"):
            assert 0 < one[f"{field}_p10"] < one[f"{field}_p50"] < one[f"{field}_p90"]
            assert (one[f"{field}_method"], one[f"{field}_withheld"]) == ("model", None)
        # CO of the tests stands still: it is stuck, and not valid.
        assert (one["co_p50"], one["co_method"], one["co_withheld"]) == (None, None, "not_valid")
        assert "simulated" not in one
    models = {one["_id"]: one["fitted_at"] for one in database[MODEL].find()}
    assert models == dict.fromkeys(("co", "pm10", "pm2_5"), FITTED)


@pytest.mark.parametrize(("days", "method", "withheld"), [(10, None, "too_little_history"), (30, "persistence", None)])
def test_a_new_station_says_nothing_then_as_now(database, station, make, days, method, withheld):
    stored_history(database, station, days)
    assert make(MODEL, FORECAST).success
    found = documents(database).values()
    assert {(one["pm2_5_method"], one["pm2_5_withheld"]) for one in found} == {(method, withheld)}


def test_a_station_without_hours_has_no_forecast(database, make):
    assert make(MODEL, FORECAST).success
    assert database[FORECAST].count_documents({}) == 0


def test_the_origin_is_the_newest_hour_that_is_over(database, station, make):
    stored_history(database, station)
    make(FORECAST, now=ORIGIN + timedelta(minutes=59))
    assert documents(database)[1]["_id"]["origin"] == ORIGIN - HOUR
    make(FORECAST, now=ORIGIN + HOUR)
    assert documents(database)[1]["_id"]["origin"] == ORIGIN


def test_hours_of_the_sandbox_make_a_forecast_that_says_so(database, station, make):
    stored_history(database, station)
    database["raw_station1"].update_many({}, {"$set": {"simulated": True}})
    make(MODEL, FORECAST)
    assert {one.get("simulated") for one in documents(database).values()} == {True}


def test_a_second_run_of_an_hour_changes_no_byte(database, station, make):
    stored_history(database, station)
    make(MODEL, FORECAST)
    before = stored_bytes(database)
    assert make(MODEL, FORECAST, now=NOW + timedelta(minutes=30)).success
    assert stored_bytes(database) == before


def test_a_run_that_was_killed_between_two_documents_is_completed_by_the_next(database, station, make):
    stored_history(database, station)
    make(MODEL, FORECAST)
    before = documents(database)
    database[FORECAST].delete_many({"_id.hours_ahead": {"$gt": 2}})
    make(FORECAST, now=NOW + timedelta(minutes=10))
    after = documents(database)
    later = {"made_at": NOW + timedelta(minutes=10)}
    assert after == {ahead: one | later if ahead > 2 else one for ahead, one in before.items()}


def test_a_silent_station_keeps_what_was_forecast_in_time(database, station, make):
    stored_history(database, station)
    make(MODEL, FORECAST)
    before = documents(database)
    # A reading is corrected later: forecasts of hours to come follow, those of hours that are over do not.
    database["raw_station1"].update_one({"_id": ORIGIN}, {"$set": {"pm2_5": 200.0}})
    make(FORECAST, now=NOW + 3 * HOUR)
    after = documents(database)
    assert [ahead for ahead in HOURS_AHEAD if after[ahead] == before[ahead]] == [1, 2, 3]
    assert all(after[ahead]["pm2_5_p50"] > before[ahead]["pm2_5_p50"] for ahead in (6, 12, 24))


def test_forecasts_that_were_made_when_their_hour_was_over_are_not_scored(database, station, make):
    stored_history(database, station)
    fit(database, station)
    make(FORECAST, now=NOW + 3 * HOUR)
    past = past_forecasts(database, station, ORIGIN).set_index("hours_ahead")
    assert past["pm2_5_model_p50"].notna().to_dict() == {ahead: ahead >= 6 for ahead in HOURS_AHEAD}


def test_a_model_of_another_version_forecasts_nothing_and_fails_nothing_until_it_is_fitted(database, station, make):
    stored_history(database, station)
    make(MODEL)
    database[MODEL].update_one({"_id": "pm2_5"}, {"$set": {"version": 0}})
    assert make(FORECAST).success
    assert reasons(database) == {"no_model"}
    assert reasons(database, "pm10") == {None}
    assert make(MODEL, FORECAST).success
    assert reasons(database) == {None}


def test_a_damaged_model_keeps_no_other_reading_from_being_forecast_and_is_named(database, station, make):
    stored_history(database, station)
    fit(database, station)
    models = database[station.forecast_model_asset]
    models.update_one({"_id": "pm2_5"}, {"$unset": {"horizons": True}})
    models.insert_one({"_id": "no2", "version": 1})
    told = []
    made = {one.field: one for one in forecast_station(database, station, NOW, warn=told.append)}
    assert (made["pm2_5"].withheld, made["pm10"].method) == ("no_model", "model")
    assert [message.partition(": ")[0] for message in told] == [station.forecast_model_asset] * 2


def test_hours_after_the_fit_change_no_model(database, station, make):
    stored_history(database, station)
    make(MODEL)
    before = stored_bytes(database)[MODEL]
    database["raw_station1"].update_many({"_id": {"$gte": FITTED}}, {"$set": {"pm2_5": 500.0}})
    make(MODEL)
    assert stored_bytes(database)[MODEL] == before


def past_forecast(origin, ahead, model, persistence, *, withheld=None) -> dict:
    """Return the document of a forecast of PM2.5 in time."""
    return {
        "_id": {"origin": origin, "hours_ahead": ahead},
        "target": origin + ahead * HOUR,
        "made_at": tick_after(origin),
        **{f"pm2_5_model_{name}": model + spread for name, spread in (("p10", -2.0), ("p50", 0.0), ("p90", 2.0))},
        **{f"pm2_5_persistence_{name}": persistence + one for name, one in (("p10", -2), ("p50", 0), ("p90", 2))},
        "pm2_5_withheld": withheld,
    }


def store_losing(database, error, *, withheld=None, hours=7 * 24 + 2) -> None:
    """Store forecasts two hours ahead of the last week: those of the model miss by this, persistence by 1."""
    came = {one["_id"]: one["pm2_5"] for one in database["raw_station1"].find()}
    origins = [ORIGIN - age * HOUR for age in range(2, hours)]
    database[FORECAST].insert_many(
        past_forecast(one, 2, came[one + 2 * HOUR] + error, came[one + 2 * HOUR] + 1.0, withheld=withheld)
        for one in origins
    )


def two_hours(database, station):
    made = forecast_station(database, station, NOW)
    return next(one for one in made if (one.field, one.hours_ahead) == ("pm2_5", 2))


@pytest.mark.parametrize(
    ("error", "before", "withheld"),
    [
        (1.2, None, "loses_to_persistence"),
        (1.02, None, None),
        (1.02, "loses_to_persistence", "loses_to_persistence"),
        (0.98, "loses_to_persistence", None),
    ],
)
def test_a_model_that_loses_is_withheld_and_stays_so_until_it_is_better(database, station, error, before, withheld):
    stored_history(database, station)
    fit(database, station)
    store_losing(database, error, withheld=before)
    made = two_hours(database, station)
    assert made.withheld == withheld
    assert made.model


def test_hours_without_valid_readings_do_not_bring_a_withheld_model_back(database, station):
    stored_history(database, station)
    fit(database, station)
    store_losing(database, 1.02, withheld="loses_to_persistence")
    last = {"_id": {"origin": ORIGIN - HOUR, "hours_ahead": 2}}
    silent = dict.fromkeys(past_forecast(ORIGIN, 2, 0.0, 0.0)) | last
    times = {"target": ORIGIN + HOUR, "made_at": tick_after(ORIGIN - HOUR), "pm2_5_withheld": "too_few_recent_hours"}
    database[FORECAST].insert_one(silent | times)
    assert two_hours(database, station).withheld == "loses_to_persistence"


def test_a_day_of_forecasts_is_in_the_score_of_the_week_right_after_a_fit(database, station):
    """Forecasts of 24 hours ahead whose hour came in the week were made up to a day before it."""
    stored_history(database, station)
    fit(database, station)
    since = ORIGIN - timedelta(days=7)
    forecast_at(database, station, tick_after(since - 24 * HOUR))
    past = past_forecasts(database, station, since)
    assert set(past.loc[past["target"] >= since, "hours_ahead"]) == {24}


def test_before_any_forecast_no_model_is_withheld(database, station):
    assert withheld_before(past_forecasts(database, station, ORIGIN), "pm2_5", ORIGIN) == frozenset()
