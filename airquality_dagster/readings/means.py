"""Means of groups of numbers."""

import numpy as np
import pandas as pd

# A power of two: dividing by it changes no digit.
_SCALE = 2.0**64


def group_means(table: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the mean of each group and column; NaN if a group has no number.

    Args:
        table: numbers, NaN if missing.
        groups: number of the group of each row.

    Returns:
        one row per group, in order.

    >>> group_means(np.array([[1.0], [2.0], [np.nan], [1.5e308], [1.7e308]]), np.array([0, 0, 1, 2, 2])).tolist()
    [[1.5], [nan], [1.6e+308]]
    """
    limit = np.finfo("float64").max
    if np.fmax.reduce(np.abs(table), axis=None, initial=0.0) <= limit / max(len(table), 1):
        return _means(table, groups)
    # Sums of the largest numbers overflow; their means do not.
    return np.clip(_means(table / _SCALE, groups), -limit / _SCALE, limit / _SCALE) * _SCALE


def _means(table: np.ndarray, groups: np.ndarray) -> np.ndarray:
    # Pandas' mean compensates for rounding; numpy's sums do not.
    return pd.DataFrame(table, index=pd.Index(groups)).groupby(level=0).mean().to_numpy()
