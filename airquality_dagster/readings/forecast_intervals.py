"""How far forecasts were from what came, and the intervals that follow from it.

Conformal prediction (Vovk et al. 2005; for series: Gibbs and Candès 2021, arXiv 2106.00170): an interval holds the
residuals of past forecasts that were made without knowing what came. Recent residuals weigh more, and those at the same
hour of the day, so that the interval follows the season and the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_RESIDUALS = 28 * 24
"""So many hours count, the last ones: of four weeks, or of more after an outage."""
LEAST_RESIDUALS = 100
"""Fewer give no interval. Judgement of this project: ten beyond each end of p10 to p90."""
_HALF_LIFE_DAYS = 7.0
_HOUR_WIDTH = 4.0  # standard deviation of the weights by hour of the day, hours
_OTHER_HOURS = 0.05  # weight of the hours far from it
_DAY_HOURS = 24


@dataclass(frozen=True)
class Residuals:
    """Readings minus forecasts, on the scale of the model.

    Args:
        targets: the hours that were forecast, since 1970, in order.
        values: one a target.
    """

    targets: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray, values: np.ndarray) -> "Residuals":
        """Return the last `MOST_RESIDUALS` that are known.

        Args:
            targets: hours since 1970, in order.
            values: one a target; NaN where there was no forecast or no valid reading.
        """
        known = np.flatnonzero(~np.isnan(values))[-MOST_RESIDUALS:]
        return cls(targets[known], values[known])

    def followed_by(self, targets: np.ndarray, values: np.ndarray) -> "Residuals":
        """Return the last of these and of later ones, given as in `of`."""
        return Residuals.of(np.append(self.targets, targets), np.append(self.values, values))

    def quantiles(self, target: int, shares: np.ndarray) -> np.ndarray | None:
        """Return quantiles of the residuals for a target hour; None if there are too few residuals.

        Args:
            target: hour since 1970.
            shares: of the quantiles, each between 0 and 1.
        """
        if len(self.values) < LEAST_RESIDUALS:
            return None
        ahead = target - self.targets
        hours_apart = (ahead + _DAY_HOURS // 2) % _DAY_HOURS - _DAY_HOURS // 2
        by_hour = np.exp(-0.5 * (hours_apart / _HOUR_WIDTH) ** 2) + _OTHER_HOURS
        age = ahead - ahead[-1]
        weights = by_hour * 0.5 ** (age / (_HALF_LIFE_DAYS * _DAY_HOURS))
        # A reading to come is one more residual (Vovk et al. 2005): with few of them, the quantiles are further out.
        effective = weights.sum() ** 2 / (weights**2).sum()
        outward = np.sign(shares - 0.5) * np.maximum(shares, 1 - shares) / effective
        return weighted_quantiles(self.values, weights, shares + outward)

    def to_document(self) -> dict[str, Any]:
        """Return plain data."""
        return {"targets": self.targets.tolist(), "values": self.values.tolist()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Residuals":
        """Return the residuals of a document."""
        return cls(np.array(document["targets"], dtype="int64"), np.array(document["values"], dtype="float64"))


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return quantiles of weighted values, interpolated between the middles of their weights.

    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.ones(3), np.array([0.5]))
    array([2.])
    """
    order = np.argsort(values, kind="stable")
    ordered = weights[order]
    middles = (np.cumsum(ordered) - 0.5 * ordered) / ordered.sum()
    return np.interp(shares, middles, values[order])
