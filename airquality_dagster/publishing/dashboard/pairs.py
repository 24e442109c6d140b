"""Pairs of stations that are compared, as the page shows them."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.pollutants import POLLUTANTS
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS
from airquality_dagster.readings.comparison_parts import ALL, DAY_KIND, DUST, HOUR, HUMIDITY, MONTH, SEASON, SEASONS
from airquality_dagster.readings.comparison_statements import dates_of, decimals_of, share_of_instruments

_KINDS = (ALL, SEASON, DAY_KIND, HUMIDITY, DUST)
SHOWN_PERIODS = (*_KINDS, HOUR, MONTH)
# Name of a chart → the parts that it shows.
_PARTS = {"hour": (HOUR,), "month": (MONTH,), "kind": _KINDS}
_DIFFERENCE = ("mean", "low", "high")
# Language → how the fields of its sentences end.
_SUFFIXES = {"en": "", "fr": "_fr"}
_LINE = ("slope", "slope_low", "slope_high", "intercept", "intercept_low", "intercept_high", "r2")

Row = Mapping[str, Any]


def pair_content(pair: Pair, rows: Sequence[Row], time_zone: ZoneInfo) -> dict[str, Any] | None:
    """Return what the page shows of a pair; None where no comparison is stored.

    Args:
        pair: of the stations file.
        rows: documents of ``<pair>_comparison`` of `SHOWN_PERIODS`, in the order of their parts.
        time_zone: of the dates.

    Returns:
        its names and questions; ``fields``, one document a pollutant, those about which something can be said first:
        ``withheld`` and what is ``said`` (language → the answer and, if there is more, the rest) as they are stored,
        first and last date and ``hours``, the differences ``raw`` and on one ``scale`` with the ``decimals`` that the
        sentences have, and the difference by ``hour``, ``month`` and ``kind`` (season, weekday and weekend, dry and
        wet, calm and dusty, after that of all hours).
        Parts of a difference that may be the instruments' alone would be taken for the air's: where it is withheld,
        there are none. ``windows``, the weeks side by side, each with the difference by it alone; ``pooled``, all of
        them together, None if there is one; ``colocation``, that of them whose points are drawn.
    """
    wholes = {row["pollutant"]: row for row in rows if row["period"] == ALL}
    fields = [parameter.field for parameter in POLLUTANTS if parameter.field in wholes]
    if not fields:
        return None
    ranked = sorted(
        fields, key=lambda field: (wholes[field]["withheld"] is not None, -_headline_rank(field), fields.index(field))
    )
    contents = [
        _field_content(wholes[field], [row for row in rows if row["pollutant"] == field], time_zone) for field in ranked
    ]
    return {**pair.model_dump(), "fields": contents}


def _headline_rank(field: str) -> int:
    """Return how far in front of the others a pollutant is shown."""
    return len(HEADLINE_FIELDS) - HEADLINE_FIELDS.index(field) if field in HEADLINE_FIELDS else 0


def _field_content(whole: Row, rows: Sequence[Row], time_zone: ZoneInfo) -> dict[str, Any]:
    is_withheld = whole["withheld"] is not None
    return {
        "field": whole["pollutant"],
        "withheld": whole["withheld"],
        "said": {language: _said(whole, suffix) for language, suffix in _SUFFIXES.items()},
        **_dates(whole, time_zone),
        "hours": whole["hours"],
        # Not rounded, so that the page rounds them as the sentences do.
        "raw": {name: whole["difference_raw"][name] for name in _DIFFERENCE},
        "scale": {name: whole["difference_one_scale"][name] for name in _DIFFERENCE},
        "decimals": decimals_of(whole["difference_one_scale"], whole["difference_raw"]),
        "instruments": share_of_instruments(whole["instruments_share"]),
        **{
            name: _parts([] if is_withheld else [row for row in rows if row["period"] in periods])
            for name, periods in _PARTS.items()
        },
        "colocation": whole["colocation"] and _scatter(whole["colocation"], time_zone),
        "windows": [_by_itself(window, time_zone) for window in whole["colocations"]],
        "pooled": _by_itself(pooled, time_zone) if (pooled := whole.get("colocations_pooled")) else None,
    }


def _said(whole: Row, suffix: str) -> list[str]:
    """Return the answer, and the rest if there is one."""
    answer, statement = whole[f"valid_answer{suffix}"], whole[f"valid_statement{suffix}"]
    rest = statement.removeprefix(answer).lstrip()
    return [answer, rest] if rest else [answer]


def _parts(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the differences of parts of the time in order, those without an hour left out."""
    rows = sorted((row for row in rows if row["hours"]), key=_order)
    return {
        "part": [row["part"] for row in rows],
        "period": [row["period"] for row in rows],
        "hours": [row["hours"] for row in rows],
        "days": [row["days"] for row in rows],
        "raw": _column(rows, "difference_raw", "mean"),
        **{name: _column(rows, "difference_one_scale", name) for name in ("mean", "low", "high")},
    }


def _order(row: Row) -> tuple[int, int]:
    """Return the place of a part among those of its chart; rows are in the order of their names already."""
    kind = _KINDS.index(row["period"]) if row["period"] in _KINDS else 0
    return kind, SEASONS.index(row["part"]) if row["period"] == SEASON else 0


def _column(rows: Sequence[Row], difference: str, name: str) -> list[float | None]:
    return rounded(np.array([row[difference][name] for row in rows], dtype="float64"))


def _scatter(relation: Row, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return a relation with the points that are drawn of it."""
    first, second = np.array(relation["points"], dtype="float64").reshape(-1, 2).T
    share = relation["share_of_hours"]
    return {**_window(relation, time_zone), "share": share, "first": rounded(first), "second": rounded(second)}


def _by_itself(relation: Row, time_zone: ZoneInfo) -> dict[str, Any]:
    return {**_window(relation, time_zone), "difference": relation["difference_one_scale"]}


def _window(relation: Row, time_zone: ZoneInfo) -> dict[str, Any]:
    return {
        **_dates(relation, time_zone),
        **{name: relation[name] for name in ("source", "hours", "days", "withheld")},
        **_numbers(relation, _LINE),
    }


def _numbers(document: Row, names: Sequence[str]) -> dict[str, float | None]:
    values = rounded(np.array([document[name] for name in names], dtype="float64"))
    return dict(zip(names, values, strict=True))


def _dates(document: Row, time_zone: ZoneInfo) -> dict[str, str | None]:
    """Return the first and the last local date of a period whose end is excluded."""
    if document["from"] is None:
        return {"start": None, "end": None}
    first, last = dates_of(document["from"], document["to"], time_zone)
    return {"start": first.isoformat(), "end": last.isoformat()}
