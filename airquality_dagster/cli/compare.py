"""``airquality compare``: what the air at one station of a pair has more of than at the other."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.assets.comparison import compare_pair
from airquality_dagster.checks.comparison import comparison_can_be_told
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import local_services
from airquality_dagster.network.pollutants import BY_FIELD, MICROGRAMS, SIMULATED
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.comparison_statements import decimals_of, written


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
        compared = compare_pair(database, network, pair, now=datetime.now(UTC), start=start, end=end, with_parts=False)
    wholes = [{**row, "first": pair.first, "second": pair.second} for row in compared.wholes]
    if kind == "json":
        # Not through rich, which would wrap lines.
        print(json.dumps({row["pollutant"]: _contract(row) for row in wholes}, indent=2, ensure_ascii=False))
    else:
        _show(pair.question, wholes)
        for finding in comparison_can_be_told(compared).findings:
            out.print(f"[yellow]note[/] {escape(finding.text)}")
    if any(row.get(SIMULATED) for row in wholes):
        err.print(SIMULATED_NOTE)


def _contract(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the command promises of a pollutant: docs/comparison.md."""
    digits = 2 if BY_FIELD[row["pollutant"]].unit == MICROGRAMS else 4
    relation, pooled = row["colocation"], row["colocations_pooled"]
    return {
        "pollutant": row["pollutant"],
        "unit": BY_FIELD[row["pollutant"]].unit,
        "first": row["first"],
        "second": row["second"],
        "from": _iso(row["from"]),
        "to": _iso(row["to"]),
        "hours": row["hours"],
        "days": row["days"],
        "mean_first": _rounded(row["mean_first"], digits),
        "mean_second": _rounded(row["mean_second"], digits),
        "difference_raw": _difference(row["difference_raw"], digits),
        "difference_one_scale": _difference(row["difference_one_scale"], digits),
        "instruments_share": row["instruments_share"],
        "colocation": None if relation is None else _colocation(relation),
        "colocations": [_with_difference(one) for one in row["colocations"]],
        "colocations_pooled": None if pooled is None else _with_difference(pooled),
        "trust": row["trust"],
        "left_out": [{**one, "from": _iso(one["from"]), "to": _iso(one["to"])} for one in row["left_out"]],
        "withheld": row["withheld"],
        "valid_statement": row["valid_statement"],
        "valid_statement_fr": row["valid_statement_fr"],
    }


def _difference(difference: Mapping[str, Any], digits: int) -> dict[str, Any]:
    names = ("mean", "low", "high", "median", "detectable")
    return {name: _rounded(difference[name], digits) for name in names}


def _colocation(relation: Mapping[str, Any]) -> dict[str, Any]:
    names = ("hours", "slope", "intercept", "r2", "source", "withheld")
    return {"from": _iso(relation["from"]), "to": _iso(relation["to"]), **{name: relation[name] for name in names}}


def _with_difference(relation: Mapping[str, Any]) -> dict[str, Any]:
    return {**_colocation(relation), "difference_one_scale": relation["difference_one_scale"]}


def _show(question: str, wholes: list[dict[str, Any]]) -> None:
    if question:
        out.print(f"[bold]{escape(question)}[/]")
    table = Table(box=SIMPLE_HEAD)
    for title in ("", "hours", "days"):
        table.add_column(title, justify="right" if title else "left")
    for title in (wholes[0]["first"], wholes[0]["second"], "raw difference", "on one scale", "instruments"):
        table.add_column(title, justify="right")
    for row in wholes:
        share, raw, scaled = (row[name] for name in ("instruments_share", "difference_raw", "difference_one_scale"))
        decimals = decimals_of(scaled, raw)
        table.add_row(
            BY_FIELD[row["pollutant"]].description,
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
    mean, low, high = (written(difference[name], decimals) for name in ("mean", "low", "high"))
    return mean if difference["low"] is None else f"{mean} ({low} to {high})"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
