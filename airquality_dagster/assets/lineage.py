"""Column lineage: of which columns each column is made, from the names that the pollutant table gives them.

It is metadata of the definitions, not of each materialization: it never changes, and would be most of what an event
holds (16 of 22 kB for a month of daily aggregates).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import dagster as dg

from airquality_dagster.assets.schemas import DAILY_COLUMNS, QUALITY_COLUMNS, SUMMARY_COLUMNS
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import PARAMETERS, RULES_VERSION, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import DATE, EXPECTED_HOURS, HOURS, WHO_INPUTS
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS
from airquality_dagster.readings.indices import EAQI_POLLUTANTS
from airquality_dagster.readings.periods import PERIOD, START

LINEAGE = "dagster/column_lineage"

_TIMES = frozenset({DATE, HOURS, EXPECTED_HOURS, TIMESTAMP, RULES_VERSION})
# Beginning of an index's names → readings that it is made of; longer beginnings first.
_INDICES: Mapping[str, Sequence[str]] = {
    "aqi_nowcast": NOWCAST_POLLUTANTS,
    "eaqi": EAQI_POLLUTANTS,
    "aqi": tuple(WHO_INPUTS.values()),
    "who_exceeded": tuple(WHO_INPUTS.values()),
}
# What a summary's statistic of a reading is made of, where it is not the valid daily mean.
_SUMMARISED = {
    "mean": "mean",
    "valid_hours": "valid_hours",
    "percent_complete": "valid_hours",
    "days_above_guideline": "who",
}


def quality_lineage(station: Station) -> dg.TableColumnLineage:
    """Return of which readings flags and hourly indices are made."""
    return _lineage(QUALITY_COLUMNS, station.raw_asset, _readings_of)


def daily_lineage(station: Station) -> dg.TableColumnLineage:
    """Return of which readings the daily aggregates are made."""
    return _lineage(DAILY_COLUMNS, station.raw_asset, _readings_of)


def summary_lineage(station: Station) -> dg.TableColumnLineage:
    """Return of which daily aggregates months and years are made."""
    return _lineage(SUMMARY_COLUMNS, station.aggregates_asset, _days_of)


def _lineage(schema: dg.TableSchema, asset: str, sources: Callable[[str], Sequence[str]]) -> dg.TableColumnLineage:
    key = asset_key(asset)
    return dg.TableColumnLineage(
        {
            column.name: [dg.TableColumnDep(asset_key=key, column_name=source) for source in sources(column.name)]
            for column in schema.columns
        }
    )


@cache
def _readings_of(column: str) -> Sequence[str]:
    if column in _TIMES:
        return (TIMESTAMP,)
    if column == SIMULATED:
        return (SIMULATED,)
    for field in (parameter.field for parameter in PARAMETERS):
        if column.startswith(f"{field}_"):
            # What is valid of one kind of particles depends on the other.
            return NOWCAST_POLLUTANTS if field in NOWCAST_POLLUTANTS and "valid" in column else (field,)
    return next(readings for beginning, readings in _INDICES.items() if column.startswith(beginning))


@cache
def _days_of(column: str) -> Sequence[str]:
    if column in (PERIOD, START, "days", "expected_days", EXPECTED_HOURS, RULES_VERSION):
        return (DATE,)
    if column == SIMULATED:
        return (SIMULATED,)
    for field in (parameter.field for parameter in PARAMETERS):
        if column.startswith(f"{field}_"):
            return (f"{field}_{_SUMMARISED.get(column.removeprefix(f'{field}_'), 'valid_mean')}",)
    return ("aqi",)
