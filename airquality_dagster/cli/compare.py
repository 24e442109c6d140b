"""``airquality compare``: what the air at one station of a pair has more of than at the other."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.assets.compared_pair import read_pair
from airquality_dagster.checks.comparison import comparison_can_be_told
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import local_services
from airquality_dagster.network.pollutants import BY_FIELD, SIMULATED
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.comparison_statements import decimals_of, share_of_instruments, written

_NUMBER = 5
"""Least width of a column of numbers."""


def compare(name: str, *, first: date | None, last: date | None, kind: str) -> None:
    """Compare the stations of a pair by the stored hours, and print the result.

    Args:
        name: of the pair.
        first, last: local dates, both included; None: from the first, to the last hour that is compared.
        kind: ``table`` or ``json``.

    Raises:
        SettingsError: there is no such pair, or the dates are in the wrong order.
    """
    network = load_network(settings.stations_file())
    pair = network.pair(name)
    if first and last and first > last:
        raise SettingsError(f"--from {first} is after --to {last}: swap them")
    start = None if first is None else datetime.combine(first, time(), network.time_zone).astimezone(UTC)
    end = None
    if last is not None:
        end = datetime.combine(last + timedelta(days=1), time(), network.time_zone).astimezone(UTC)
    with local_services(with_api=False) as services, services.open_database() as database:
        compared = read_pair(database, network, pair, datetime.now(UTC)).compared(start, end, with_parts=False)
    wholes = [{**row, "first": pair.first, "second": pair.second} for row in compared.wholes]
    if kind == "json":
        # Not through rich, which would wrap lines.
        print(
            json.dumps({row["pollutant"]: _contract(row) for row in wholes}, indent=2, ensure_ascii=False, default=_iso)
        )
    else:
        _show(pair.question, wholes)
        # What the check asks of the operator follows from all hours, not from those of some dates.
        if first is last is None:
            for finding in comparison_can_be_told(compared).findings:
                out.print(f"[yellow]note[/] {escape(finding.text)}")
    if any(row.get(SIMULATED) for row in wholes):
        err.print(SIMULATED_NOTE)


def _contract(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the command promises of a pollutant: docs/comparison.md. Points are for a chart."""
    relation = row["colocation"] and {name: value for name, value in row["colocation"].items() if name != "points"}
    return {**row, "unit": BY_FIELD[row["pollutant"]].unit, "colocation": relation}


def _show(question: str, wholes: list[dict[str, Any]]) -> None:
    if question:
        out.print(f"[bold]{escape(question)}[/]")
    # In a narrow terminal, the names of the stations alone are folded.
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for title in ("hours", "days", wholes[0]["first"], wholes[0]["second"], "raw", "on one scale", "share"):
        is_name = title in (wholes[0]["first"], wholes[0]["second"])
        table.add_column(title, justify="right", no_wrap=not is_name, overflow="fold", min_width=_NUMBER)
    for row in wholes:
        share = share_of_instruments(row["instruments_share"])
        raw, scaled = row["difference_raw"], row["difference_one_scale"]
        decimals = decimals_of(scaled, raw)
        table.add_row(
            f"{BY_FIELD[row['pollutant']].label}\n{BY_FIELD[row['pollutant']].unit}",
            str(row["hours"]),
            str(row["days"]),
            written(row["mean_first"], decimals),
            written(row["mean_second"], decimals),
            _with_interval(raw, decimals),
            _with_interval(scaled, decimals),
            "–" if share is None else f"{100 * share:.0f} %",
        )
    out.print(table)
    for row in wholes:
        out.print(escape(row["valid_statement"]))


def _with_interval(difference: Mapping[str, Any], decimals: int) -> str:
    """Return a mean with its interval below."""
    mean, low, high = (written(difference[name], decimals) for name in ("mean", "low", "high"))
    return mean if difference["low"] is None else f"{mean}\n{low} to {high}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
