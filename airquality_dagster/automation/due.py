"""Which months of which stations a tick materializes, and in which runs: pure decisions."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

# The source still changes a month's last hours this long after its end.
SETTLING = timedelta(days=3)
# How many months before the current one a tick looks back for what was missed.
LOOK_BACK_MONTHS = 12

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Month:
    """A monthly partition: its key, and the moment at which it is over."""

    key: str
    end: datetime


@dataclass(frozen=True)
class StationRun:
    """One run: a contiguous range of months for a group of stations.

    Args:
        stations: names.
        first, last: partition keys, both included.
        fetches: the hours are fetched; otherwise only what is made of stored hours is made anew.
    """

    stations: tuple[str, ...]
    first: str
    last: str
    fetches: bool = True


def due_months(months: Sequence[Month], materialized_at: Mapping[str, datetime], now: datetime) -> list[str]:
    """Return the months that a tick materializes for a station.

    The current month always; of the twelve before it those that were not materialized since their
    last hours settled. So the month before is due until it has settled, an outage of any length heals
    with the first tick after it, and a new station loads its last year.

    Args:
        months: all months of the network up to the current one, in order.
        materialized_at: partition key → when it was last materialized; no entry if it never was.
        now: the present moment.
    """
    return [
        month.key
        for month in months[-LOOK_BACK_MONTHS - 1 :]
        if month.end > now or materialized_at.get(month.key, _NEVER) < month.end + SETTLING
    ]


def outdated_months(
    months: Sequence[Month],
    judged_at: Mapping[str, datetime],
    changed_at: Mapping[str, datetime],
    former_rules: Collection[str],
    now: datetime,
) -> list[str]:
    """Return the months whose flags and days are made anew from stored hours.

    They are those beside which hours changed after they were judged: flags and running means look beyond a month.
    (Hours of a month that has not settled change each hour and are `due_months`' business.) And those that were judged
    by former rules: of these the newest `LOOK_BACK_MONTHS`, so that the work of a tick is bounded.

    Args:
        months: all months of the network up to the current one, in order.
        judged_at: partition key → when its hours were last flagged and aggregated.
        changed_at: partition key → when its hours were last written, if that changed any.
        former_rules: keys of the months that were last judged by another version of the rules.
        now: the present moment.
    """
    recent = months[-LOOK_BACK_MONTHS - 1 :]
    changed = [changed_at.get(month.key, _NEVER) if month.end + SETTLING <= now else _NEVER for month in recent]
    before, after = [_NEVER, *changed][:-1], [*changed, _NEVER][1:]
    outdated = {
        month.key
        for month, *beside in zip(recent, before, after, strict=True)
        if month.key in judged_at and judged_at[month.key] < max(beside)
    }
    outdated |= set([month.key for month in months if month.key in former_rules][-LOOK_BACK_MONTHS:])
    return [month.key for month in months if month.key in outdated]


def contiguous_ranges(
    months: Sequence[Month], due: Collection[str], alone: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return the due months as ranges, first and last included.

    Args:
        months: all months, in order.
        due: keys of the months that are due.
        alone: keys of months that get a range of their own. A month that failed is asked for alone,
            so that it does not keep the others from being stored.
    """
    ranges: list[tuple[str, str]] = []
    is_open = False
    for month in months:
        if month.key not in due:
            is_open = False
        elif month.key in alone or not is_open:
            ranges.append((month.key, month.key))
            is_open = month.key not in alone
        else:
            ranges[-1] = (ranges[-1][0], month.key)
    return ranges


def station_runs(
    ranges_by_station: Mapping[str, Sequence[tuple[str, str]]], stations_per_run: int, *, fetches: bool = True
) -> list[StationRun]:
    """Return the runs: stations with the same range share one, up to ``stations_per_run`` of them."""
    stations_by_range: dict[tuple[str, str], list[str]] = defaultdict(list)
    for station, ranges in ranges_by_station.items():
        for month_range in ranges:
            stations_by_range[month_range].append(station)
    return [
        StationRun(stations, first, last, fetches)
        for (first, last), names in sorted(stations_by_range.items())
        for stations in _groups(names, stations_per_run)
    ]


def _groups(names: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    iterator = iter(names)
    while group := tuple(islice(iterator, size)):
        yield group
