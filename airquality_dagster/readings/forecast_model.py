"""Models of a forecast: fitted on the valid hours of a station, twice a month, and stored as plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from airquality_dagster.readings.forecast_features import (
    PREDICTORS,
    Windows,
    features,
    hour_since_1970,
    simple_forecast,
    windows_of,
)
from airquality_dagster.readings.forecast_intervals import MOST_RESIDUALS, Residuals
from airquality_dagster.readings.forecast_ridge import Ridge, fit_ridge

VERSION = 1
"""Of the method; documents hold it. A model of another version is fitted again."""

HOURS_AHEAD = (1, 2, 3, 6, 12, 24)
FORECAST_FIELDS = ("pm2_5", "pm10", "co")

LEAST_MODEL_DAYS = 45
"""Valid days (24 valid hours) from which on a model is fitted (docs/forecast.md, cold start)."""
LEAST_DAYS = 14
"""Valid days from which on persistence has an interval."""
MOST_DAYS = 731
"""Older hours are not used."""
_REFIT_DAYS = (1, 15)
MOST_DAYS_OF_A_MODEL = 17
"""After which there is a new one: from the 15th to the 1st of the next month."""
_BLOCK_HOURS = 14 * 24
_LEAST_TRAINING_HOURS = 21 * 24

MODEL, PERSISTENCE = "model", "persistence"
Method = Literal["model", "persistence"]


@dataclass(frozen=True)
class HorizonModel:
    """What forecasts one number of hours ahead.

    Args:
        ridge: corrects the simple forecast; None: only persistence is forecast.
        model_residuals: of forecasts for the last weeks of the history, made without knowing these; None without a
            ridge.
        persistence_residuals: of the present reading as the forecast.
    """

    ridge: Ridge | None
    model_residuals: Residuals | None
    persistence_residuals: Residuals


@dataclass(frozen=True)
class FieldModel:
    """What forecasts one reading of a station.

    Args:
        field: the reading.
        fitted_at: the moment of the fit (UTC); hours before it are in it.
        valid_hours: hours of the history with a valid reading.
        horizons: hours ahead → its model; empty if the history is too short for any forecast.
    """

    field: str
    fitted_at: pd.Timestamp
    valid_hours: int
    horizons: Mapping[int, HorizonModel]

    @property
    def fitted_hour(self) -> int:
        """The moment of the fit in hours since 1970."""
        return hour_since_1970(self.fitted_at)

    @property
    def method(self) -> Method | None:
        """What it forecasts by; None if by nothing."""
        if not self.horizons:
            return None
        return MODEL if all(one.ridge for one in self.horizons.values()) else PERSISTENCE

    def to_document(self) -> dict[str, Any]:
        """Return the model as plain data that BSON and JSON can hold (but for the times, which JSON cannot)."""
        return {
            "version": VERSION,
            "field": self.field,
            "fitted_at": self.fitted_at.to_pydatetime(),
            "valid_hours": self.valid_hours,
            "horizons": [
                {
                    "hours_ahead": hours_ahead,
                    "ridge": one.ridge and one.ridge.to_document(),
                    "model_residuals": one.model_residuals and one.model_residuals.to_document(),
                    "persistence_residuals": one.persistence_residuals.to_document(),
                }
                for hours_ahead, one in self.horizons.items()
            ],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "FieldModel":
        """Return the model of a document: its forecasts are the same to the last bit.

        Raises:
            ValueError: the document is of another version of the method, or damaged.
        """
        if document.get("version") != VERSION:
            raise ValueError(f"a forecast model of version {document.get('version')}, not {VERSION}: fit it again")
        try:
            return cls._from_whole_document(document)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"a damaged forecast model of {document.get('field')!r} ({error!r}): fit it again"
            ) from error

    @classmethod
    def _from_whole_document(cls, document: Mapping[str, Any]) -> "FieldModel":
        fitted_at = pd.Timestamp(document["fitted_at"])
        horizons = {
            one["hours_ahead"]: HorizonModel(
                Ridge.from_document(one["ridge"]) if one["ridge"] else None,
                Residuals.from_document(one["model_residuals"]) if one["model_residuals"] else None,
                Residuals.from_document(one["persistence_residuals"]),
            )
            for one in document["horizons"]
        }
        if document["field"] not in FORECAST_FIELDS or (horizons and tuple(horizons) != HOURS_AHEAD):
            raise ValueError(f"of {document['field']!r} for {list(horizons)} hours ahead")
        if any(one.ridge and len(one.ridge.coefficients) != PREDICTORS for one in horizons.values()):
            raise ValueError(f"other than {PREDICTORS} coefficients")
        return cls(
            document["field"],
            fitted_at.tz_localize("UTC") if fitted_at.tzinfo is None else fitted_at.tz_convert("UTC"),
            document["valid_hours"],
            horizons,
        )


def refit_due(moment: datetime) -> pd.Timestamp:
    """Return when models that are in use at a moment were to be fitted: the 1st or 15th of a month, 00:00 UTC.

    >>> refit_due(pd.Timestamp("2023-09-14 23:00Z"))
    Timestamp('2023-09-01 00:00:00+0000', tz='UTC')
    """
    day = pd.Timestamp(moment).tz_convert("UTC").normalize()
    return day.replace(day=max(one for one in _REFIT_DAYS if one <= day.day))


def fit(valid: pd.DataFrame, field: str, fitted_at: datetime) -> FieldModel:
    """Fit the forecast of one reading.

    Args:
        valid: valid readings as known at the moment of the fit, NaN elsewhere, in order (UTC index), one column a
            field. Hours off site are not valid. Hours from the moment on are not looked at.
        field: the reading.
        fitted_at: the moment of the fit, tz-aware; `refit_due` gives it.
    """
    moment = pd.Timestamp(fitted_at).tz_convert("UTC")
    history = valid.loc[(valid.index >= moment - pd.Timedelta(days=MOST_DAYS)) & (valid.index < moment)]
    is_valid = history[field].notna() if field in history else pd.Series(dtype=bool)
    valid_hours = int(is_valid.sum())
    if valid_hours < LEAST_DAYS * 24:
        return FieldModel(field, moment, valid_hours, {})
    windows = windows_of(history.loc[is_valid.idxmax() :].asfreq("h"), field)
    is_modelled = valid_hours >= LEAST_MODEL_DAYS * 24
    hour = hour_since_1970(moment)
    horizons = {hours: _fit_horizon(windows, hours, hour, is_modelled=is_modelled) for hours in HOURS_AHEAD}
    return FieldModel(field, moment, valid_hours, horizons)


def _fit_horizon(windows: Windows, hours_ahead: int, moment: int, *, is_modelled: bool) -> HorizonModel:
    own, targets = windows.own[:, -1], windows.origins + hours_ahead
    came = np.full(len(own), np.nan)
    came[:-hours_ahead] = own[hours_ahead:]
    of_persistence = Residuals.of(targets, came - windows.present)
    if not is_modelled:
        return HorizonModel(None, None, of_persistence)
    training = _Training(targets, features(windows, hours_ahead), simple_forecast(windows, hours_ahead), came)
    of_model = Residuals.of(targets, came - training.forecasts_of_last_weeks())
    return HorizonModel(training.fit_before(moment), of_model, of_persistence)


@dataclass(frozen=True)
class _Training:
    """All pairs of predictors and readings of a history.

    Args:
        targets: hours since 1970.
        predictors: one row a target.
        simple: the forecasts to correct, on the scale of the model.
        came: the readings on that scale, NaN where there is no valid one.
    """

    targets: np.ndarray
    predictors: np.ndarray
    simple: np.ndarray
    came: np.ndarray

    def fit_before(self, moment: int) -> Ridge | None:
        """Fit to the targets before a moment; None if these are too few."""
        corrections = self.came - self.simple
        used = (self.targets < moment) & ~np.isnan(corrections)
        if used.sum() < _LEAST_TRAINING_HOURS:
            return None
        return fit_ridge(self.predictors[used], corrections[used], (moment - self.targets[used]) / 24)

    def forecasts_of_last_weeks(self) -> np.ndarray:
        """Forecast the last known targets, each fortnight by a model that was fitted before it; NaN elsewhere."""
        forecasts = np.full(len(self.targets), np.nan)
        known = np.flatnonzero(~np.isnan(self.came - self.simple))
        for place in range(max(len(known) - MOST_RESIDUALS, 0), len(known), _BLOCK_HOURS):
            block = known[place : place + _BLOCK_HOURS]
            ridge = self.fit_before(int(self.targets[block[0]]))
            if ridge is not None:
                forecasts[block] = half_way_forecast(ridge, self.predictors[block], self.simple[block])
        return forecasts


def half_way_forecast(ridge: Ridge, predictors: np.ndarray, simple: np.ndarray) -> np.ndarray:
    """Return forecasts half-way between the median and the mean of what may come, on the scale of the model.

    Of a log-normal distribution, the median is exp(m), and the mean exp(m + v/2). The median has the smallest absolute
    error, the mean the smallest squared one; half-way, both are near their best (docs/forecast.md).
    """
    return simple + ridge.predict(predictors) + ridge.variance / 4
