"""The check of a station beside its neighbours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airquality_dagster.checks.outcome import CheckOutcome, Finding, table_metadata
from airquality_dagster.network.neighbours import NEAR_KILOMETRES, Neighbours
from airquality_dagster.network.pollutants import BY_FIELD, DATE
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.disagreements import FIRST, SECOND, Disagreement, Kind
from airquality_dagster.readings.neighbour_days import FINDINGS, FIRST_STATION, SECOND_STATION, WITHHELD

# A repeated day is over the next day, but somebody must hear of it.
_RECENT = timedelta(days=7)
_WHY_WITHHELD = {
    "too_few_hours": "too few valid hours of both in four weeks",
    "no_past": "too few weeks of both before the last four",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class StationAndNeighbours:
    """Input of the check.

    Args:
        station: the station.
        pairs: the pairs that it is one of.
        days: rows of these pairs of the last week or more, ordered by date.
    """

    station: Station
    pairs: Sequence[Neighbours]
    days: Sequence[Row]


def check_name(station: Station) -> str:
    """Return the name of a station's check."""
    return f"{station.name}_agrees_with_neighbours"


CHECK_DESCRIPTION = "Find levels, moves, clocks and repeated days that a station has and its neighbours do not."


def agrees_with_neighbours(facts: StationAndNeighbours) -> CheckOutcome:
    """Find levels, moves, clocks and repeated days that a station has and its neighbours do not."""
    name, newest = facts.station.name, max((row[DATE] for row in facts.days), default=None)
    if not facts.pairs:
        return CheckOutcome(name, [], f"no other station within {NEAR_KILOMETRES:g} km: nothing to compare it with")
    if newest is None:
        return CheckOutcome(name, [], "no day has been compared with its neighbours yet")
    rows = [row for row in facts.days if row[DATE] == newest]
    findings, seen = [], []
    for row, one in _present(facts.days, newest):
        other = row[SECOND_STATION] if row[FIRST_STATION] == name else row[FIRST_STATION]
        changed = {FIRST: row[FIRST_STATION], SECOND: row[SECOND_STATION]}.get(one.station or "")
        if changed in (None, name):
            findings.append(_finding(name, other, one, is_first=row[FIRST_STATION] == name))
        seen.append(
            (other, one.kind, one.field or "", f"{one.since:%Y-%m-%d}", changed or "not known", f"{one.size:g}")
        )
    return CheckOutcome(
        f"{name}, {newest:%Y-%m-%d}",
        findings,
        "; ".join(_comparison(row, name) for row in rows),
        metadata={
            "neighbours": len(facts.pairs),
            **table_metadata("disagreements", ["with", "kind", "reading", "since", "changed", "size"], seen),
        },
    )


def _present(days: Sequence[Row], newest: datetime) -> Iterator[tuple[Row, Disagreement]]:
    """Yield what the newest day says, and the days of the last week that were repeated."""
    for row in days:
        for document in row[FINDINGS]:
            one = Disagreement.of(document)
            is_recent = row[DATE] > newest - _RECENT
            if row[DATE] == newest or (is_recent and one.kind == Kind.REPEATED_DAY):
                yield row, one


def _comparison(row: Row, name: str) -> str:
    other = row[SECOND_STATION] if row[FIRST_STATION] == name else row[FIRST_STATION]
    if row[WITHHELD] is not None:
        return f"not compared with {other}: {_WHY_WITHHELD[row[WITHHELD]]}"
    return f"agrees with {other} as before (temperature r {row['temperature_correlation']:.2f} over a week)"


def _finding(name: str, other: str, one: Disagreement, *, is_first: bool) -> Finding:
    """Return a sentence: what, since when, which of the two, what to do."""
    whose = f"which of the two changed cannot be told: look at {other}, too"
    if one.station:
        whose = "it is this station that changed"
    label, since = BY_FIELD[one.field].label if one.field else "", f"{one.since:%Y-%m-%d}"
    factor = 1 / one.size if is_first and one.size else one.size
    hours = -one.size if is_first else one.size
    if one.kind == Kind.REPEATED_DAY:
        text = (
            f"{one.size:g} hours of a day repeat those of the day before, since {since}: ask the API's operator; these "
            "days are no measurement"
        )
        return Finding(text)
    if one.kind == Kind.NOISE:
        return Finding(
            f"{label} changes from hour to hour {factor:.1f} times what it did against {other} since about {since}; "
            f"{whose}: clean or replace the sensor"
        )
    texts = {
        Kind.LEVEL: (
            f"{label} reads {factor:.2f} times what it did against {other} since about {since}; {whose}: look for a "
            "new source, clean or replace the sensor, then begin a new deployment in the stations file; do not compare "
            "the two across that date"
        ),
        Kind.UNCORRELATED: (
            f"{label} does not follow that of {other} since about {since} (r {one.size:.2f} over a week); {whose}: if "
            "it was moved or taken indoors, enter a deployment in the stations file"
        ),
        Kind.TIME_SHIFT: (
            f"its hours are {abs(hours):g} h {'later' if hours > 0 else 'earlier'} than those of {other} since about "
            f"{since}; {whose}: ask the API's operator about clock and time zone"
        ),
        Kind.SWAPPED: (
            f"NO₂ follows O₃ of {other}, and O₃ its NO₂, since about {since}; {whose}: ask the API's operator whether "
            "the channels are swapped"
        ),
    }
    return Finding(texts[one.kind], must_act=True)
