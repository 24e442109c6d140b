"""What a check found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import dagster as dg
import pandas as pd


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found; it never keeps anything from being stored.

    Args:
        passed: nothing to say.
        description: one line: which station, which sensor, since when, what to do.
        must_act: it failed and a person must act; otherwise it warns.
        metadata: its numbers, and tables as Markdown.
    """

    passed: bool
    description: str
    must_act: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


Facts = TypeVar("Facts")
Checks = Mapping[str, Callable[[Facts], CheckOutcome]]
"""Name of a check → the pure function that makes it of some facts."""


def check_specs(checks: Checks[Facts], asset: str) -> list[dg.AssetCheckSpec]:
    """Return the checks of an asset as Dagster declares them."""
    return [dg.AssetCheckSpec(name, asset=asset, description=check.__doc__) for name, check in checks.items()]


def check_results(checks: Checks[Facts], facts: Facts, asset: str) -> Iterator[dg.AssetCheckResult]:
    """Make the checks of an asset."""
    for name, check in checks.items():
        outcome = check(facts)
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=asset,
            passed=outcome.passed,
            severity=dg.AssetCheckSeverity.ERROR if outcome.must_act else dg.AssetCheckSeverity.WARN,
            description=outcome.description,
            metadata=dict(outcome.metadata),
        )


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Return a Markdown table as metadata."""
    lines = [header, ["---"] * len(header), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def period_of(start: datetime, end: datetime) -> str:
    """Return a period of whole months as people read it.

    >>> period_of(datetime(2023, 1, 1), datetime(2023, 2, 1)), period_of(datetime(2022, 12, 1), datetime(2024, 1, 1))
    ('2023-01', '2022-12 to 2023-12')
    """
    first, last = f"{start:%Y-%m}", f"{end - timedelta(hours=1):%Y-%m}"
    return first if first == last else f"{first} to {last}"


def runs_of_hours(hours: pd.DatetimeIndex, apart: int = 1) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return first and last of each run of hours.

    Args:
        hours: in order.
        apart: hours between neighbours of a run, at most.
    """
    if not len(hours):
        return []
    series = hours.to_series()
    run = (series.diff() > pd.Timedelta(hours=apart)).cumsum()
    return [(of_run.iloc[0], of_run.iloc[-1]) for _, of_run in series.groupby(run)]
