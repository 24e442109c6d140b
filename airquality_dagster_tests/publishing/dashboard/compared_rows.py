"""Comparisons of pairs for tests, as `pair_rows` reads them."""

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from airquality_dagster.readings.comparison import comparison_rows
from airquality_dagster.readings.comparison_statements import Names, stated
from airquality_dagster_tests.readings.compared_pair import hours_of, pair_of, two_readings

ZONE = ZoneInfo("Africa/Abidjan")


def compared_rows(fields: Iterable[str], *, are_known: bool = True) -> list[dict[str, Any]]:
    """Return the rows of two stations of known difference.

    Args:
        fields: the pollutants.
        are_known: whether the two stood side by side.
    """
    hours = pair_of(*(hours_of(readings) for readings in two_readings()))
    rows = []
    for field in fields:
        relations = hours.relations(field) if are_known else []
        whole, parts = comparison_rows(hours.of_field(field, None, None, ()), relations, ZONE)
        rows += [stated(whole, Names("first (paved)", "second (unpaved)"), ZONE), *parts]
    return sorted(rows, key=lambda row: row["part"])


def part_of(rows: Iterable[dict[str, Any]], field: str, period: str, part: str) -> dict[str, Any]:
    """Return the row of a part of the time."""
    (row,) = [row for row in rows if (row["pollutant"], row["period"], row["part"]) == (field, period, part)]
    return row
