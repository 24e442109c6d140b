"""The forecasts of a past period: the same computation as each hour, with what was known then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from airquality_dagster.readings.forecast import Forecast, forecast
from airquality_dagster.readings.forecast_features import COMPANIONS, WINDOW_HOURS, hour_since_1970, hours_since_1970
from airquality_dagster.readings.forecast_known import KnownReadings
from airquality_dagster.readings.forecast_model import HOURS_AHEAD, MOST_DAYS_OF_A_MODEL, fit, refit_due
from airquality_dagster.readings.forecast_score import QUANTILES, ScoredForecasts, withheld_hours

WARM_UP_DAYS = 14
"""Forecasts of so many days before the period are made, too, so that a model may be withheld on its first day."""

# For the predictors, for the score of a week, and for what came since a fit.
_HOURS_KNOWN = max(WINDOW_HOURS, 24 * MOST_DAYS_OF_A_MODEL) + max(HOURS_AHEAD)
_HOUR = pd.Timedelta(hours=1)


def backtest(known: KnownReadings, name: str, begin: datetime, end: datetime) -> Iterator[Forecast]:
    """Yield the forecasts of a past period, by origin and hours ahead.

    Args:
        known: the history.
        name: field of the reading.
        begin, end: first origin, and the end of the period (excluded); tz-aware.
    """
    start, stop = (pd.Timestamp(moment).tz_convert("UTC") for moment in (begin, end))
    hours, fields = known.hours, (name, COMPANIONS[name])
    origins = hours[(hours >= start - pd.Timedelta(days=WARM_UP_DAYS)) & (hours < stop)]
    made = _Made.nothing(origins)
    model, withheld = None, frozenset[int]()
    for origin in origins:
        due = refit_due(origin)
        if model is None or model.fitted_at != due:
            model = fit(known.until(due - _HOUR, fields), name, due)
        valid = known.until(origin, fields, hours=_HOURS_KNOWN)
        scored = made.scored(valid[name])
        withheld = withheld_hours(scored, origin, withheld)
        forecasts = forecast(valid, model, origin, scored=scored, withheld=withheld)
        made.add(forecasts)
        if origin >= start:
            yield from forecasts


@dataclass(frozen=True)
class _Made:
    """The forecasts made so far.

    Args:
        first: the hour of the first origin, since 1970.
        model, persistence: p10, p50 and p90 by hours ahead and origin, NaN where there is none.
    """

    first: int
    model: np.ndarray
    persistence: np.ndarray

    @classmethod
    def nothing(cls, origins: pd.DatetimeIndex) -> "_Made":
        """Return no forecast of any of these origins."""
        hours = hours_since_1970(origins)
        first, count = (int(hours[0]), int(hours[-1] - hours[0]) + 1) if len(hours) else (0, 0)
        nothing = np.full((len(HOURS_AHEAD), count, len(QUANTILES)), np.nan)
        return cls(first, nothing, nothing.copy())

    def add(self, forecasts: list[Forecast]) -> None:
        """Add the forecasts of one origin."""
        place = hour_since_1970(forecasts[0].origin) - self.first
        for row, one in enumerate(forecasts):
            for made, quantiles in ((self.model, one.model), (self.persistence, one.persistence)):
                if quantiles:
                    made[row, place] = quantiles.p10, quantiles.p50, quantiles.p90

    def scored(self, readings: pd.Series) -> ScoredForecasts:
        """Return those whose hour has come.

        Args:
            readings: valid readings up to the present hour.
        """
        since, newest = hours_since_1970(pd.DatetimeIndex(readings.index[[0, -1]]))
        origins = np.arange(max(since, self.first), newest)
        targets = origins + np.array(HOURS_AHEAD)[:, np.newaxis]
        has_come = targets <= newest
        hours_ahead = np.broadcast_to(np.array(HOURS_AHEAD)[:, np.newaxis], targets.shape)
        model, persistence = (made[:, origins - self.first][has_come] for made in (self.model, self.persistence))
        came = readings.to_numpy("float64")[targets[has_come] - since]
        return ScoredForecasts(hours_ahead[has_come], targets[has_come], came, model, persistence)
