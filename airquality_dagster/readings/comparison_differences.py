"""Mean differences of paired hours, each with its median and 95 % interval."""

import numpy as np

from airquality_dagster.readings.comparison_bootstrap import DETECTABLE, DRAWS, draw_days, interval, seed_of
from airquality_dagster.readings.comparison_documents import Difference
from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.comparison_relation import known

LEAST_DAYS = 14
"""Days of a difference that gets an interval. Judgement of this project: fewer are one spell of weather."""
_LEAST_DRAWN = 0.975
"""A part of the time that many resamples do not have, as one rainy week, has no interval."""


def raw_differences(paired: PairedHours, chosen: np.ndarray) -> list[Difference]:
    """Return the differences of the readings as they are, one a part of the time.

    Args:
        paired: the hours.
        chosen: which hours are in which part: one row an hour, one column a part.
    """
    return _differences(paired, paired.second - paired.first, chosen, is_scaled=False)


def scaled_differences(paired: PairedHours, chosen: np.ndarray) -> list[Difference]:
    """Return the differences on one scale, one a part of the time. Intervals know the errors of the relations.

    Args:
        paired: the hours.
        chosen: which hours are in which part: one row an hour, one column a part.
    """
    return _differences(paired, paired.second - paired.on_scale, chosen, is_scaled=True)


def is_told(difference: Difference) -> bool:
    """Return whether zero is outside the interval of a difference."""
    low, high = difference["low"], difference["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def without_interval(difference: Difference) -> Difference:
    """Return mean and median alone."""
    return {**difference, "low": None, "high": None, "detectable": None, "block_days": None}


def _differences(
    paired: PairedHours, difference: np.ndarray, chosen: np.ndarray, *, is_scaled: bool
) -> list[Difference]:
    is_any = chosen.any(axis=1) & ~np.isnan(difference)
    chosen = chosen & is_any[:, np.newaxis]
    days, day = np.unique(paired.day[is_any], return_inverse=True)
    found = [_without_interval_of(difference[is_in]) for is_in in chosen.T]
    if len(days) < LEAST_DAYS:
        return found
    daily = np.bincount(day, difference[is_any]) / np.bincount(day)
    seed = seed_of(paired.hours[is_any].as_unit("ns").asi8, paired.first[is_any], paired.second[is_any])
    draws = draw_days(daily, seed, DRAWS if len(found) == 1 else DRAWS // 2)
    hours = _by_day(chosen[is_any], day)
    count = draws.of(hours)
    total = draws.of(_by_day(chosen[is_any] * difference[is_any, np.newaxis], day))
    for number in np.flatnonzero((hours > 0).sum(axis=0) >= LEAST_DAYS):
        is_in = chosen[:, number]
        is_drawn = count[:, number] > 0
        if np.mean(is_drawn) < _LEAST_DRAWN:
            continue
        mean = float(difference[is_in].mean())
        means = draws.stretched(total[:, number] / np.maximum(count[:, number], 1), mean)
        if is_scaled:
            means = means - _errors_of_lines(paired, is_in, len(means))
        low, high = interval(means[is_drawn])
        found[number]["low"], found[number]["high"] = known(low), known(high)
        found[number]["detectable"] = known((high - low) / 2 * DETECTABLE)
        found[number]["block_days"] = draws.block
    return found


def _errors_of_lines(paired: PairedHours, is_in: np.ndarray, draws: int) -> np.ndarray | float:
    """Return by how much resamples of the side-by-side days move the mean of the first station on one scale."""
    errors: np.ndarray | float = 0.0
    for number, relation in enumerate(paired.relations):
        first = paired.first[is_in & (paired.window == number)]
        if len(first):
            (slopes, intercepts), (slope, intercept) = relation.lines, relation.line
            share = len(first) / is_in.sum()
            errors = errors + share * (intercepts - intercept + (slopes - slope) * first.mean())[:draws]
    return errors


def _without_interval_of(values: np.ndarray) -> Difference:
    return {
        "mean": known(float(values.mean())) if len(values) else None,
        "low": None,
        "high": None,
        "median": known(float(np.median(values))) if len(values) else None,
        "detectable": None,
        "block_days": None,
    }


def _by_day(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the sums of each day.

    Args:
        values: one row an hour.
        day: number of the day of each hour, in order, without gaps.
    """
    return np.add.reduceat(values.astype("float64"), np.flatnonzero(np.diff(day, prepend=-1)), axis=0)
