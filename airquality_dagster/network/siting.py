"""What a station's flags depend on beside its readings: when it stood in the air of its place, and its channels."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

_HOUR = timedelta(hours=1)

Period = tuple[datetime, datetime | None]
"""Start, and excluded end; None: open."""


@dataclass(frozen=True)
class Siting:
    """What the stations file says of a station's place and channels.

    Args:
        on_site: periods (UTC, in order) in which it measured the outdoor air of its place; None: always.
        cross_sensitive: field → whether its channel responds to another gas, as declared by the operator. A field
            that is not here is judged by its readings.
    """

    on_site: tuple[Period, ...] | None = None
    cross_sensitive: Mapping[str, bool] = field(default_factory=dict)

    def is_off_site(self, hours: pd.DatetimeIndex) -> np.ndarray:
        """Return which hours are not wholly in one of the periods on site.

        An hour in which a station is moved mixes two places.

        Args:
            hours: starts of hours, tz-aware.
        """
        if self.on_site is None:
            return np.zeros(len(hours), dtype=bool)
        is_on_site = np.zeros(len(hours), dtype=bool)
        for start, end in self.on_site:
            is_in_period = hours >= pd.Timestamp(start)
            if end is not None:
                is_in_period &= hours <= pd.Timestamp(end - _HOUR)
            is_on_site |= is_in_period
        return ~is_on_site

    @property
    def digest(self) -> str:
        """Eight digits that differ for sitings that judge differently; empty for the default one."""
        if self == Siting():
            return ""
        periods = None if self.on_site is None else [[_iso(start), _iso(end)] for start, end in self.on_site]
        content = json.dumps([periods, dict(sorted(self.cross_sensitive.items()))])
        return hashlib.sha256(content.encode()).hexdigest()[:8]


ALWAYS_ON_SITE = Siting()
"""Of a station without deployments and declared channels."""


def whole_hours(periods: Iterable[Period]) -> tuple[Period, ...]:
    """Return the same hours as periods of whole hours in UTC that do not touch.

    So two stations files that judge alike have the same siting.

    Args:
        periods: in order of time, not overlapping, tz-aware.
    """
    whole: list[Period] = []
    for start, end in periods:
        begin, until = _ceil(start), None if end is None else _floor(end)
        if until is not None and until <= begin:
            continue
        if whole and whole[-1][1] == begin:
            begin = whole.pop()[0]
        whole.append((begin, until))
    return tuple(whole)


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    hour = _floor(moment)
    return hour if hour == moment else hour + _HOUR


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
