"""What two neighbours say of faults put into the readings of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.readings.disagreements import FIRST, SECOND
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.neighbour_days import FINDINGS, neighbour_days
from benchmarks.histories import Histories
from benchmarks.injected_faults import inject, rng_of

_YEAR = timedelta(days=365)
# What is said of a day for some time after a fault has ended is said of the fault.
_SAID_AFTER = timedelta(days=28)

Said = list[list[Mapping[str, Any]]]
"""One list of findings a day."""


@dataclass
class PairRecall:
    """What a pair says of many faults of a kind.

    Args:
        faults: with a wrong reading.
        days: of the faults that are found, from the begin to the end of the day that says it.
        blamed: of these, how often the first day blames the station with the fault, and how often the other one.
        blamed_other: how often the other one.
    """

    faults: int = 0
    days: list[float] = field(default_factory=list)
    blamed: int = 0
    blamed_other: int = 0

    def within(self, days: int) -> int:
        """Return how many faults are found within some days."""
        return sum(one <= days for one in self.days)


def pair_recall(kind: str, histories: Histories, seeds: range, fields: tuple[str, ...] | None = None) -> PairRecall:
    """Return what a pair says of faults of a kind, of which each of the two gets one a seed.

    Args:
        kind: of the fault.
        histories: of two stations, with equal hours.
        seeds: one a fault.
        fields: faulty ones, instead of fields drawn at random.
    """
    result = PairRecall()
    valid = [valid_hours(hourly) for hourly in histories.values()]
    dates = dates_of(valid[0])
    before = said(valid, dates)
    for place, hourly in enumerate(histories.values()):
        for seed in seeds:
            injected = inject(kind, hourly, rng_of(kind, seed), fields=fields)
            if not injected.is_faulty.to_numpy().any():
                continue
            result.faults += 1
            after = valid.copy()
            after[place] = valid_hours(injected.hourly)
            of_pair = said(after, dates)
            news = new_days(before, of_pair)
            news = [day for day in news if injected.begin.floor("D") <= dates[day] < injected.end + _SAID_AFTER]
            if news:
                result.days.append((dates[news[0]] + timedelta(days=1) - injected.begin) / timedelta(days=1))
                stations = {one["station"] for one in of_pair[news[0]]}
                result.blamed += (FIRST, SECOND)[place] in stations
                result.blamed_other += (SECOND, FIRST)[place] in stations
    return result


@dataclass
class PairAlarms:
    """False alarms of a pair.

    Args:
        years: of pairs that were looked at.
        alarms: times at which something new was said.
        days: with something said.
    """

    years: float = 0
    alarms: int = 0
    days: int = 0


def false_alarms(histories: Histories) -> PairAlarms:
    """Return what a pair says although nothing was put into its readings."""
    valid = [valid_hours(hourly) for hourly in histories.values()]
    dates = dates_of(valid[0])
    days = new_days([[] for _ in dates], said(valid, dates))
    return PairAlarms(len(dates) / (_YEAR / timedelta(days=1)), _begins(days), len(days))


def alarms_of_events(kind: str, histories: Histories, seeds: range) -> PairAlarms:
    """Return what a pair says of sound events that both stations have."""
    result = PairAlarms()
    hourlies = list(histories.values())
    plain = [valid_hours(hourly) for hourly in hourlies]
    dates = dates_of(plain[0])
    before = said(plain, dates)
    for seed in seeds:
        changed = [inject(kind, hourly, rng_of(kind, seed)).hourly for hourly in hourlies]
        valid = [valid_hours(hourly) for hourly in changed]
        days = new_days(before, said(valid, dates))
        result.alarms += _begins(days)
        result.days += len(days)
        result.years += len(dates) / (_YEAR / timedelta(days=1))
    return result


def valid_hours(hourly: pd.DataFrame) -> pd.DataFrame:
    """Return the valid readings of hours, and their timestamps."""
    return flag_hours(hourly).valid_readings.assign(**{TIMESTAMP: hourly[TIMESTAMP]})


def dates_of(valid: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the whole UTC dates of hours without gaps, as midnight UTC."""
    hours = pd.DatetimeIndex(valid[TIMESTAMP])
    return pd.date_range(hours[0].ceil("D"), hours[-1].floor("D") - timedelta(days=1), freq="D")


def said(valid: list[pd.DataFrame], dates: pd.DatetimeIndex) -> Said:
    """Return what a pair says of each date."""
    pair = (FIRST, SECOND)
    return list(neighbour_days(dict(zip(pair, valid, strict=True)), {pair: ()}, dates)[FINDINGS])


def new_days(before: Said, after: Said) -> list[int]:
    """Return the days that say something which they did not say before."""
    return [
        day
        for day, (old, new) in enumerate(zip(before, after, strict=True))
        if {(one["kind"], one["field"]) for one in new} - {(one["kind"], one["field"]) for one in old}
    ]


def _begins(days: list[int]) -> int:
    return sum(day - 1 not in days for day in days)
