"""What stored forecasts were worth: the numbers, and what the operator sees of a model that is withheld."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import time_machine

from airquality_dagster.assets.forecast_scores import scored_forecasts
from airquality_dagster.automation.instance import failed_checks
from airquality_dagster.component import network_definitions
from airquality_dagster.network.stations import load_network
from airquality_dagster.settings import stations_file
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.platform import QUIET, checks_of
from airquality_dagster_tests.stored_history import stored_history, tick_after

TODAY = datetime(2023, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCORES = "station1_forecast_scores"
AHEAD = 3
QUANTILES = ("p10", "p50", "p90")


@pytest.fixture
def network(platform):
    return load_network(stations_file())


@pytest.fixture
def station(network):
    return network.station("station1")


@pytest.fixture
def score(network, instance):
    """Make the scores of station1 at noon of a day."""

    def score(today=TODAY):
        with time_machine.travel(today + 12 * HOUR, tick=False):
            job = network_definitions(network).resolve_job_def("forecast_job")
            return job.execute_in_process(instance=instance, run_config=QUIET, asset_selection=[dg.AssetKey(SCORES)])

    return score


def store_forecasts(database, hours, *, seed=0, late=0, withheld=None):
    """Store forecasts of PM2.5 three hours ahead with random errors; the first ones of them were made too late.

    Returns:
        what was stored, one row a forecast: came, and p10, p50 and p90 by the model and by persistence.
    """
    rng = np.random.default_rng(seed)
    targets = hours[hours["timestamp"] < TODAY].tail(30 * 24)
    came = targets["pm2_5"].to_numpy()
    middle = came[:, np.newaxis] + rng.normal(0, [2.0, 3.0], (len(came), 2))
    model, persistence = (middle[:, [place]] + [-2.0, 0.0, 2.0] for place in (0, 1))
    documents = []
    for number, target in enumerate(map(pd.Timestamp.to_pydatetime, targets["timestamp"])):
        origin = target - AHEAD * HOUR
        documents.append(
            {
                "_id": {"origin": origin, "hours_ahead": AHEAD},
                "target": target,
                "made_at": target + HOUR if number < late else tick_after(origin),
                **{f"pm2_5_model_{name}": model[number, place] for place, name in enumerate(QUANTILES)},
                **{f"pm2_5_persistence_{name}": persistence[number, place] for place, name in enumerate(QUANTILES)},
                "pm2_5_withheld": withheld,
            }
        )
    database["station1_forecast"].insert_many(documents)
    return came, model, persistence


def pinball(came, quantiles) -> float:
    """Return the mean pinball loss of p10, p50 and p90, term by term."""
    losses = []
    for reading, row in zip(came, quantiles, strict=True):
        for share, value in zip((0.1, 0.5, 0.9), row, strict=True):
            losses.append(share * (reading - value) if reading >= value else (1 - share) * (value - reading))
    return sum(losses) / len(losses)


def test_scores_are_those_of_an_independent_computation(database, station, score):
    hours = stored_history(database, station)
    came, model, persistence = store_forecasts(database, hours)
    # These hours are not valid: they are in no score.
    invalid = [TODAY - number * HOUR for number in range(10, 30)]
    database["station1_quality"].update_many({"_id": {"$in": invalid}}, {"$set": {"pm2_5_qc": 4}})
    assert score().success
    row = database[SCORES].find_one({"_id": {"date": TODAY, "hours_ahead": AHEAD}})
    for days in (7, 28):
        keep = np.ones(len(came), dtype=bool)
        keep[: -days * 24] = False
        keep[-29:-9] = False
        errors, others = (model[:, 1] - came)[keep], (persistence[:, 1] - came)[keep]
        expected = {
            "hours": days * 24 - 20,
            "rmse": np.sqrt(np.mean(errors**2)),
            "mae": np.mean(np.abs(errors)),
            "persistence_rmse": np.sqrt(np.mean(others**2)),
            "persistence_mae": np.mean(np.abs(others)),
            "rmse_skill": 1 - np.sqrt(np.mean(errors**2) / np.mean(others**2)),
            "mae_skill": 1 - np.sum(np.abs(errors)) / np.sum(np.abs(others)),
            "pinball_skill": 1 - pinball(came[keep], model[keep]) / pinball(came[keep], persistence[keep]),
            "coverage": np.mean((came[keep] >= model[keep, 0]) & (came[keep] <= model[keep, 2])),
        }
        assert row[f"pm2_5_{days}_days"] == pytest.approx(expected, rel=1e-9)
    assert row["pm10_7_days"] is None
    assert row["pm2_5_is_withheld"] is False


def test_forecasts_that_were_made_too_late_are_in_no_score(database, station):
    hours = stored_history(database, station)
    store_forecasts(database, hours, late=20 * 24)
    row = next(row for row in scored_forecasts(database, station, TODAY) if row["hours_ahead"] == AHEAD)
    assert (row["pm2_5_7_days"]["hours"], row["pm2_5_28_days"]["hours"]) == (7 * 24, 10 * 24)


def test_scoring_a_day_again_changes_no_byte_and_the_next_day_adds_its_rows(database, station, score):
    hours = stored_history(database, station)
    store_forecasts(database, hours)
    score()
    before = stored_bytes(database)
    score()
    assert stored_bytes(database) == before
    score(TODAY + timedelta(days=1))
    assert database[SCORES].count_documents({}) == 12


def test_the_check_warns_of_a_model_that_is_withheld_and_names_reading_and_hours_ahead(
    database, station, network, score, instance
):
    hours = stored_history(database, station)
    store_forecasts(database, hours, withheld="loses_to_persistence")
    check = checks_of(score())["forecast_has_skill"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "forecasts of PM2.5 3 h ahead are withheld" in check.description
    assert [(one.name, one.key.name) for one in failed_checks(instance, network)] == [
        ("station1", "forecast_has_skill")
    ]


def test_the_check_passes_with_a_table_once_forecasts_are_scored(database, station, score):
    check = checks_of(score())["forecast_has_skill"]
    assert check.passed
    assert "no forecast could be scored yet" in check.description
    hours = stored_history(database, station)
    store_forecasts(database, hours)
    check = checks_of(score())["forecast_has_skill"]
    assert check.passed
    assert "no model is withheld" in check.description
    assert check.metadata["scores"].value.count("| PM2.5 | 3 h |") == 2
