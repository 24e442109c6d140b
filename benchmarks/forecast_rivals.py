"""Other ways to forecast, fitted at the same moments as the model: what a forecast must be better than."""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from airquality_dagster.readings.forecast_model import HOURS_AHEAD, refit_due

_HOUR = pd.Timedelta(hours=1)


def damped_persistence(readings: pd.Series, origins: pd.DatetimeIndex, hours_ahead: int) -> pd.Series:
    """Return the present reading, drawn to the mean: least squares of the history before each refit.

    Args:
        readings: valid ones, every hour.
        origins: of the forecasts.
        hours_ahead: of the targets.
    """
    hours, present = pd.DatetimeIndex(readings.index), readings.ffill(limit=2)
    came = readings.shift(-hours_ahead)
    forecasts = pd.Series(np.nan, origins)
    for due, some in _by_refit(origins):
        is_known = (hours + hours_ahead * _HOUR < due) & present.notna() & came.notna()
        if is_known.sum() > 24:
            slope, intercept = np.polyfit(present[is_known], came[is_known], 1)
            forecasts[some] = intercept + slope * present[some]
    return forecasts


def climatology(readings: pd.Series, origins: pd.DatetimeIndex, hours_ahead: int) -> pd.Series:
    """Return the mean of the history at the hour of the day of the target; arguments as above."""
    forecasts = pd.Series(np.nan, origins)
    for due, some in _by_refit(origins):
        before = readings[readings.index < due]
        by_hour = before.groupby(pd.DatetimeIndex(before.index).hour).mean()
        forecasts[some] = by_hour.reindex((some + hours_ahead * _HOUR).hour).to_numpy()
    return forecasts


def prophet(readings: pd.Series, origins: pd.DatetimeIndex) -> dict[int, pd.Series]:
    """Return Prophet's forecasts, fitted each day at 00:00 UTC to all readings before: hours ahead → forecasts."""
    from prophet import Prophet  # pyright: ignore[reportMissingImports]  # only with --prophet

    logging.getLogger("cmdstanpy").disabled = True
    forecasts = {hours_ahead: pd.Series(np.nan, origins) for hours_ahead in HOURS_AHEAD}
    for day in pd.DatetimeIndex(origins.normalize().unique()):
        before = readings[readings.index < day].dropna()
        model = Prophet(daily_seasonality=True, weekly_seasonality=True)  # pyright: ignore[reportArgumentType]
        model.fit(pd.DataFrame({"ds": pd.DatetimeIndex(before.index).tz_localize(None), "y": before.to_numpy()}))
        hours = pd.date_range(day, periods=24 + max(HOURS_AHEAD), freq="h")
        ahead = model.predict(pd.DataFrame({"ds": hours.tz_localize(None)}))
        made = pd.Series(ahead["yhat"].to_numpy(), hours)
        some = origins[origins.normalize() == day]
        for hours_ahead, series in forecasts.items():
            series[some] = made.reindex(some + hours_ahead * _HOUR).to_numpy()
    return forecasts


def _by_refit(origins: pd.DatetimeIndex) -> Iterator[tuple[pd.Timestamp, pd.DatetimeIndex]]:
    due = pd.Series([refit_due(origin) for origin in origins], origins)
    for moment, some in due.groupby(due):
        yield pd.Timestamp(str(moment)), pd.DatetimeIndex(some.index)
