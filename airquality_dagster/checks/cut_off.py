"""Answers that lack their first or last hours: the API may limit the rows of an answer."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from airquality_dagster.checks.outcome import Finding, period_of
from airquality_dagster.network.freshness import LATE_AFTER

_HOUR = timedelta(hours=1)
# Judgements of this project: an outage seldom ends just where the next month begins, and a limit is a round number.
_LEAST_GAP = timedelta(hours=6)
_ROUND, _LEAST_ROWS = 50, 100


@dataclass(frozen=True)
class AskedPeriod:
    """A period that the API was asked for, and its answer.

    Args:
        start, end: the period, tz-aware.
        rows: how many rows the answer had.
        answered: the hours that the answer had.
    """

    start: datetime
    end: datetime
    rows: int
    answered: Collection[datetime]


@dataclass(frozen=True)
class _Edge:
    """The hours that are absent at the beginning or the end of an answer."""

    asked: AskedPeriod
    side: str
    gap: timedelta
    is_next_there: bool

    @property
    def is_round(self) -> bool:
        """Whether the answer is one block of hours, of a number that a limit would have."""
        rows, hours = self.asked.rows, self.asked.answered
        is_block = (max(hours) - min(hours)) // _HOUR + 1 == len(hours) == rows
        return is_block and rows >= _LEAST_ROWS and (not rows % _ROUND or not rows & (rows - 1))


def cut_off(asked: Sequence[AskedPeriod], stored: Collection[datetime], now: datetime) -> Iterator[Finding]:
    """Find answers that are probably cut off.

    These are answers without the first or last hours of what was asked for, if several of them have the same number of
    rows, or if the hour beyond the absent ones is stored, or if the number of rows is round.

    Args:
        asked: what was asked for, in order.
        stored: the stored hours of these periods, and the hours directly before and after them.
        now: the present moment, tz-aware.
    """
    known = {*stored, *(hour for period in asked for hour in period.answered)}
    edges = [edge for period in asked for edge in _edges(period, known, now)]
    alike = Counter((edge.side, edge.asked.rows) for edge in edges)
    for side in ("first", "last"):
        suspect = [
            edge
            for edge in edges
            if edge.side == side
            and (alike[side, edge.asked.rows] > 1 or (edge.is_next_there and edge.gap >= _LEAST_GAP) or edge.is_round)
        ]
        if suspect:
            periods = ", ".join(
                f"{period_of(edge.asked.start, edge.asked.end)} ({edge.asked.rows} rows, {edge.gap // _HOUR} h absent)"
                for edge in suspect[:5]
            )
            yield Finding(
                f"answers for {len(suspect)} period{'s' if len(suspect) > 1 else ''} lack the {side} hours: {periods}. "
                "The API may limit the rows of an answer: ask its operator for at least 744; the next load of the "
                "month fetches what is absent"
            )


def _edges(asked: AskedPeriod, known: Collection[datetime], now: datetime) -> Iterator[_Edge]:
    if not asked.answered:
        return
    # Months of zones with half hours begin within an hour of UTC.
    first, last = (
        pd.Timestamp(edge).tz_convert("UTC").ceil("h") for edge in (asked.start, min(asked.end, now - LATE_AFTER))
    )
    last -= _HOUR
    before, after = min(asked.answered) - first, last - max(asked.answered)
    if before >= _HOUR:
        yield _Edge(asked, "first", before, first - _HOUR in known)
    if after >= _HOUR:
        yield _Edge(asked, "last", after, last + _HOUR in known)
