"""Medians, changes and correlations of daily windows.

Each result depends on the days of its own window only, to the last bit: a running sum would remember more.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

HOURS = 24
_LEAST_HOURS_OF_A_DAY = 6


def median(values: np.ndarray, least: float = 1) -> np.ndarray:
    """Return the median of the present values along the last axis; NaN where fewer than some are present.

    >>> median(np.array([[1.0, np.nan, 3.0, 9.0], [np.nan, np.nan, np.nan, 1.0]]), least=2)
    array([ 3., nan])
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    count = (~np.isnan(values)).sum(axis=-1)
    low, high = ((np.maximum(count, 1) - 1) // 2, np.maximum(count, 1) // 2)
    middle = [np.take_along_axis(ordered, place[..., np.newaxis], axis=-1)[..., 0] for place in (low, high)]
    return np.where(count >= max(least, 1), (middle[0] + middle[1]) / 2, np.nan)


def daily_median(hourly: np.ndarray) -> np.ndarray:
    """Return the median of each day with at least a quarter of its hours.

    Args:
        hourly: one row a day, one column an hour.
    """
    return median(hourly, _LEAST_HOURS_OF_A_DAY)


def last_days(daily: np.ndarray, days: int) -> np.ndarray:
    """Return for each day the values of the last days, itself included, along a new last axis; NaN before the first.

    >>> last_days(np.array([1.0, 2.0, 3.0]), 2)
    array([[nan,  1.],
           [ 1.,  2.],
           [ 2.,  3.]])
    """
    before = np.full((*daily.shape[:-1], days - 1), np.nan)
    return sliding_window_view(np.concatenate([before, daily], axis=-1), days, axis=-1)


def later(daily: np.ndarray, days: int) -> np.ndarray:
    """Return for each day the value of some days before; NaN where there is none."""
    return np.concatenate([np.full(min(days, len(daily)), np.nan), daily[:-days]])


def change(daily: np.ndarray, days: int, reference: int, least_reference: int, since: int = 0) -> np.ndarray:
    """Return for each day how much the median of its last days differs from that of a reference before them.

    Args:
        daily: one value a day; NaN where there is none.
        days: length of the window; half of it must be present.
        reference: days before the window.
        least_reference: how many of these must be present.
        since: the first day to compute; NaN before it.
    """
    changes = np.full(len(daily), np.nan)
    changes[since:] = median(last_days(daily, days)[since:], days / 2) - median(
        last_days(later(daily, days), reference)[since:], least_reference
    )
    return changes


def change_point(daily: np.ndarray) -> int:
    """Return from which value on the values differ most from those before: the largest sum of deviations.

    >>> change_point(np.array([1.0, 2.0, 1.0, np.nan, 8.0, 9.0]))
    4
    """
    present = np.flatnonzero(~np.isnan(daily))
    if len(present) < 2:
        return len(daily) - 1
    deviations = np.abs(np.cumsum(daily[present] - daily[present].mean()))[:-1]
    return int(present[int(deviations.argmax()) + 1])


def steps(hourly: np.ndarray) -> np.ndarray:
    """Return the changes from hour to hour in the layout of the hours."""
    return np.diff(hourly.ravel(), prepend=np.nan).reshape(hourly.shape)


def hours_later(hourly: np.ndarray, hours: int) -> np.ndarray:
    """Return the values of some hours later (or before, if negative), in the layout of the hours.

    >>> hours_later(np.arange(4.0).reshape(2, 2), 1)
    array([[ 1.,  2.],
           [ 3., nan]])
    """
    shifted = np.full(hourly.size, np.nan)
    values = hourly.ravel()
    if hours >= 0:
        shifted[: values.size - hours] = values[hours:]
    else:
        shifted[-hours:] = values[:hours]
    return shifted.reshape(hourly.shape)


def true_runs(is_in: np.ndarray) -> list[tuple[int, int]]:
    """Return first place, and place after the last, of each run of true values.

    >>> true_runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_in, [False]]))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


@np.errstate(divide="ignore", invalid="ignore")
def correlation(first: np.ndarray, second: np.ndarray, days: int) -> np.ndarray:
    """Return the correlation of two readings over the last days of each day; NaN under half of the hours.

    Args:
        first, second: one row a day, one column an hour.
        days: length of the window.
    """
    is_paired = ~np.isnan(first) & ~np.isnan(second)
    one, other = (np.where(is_paired, hourly, 0.0) for hourly in (first, second))
    hourly = (is_paired, one, other, one * one, other * other, one * other)
    daily = np.array([part.sum(axis=1) for part in hourly], dtype="float64")
    count, a, b, aa, bb, ab = last_days(daily, days).sum(axis=-1)
    covariance, variance, other_variance = ab - a * b / count, aa - a * a / count, bb - b * b / count
    # What is left of constant readings is rounding.
    varies = (variance > 1e-9 * aa) & (other_variance > 1e-9 * bb)
    is_enough = count >= days * HOURS / 2
    return np.where(is_enough & varies, covariance / np.sqrt(variance * other_variance), np.nan)
