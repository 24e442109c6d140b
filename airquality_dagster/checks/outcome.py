"""Outcomes of checks, and their results for Dagster."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import dagster as dg
import pandas as pd


@dataclass(frozen=True)
class Finding:
    """A problem that a check found.

    Args:
        text: which sensor, since when, what to do.
        must_act: a person must act (severity ERROR); otherwise it is a warning.
    """

    text: str
    must_act: bool = False


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of a check. Checks never prevent data from being stored.

    Args:
        title: station and period.
        findings: problems; if there are none, the check passed.
        sound: description of a check that passed.
        metadata: numbers, and tables as Markdown.
    """

    title: str
    findings: Sequence[Finding]
    sound: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    @property
    def must_act(self) -> bool:
        """Whether a person must act; otherwise a failed check is a warning."""
        return any(finding.must_act for finding in self.findings)

    @property
    def description(self) -> str:
        """The findings in one line; those on which a person must act come first."""
        worst_first = sorted(self.findings, key=lambda finding: not finding.must_act)
        return f"{self.title}: {'; '.join(finding.text for finding in worst_first) or self.sound}"


Facts = TypeVar("Facts")
Checks = Mapping[str, Callable[[Facts], CheckOutcome]]
"""Name of a check → the pure function that evaluates it."""


def check_specs(checks: Checks[Facts], asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return the specs of an asset's checks."""
    return [dg.AssetCheckSpec(name, asset=asset, description=check.__doc__) for name, check in checks.items()]


def check_results(
    checks: Checks[Facts], facts: Callable[[], Facts], asset: dg.AssetKey, selected: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate those checks of an asset that a run selects.

    Args:
        checks: checks of the asset.
        facts: returns the argument of the checks.
        asset: key of the asset.
        selected: keys of the checks that the run selects.
    """
    facts = cache(facts)
    for name, check in checks.items():
        if dg.AssetCheckKey(asset, name) not in selected:
            continue
        try:
            result = _result(name, asset, check(facts()))
        except Exception as error:
            # The other checks still run, and stored data stay.
            reason = str(error).encode("ascii", "backslashreplace").decode()
            text = f"the check raised {type(error).__name__}: {reason}; report this to the developers"
            result = _result(name, asset, CheckOutcome(name, [Finding(text, must_act=True)], ""))
        yield result


def _result(name: str, asset: dg.AssetKey, outcome: CheckOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if outcome.must_act else dg.AssetCheckSeverity.WARN,
        description=outcome.description,
        metadata=dict(outcome.metadata),
    )


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def table_metadata(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, dg.MetadataValue]:
    """Return a Markdown table as metadata with a name; no metadata if the table has no rows."""
    return {name: dg.MetadataValue.md(table(header, rows))} if rows else {}


def moment(hour: datetime) -> str:
    """Format a moment in UTC for tables and messages.

    >>> moment(datetime(2023, 1, 2, 3))
    '2023-01-02 03:00'
    """
    return f"{hour:%Y-%m-%d %H:%M}"


def period_of(start: datetime, end: datetime) -> str:
    """Format a period of whole months for messages.

    >>> period_of(datetime(2023, 1, 1), datetime(2023, 2, 1)), period_of(datetime(2022, 12, 1), datetime(2024, 1, 1))
    ('2023-01', '2022-12 to 2023-12')
    """
    first, last = f"{start:%Y-%m}", f"{end - timedelta(hours=1):%Y-%m}"
    return first if first == last else f"{first} to {last}"


def runs_of_hours(hours: pd.DatetimeIndex) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return the first and last hour of each run of consecutive hours.

    Args:
        hours: starts of hours, in order.
    """
    if not len(hours):
        return []
    series = hours.to_series()
    run = (series.diff() > timedelta(hours=1)).cumsum()
    return [(of_run.iloc[0], of_run.iloc[-1]) for _, of_run in series.groupby(run)]
