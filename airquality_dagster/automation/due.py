"""Pure functions that select the months and stations of a tick, and group them into runs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airquality_dagster.readings.flags import HOURS_BEFORE

# The source may change a month's last hours for this long after its end.
SETTLING = timedelta(days=3)
# A tick looks for missed months in this many months before the current one.
LOOK_BACK_MONTHS = 12

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Month:
    """A monthly partition: its key and its end (tz-aware)."""

    key: str
    end: datetime


@dataclass(frozen=True)
class StationRun:
    """One run: a contiguous range of months for a group of stations.

    Args:
        stations: names.
        first, last: partition keys, both included.
        fetches: whether the run fetches hours; otherwise it only computes flags and aggregates of stored hours again.
    """

    stations: tuple[str, ...]
    first: str
    last: str
    fetches: bool = True


def due_months(months: Sequence[Month], materialized_at: Mapping[str, datetime], now: datetime) -> list[str]:
    """Return the months that a tick materializes for a station.

    The current month is always due. Each of the twelve months before it is due unless it was materialized after its
    last hours settled. So the month before is due until it has settled, the first tick after an outage of any length
    fetches what was missed, and a new station loads its last year.

    Args:
        months: all months of the network up to the current one, in order.
        materialized_at: partition key → time of the last materialization; no entry if there is none.
        now: the present moment, tz-aware.
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
    *,
    empty: Collection[str] = (),
    failed: Collection[str] = (),
) -> list[str]:
    """Return the months whose flags and aggregates must be computed again from stored hours.

    These are months whose hours, or those that their flags depend on, changed later: a run ended between hours and
    flags, or an earlier or later month changed (`affected_months`). (Months that have not settled change every hour;
    `due_months` selects them.) Also months that were computed by another version of the rules, but only the newest
    `LOOK_BACK_MONTHS`, to bound a tick's work.

    Args:
        months: all months of the network up to the current one, in order.
        judged_at: partition key → when its hours were last flagged and aggregated.
        changed_at: partition key → when a write last changed its hours.
        former_rules: keys of the months that were last computed by another version of the rules.
        now: the present moment, tz-aware.
        empty: keys of the months of which no hour is stored.
        failed: keys of the months whose last run failed. Of the months of other rules, they come last, so that they
            do not keep older months waiting.
    """
    newest_change: dict[str, datetime] = {}
    for number, month in enumerate(months):
        if month.key in changed_at and month.end + SETTLING <= now:
            for key in affected_months(months, number, empty):
                newest_change[key] = max(newest_change.get(key, _NEVER), changed_at[month.key])
    outdated = {key for key, change in newest_change.items() if key in judged_at and judged_at[key] < change}
    newest_first = [month.key for month in reversed(months) if month.key in former_rules]
    outdated |= set(sorted(newest_first, key=lambda key: key in failed)[:LOOK_BACK_MONTHS])
    return [month.key for month in months if month.key in outdated]


def affected_months(months: Sequence[Month], changed: int, empty: Collection[str] = ()) -> set[str]:
    """Return the months whose flags may depend on the hours of a month, itself included.

    Flags need the hours before and after them. A station may have been silent for whole months: then its hours before
    the silence are confirmed, or not, by the first ones after it. The window before an hour is longer than a February:
    the first hours of March depend on January.

    Args:
        months: all months of the network, in order.
        changed: position of the month whose hours changed.
        empty: keys of the months of which no hour is stored.
    """
    earlier, later = list(reversed(months[:changed])), months[changed + 1 :]
    reached_until = months[changed].end.astimezone(UTC) + timedelta(hours=HOURS_BEFORE)
    starts = (month.end.astimezone(UTC) for month in months[changed:])
    reached = {month.key for month, start in zip(later, starts, strict=False) if start < reached_until}
    nearest = [next((month.key for month in side if month.key not in empty), None) for side in (earlier, later)]
    return {months[changed].key, *reached, *filter(None, nearest)}


def unconfirmed_months(
    months: Sequence[Month], known_until: Mapping[str, datetime], newest: datetime | None, empty: Collection[str] = ()
) -> list[str]:
    """Return the months whose last hours were judged without later hours that are stored now.

    They are those before a silence that has ended. Once a month was judged with hours that came after it settled, it
    is complete, however long the silence was.

    Args:
        months: all months of the network, in order.
        known_until: partition key → the newest hour of the station that was stored when the month was judged.
        newest: the newest hour of the station that is stored now, None if there is none.
        empty: keys of the months of which no hour is stored.
    """
    return [
        month.key
        for month in months
        if newest is not None
        and month.key in known_until
        and month.key not in empty
        and known_until[month.key] < min(month.end + SETTLING, newest)
    ]


def contiguous_ranges(
    months: Sequence[Month], due: Collection[str], alone: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return the due months as ranges of keys, first and last included.

    Args:
        months: all months, in order.
        due: keys of the due months.
        alone: keys of months that get their own range. A month that failed gets its own run, so that another failure
            does not affect other months.
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
    """Return the runs; up to ``stations_per_run`` stations with the same range share one."""
    stations_by_range: dict[tuple[str, str], list[str]] = defaultdict(list)
    for station, ranges in ranges_by_station.items():
        for month_range in ranges:
            stations_by_range[month_range].append(station)
    return [
        StationRun(tuple(names[begin : begin + stations_per_run]), first, last, fetches)
        for (first, last), names in sorted(stations_by_range.items())
        for begin in range(0, len(names), stations_per_run)
    ]
