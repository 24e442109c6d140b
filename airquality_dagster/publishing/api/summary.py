"""Summaries of the values of periods, as OpenAQ has them."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from airquality_dagster.publishing.api.models import Summary

_QUANTILES = {"q02": 0.02, "q25": 0.25, "median": 0.5, "q75": 0.75, "q98": 0.98}


# Squares of the largest numbers are infinite: such a standard deviation is null.
@np.errstate(over="ignore", invalid="ignore")
def summaries(
    instants: np.ndarray,
    values: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    means: Sequence[float | None],
) -> list[Summary | None]:
    """Return a summary of the values of each period.

    Args:
        instants: when each value was measured (datetime64, UTC), in order.
        values: as many values.
        begins, ends: of the periods (datetime64, UTC), in order; the end is excluded.
        means: of the values of each period; None: it has no summary.

    Returns:
        in the unit of the values; None for a period without a mean or a value. Quantiles are interpolated between
        neighbours, as PostgreSQL's ``percentile_cont`` does. ``sd`` is that of a sample (n − 1), null for one value.

    >>> hours = np.array(["2023-01-01T00", "2023-01-01T01"], "datetime64[h]")
    >>> summaries(hours, np.array([3.0, 1.0]), hours[:1], hours[:1] + 24, [2.0])[0]["median"]
    2.0
    """
    table = _table(instants, values, begins, ends)
    counts = (~np.isnan(table)).sum(axis=1)
    ordered = np.sort(table, axis=1)  # NaN comes last
    last = np.maximum(counts - 1, 0)
    columns = {"min": _at(ordered, 0 * last)}
    for name, quantile in _QUANTILES.items():
        place = quantile * last
        lower = np.floor(place).astype("int64")
        below, above = _at(ordered, lower), _at(ordered, np.minimum(lower + 1, last))
        columns[name] = below + (above - below) * (place - lower)
    columns |= {"max": _at(ordered, last), "avg": np.array(means, "float64"), "sd": _deviations(table, counts)}
    rows = zip(*(map(_number, column.tolist()) for column in columns.values()), strict=True)
    return [
        cast("Summary", dict(zip(columns, row, strict=True))) if count and mean is not None else None
        for row, count, mean in zip(rows, counts, means, strict=True)
    ]


def _table(instants: np.ndarray, values: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the values of each period as a row, filled up with NaN."""
    places = np.searchsorted(begins, instants, side="right") - 1
    is_in_period = places >= 0
    is_in_period[is_in_period] = instants[is_in_period] < ends[places[is_in_period]]
    places = places[is_in_period]
    counts = np.bincount(places, minlength=len(begins))
    table = np.full((len(begins), counts.max(initial=1)), np.nan)
    first = np.cumsum(counts) - counts
    table[places, np.arange(len(places)) - first[places]] = values[is_in_period]
    return table


def _at(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.take_along_axis(table, places[:, np.newaxis], axis=1)[:, 0]


def _deviations(table: np.ndarray, counts: np.ndarray) -> np.ndarray:
    means = np.nansum(table, axis=1) / np.maximum(counts, 1)
    squares = np.nansum((table - means[:, np.newaxis]) ** 2, axis=1)
    return np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), np.nan)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
