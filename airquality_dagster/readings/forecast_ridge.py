"""Ridge regression of a history in which the newest hours count most.

The coefficients are plain numbers: they are stored in MongoDB, never as a pickle, and predict the same to the last bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PENALTY = 200.0
"""Of squared coefficients of standardised predictors; tuned on May to August 2023 (docs/forecast.md)."""
HALF_LIFE_DAYS = 60.0
"""After which an hour of the history counts half; tuned likewise."""
_MOST_DEVIATIONS = 5.0  # of a predictor, standardised: an outlier moves a forecast no more than that


@dataclass(frozen=True)
class Ridge:
    """A fitted regression.

    Args:
        centre, scale: mean and standard deviation of each predictor in the history.
        coefficients: of the standardised predictors.
        intercept: the prediction of mean predictors.
        variance: of the residuals in the history.
    """

    centre: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    intercept: float
    variance: float

    def predict(self, predictors: np.ndarray) -> np.ndarray:
        """Return the predictions.

        Args:
            predictors: one row a prediction, one column a predictor; NaN counts as the mean of the history.
        """
        return self.intercept + _standardised(predictors, self.centre, self.scale) @ self.coefficients

    def to_document(self) -> dict[str, Any]:
        """Return the numbers as plain data."""
        return {
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "variance": self.variance,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Ridge":
        """Return the regression of a document.

        Raises:
            ValueError: a number is missing or not finite.
        """
        rows = np.array([document[name] for name in ("centre", "scale", "coefficients")], dtype="float64")
        intercept, variance = float(document["intercept"]), float(document["variance"])
        if not (np.isfinite(rows).all() and np.isfinite([intercept, variance]).all()):
            raise ValueError("a coefficient is not finite")
        return cls(*rows, intercept=intercept, variance=variance)


def fit_ridge(predictors: np.ndarray, targets: np.ndarray, age_days: np.ndarray) -> Ridge:
    """Fit a ridge regression (Hoerl and Kennard 1970, doi 10.1080/00401706.1970.10488634).

    Args:
        predictors: one row an hour, one column a predictor; NaN where it is not known.
        targets: one an hour, all known.
        age_days: how old each hour is; it weighs ``0.5 ** (age / HALF_LIFE_DAYS)``.
    """
    weights = 0.5 ** (age_days / HALF_LIFE_DAYS)
    known = ~np.isnan(predictors)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, predictors, 0.0).sum(axis=0) / count
    deviations = np.where(known, predictors - centre, 0.0)
    scale = np.sqrt((deviations**2).sum(axis=0) / count)
    scale[scale == 0] = 1.0
    rows = _standardised(predictors, centre, scale)
    row_mean, target_mean = weights @ rows / weights.sum(), float(weights @ targets / weights.sum())
    centred = rows - row_mean
    weighted = centred.T * weights
    penalty = PENALTY * np.eye(centred.shape[1])
    coefficients = np.linalg.solve(weighted @ centred + penalty, weighted @ (targets - target_mean))
    residuals = targets - target_mean - centred @ coefficients
    variance = float(weights @ residuals**2 / weights.sum())
    return Ridge(centre, scale, coefficients, target_mean - float(row_mean @ coefficients), variance)


def _standardised(predictors: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    deviations = np.where(np.isnan(predictors), 0.0, (predictors - centre) / scale)
    return np.clip(deviations, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
