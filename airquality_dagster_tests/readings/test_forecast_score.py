"""What forecasts were worth, and when a model is withheld."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings.forecast import Quantiles
from airquality_dagster.readings.forecast_categories import category_probabilities, probability_above
from airquality_dagster.readings.forecast_score import (
    LEAST_SCORED_HOURS,
    Score,
    ScoredForecasts,
    is_withheld,
    score,
    scored,
    scores,
)

SCORE = Score(168, 2.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.8)


def forecasts(came, model, persistence, hours_ahead=2) -> ScoredForecasts:
    count = len(came)
    return ScoredForecasts(
        np.full(count, hours_ahead), np.arange(count), np.array(came), np.array(model), np.array(persistence)
    )


def test_a_score_is_the_loss_relative_to_persistence():
    found = score(
        forecasts(
            [10.0, 10.0, np.nan],
            [[8.0, 9.0, 12.0], [4.0, 7.0, 9.0], [1.0, 2.0, 3.0]],
            [[6.0, 8.0, 12.0], [6.0, 14.0, 20.0], [1.0, 2.0, 3.0]],
        )
    )
    assert found.hours == 2
    assert (found.mae, found.persistence_mae, found.mae_skill) == pytest.approx((2.0, 3.0, 1 / 3))
    assert found.rmse_skill == pytest.approx(1 - np.sqrt(5) / np.sqrt(10))
    # Of the model 0.1·2 + 0.5·1 + 0.1·2, and 0.1·6 + 0.5·3 + 0.9·1; of persistence 0.4 + 1 + 0.2, and 0.4 + 2 + 1.
    assert found.pinball_skill == pytest.approx(1 - 3.9 / 5.0)
    assert found.coverage == 0.5


def test_hours_without_a_valid_reading_or_without_one_of_the_two_forecasts_are_not_scored():
    assert score(forecasts([np.nan, 5.0], [[1, 2, 3], [np.nan] * 3], [[1, 2, 3], [1, 2, 3]])) is None


def test_only_targets_of_the_last_days_are_scored():
    ten_days = forecasts([5.0] * 240, [[4.0, 5.0, 6.0]] * 240, [[4.0, 4.0, 6.0]] * 240)
    now = pd.Timestamp(239, unit="h", tz="UTC")
    assert scores(ten_days, now, 7)[2].hours == 168
    assert scores(ten_days, now - pd.Timedelta(days=9), 7)[2].hours == 24


def test_stored_forecasts_are_scored_by_what_came():
    target = pd.Timestamp("2023-09-01 02:00Z")
    columns = {f"pm2_5_{kind}_{name}": [1.0] for kind in ("model", "persistence") for name in ("p10", "p50", "p90")}
    documents = pd.DataFrame({"hours_ahead": [2], "target": [target], **columns})
    assert scored(documents, "pm2_5", pd.Series([7.0], [target])).came.tolist() == [7.0]
    assert np.isnan(scored(documents, "pm2_5", pd.Series([7.0], [target + pd.Timedelta(hours=1)])).came).all()
    without = scored(documents.drop(columns="pm2_5_model_p10"), "pm2_5", pd.Series([7.0], [target]))
    assert score(without) is None


@pytest.mark.parametrize(
    ("skill", "was_withheld", "withheld"),
    [(-0.06, False, True), (-0.04, False, False), (-0.04, True, True), (0.01, True, False), (0.01, False, False)],
)
def test_a_model_is_withheld_when_clearly_worse_and_back_when_not_worse(skill, was_withheld, withheld):
    assert is_withheld(replace(SCORE, mae_skill=skill), was_withheld=was_withheld) is withheld


@pytest.mark.parametrize("was_withheld", [True, False])
def test_few_scored_hours_change_nothing(was_withheld):
    few = replace(SCORE, hours=LEAST_SCORED_HOURS - 1, mae_skill=-0.5 if not was_withheld else 0.5)
    assert is_withheld(few, was_withheld=was_withheld) is was_withheld
    assert is_withheld(None, was_withheld=was_withheld) is was_withheld


def test_probabilities_agree_with_the_quantiles_and_add_up_to_one():
    one = Quantiles(8.0, 12.0, 20.0)
    assert [probability_above(one, limit) for limit in (8, 12, 20)] == pytest.approx([0.9, 0.5, 0.1])
    assert sum(category_probabilities(one, (5, 15, 50, 90, 140))) == pytest.approx(1)
    assert min(category_probabilities(one, (5, 15, 50, 90, 140))) >= 0


def test_a_forecast_without_spread_is_in_one_category():
    assert category_probabilities(Quantiles(12.0, 12.0, 12.0), (5, 15)) == [0, 1, 0]
