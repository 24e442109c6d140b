"""Mean differences of paired hours, each with its median and 95 % interval."""

from collections.abc import Sequence

import numpy as np

from airquality_dagster.readings.comparison_bootstrap import (
    DETECTABLE,
    DRAWS,
    draw_days,
    interval,
    seed_of,
    standard_error,
    with_error,
)
from airquality_dagster.readings.comparison_documents import Difference
from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.comparison_parts import Parts
from airquality_dagster.readings.comparison_relation import Relation, known

LEAST_DAYS = 14
"""Days of a difference that gets an interval. Judgement of this project: fewer are one spell of weather."""
_LEAST_DRAWN = 0.975
"""A part of the time that many resamples do not have, as one rainy week, has no interval."""


def differences(paired: PairedHours, parts: Parts, draws: int = DRAWS) -> tuple[list[Difference], list[Difference]]:
    """Return the differences of parts of the time: of the readings as they are, and on one scale.

    One draw of days serves all parts, and both: raw and on one scale, days are as autocorrelated. On one scale,
    intervals know the errors of the relations.

    Args:
        paired: the hours. Either all have a scale, or none.
        parts: of the time.
        draws: resamples of the days.
    """
    is_any = np.asarray(parts.chosen.any(axis=1))
    chosen, first, second, on_scale, window = (
        values[is_any] for values in (parts.chosen, paired.first, paired.second, paired.on_scale, paired.window)
    )
    raw, scaled = second - first, second - on_scale
    found = [_of_hours(raw[is_in]) for is_in in chosen.T], [_of_hours(scaled[is_in]) for is_in in chosen.T]
    is_long = parts.days(paired.day) >= LEAST_DAYS
    if not is_long.any():
        return found
    day = np.unique(paired.day[is_any], return_inverse=True)[1]
    is_scaled = not np.isnan(on_scale).any()
    daily = np.bincount(day, scaled if is_scaled else raw) / np.bincount(day)
    drawn = draw_days(daily, seed_of(paired.hours[is_any].as_unit("ns").asi8, first, second), draws)
    counts = drawn.of(_by_day(chosen, day))
    with_interval = np.flatnonzero(is_long & ((counts > 0).mean(axis=0) >= _LEAST_DRAWN))
    for values, of_parts in zip((raw, scaled) if is_scaled else (raw,), found, strict=False):
        totals = drawn.of(_by_day(chosen * values[:, np.newaxis], day))
        for number in with_interval:
            is_in, is_drawn = chosen[:, number], counts[:, number] > 0
            mean = float(values[is_in].mean())
            means = totals[is_drawn, number] / counts[is_drawn, number]
            means = with_error(means, mean, _error(values[is_in] - mean, day[is_in]))
            if values is scaled:
                means = means - _errors_of_lines(paired.relations, first[is_in], window[is_in], draws)[is_drawn]
            low, high = interval(means)
            of_parts[number]["low"], of_parts[number]["high"] = known(low), known(high)
            of_parts[number]["detectable"] = known((high - low) / 2 * DETECTABLE)
            of_parts[number]["block_days"] = drawn.block
    return found


def is_told(difference: Difference) -> bool:
    """Return whether zero is outside the interval of a difference."""
    low, high = difference["low"], difference["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def _errors_of_lines(relations: Sequence[Relation], first: np.ndarray, window: np.ndarray, draws: int) -> np.ndarray:
    """Return by how much resamples of the side-by-side days move the mean of the first station on one scale."""
    errors = np.zeros(draws)
    for number, relation in enumerate(relations):
        of_window = first[window == number]
        if len(of_window):
            (slopes, intercepts), (slope, intercept) = relation.lines, relation.line
            share = len(of_window) / len(first)
            errors += share * (intercepts - intercept + (slopes - slope) * of_window.mean())[:draws]
    return errors


def _of_hours(values: np.ndarray) -> Difference:
    """Return mean and median, without an interval."""
    return {
        "mean": known(float(values.mean())) if len(values) else None,
        "low": None,
        "high": None,
        "median": known(float(np.median(values))) if len(values) else None,
        "detectable": None,
        "block_days": None,
    }


def _error(deviations: np.ndarray, day: np.ndarray) -> float:
    """Return the standard error of the mean of the hours of a part.

    Args:
        deviations: of the hours from their mean.
        day: number of the day of each hour, in order.
    """
    _, of_part = np.unique(day, return_inverse=True)
    days = of_part[-1] + 1
    return standard_error(np.bincount(of_part, deviations) * days / len(deviations))


def _by_day(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the sums of each day.

    Args:
        values: one row an hour.
        day: number of the day of each hour, in order, without gaps.
    """
    return np.add.reduceat(values.astype("float64"), np.flatnonzero(np.diff(day, prepend=-1)), axis=0)
