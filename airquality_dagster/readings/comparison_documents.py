"""What is stored of a comparison: the rows of ``<pair>_comparison`` and the documents in them (docs/comparison.md)."""

from datetime import datetime
from typing import TypedDict


class Difference(TypedDict):
    """A mean difference, second minus first, in the unit of the reading; None where there is none.

    Args:
        mean, median: of the hours.
        low, high: 95 % interval of the mean.
        detectable: smallest difference that would be detected four times out of five.
        block_days: days of a block of the bootstrap.
    """

    mean: float | None
    low: float | None
    high: float | None
    median: float | None
    detectable: float | None
    block_days: int | None


LeftOutDocument = TypedDict(
    "LeftOutDocument", {"from": datetime, "to": datetime | None, "reason": str, "station": str | None}
)
"""A time that is left out; ``to`` is excluded, None: to the end."""

LineDocument = TypedDict(
    "LineDocument",
    {
        "from": datetime,
        "to": datetime,
        "source": str,
        "hours": int,
        "days": int,
        "slope": float | None,
        "slope_low": float | None,
        "slope_high": float | None,
        "intercept": float | None,
        "intercept_low": float | None,
        "intercept_high": float | None,
        "r2": float | None,
        "withheld": str | None,
    },
)
"""Weeks side by side, and the line second = intercept + slope × first through their hours."""


class RelationDocument(LineDocument):
    """The weeks that most hours take their scale from.

    Args:
        share_of_hours: that do.
        points: pairs of readings for a chart.
    """

    share_of_hours: float
    points: list[list[float | None]]


class WindowDocument(LineDocument):
    """Weeks side by side, with the difference by them alone; None if they say nothing of these hours.

    Args:
        difference_one_scale: mean.
        difference_low, difference_high: its 95 % interval.
    """

    difference_one_scale: float | None
    difference_low: float | None
    difference_high: float | None


class Trust(TypedDict):
    """How far a relation may be trusted.

    Args:
        age_days: 95 % of the hours are nearer in time to their weeks side by side.
        ratio_change: of second to first, from the first four weeks at their places to the last; None if unknown.
        may_be_drift: so much of the difference may come from the instruments, in the unit of the reading.
        state: ``trusted``, ``aged`` or ``expired``.
    """

    age_days: int
    ratio_change: float | None
    may_be_drift: float | None
    state: str


PartRow = TypedDict(
    "PartRow",
    {
        "pollutant": str,
        "period": str,
        "part": str,
        "from": datetime | None,
        "to": datetime | None,
        "hours": int,
        "days": int,
        "mean_first": float | None,
        "mean_second": float | None,
        "mean_first_one_scale": float | None,
        "background": float | None,
        "difference_raw": Difference,
        "difference_one_scale": Difference,
        "instruments_share": float | None,
        "version": int,
    },
)
"""A row: one pollutant in one part of the time."""


class WholeRow(PartRow):
    """The row of all hours: what the comparison rests on, and why nothing can be said (``withheld``), if so."""

    withheld: str | None
    colocation: RelationDocument | None
    colocations: list[WindowDocument]
    colocations_pooled: WindowDocument | None
    trust: Trust | None
    left_out: list[LeftOutDocument]
    hours_left_out: int
    valid_hours_first: int
    valid_hours_second: int
    cross_sensitive: float | None


class StatedRow(WholeRow):
    """The row of all hours with what may be said about it, in English and in French.

    Args:
        valid_answer, valid_answer_fr: the first sentence.
        valid_statement, valid_statement_fr: all sentences.
    """

    valid_answer: str
    valid_answer_fr: str
    valid_statement: str
    valid_statement_fr: str
