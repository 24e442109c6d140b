"""The check of a comparison: whether its question can be answered, and what to do if it cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast
from zoneinfo import ZoneInfo

from airquality_dagster.checks.outcome import CheckOutcome, Checks, Finding, table_metadata
from airquality_dagster.network.colocation import Together
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.comparison_differences import LEAST_DAYS
from airquality_dagster.readings.comparison_documents import StatedRow, WindowDocument
from airquality_dagster.readings.comparison_paired import TRUSTED_DAYS
from airquality_dagster.readings.comparison_parts import ALL
from airquality_dagster.readings.comparison_relation import DECLARED, FOUND, WINDOW_DISAGREES
from airquality_dagster.readings.comparison_statements import Names, dates_of, decimals_of, written
from airquality_dagster.readings.comparison_withheld import DISAGREE, NO_HOURS, TOO_FEW_DAYS, TOO_SHORT
from airquality_dagster.readings.flags import PARTICLES

_SOON, _LONGEST = timedelta(days=183), timedelta(weeks=8)
"""A side-by-side window is a plan if it begins within half a year, or began within eight weeks: one that is planned for
later, or that nobody ended, would silence the check for ever."""
_FORTNIGHT = 24 * LEAST_DAYS
_WAIT_HOURS = {NO_HOURS: _FORTNIGHT, TOO_FEW_DAYS: 2 * _FORTNIGHT}
"""At a new place, hours for which a reason needs no action."""


@dataclass(frozen=True)
class Compared:
    """Input of the check: a comparison.

    Args:
        pair: its name.
        names: of the two stations.
        rows: all of its rows.
        planned: side-by-side windows of the stations file, those to come, too.
        hours: stored hours of either station, since both are at the places that are compared.
        zone: of the dates.
        now: the present moment, tz-aware.
    """

    pair: str
    names: Names
    rows: Sequence[Mapping[str, Any]]
    planned: Sequence[Together]
    hours: int
    zone: ZoneInfo
    now: datetime

    @cached_property
    def wholes(self) -> Sequence[StatedRow]:
        """The rows of all hours, one a pollutant."""
        return [cast("StatedRow", row) for row in self.rows if row["period"] == ALL]

    @property
    def particles(self) -> Sequence[StatedRow]:
        """The rows of all hours of particles: gases of such sensors can seldom be compared."""
        return [row for row in self.wholes if row["pollutant"] in PARTICLES]

    def windows(self, field: str) -> Sequence[WindowDocument]:
        """Return the side-by-side windows of a reading."""
        return next((row["colocations"] for row in self.wholes if row["pollutant"] == field), ())


def comparison_can_be_told(compared: Compared) -> CheckOutcome:
    """Say whether the question of a pair can be answered, and when its stations are due side by side."""
    metadata = table_metadata(
        "side_by_side",
        ["reading", "from", "to", "hours", "second = intercept + slope × first", "r²", "difference by it", "not used"],
        [_window(row, window, compared.zone) for row in compared.wholes for window in row["colocations"]],
    )
    is_begun = any(row["hours"] or row["hours_left_out"] for row in compared.particles)
    if not is_begun and compared.hours < _FORTNIGHT:
        return CheckOutcome(compared.pair, [], "no hour has been compared yet", metadata)
    findings = [*_untold(compared), *_due(compared), *_proposed(compared), *_failed(compared), *_changed(compared)]
    said = " ".join(row["valid_statement"] for row in compared.particles)
    return CheckOutcome(compared.pair, findings, said, metadata)


CHECKS: Checks[Compared] = {"comparison_can_be_told": comparison_can_be_told}


def due_date(compared: Compared) -> datetime | None:
    """Return when the next fortnight side by side is due; None if one goes on or begins soon.

    Args:
        compared: the comparison.
    """
    not_over = [one.start for one in compared.planned if one.end is None or one.end > compared.now]
    if any(-_LONGEST < start - compared.now <= _SOON for start in not_over):
        return None
    ends = [one["to"] for field in PARTICLES for one in compared.windows(field) if one["withheld"] is None]
    return max(ends) + timedelta(days=TRUSTED_DAYS) if ends else compared.now


def _untold(compared: Compared) -> Iterator[Finding]:
    """Say about which particles nothing can be said, and why."""
    early = [reason for reason, least in _WAIT_HOURS.items() if compared.hours < least]
    for row in compared.particles:
        if row["withheld"] is None or row["withheld"] in early:
            continue
        names = (
            (compared.names.first, row["valid_hours_first"]),
            (compared.names.second, row["valid_hours_second"]),
        )
        silent = [name for name, valid in names if not valid]
        if row["withheld"] == NO_HOURS and silent:
            yield Finding(
                f"{BY_FIELD[row['pollutant']].label} of {' and of '.join(silent)} has no valid hour in the "
                f"{compared.hours} hours that are stored since both are at their places: look at its flags, then at "
                "the sensor"
            )
        else:
            yield Finding(row["valid_statement"].removesuffix("."))


def _due(compared: Compared) -> Iterator[Finding]:
    due = due_date(compared)
    if due is not None and due <= compared.now:
        since = f"has been due since {due.astimezone(compared.zone):%Y-%m-%d}" if due < compared.now else "is due"
        yield Finding(
            f"a fortnight side by side {since}: put both stations beside each other for {LEAST_DAYS} days, and "
            "enter it as a deployment of kind colocation of both in the stations file"
        )


def _proposed(compared: Compared) -> Iterator[Finding]:
    found = [one for one in compared.windows(PARTICLES[-1]) if one["source"] == FOUND]
    if found:
        dates = ", ".join(_dates(one, compared.zone) for one in found)
        yield Finding(
            f"the readings look as if the two stood side by side ({dates}): if so, enter deployments of kind "
            "colocation in the stations file"
        )


def _failed(compared: Compared) -> Iterator[Finding]:
    """Say of which particles the newest side-by-side window that is over gives no relation, and why.

    Where none gives one, `_untold` says it.
    """
    for row in compared.particles:
        over = [one for one in row["colocations"] if one["source"] == DECLARED and one["to"] <= compared.now]
        if not over or over[-1]["withheld"] is None or row["withheld"] in (DISAGREE, TOO_SHORT):
            continue
        newest, label = over[-1], BY_FIELD[row["pollutant"]].label
        when = f"{label} side by side from {_dates(newest, compared.zone)}"
        if newest["withheld"] == WINDOW_DISAGREES:
            r2 = written(newest["r2"], 2)
            yield Finding(
                f"{when}: the two do not agree (r² {r2}): one has changed, or they were not beside each other"
            )
        else:
            yield Finding(f"{when}: too few hours of both ({newest['hours']}) for a common scale")


def _changed(compared: Compared) -> Iterator[Finding]:
    """Say what came of the newest side-by-side window: whether the two relate as they did in the one before."""
    for row in compared.particles:
        used = [(one, one["difference_one_scale"]) for one in row["colocations"]]
        used = [(one, difference) for one, difference in used if difference is not None]
        scaled = row["difference_one_scale"]
        if len(used) < 2 or scaled["low"] is None or scaled["high"] is None:
            continue
        (former, by_former), (newest, by_newest) = used[-2:]
        change = abs(by_newest - by_former)
        if change > (scaled["high"] - scaled["low"]) / 2:
            parameter = BY_FIELD[row["pollutant"]]
            yield Finding(
                f"{parameter.label} side by side from {_dates(newest, compared.zone)} relates as {_line(newest)}, and "
                f"before as {_line(former)}: at today's levels {written(change, decimals_of(scaled))} "
                f"{parameter.unit} apart; the result depends on the window, so say which one was used"
            )


def _dates(window: WindowDocument, zone: ZoneInfo) -> str:
    return " to ".join(day.isoformat() for day in dates_of(window["from"], window["to"], zone))


def _line(window: WindowDocument) -> str:
    slope, intercept = window["slope"], window["intercept"]
    if slope is None or intercept is None:
        return "–"
    return f"{slope:.2f} × first {'+' if intercept >= 0 else '−'} {abs(intercept):.1f}"


def _window(row: StatedRow, window: WindowDocument, zone: ZoneInfo) -> Sequence[object]:
    parameter, by_it = BY_FIELD[row["pollutant"]], window["difference_one_scale"]
    decimals = decimals_of(row["difference_one_scale"], row["difference_raw"])
    return (
        parameter.label,
        *(f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (window["from"], window["to"])),
        window["hours"],
        _line(window),
        written(window["r2"], 2),
        "–" if by_it is None else f"{written(by_it, decimals)} {parameter.unit}",
        window["withheld"] or "",
    )
