"""The check of a comparison: whether its question can be answered, and what to do if it cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airquality_dagster.checks.outcome import CheckOutcome, Checks, Finding, table_metadata
from airquality_dagster.network.colocation import Together
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.comparison import LEAST_DAYS, TOO_FEW_DAYS, TRUSTED_DAYS
from airquality_dagster.readings.comparison_relation import FOUND
from airquality_dagster.readings.flags import PARTICLES

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """Input of the check: a comparison.

    Args:
        pair: its name.
        rows: all of its rows.
        wholes: of these, those of all hours, one a pollutant.
        planned: side-by-side windows of the stations file, those to come, too.
        now: the present moment, tz-aware.
    """

    pair: str
    rows: Sequence[Row]
    wholes: Sequence[Row]
    planned: Sequence[Together]
    now: datetime

    def windows(self, field: str) -> Sequence[Row]:
        """Return the side-by-side windows of a reading."""
        return next((row["colocations"] for row in self.wholes if row["pollutant"] == field), ())


def comparison_can_be_told(compared: Compared) -> CheckOutcome:
    """Say whether the question of a pair can be answered, and when its stations are due side by side."""
    particles = [row for row in compared.wholes if row["pollutant"] in PARTICLES]
    metadata = table_metadata(
        "side_by_side",
        ["reading", "from", "to", "hours", "second = intercept + slope × first", "r²", "difference by it", "not used"],
        [_window(row["pollutant"], window) for row in compared.wholes for window in row["colocations"]],
    )
    if not any(row["hours"] or row["hours_left_out"] for row in particles):
        return CheckOutcome(compared.pair, [], "no hour has been compared yet", metadata)
    findings = [
        # The first fortnight at a place needs no action.
        Finding(row["valid_statement"].removesuffix("."))
        for row in particles
        if row["withheld"] not in (None, TOO_FEW_DAYS)
    ]
    findings += [*_due(compared), *_proposed(compared), *_changed(compared)]
    return CheckOutcome(
        compared.pair, findings, "; ".join(row["valid_statement"].removesuffix(".") for row in particles), metadata
    )


CHECKS: Checks[Compared] = {"comparison_can_be_told": comparison_can_be_told}


def due_date(compared: Compared) -> datetime | None:
    """Return when the next fortnight side by side is due; None if one goes on or is planned.

    Args:
        compared: the comparison.
    """
    if any(window.end is None or window.end > compared.now for window in compared.planned):
        return None
    ends = [one["to"] for field in PARTICLES for one in compared.windows(field) if one["withheld"] is None]
    return max(ends) + timedelta(days=TRUSTED_DAYS) if ends else compared.now


def _due(compared: Compared) -> Iterator[Finding]:
    due = due_date(compared)
    if due is not None and due <= compared.now:
        since = f" since {due:%Y-%m-%d}" if due < compared.now else ""
        yield Finding(
            f"a fortnight side by side is due{since}: put both stations beside each other for {LEAST_DAYS} days, and "
            "enter it as a deployment of kind colocation of both in the stations file"
        )


def _proposed(compared: Compared) -> Iterator[Finding]:
    found = [one for one in compared.windows(PARTICLES[-1]) if one["source"] == FOUND]
    if found:
        dates = ", ".join(f"{one['from']:%Y-%m-%d} to {one['to'] - timedelta(hours=1):%Y-%m-%d}" for one in found)
        yield Finding(
            f"the readings look as if the two stood side by side ({dates}): if so, enter deployments of kind "
            "colocation in the stations file"
        )


def _changed(compared: Compared) -> Iterator[Finding]:
    """Say what came of the newest side-by-side window: whether the two relate as they did in the one before."""
    for row in compared.wholes:
        usable = [
            one for one in row["colocations"] if one["withheld"] is None and one["difference_one_scale"] is not None
        ]
        if row["pollutant"] not in PARTICLES or len(usable) < 2:
            continue
        former, newest = usable[-2:]
        change = newest["difference_one_scale"] - former["difference_one_scale"]
        scaled, parameter = row["difference_one_scale"], BY_FIELD[row["pollutant"]]
        if scaled["low"] is not None and abs(change) > (scaled["high"] - scaled["low"]) / 2:
            yield Finding(
                f"{parameter.label} side by side from {newest['from']:%Y-%m-%d} to "
                f"{newest['to'] - timedelta(hours=1):%Y-%m-%d} relates as {_line(newest)}, and before as "
                f"{_line(former)}: at today's levels {abs(change):.1f} {parameter.unit} apart; the result depends on "
                "the window, so say which one was used"
            )


def _line(window: Row) -> str:
    sign = "+" if window["intercept"] >= 0 else "−"
    return f"{window['slope']:.2f} × first {sign} {abs(window['intercept']):.1f}"


def _window(field: str, window: Row) -> Sequence[object]:
    by_it = window["difference_one_scale"]
    return (
        BY_FIELD[field].label,
        f"{window['from']:%Y-%m-%d %H:%M}",
        f"{window['to']:%Y-%m-%d %H:%M}",
        window["hours"],
        "–" if window["slope"] is None or window["intercept"] is None else _line(window),
        "–" if window["r2"] is None else f"{window['r2']:.2f}",
        "–" if by_it is None else f"{by_it:.1f} {BY_FIELD[field].unit}",
        window["withheld"] or "",
    )
