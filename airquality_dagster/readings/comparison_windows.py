"""Weeks in which two stations stood side by side, found in their readings."""

from datetime import timedelta

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_relation import FOUND, LEAST_DAYS_SIDE_BY_SIDE, Window
from airquality_dagster.readings.windows import HOURS, correlation, true_runs

PM10, TEMPERATURE = "pm10", "temperature"
FIND_DAYS = 7
_LEAST_CORRELATION = 0.92
"""Hour by hour over a week, of the logarithm of PM10 and of temperature. In Abidjan, side by side, PM10 had 0.969 and
more, and at two streets 459 m apart 0.86 and less: the limit is between. Temperature had 0.97 and more, and 0.92 to
0.98: it tells weeks in which one of the two was indoors."""
_MOST_SHARE = 0.5
"""Of all days. Two stations that are alike on more days are near each other, or one is a copy of the other."""
_OFFSET = 0.5  # µg/m³, so that noise near zero counts for little
_DAY = timedelta(days=1)


def found_windows(first: pd.DataFrame, second: pd.DataFrame, devices: tuple[int, int]) -> list[Window]:
    """Return the windows in which two stations seem to have stood side by side.

    Nobody has confirmed them: they are proposed to the operator, and what rests on them says so.

    Args:
        first, second: readings by hour (UTC), NaN where there is none, of one index.
        devices: AirQino numbers of the two.
    """
    if not len(first):
        return []
    start, end = first.index[0].floor("D"), first.index[-1].floor("D")
    dates = pd.date_range(start, end)
    grid = pd.date_range(start, periods=HOURS * len(dates), freq="h")

    def by_day(frame: pd.DataFrame, field: str) -> np.ndarray:
        return frame[field].reindex(grid).to_numpy(dtype="float64").reshape(-1, HOURS)

    is_alike = np.ones(len(dates), dtype=bool)
    for field in (PM10, TEMPERATURE):
        one, other = by_day(first, field), by_day(second, field)
        if field == PM10:
            one, other = (np.log(np.maximum(values, 0.0) + _OFFSET) for values in (one, other))
        is_alike &= correlation(one, other, FIND_DAYS) >= _LEAST_CORRELATION
    # A week ends on each day. A day on which the two were moved is in weeks that are alike, and in others.
    weeks = np.convolve(is_alike, np.ones(FIND_DAYS))[FIND_DAYS - 1 :]
    present = ~np.isnan(by_day(first, PM10)).all(axis=1) & ~np.isnan(by_day(second, PM10)).all(axis=1)
    is_together = (weeks > FIND_DAYS / 2) & present
    if is_together.sum() > _MOST_SHARE * present.sum():
        return []
    return [
        Window(dates[begin], dates[until - 1] + _DAY, FOUND, devices)
        for begin, until in true_runs(is_together)
        if until - begin >= LEAST_DAYS_SIDE_BY_SIDE
    ]
