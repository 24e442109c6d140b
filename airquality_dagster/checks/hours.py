"""Checks of a station's hours: completeness, age, and consistency of the source."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt

import pandas as pd

from airquality_dagster.checks.outcome import (
    CheckOutcome,
    Checks,
    Finding,
    moment,
    period_of,
    runs_of_hours,
    table_metadata,
)
from airquality_dagster.network.freshness import LATE_AFTER, is_late
from airquality_dagster.network.stations import Station

# The 75 % of EU and US law, here of the hours of a period.
_LEAST_PERCENT = 75
_PLAUSIBLE_KILOMETRES = 5.0
_RECENTLY = timedelta(days=7)
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
    """

    station: Station
    start: datetime
    end: datetime
    now: datetime
    hours: Sequence[datetime]
    newest: datetime | None
    answered: Collection[datetime | None]
    rejected: Sequence[str]
    restated: Sequence[datetime]
    coordinates: tuple[float, float] | None

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
    expected = pd.date_range(start, until, freq="h", inclusive="left")
    missing = expected[~expected.isin(hours)]
    observed = len(expected) - len(missing)
    # Truncated, not rounded: 99.6 % is not complete.
    percent = 100 * observed // len(expected) if len(expected) else 100
    gaps = runs_of_hours(missing)
    longest = sorted(gaps, key=lambda gap: gap[1] - gap[0], reverse=True)[:_GAPS_SHOWN]
    counted = f"{observed} of {len(expected)} hours ({percent} %)"
    findings = list(_age_findings(stored))
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
    """Count hours that the source changed or lost and rows that could not be stored, and compare coordinates."""
    recent = [changed for changed in stored.restated if changed > stored.now - _RECENTLY]
    findings = []
    if recent:
        findings.append(
            Finding(
                f"the source changed {len(recent)} final hours since {moment(min(recent))} UTC; former versions are in "
                f"{stored.station.raw_asset}_revisions: published means of the period may differ"
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
    distance = _distance(stored)
    findings += _location_findings(stored, distance)
    return CheckOutcome(
        stored.title,
        findings,
        f"every row could be stored, no final hour changed in {_RECENTLY.days} days, none was lost, "
        + ("no coordinates to compare" if distance is None else f"{distance:.1f} km from the stations file"),
        metadata={
            "restated_versions": len(stored.restated),
            "restated_recently": len(recent),
            "hours_lost_by_source": len(lost),
            "rejected": len(stored.rejected),
            **({} if distance is None else {"distance_km": round(distance, 1)}),
            **table_metadata("rejected_rows", ["reason", "rows"], list(reasons.items())),
        },
    )


def _distance(stored: StoredHours) -> float | None:
    """Return the distance (km) between the coordinates of API and stations file; None if one of them is unknown."""
    station = stored.station
    if stored.coordinates is None or station.latitude is None or station.longitude is None:
        return None
    return _kilometres((station.latitude, station.longitude), stored.coordinates)


def _location_findings(stored: StoredHours, distance: float | None) -> Iterator[Finding]:
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


def _kilometres(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the distance (km) of two points by the haversine formula, on a sphere with a radius of 6371 km.

    >>> round(_kilometres((5.36, -3.96), (5.36, 3.96)))
    877
    """
    (latitude, longitude), (other_latitude, other_longitude) = (tuple(map(radians, point)) for point in (first, second))
    chord = (
        sin((other_latitude - latitude) / 2) ** 2
        + cos(latitude) * cos(other_latitude) * sin((other_longitude - longitude) / 2) ** 2
    )
    return 2 * 6371 * asin(sqrt(chord))
