"""Times of a comparison that say nothing of the air, because one of the two stations had a fault or was moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import DATE
from airquality_dagster.readings.disagreements import Disagreement, Kind
from airquality_dagster.readings.neighbour_days import FINDINGS

_OF_ALL_READINGS = (Kind.UNCORRELATED, Kind.TIME_SHIFT)
_RETURNED = 0.5
"""A level is back where less than half of its change is left."""
_WINDOW = timedelta(days=28)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class LeftOut:
    """A time that is left out.

    Args:
        start: the first hour (UTC).
        end: excluded; None: to the end.
        reason: a kind of disagreement.
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
    def document(self) -> dict[str, Any]:
        """The document that is stored."""
        return {"from": self.start, "to": self.end, "reason": self.reason, "station": self.station}


def left_out(days: Sequence[Mapping[str, Any]], field: str) -> list[LeftOut]:
    """Return the times that are left out of the comparison of a reading.

    Args:
        days: documents of the collection `neighbours` of the two, ordered by date.
        field: the reading.
    """
    spans: dict[tuple[str, str | None], list[tuple[datetime, datetime]]] = {}
    levels: list[LeftOut] = []
    for row in days:
        for document in row[FINDINGS]:
            one = Disagreement.of(document)
            after = row[DATE] + _DAY
            if one.kind == Kind.LEVEL and one.field == field:
                if not levels or (levels[-1].end is not None and one.since >= levels[-1].end):
                    levels.append(_changed_level(days, row, one))
            elif one.kind == Kind.REPEATED_DAY:
                spans.setdefault((one.kind, one.station), []).append((row[DATE], after))
            elif one.kind in _OF_ALL_READINGS or (one.kind != Kind.LEVEL and one.field == field):
                spans.setdefault((one.kind, one.station), []).append((one.since, after))
    joined = [
        LeftOut(start, end, str(kind), station)
        for (kind, station), of_kind in spans.items()
        for start, end in _joined(of_kind)
    ]
    return sorted([*levels, *joined], key=lambda time: time.start)


def _changed_level(days: Sequence[Mapping[str, Any]], found: Mapping[str, Any], one: Disagreement) -> LeftOut:
    """Return the time from the change of a level until it is back: later days take it for their past, but it is not."""
    name = f"{one.field}_log_ratio"
    end = None
    if f"{name}_before" in found:
        before, change = found[f"{name}_before"], abs(np.log(one.size))
        for row in days:
            if row[DATE] <= found[DATE] or row[DATE] < one.since + _WINDOW or _is_missing(row[name]):
                continue
            if abs(row[name] - before) < _RETURNED * change:
                end = row[DATE] - _WINDOW / 2
                break
    return LeftOut(one.since, end, str(one.kind), one.station)


def _is_missing(value: float | None) -> bool:
    return value is None or bool(np.isnan(value))


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
