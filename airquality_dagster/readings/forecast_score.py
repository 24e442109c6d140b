"""What forecasts were worth, once their hours have come, and whether a model is withheld."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from airquality_dagster.readings.forecast_features import hour_since_1970, hours_since_1970

SCORED_DAYS = (7, 28)
"""Over so many days forecasts are scored."""
QUANTILES: Mapping[str, float] = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
"""Quantiles of a forecast, and which share of the readings is below each."""

WITHHELD_DAYS = 7
LEAST_SCORED_HOURS = 84
"""With fewer scored hours in `WITHHELD_DAYS`, nothing changes."""
WITHHELD_BELOW = -0.05
"""A model with a lower skill (`Score.mae_skill`) is withheld, and shown again from 0 on. A week is short: a sound model
loses now and then, and is better again the week after (docs/forecast.md has what other limits do)."""


IN_TIME_FOR = timedelta(hours=1)
"""A forecast is in time if it is made before its hour is over: so long after its target."""


def is_in_time(forecasts: pd.DataFrame) -> pd.Series:
    """Return which forecasts were made before their hour was over.

    A forecast that was made later, as for the newest hour of a station that is silent, is no forecast.

    Args:
        forecasts: documents of ``<station>_forecast``, at least ``made_at`` and ``target``.
    """
    return forecasts["made_at"] < forecasts["target"] + IN_TIME_FOR


@dataclass(frozen=True)
class ScoredForecasts:
    """Forecasts of one reading whose hours have come.

    Args:
        hours_ahead: one a forecast.
        targets: hours since 1970.
        came: the valid readings of these hours; NaN where there is none.
        model, persistence: p10, p50 and p90 of the two forecasts, one row a forecast, NaN where there was none.
    """

    hours_ahead: np.ndarray
    targets: np.ndarray
    came: np.ndarray
    model: np.ndarray
    persistence: np.ndarray

    def of_horizon(self, hours_ahead: int, since: int, until: int) -> "ScoredForecasts":
        """Return those of some hours ahead whose target is after an hour, and not after another one."""
        chosen = (self.hours_ahead == hours_ahead) & (self.targets > since) & (self.targets <= until)
        parts = (self.hours_ahead, self.targets, self.came, self.model, self.persistence)
        return ScoredForecasts(*(part[chosen] for part in parts))


def scored(forecasts: pd.DataFrame, field: str, readings: pd.Series) -> ScoredForecasts:
    """Put beside stored forecasts what came.

    Args:
        forecasts: documents of ``<station>_forecast``, at least ``target`` (tz-aware), ``hours_ahead``, and of the
            reading R ``R_model_p10`` … ``R_persistence_p90``.
        field: the reading R.
        readings: its valid readings by hour (UTC index); an hour that is not there is not valid.
    """
    targets = pd.DatetimeIndex(forecasts["target"])

    def quantiles(prefix: str) -> np.ndarray:
        columns = [f"{field}_{prefix}_{name}" for name in QUANTILES]
        return forecasts.reindex(columns=columns).to_numpy("float64")

    return ScoredForecasts(
        forecasts["hours_ahead"].to_numpy("int64"),
        hours_since_1970(targets),
        readings.reindex(targets).to_numpy("float64"),
        quantiles("model"),
        quantiles("persistence"),
    )


@dataclass(frozen=True)
class Score:
    """How good forecasts of some days were, beside persistence of the same hours.

    Args:
        hours: forecasts with a valid reading.
        rmse, mae: root mean square and mean absolute error of p50, in the unit of the reading.
        persistence_rmse, persistence_mae: the same of persistence.
        rmse_skill, mae_skill: 1 minus the ratio to persistence: 0.15 is 15 % better.
        pinball_skill: the same of the mean pinball loss of p10, p50 and p90 (Koenker and Bassett 1978); persistence
            has an interval of its own residuals.
        coverage: share of the readings from p10 to p90; 0.8 is right.
    """

    hours: int
    rmse: float
    mae: float
    persistence_rmse: float
    persistence_mae: float
    rmse_skill: float
    mae_skill: float
    pinball_skill: float
    coverage: float


def score(forecasts: ScoredForecasts) -> Score | None:
    """Score forecasts of one number of hours ahead; None if no hour has reading, model and persistence."""
    parts = np.column_stack([forecasts.came, forecasts.model, forecasts.persistence])
    came, model, persistence = np.split(parts[~np.isnan(parts).any(axis=1)], [1, 4], axis=1)
    if not len(came):
        return None
    (rmse, mae, pinball), (other_rmse, other_mae, other_pinball) = (_losses(came, one) for one in (model, persistence))
    is_covered = (came[:, 0] >= model[:, 0]) & (came[:, 0] <= model[:, -1])
    return Score(
        len(came), rmse, mae, other_rmse, other_mae,
        _skill(rmse, other_rmse), _skill(mae, other_mae), _skill(pinball, other_pinball),
        float(is_covered.mean()),
    )  # fmt: skip


def scores(forecasts: ScoredForecasts, now: datetime, days: int) -> dict[int, Score]:
    """Score the forecasts whose target is in the last days.

    Args:
        forecasts: of one reading.
        now: the newest hour that is known.
        days: their number, one of `SCORED_DAYS`.

    Returns:
        hours ahead → score, where there is one.
    """
    until = hour_since_1970(now)
    found = {
        int(ahead): score(forecasts.of_horizon(ahead, until - days * 24, until))
        for ahead in np.unique(forecasts.hours_ahead)
    }
    return {ahead: one for ahead, one in found.items() if one}


def is_withheld(recent: Score | None, *, was_withheld: bool) -> bool:
    """Return whether a model is withheld.

    A model whose mean absolute error is clearly larger than that of persistence is withheld. It is scored on, and
    shown again once its error is not larger. Squared errors of a week depend on one peak, and do not count.

    Args:
        recent: its score of the last `WITHHELD_DAYS`.
        was_withheld: whether it is withheld now.
    """
    if recent is None or recent.hours < LEAST_SCORED_HOURS:
        return was_withheld
    return recent.mae_skill < (0 if was_withheld else WITHHELD_BELOW)


def withheld_hours(forecasts: ScoredForecasts, now: datetime, was_withheld: Collection[int] = ()) -> frozenset[int]:
    """Return at which hours ahead the model of a reading is withheld.

    Args:
        forecasts: of the reading, at least those of the last `WITHHELD_DAYS`.
        now: the newest hour that is known.
        was_withheld: hours ahead at which it was withheld an hour ago.
    """
    recent = scores(forecasts, now, WITHHELD_DAYS)
    ahead = {*recent, *was_withheld}
    return frozenset(one for one in ahead if is_withheld(recent.get(one), was_withheld=one in was_withheld))


def _losses(came: np.ndarray, quantiles: np.ndarray) -> tuple[float, float, float]:
    """Return root mean square error and mean absolute error of the median, and the mean pinball loss of all."""
    above = came - quantiles
    shares = np.array(list(QUANTILES.values()))
    error = above[:, list(QUANTILES).index("p50")]
    pinball = np.maximum(shares * above, (shares - 1) * above)
    return float(np.sqrt((error**2).mean())), float(np.abs(error).mean()), float(pinball.mean())


def _skill(loss: float, reference: float) -> float:
    """Return 1 minus the ratio of two losses; 0 if both are zero."""
    if reference == 0:
        return 0.0 if loss == 0 else -1.0
    return 1 - loss / reference
