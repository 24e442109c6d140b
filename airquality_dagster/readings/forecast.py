"""Forecasts of the next hours of a station: median and p10 to p90, or why there is none.

Beside each forecast of the model stands that of persistence ("as now"), so that the model can be scored against it
when the hour has come, and withheld while it is not better. docs/forecast.md has the method, what it is worth, and its
sources.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from airquality_dagster.readings.forecast_features import (
    Windows,
    features,
    from_scale,
    newest_window,
    simple_forecast,
    to_scale,
)
from airquality_dagster.readings.forecast_intervals import Residuals
from airquality_dagster.readings.forecast_model import (
    HOURS_AHEAD,
    MODEL,
    PERSISTENCE,
    FieldModel,
    Method,
    half_way_forecast,
)
from airquality_dagster.readings.forecast_score import QUANTILES, ScoredForecasts

LEAST_RECENT_HOURS = 2
"""Of the last three hours, so many must be valid, as for a NowCast."""

TOO_LITTLE_HISTORY, TOO_FEW_RECENT_HOURS = "too_little_history", "too_few_recent_hours"
NOT_VALID, LOSES_TO_PERSISTENCE, NO_MODEL = "not_valid", "loses_to_persistence", "no_model"

_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Quantiles:
    """What may come, in the unit of the reading: with 80 % between p10 and p90."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True)
class Forecast:
    """The forecast of one reading for one hour.

    Args:
        field: the reading.
        origin: the newest hour that was known (its start, UTC).
        hours_ahead: of the target.
        model, persistence: what each of the two forecasts; None where it cannot. They are kept while the forecast is
            withheld, to be scored.
        withheld: why nothing is forecast: `TOO_LITTLE_HISTORY`, `TOO_FEW_RECENT_HOURS`, `NOT_VALID` (no valid reading
            in a week), `LOSES_TO_PERSISTENCE`, `NO_MODEL` (none is fitted yet); None if something is.
    """

    field: str
    origin: pd.Timestamp
    hours_ahead: int
    model: Quantiles | None = None
    persistence: Quantiles | None = None
    withheld: str | None = None

    @property
    def target(self) -> pd.Timestamp:
        """The hour that is forecast (its start, UTC)."""
        return self.origin + self.hours_ahead * _HOUR

    @property
    def published(self) -> Quantiles | None:
        """What is said; None if nothing is."""
        return None if self.withheld else self.model or self.persistence

    @property
    def method(self) -> Method | None:
        """By what it is forecast; None if nothing is said."""
        if self.published is None:
            return None
        return MODEL if self.model else PERSISTENCE

    @property
    def document(self) -> dict[str, float | str | None]:
        """The fields of the forecast in ``<station>_forecast``: ``R_p10`` and so on for the reading R."""
        quantiles = {"": self.published, "model_": self.model, "persistence_": self.persistence}
        return {
            **{
                f"{self.field}_{prefix}{name}": getattr(one, name) if one else None
                for prefix, one in quantiles.items()
                for name in QUANTILES
            },
            f"{self.field}_method": self.method,
            f"{self.field}_withheld": self.withheld,
        }


def forecast(
    valid: pd.DataFrame,
    model: FieldModel,
    origin: datetime,
    *,
    scored: ScoredForecasts | None = None,
    withheld: Collection[int] = (),
) -> list[Forecast]:
    """Forecast one reading for all hours ahead.

    Args:
        valid: readings that are valid as known at the origin, NaN elsewhere, in order (UTC index), one column a field;
            the last `forecast_features.WINDOW_HOURS` hours are enough. Hours after the origin are not looked at.
        model: of the reading.
        origin: start of the newest hour that is known.
        scored: past forecasts of this reading with what came (`forecast_score.scored`): intervals follow their errors.
            Those with a target since the fit are enough. Targets after the origin are not looked at.
        withheld: hours ahead at which the model is withheld (`forecast_score.is_withheld`).
    """
    moment = pd.Timestamp(origin).tz_convert("UTC")
    window = newest_window(valid, model.field, moment)
    why = _why_nothing(window, model)
    if why:
        return [Forecast(model.field, moment, hours_ahead, withheld=why) for hours_ahead in HOURS_AHEAD]
    return [
        _forecast_one(window, model, hours_ahead, scored, is_withheld=hours_ahead in withheld)
        for hours_ahead in HOURS_AHEAD
    ]


def withheld_before(forecasts: pd.DataFrame, field: str, origin: datetime) -> frozenset[int]:
    """Return the hours ahead at which the model of a reading was withheld before a forecast is made.

    Where nothing was forecast for another reason, as after hours without valid readings, what was before still holds.

    Args:
        forecasts: documents of ``<station>_forecast``, in order of origin: ``origin``, ``hours_ahead``, ``R_withheld``.
        field: the reading.
        origin: of the forecast that is made now.
    """
    why = forecasts[f"{field}_withheld"]
    judged = forecasts[(forecasts["origin"] < origin) & (why.isna() | (why == LOSES_TO_PERSISTENCE))]
    last = dict(zip(judged["hours_ahead"], judged[f"{field}_withheld"], strict=True))  # later ones replace former ones
    return frozenset(hours_ahead for hours_ahead, reason in last.items() if reason == LOSES_TO_PERSISTENCE)


def _why_nothing(window: Windows, model: FieldModel) -> str | None:
    if np.isnan(window.own).all():
        return NOT_VALID
    if not model.horizons:
        return TOO_LITTLE_HISTORY
    if window.recent_hours[0] < LEAST_RECENT_HOURS:
        return TOO_FEW_RECENT_HOURS
    return None


def _forecast_one(
    window: Windows, model: FieldModel, hours_ahead: int, scored: ScoredForecasts | None, *, is_withheld: bool
) -> Forecast:
    origin, horizon = int(window.origins[0]), model.horizons[hours_ahead]
    target = origin + hours_ahead
    of_model, of_persistence = horizon.model_residuals, horizon.persistence_residuals
    if scored is not None:
        since_fit = scored.of_horizon(hours_ahead, model.fitted_hour - 1, origin)
        of_persistence = _with_recent(of_persistence, since_fit, since_fit.persistence)
        of_model = of_model and _with_recent(of_model, since_fit, since_fit.model)
    persistence = _quantiles(float(window.present[0]), of_persistence, target)
    modelled = None
    if horizon.ridge and of_model:
        middle = half_way_forecast(horizon.ridge, features(window, hours_ahead), simple_forecast(window, hours_ahead))
        modelled = _quantiles(float(middle[0]), of_model, target)
    why = LOSES_TO_PERSISTENCE if is_withheld and modelled else None
    if modelled is None and persistence is None:
        why = TOO_LITTLE_HISTORY
    start = pd.Timestamp(origin, unit="h", tz="UTC")
    return Forecast(model.field, start, hours_ahead, modelled, persistence, why)


def _with_recent(fitted: Residuals, recent: ScoredForecasts, forecasts: np.ndarray) -> Residuals:
    """Return the residuals of the fit, followed by those of forecasts since then."""
    residuals = to_scale(recent.came) - to_scale(forecasts[:, list(QUANTILES).index("p50")])
    return fitted.followed_by(recent.targets, residuals)


def _quantiles(middle: float, residuals: Residuals, target: int) -> Quantiles | None:
    """Return the interval around a forecast on the scale of the model."""
    ends = residuals.quantiles(target, np.array([QUANTILES["p10"], QUANTILES["p90"]]))
    if ends is None:
        return None
    low, high = middle + ends
    p10, p50, p90 = from_scale(np.array([min(low, middle), middle, max(high, middle)])).tolist()
    return Quantiles(p10, p50, p90)
