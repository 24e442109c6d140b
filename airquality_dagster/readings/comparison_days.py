"""What two stations say of each other day by day: as it is stored, and computed where it is not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import DATE, TIMESTAMP
from airquality_dagster.readings.comparison_hours import PairHours
from airquality_dagster.readings.disagreements import FIRST, SECOND
from airquality_dagster.readings.neighbour_days import FINDINGS, neighbour_days

Day = Mapping[str, Any]
_DAY = pd.Timedelta(days=1)


def pair_days(pair: PairHours, stored: Sequence[Day], moves: Sequence[datetime]) -> list[Day]:
    """Return the days of a pair, in order.

    Only days at which both have a compared hour, and which are not stored, are computed: in most nights this day alone.

    Args:
        pair: hours of the two.
        stored: documents of the collection `neighbours` of the two; findings name them first and second as the pair.
        moves: when one of the two came to its place or got another device.
    """
    rows: dict[pd.Timestamp, Day] = {pd.Timestamp(row[DATE]).tz_convert("UTC"): row for row in stored}
    valid = {FIRST: pair.first.valid[pair.is_compared], SECOND: pair.second.valid[pair.is_compared]}
    is_measured = valid[FIRST].notna().any(axis=1) & valid[SECOND].notna().any(axis=1)
    dates = pd.DatetimeIndex(valid[FIRST].index[is_measured]).floor("D").unique()
    missing = dates.difference(pd.DatetimeIndex(list(rows), tz="UTC"))
    if len(missing):
        hours = {
            name: station.valid.rename_axis(TIMESTAMP).reset_index()
            for name, station in ((FIRST, pair.first), (SECOND, pair.second))
        }
        for run in _runs(missing):
            computed = neighbour_days(hours, {(FIRST, SECOND): moves}, run)
            rows |= {row[DATE]: row for row in computed.to_dict("records")}
    return [rows[date] for date in sorted(rows)]


def reversed_days(days: Sequence[Day]) -> list[Day]:
    """Return days whose findings name the first station second, and the second first."""
    other = {FIRST: SECOND, SECOND: FIRST, None: None}
    return [{**day, FINDINGS: [{**one, "station": other[one["station"]]} for one in day[FINDINGS]]} for day in days]


def _runs(dates: pd.DatetimeIndex) -> Iterator[pd.DatetimeIndex]:
    """Yield dates without gaps."""
    for places in np.split(np.arange(len(dates)), np.flatnonzero(np.diff(dates) > _DAY) + 1):
        yield pd.date_range(dates[places[0]], dates[places[-1]])
