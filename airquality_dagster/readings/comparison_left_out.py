"""Times of a comparison that say nothing of the air, because one of the two stations had a fault or was moved."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import DATE
from airquality_dagster.readings.comparison_documents import LeftOutDocument
from airquality_dagster.readings.disagreements import Disagreement, Kind
from airquality_dagster.readings.neighbour_days import FINDINGS

_OF_ALL_READINGS = (Kind.UNCORRELATED, Kind.TIME_SHIFT)
_RETURNED = 0.5
"""A level is back where less than half of its change is left."""
_LEAST_CHANGE = 0.22
"""Of a logarithm (1.25 times): smaller changes from season to season were seen in Abidjan without a fault."""
_WINDOW = timedelta(days=28)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class LeftOut:
    """A time that is left out.

    Args:
        start: the first hour (UTC).
        end: excluded; None: to the end.
        reason: a kind of disagreement, or ``relation_expired``.
        station: ``first`` or ``second``, whichever has changed; None if it cannot be told.
    """

    start: datetime
    end: datetime | None
    reason: str
    station: str | None = None

    def holds(self, hours: pd.DatetimeIndex) -> np.ndarray:
        """Return which hours it holds."""
        is_inside = hours >= pd.Timestamp(self.start)
        return is_inside if self.end is None else is_inside & (hours < pd.Timestamp(self.end))

    @property
    def document(self) -> LeftOutDocument:
        """The document that is stored."""
        return {"from": self.start, "to": self.end, "reason": self.reason, "station": self.station}


def left_out(days: Sequence[Mapping[str, Any]], field: str) -> list[LeftOut]:
    """Return the times that are left out of the comparison of a reading.

    Args:
        days: documents of the collection `neighbours` of the two, ordered by date.
        field: the reading.
    """
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    blamed: dict[str, set[str | None]] = {}
    level_changes: list[tuple[Mapping[str, Any], Disagreement]] = []
    for row in days:
        for document in row[FINDINGS]:
            one = Disagreement.of(document)
            if one.kind == Kind.LEVEL:
                if one.field == field:
                    level_changes.append((row, one))
            elif one.kind == Kind.REPEATED_DAY or one.kind in _OF_ALL_READINGS or one.field == field:
                start = row[DATE] if one.kind == Kind.REPEATED_DAY else one.since
                spans.setdefault(one.kind, []).append((start, row[DATE] + _DAY))
                blamed.setdefault(one.kind, set()).add(one.station)
    times = [
        LeftOut(start, end, str(kind), next(iter(blamed[kind])) if len(blamed[kind]) == 1 else None)
        for kind, of_kind in spans.items()
        for start, end in _joined(of_kind)
    ]
    times += _changed_levels(_Levels.of(days, field), level_changes, min((time.start for time in times), default=None))
    return sorted(times, key=lambda time: time.start)


def joined(times: Sequence[LeftOut]) -> list[LeftOut]:
    """Return times that are left out in order; those of one reason that overlap are one."""
    of_all: list[LeftOut] = []
    for time in sorted(times, key=lambda one: one.start):
        same = next(
            (one for one in of_all if one.reason == time.reason and (one.end is None or time.start <= one.end)), None
        )
        if same is None:
            of_all.append(time)
            continue
        end = None if same.end is None or time.end is None else max(same.end, time.end)
        station = same.station if same.station == time.station else None
        of_all[of_all.index(same)] = replace(same, end=end, station=station)
    return of_all


@dataclass(frozen=True)
class _Levels:
    """Median logarithms of the ratio of the two, of the four weeks up to each date.

    Args:
        dates: that have one.
        levels: of these.
    """

    dates: Sequence[datetime]
    levels: Sequence[float]

    @classmethod
    def of(cls, days: Sequence[Mapping[str, Any]], field: str) -> "_Levels":
        """Return those of a reading; none of a reading that has none."""
        found = [(row[DATE], row.get(f"{field}_log_ratio")) for row in days]
        known = [(date, level) for date, level in found if level is not None and not np.isnan(level)]
        return cls([date for date, _ in known], [level for _, level in known])

    def at(self, moment: datetime) -> float | None:
        """Return the last one up to a moment."""
        place = bisect_right(self.dates, moment) - 1
        return self.levels[place] if place >= 0 else None

    def returns(self, moment: datetime, level: float, within: float) -> datetime | None:
        """Return the first date from a moment on whose level is that level again."""
        later = range(bisect_left(self.dates, moment), len(self.dates))
        return next((self.dates[place] for place in later if abs(self.levels[place] - level) < within), None)


def _changed_levels(
    levels: _Levels, changes: Sequence[tuple[Mapping[str, Any], Disagreement]], first_fault: datetime | None
) -> list[LeftOut]:
    """Return the times in which a level was not what it was before the first fault.

    Days after a fault have it in their past: what they find changed may be the way back.
    """
    times: list[LeftOut] = []
    sound, least = None, _LEAST_CHANGE
    for found, one in changes:
        if sound is None:
            begin = min(one.since, first_fault or one.since)
            sound = levels.at(begin - _DAY)
            sound = found.get(f"{one.field}_log_ratio_before") if sound is None else sound
            least = max(least, _RETURNED * abs(float(np.log(one.size))))
        if sound is None or np.isnan(sound):
            return [LeftOut(one.since, None, str(one.kind), one.station)]
        if times and (times[-1].end is None or one.since < times[-1].end):
            continue
        # The weeks of a level that has just changed are partly those before.
        settled = one.since + _WINDOW
        back = levels.returns(settled, sound, least)
        if back is not None and (back - settled) <= _DAY and (times or (first_fault and first_fault < one.since)):
            continue
        times.append(LeftOut(one.since, back and back - _WINDOW / 2, str(one.kind), one.station))
    return times


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
