"""How probable each category of an index is, from the quantiles of a forecast.

Between and beyond p10, p50 and p90 the distribution is taken as a two-piece normal one (Wallis 2014, doi
10.1214/13-STS417) of the logarithm: half a normal distribution on each side of the median.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from airquality_dagster.readings.forecast import Quantiles
from airquality_dagster.readings.forecast_features import to_scale
from airquality_dagster.readings.forecast_score import QUANTILES

_NORMAL = NormalDist()
_DEVIATIONS_TO_P90 = _NORMAL.inv_cdf(QUANTILES["p90"])


def probability_above(forecast: Quantiles, limit: float) -> float:
    """Return how probable a reading above a limit is, from 0 to 1.

    Args:
        forecast: quantiles of the reading.
        limit: in its unit.

    >>> [round(probability_above(Quantiles(5.0, 10.0, 20.0), limit), 3) for limit in (5, 10, 20)]
    [0.9, 0.5, 0.1]
    """
    p10, p50, p90, at = to_scale(np.array([forecast.p10, forecast.p50, forecast.p90, limit])).tolist()
    half_width = (p90 - p50) if at > p50 else (p50 - p10)
    if half_width == 0:
        return 0.5 if at == p50 else float(at < p50)
    return 1 - _NORMAL.cdf((at - p50) / half_width * _DEVIATIONS_TO_P90)


def category_probabilities(forecast: Quantiles, highest: Sequence[float]) -> list[float]:
    """Return how probable each category is; the sum is 1.

    Args:
        forecast: quantiles of the reading.
        highest: the highest concentration of each category but the last, ascending: `Parameter.eaqi` for the hourly
            European index.

    >>> [round(share, 2) for share in category_probabilities(Quantiles(8.0, 12.0, 20.0), (5, 15, 50, 90, 140))]
    [0.0, 0.71, 0.29, 0.0, 0.0, 0.0]
    """
    above = [1.0, *(probability_above(forecast, limit) for limit in highest), 0.0]
    return [more - less for more, less in pairwise(above)]
