"""What a check found."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import dagster as dg
import pandas as pd


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Args:
        text: which sensor, since when, what to do.
        must_act: a person must act; otherwise it is a warning.
    """

    text: str
    must_act: bool = False


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found; it never keeps anything from being stored.

    Args:
        title: station and period.
        findings: what is wrong; none: the check passed.
        sound: what is said where nothing is wrong.
        metadata: its numbers, and tables as Markdown.
    """

    title: str
    findings: Sequence[Finding]
    sound: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def must_act(self) -> bool:
        """Whether a person must act; otherwise a check that did not pass is a warning."""
        return any(finding.must_act for finding in self.findings)

    @property
    def description(self) -> str:
        """One line: what is wrong, the worst first."""
        worst_first = sorted(self.findings, key=lambda finding: not finding.must_act)
        return f"{self.title}: {'; '.join(finding.text for finding in worst_first) or self.sound}"


Facts = TypeVar("Facts")
Checks = Mapping[str, Callable[[Facts], CheckOutcome]]
"""Name of a check → the pure function that makes it of some facts."""


def check_specs(checks: Checks[Facts], asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return the checks of an asset as Dagster declares them."""
    return [dg.AssetCheckSpec(name, asset=asset, description=check.__doc__) for name, check in checks.items()]


def check_results(
    checks: Checks[Facts], facts: Facts, asset: dg.AssetKey, selected: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Make those checks of an asset that a run selects."""
    for name, check in checks.items():
        if dg.AssetCheckKey(asset, name) not in selected:
            continue
        try:
            outcome = check(facts)
        except Exception as error:
            # What is stored stays stored, and the other checks are made.
            fault = Finding(f"the check broke ({type(error).__name__}: {error}): tell the developers", must_act=True)
            outcome = CheckOutcome(name, [fault], "")
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


def moment(hour: datetime) -> str:
    """Return a moment in UTC as tables and messages show it.

    >>> moment(datetime(2023, 1, 2, 3))
    '2023-01-02 03:00'
    """
    return f"{hour:%Y-%m-%d %H:%M}"


def period_of(start: datetime, end: datetime) -> str:
    """Return a period of whole months as people read it.

    >>> period_of(datetime(2023, 1, 1), datetime(2023, 2, 1)), period_of(datetime(2022, 12, 1), datetime(2024, 1, 1))
    ('2023-01', '2022-12 to 2023-12')
    """
    first, last = f"{start:%Y-%m}", f"{end - timedelta(hours=1):%Y-%m}"
    return first if first == last else f"{first} to {last}"


def runs_of_hours(hours: pd.DatetimeIndex) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return first and last of each run of consecutive hours.

    Args:
        hours: in order.
    """
    if not len(hours):
        return []
    series = hours.to_series()
    run = (series.diff() > pd.Timedelta(hours=1)).cumsum()
    return [(of_run.iloc[0], of_run.iloc[-1]) for _, of_run in series.groupby(run)]
