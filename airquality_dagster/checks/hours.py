"""Checks of a station's hours: completeness, age, and consistency of the source."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from airquality_dagster.airqino.rows import SetAsideValue
from airquality_dagster.airqino.shown import shown_name
from airquality_dagster.checks.cut_off import AskedPeriod, cut_off
from airquality_dagster.checks.outcome import (
    CheckOutcome,
    Checks,
    Finding,
    moment,
    period_of,
    runs_of_hours,
    table_metadata,
)
from airquality_dagster.network.distance import kilometres
from airquality_dagster.network.freshness import LATE_AFTER, is_late
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Station

# The 75 % of EU and US law, here of the hours of a period.
_LEAST_PERCENT = 75
_PLAUSIBLE_KILOMETRES = 5.0
RECENTLY = timedelta(days=7)
"""How long a change of final hours is reported."""
_GAPS_SHOWN = 5


@dataclass(frozen=True)
class StoredHours:
    """Input of the checks: what is stored after the run has written.

    Args:
        station: the station.
        start, end: the fetched period, tz-aware.
        now: the present moment, tz-aware.
        hours: starts of the stored hours of the period.
        newest: start of the newest stored hour of the station, None if no hour is stored.
        answered: starts of the hours that this run's answers have, also in rows that it rejected.
        rejected: reasons of the rows that this run rejected.
        restated: when final versions of hours of the period were replaced.
        coordinates: latitude and longitude in the API's answers, None if they have none.
        restated_elsewhere: when final versions of other hours were replaced, of the last days.
        set_aside: values that this run could not store because they are not numbers.
        measuring: fields with a reading in this run's answers.
        asked: the periods that this run asked for, in order.
        with_neighbours: the stored hours of the period, and the hours directly before and after it.
        odd_coordinates: coordinates in the answers that cannot be, as text.
        is_named: whether all answers name their station.
    """

    station: Station
    start: datetime
    end: datetime
    now: datetime
    hours: Sequence[datetime]
    newest: datetime | None
    answered: Collection[datetime]
    rejected: Sequence[str]
    restated: Sequence[datetime]
    coordinates: tuple[float, float] | None
    restated_elsewhere: Sequence[datetime] = ()
    set_aside: Sequence[SetAsideValue] = ()
    measuring: Collection[str] = ()
    asked: Sequence[AskedPeriod] = ()
    with_neighbours: Collection[datetime] = ()
    odd_coordinates: str = ""
    is_named: bool = True

    @property
    def title(self) -> str:
        """Station and period, the start of messages."""
        return f"{self.station.name}, {period_of(self.start, self.end)}"


def hours_complete_and_fresh(stored: StoredHours) -> CheckOutcome:
    """Count the stored hours of the period, list the longest gaps, and report the age of the newest hour."""
    hours = pd.DatetimeIndex(list(stored.hours), tz="UTC")
    # Hours that began so long ago that the API should have published them.
    start, end = (pd.Timestamp(edge).tz_convert("UTC") for edge in (stored.start, stored.end))
    until = min(end, pd.Timestamp(stored.now - LATE_AFTER).tz_convert("UTC").ceil("h"))
    # Months of zones with half hours begin within an hour.
    expected = pd.date_range(start.ceil("h"), until, freq="h", inclusive="left")
    missing = expected[~expected.isin(hours)]
    observed = len(expected) - len(missing)
    # Truncated, not rounded: 99.6 % is not complete.
    percent = 100 * observed // len(expected) if len(expected) else 100
    gaps = runs_of_hours(missing)
    longest = sorted(gaps, key=lambda gap: gap[1] - gap[0], reverse=True)[:_GAPS_SHOWN]
    counted = f"{observed} of {len(expected)} hours ({percent} %)"
    findings = [*_age_findings(stored), *cut_off(stored.asked, stored.with_neighbours, stored.now)]
    if percent < _LEAST_PERCENT:
        findings.append(
            Finding(
                f"{counted}, {len(gaps)} gaps, the longest since {moment(longest[0][0])} UTC: check the station's "
                "power and network; hours that the API publishes later are fetched automatically"
            )
        )
    rows = [(moment(first), moment(last), (last - first) // timedelta(hours=1) + 1) for first, last in longest]
    age = None if stored.newest is None else round((stored.now - stored.newest) / timedelta(hours=1), 1)
    return CheckOutcome(
        stored.title,
        findings,
        f"{counted}, the newest {moment(stored.newest)} UTC, {age:g} h ago" if stored.newest else counted,
        metadata={
            "expected_hours": len(expected),
            "observed_hours": observed,
            "percent_complete": percent,
            **({} if age is None else {"age_hours": age}),
            **table_metadata("longest_gaps", ["from (UTC)", "to", "hours"], rows),
        },
    )


def _age_findings(stored: StoredHours) -> Iterator[Finding]:
    if stored.newest is None:
        yield Finding("no hour is stored: check airqino_id in the stations file", must_act=True)
    elif is_late(stored.newest, stored.now):
        age = stored.now - stored.newest
        yield Finding(
            f"the newest hour is {moment(stored.newest)} UTC, {age / timedelta(hours=1):.1f} h ago: check the "
            "station's power and network",
            must_act=age > timedelta(hours=stored.station.silent_after_hours),
        )


def source_consistent(stored: StoredHours) -> CheckOutcome:
    """Count hours that the source changed or lost, and rows and values that could not be stored; compare its header."""
    recent = [changed for changed in stored.restated if changed > stored.now - RECENTLY]
    changed = [*recent, *stored.restated_elsewhere]
    findings = []
    if changed:
        elsewhere = len(stored.restated_elsewhere)
        findings.append(
            Finding(
                f"the source changed {len(changed)} final hours since {moment(min(changed))} UTC"
                + (f" ({elsewhere} of them outside this period)" if elsewhere else "")
                + f"; former versions are in {stored.station.raw_asset}_revisions: published means may differ"
            )
        )
    lost = [hour for hour in stored.hours if hour <= stored.now - LATE_AFTER and hour not in stored.answered]
    if lost:
        findings.append(
            Finding(f"the API has lost {len(lost)} stored hours, the first {moment(lost[0])} UTC: they are kept")
        )
    reasons = pd.Series(list(stored.rejected), dtype=object).value_counts()
    if len(reasons):
        findings.append(
            Finding(
                f"{len(stored.rejected)} rows could not be stored, most often: {reasons.index[0]}; they are kept in "
                f"{stored.station.raw_asset}_rejected: report them to the API's operator"
            )
        )
    findings += _value_findings(stored)
    distance = _distance(stored)
    findings += _header_findings(stored, distance)
    values = Counter(value.sensor for value in stored.set_aside)
    return CheckOutcome(
        stored.title,
        findings,
        f"every row could be stored, no final hour changed in {RECENTLY.days} days, none was lost, "
        + ("no coordinates to compare" if distance is None else f"{distance:.1f} km from the stations file"),
        metadata={
            "restated_versions": len(stored.restated),
            "restated_recently": len(changed),
            "hours_lost_by_source": len(lost),
            "rejected": len(stored.rejected),
            "set_aside": len(stored.set_aside),
            **({} if distance is None else {"distance_km": round(distance, 1)}),
            **table_metadata("rejected_rows", ["reason", "rows"], list(reasons.items())),
            **table_metadata(
                "values_set_aside", ["sensor", "values"], [(shown_name(name), n) for name, n in values.most_common()]
            ),
        },
    )


def _value_findings(stored: StoredHours) -> Iterator[Finding]:
    """Report sensors with values that are not numbers. A column that never holds a number is not a sensor."""
    values = [value for value in stored.set_aside if value.field in BY_FIELD or value.field in stored.measuring]
    if values:
        sensors = ", ".join(dict.fromkeys(shown_name(value.sensor) for value in values))
        yield Finding(
            f"{len(values)} values of {sensors} are not numbers ({values[-1].reason}); they are kept in "
            f"{stored.station.raw_asset}_rejected, and the other readings of these hours are stored: check the sensor"
        )


def _distance(stored: StoredHours) -> float | None:
    """Return the distance (km) between the coordinates of API and stations file; None if one of them is unknown."""
    position = stored.station.position
    return None if stored.coordinates is None or position is None else kilometres(position, stored.coordinates)


def _header_findings(stored: StoredHours, distance: float | None) -> Iterator[Finding]:
    if not stored.is_named:
        yield Finding("the API's answers do not name their station: whether they belong to it is not known")
    if stored.odd_coordinates:
        yield Finding(
            f"the API's coordinates {stored.odd_coordinates} cannot be: the stations file is used; tell the API's "
            "operator"
        )
    if stored.coordinates is None:
        return
    latitude, longitude = stored.coordinates
    place = f"the API puts the station at {latitude:.4f}, {longitude:.4f}"
    if distance is None:
        yield Finding(f"{place}, the stations file has no coordinates: add latitude and longitude")
    elif distance > _PLAUSIBLE_KILOMETRES:
        yield Finding(
            f"{place}, {distance:.1f} km from the position in the stations file, which is used: correct the stations "
            "file, or tell the API's operator"
        )


CHECKS: Checks[StoredHours] = {check.__name__: check for check in (hours_complete_and_fresh, source_consistent)}
