"""Checks of a station's hours, made of what was just fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt

import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, period_of, runs_of_hours, table
from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station

# The 75 % of EU and US law, here of the hours of a period.
_LEAST_PERCENT = 75
# An hour is published within two hours after its end, as far as was seen (shared notes on the API).
_FRESH = timedelta(hours=4)
_PLAUSIBLE_KILOMETRES = 5.0
_RECENTLY = timedelta(days=7)
_GAPS_SHOWN = 5


@dataclass(frozen=True)
class FetchedHours:
    """What the checks look at.

    Args:
        station: whose hours.
        start, end: the period that was fetched, tz-aware.
        now: the present moment.
        hourly: its hours, as `hourly_frame` makes them.
        newest_stored: the newest hour that was stored before.
        rejected: reasons of the rows that were rejected.
        restated: when versions of hours of the period were replaced after they were final.
        header: latitude and longitude that the API says, None where it says none.
    """

    station: Station
    start: datetime
    end: datetime
    now: datetime
    hourly: pd.DataFrame
    newest_stored: datetime | None
    rejected: Sequence[str]
    restated: Sequence[datetime]
    header: tuple[float, float] | None

    @property
    def title(self) -> str:
        """Station and period, as messages begin."""
        return f"{self.station.name}, {period_of(self.start, self.end)}"


def hours_complete(fetched: FetchedHours) -> CheckOutcome:
    """Count the hours of the period that are there, and name the longest gaps."""
    hours = pd.DatetimeIndex(fetched.hourly[TIMESTAMP])
    # What has ended so long ago that it should have been published.
    start, end = (pd.Timestamp(moment).tz_convert("UTC") for moment in (fetched.start, fetched.end))
    until = min(end, pd.Timestamp(fetched.now - _FRESH).tz_convert("UTC").ceil("h"))
    expected = pd.date_range(start, until, freq="h", inclusive="left")
    observed = int(expected.isin(hours).sum())
    # Cut, not rounded: 99.6 % is not complete.
    percent = 100 * observed // len(expected) if len(expected) else 100
    missing = expected[~expected.isin(hours)]
    gaps = runs_of_hours(missing)
    longest = sorted(gaps, key=lambda gap: gap[1] - gap[0], reverse=True)[:_GAPS_SHOWN]
    description = f"{fetched.title}: {observed} of {len(expected)} hours ({percent} %)"
    if percent < _LEAST_PERCENT:
        first = longest[0]
        description += (
            f"; longest gap since {first[0]:%Y-%m-%d %H:%M} UTC, {len(gaps)} gaps: see whether the station has power "
            "and network; what the API publishes later is fetched by itself"
        )
    shown = [(f"{a:%Y-%m-%d %H:%M}", f"{b:%Y-%m-%d %H:%M}", int((b - a) / timedelta(hours=1)) + 1) for a, b in longest]
    return CheckOutcome(
        passed=percent >= _LEAST_PERCENT,
        description=description,
        metadata={
            "expected_hours": len(expected),
            "observed_hours": observed,
            "percent_complete": percent,
            **({"longest_gaps": table(["from (UTC)", "to", "hours"], shown)} if shown else {}),
        },
    )


def newest_hour_fresh(fetched: FetchedHours) -> CheckOutcome:
    """See how old the newest hour is."""
    newest = fetched.newest_stored
    if len(fetched.hourly):
        fetched_newest = fetched.hourly[TIMESTAMP].max().to_pydatetime()
        newest = fetched_newest if newest is None else max(newest, fetched_newest)
    name = fetched.station.title
    if newest is None:
        return CheckOutcome(
            passed=False,
            must_act=True,
            description=f"{name} has no hour at all: see whether airqino_id in the stations file is right",
        )
    age = fetched.now - newest
    hours = round(age / timedelta(hours=1), 1)
    description = f"{name}: newest hour {newest:%Y-%m-%d %H:%M} UTC, {hours:g} h ago"
    if age > _FRESH:
        description += ": see whether the station has power and network"
    return CheckOutcome(
        passed=age <= _FRESH,
        must_act=age > timedelta(hours=fetched.station.silent_after_hours),
        description=description,
        metadata={"age_hours": hours},
    )


def history_not_restated(fetched: FetchedHours) -> CheckOutcome:
    """Count final hours of the period that the source changed."""
    recent = [moment for moment in fetched.restated if moment > fetched.now - _RECENTLY]
    description = f"{fetched.title}: {len(fetched.restated)} former versions of hours"
    if recent:
        description = (
            f"{fetched.title}: the source changed {len(recent)} final hours since {min(recent):%Y-%m-%d %H:%M} "
            f"UTC; the former versions are in {fetched.station.raw_asset}_revisions: published means of the period may "
            "differ"
        )
    return CheckOutcome(
        passed=not recent,
        description=description,
        metadata={"restated_versions": len(fetched.restated), "restated_recently": len(recent)},
    )


def coordinates_plausible(fetched: FetchedHours) -> CheckOutcome:
    """Compare the coordinates of the API with those of the stations file."""
    station = fetched.station
    if fetched.header is None:
        return CheckOutcome(passed=True, description=f"{station.name}: the API says no coordinates")
    latitude, longitude = fetched.header
    said = f"the API puts it at {latitude:.4f}, {longitude:.4f}"
    if station.latitude is None or station.longitude is None:
        return CheckOutcome(
            passed=False,
            description=f"{station.name}: {said}, the stations file knows no coordinates: add latitude and longitude",
        )
    distance = _kilometres((station.latitude, station.longitude), fetched.header)
    is_near = distance <= _PLAUSIBLE_KILOMETRES
    return CheckOutcome(
        passed=is_near,
        description=f"{station.name}: {said}, {distance:.1f} km from where the stations file has it"
        + ("" if is_near else ": correct the stations file, or tell who runs the API; the file's are used"),
        metadata={"distance_km": round(distance, 1)},
    )


def no_rows_rejected(fetched: FetchedHours) -> CheckOutcome:
    """Count rows of the answers that are no readings."""
    reasons = pd.Series(list(fetched.rejected), dtype=object).value_counts()
    return CheckOutcome(
        passed=not len(reasons),
        description=f"{fetched.title}: {len(fetched.rejected)} rows are no readings, most: {reasons.index[0]}; they "
        f"are kept in {fetched.station.raw_asset}_rejected: tell who runs the API"
        if len(reasons)
        else f"{fetched.title}: every row is a reading",
        metadata={"rejected": len(fetched.rejected)},
    )


CHECKS: Checks[FetchedHours] = {
    check.__name__: check
    for check in (
        hours_complete,
        newest_hour_fresh,
        history_not_restated,
        coordinates_plausible,
        no_rows_rejected,
    )
}


def _kilometres(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the distance of two points by the haversine formula, on a sphere of 6371 km.

    >>> round(_kilometres((5.36, -3.96), (5.36, 3.96)))
    877
    """
    (latitude, longitude), (other_latitude, other_longitude) = (tuple(map(radians, point)) for point in (first, second))
    chord = (
        sin((other_latitude - latitude) / 2) ** 2
        + cos(latitude) * cos(other_latitude) * sin((other_longitude - longitude) / 2) ** 2
    )
    return 2 * 6371 * asin(sqrt(chord))
