"""The paired hours of two stations, on one scale as far as that is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_relation import Relation, nearest

TRUSTED_DAYS = 366
"""How long a relation is trusted as it is: a fortnight side by side each year."""
EXPIRED_DAYS = 731
"""From when on it says nothing. Both are judgements of this project: optical sensors of this kind lose a part of their
signal within one to two years (docs/comparison.md)."""


@dataclass(frozen=True)
class PairedHours:
    """Hours at which both stations have a reading.

    Args:
        hours: starts of the hours (UTC), in order.
        zone: of local days.
        first, second: readings.
        humidity: relative humidity, mean of the two, %; NaN where there is none.
        relations: usable ones.
        window: the number of the one that is nearest in time to each hour.
        is_after: whether the hour is after these weeks side by side.
        age_days: how far it is from them.
        on_scale: readings of the first as the second would have them; NaN without a relation that is not expired.
    """

    hours: pd.DatetimeIndex
    zone: ZoneInfo
    first: np.ndarray
    second: np.ndarray
    humidity: np.ndarray
    relations: Sequence[Relation]
    window: np.ndarray
    is_after: np.ndarray
    age_days: np.ndarray
    on_scale: np.ndarray

    @classmethod
    def of(
        cls, hours: pd.DatetimeIndex, first: np.ndarray, second: np.ndarray, humidity: np.ndarray, zone: ZoneInfo
    ) -> "PairedHours":
        """Return the hours at which both have a reading, without a scale.

        Args:
            hours: starts of hours (UTC), in order.
            first, second: readings, NaN where there is none.
            humidity: of the same hours.
            zone: of local days.
        """
        is_paired = ~np.isnan(first) & ~np.isnan(second)
        hours = hours[is_paired]
        first, second, humidity = (values[is_paired] for values in (first, second, humidity))
        window, unknown = np.zeros(len(hours), dtype=int), np.full(len(hours), np.nan)
        return cls(
            hours=hours,
            zone=zone,
            first=first,
            second=second,
            humidity=humidity,
            relations=(),
            window=window,
            is_after=window > 0,
            age_days=unknown,
            on_scale=unknown,
        )

    def by(self, relations: Sequence[Relation]) -> "PairedHours":
        """Return the same hours on the scale of these relations, each by the nearest in time.

        Args:
            relations: usable ones, in order of time.
        """
        if not relations or not len(self.hours):
            return replace(self, relations=relations)
        window, away = nearest(self.hours, [relation.window for relation in relations])
        ends = pd.DatetimeIndex([relation.window.end for relation in relations])
        slopes, intercepts = np.array([relation.line for relation in relations]).T
        age_days = away / 24
        on_scale = np.where(age_days > EXPIRED_DAYS, np.nan, intercepts[window] + slopes[window] * self.first)
        is_after = np.asarray(self.hours >= ends[window])
        return replace(
            self, relations=relations, window=window, is_after=is_after, age_days=age_days, on_scale=on_scale
        )

    def where(self, chosen: np.ndarray) -> "PairedHours":
        """Return some of the hours."""
        names = ("hours", "first", "second", "humidity", "window", "is_after", "age_days", "on_scale")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @cached_property
    def local(self) -> pd.DatetimeIndex:
        """Starts of the hours in the time of the network, without a time zone: parts of dates are then read at once."""
        return self.hours.tz_convert(self.zone).tz_localize(None)

    @cached_property
    def day(self) -> np.ndarray:
        """Number of the local day of each hour, without gaps."""
        return np.unique(self.local.to_numpy().astype("datetime64[D]"), return_inverse=True)[1]

    @property
    def is_on_scale(self) -> np.ndarray:
        """Which hours have a scale."""
        return ~np.isnan(self.on_scale)
