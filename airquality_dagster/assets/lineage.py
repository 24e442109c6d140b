"""Column lineage, derived from the names of the columns and the pollutant table.

It is metadata of the definitions and not of each materialization: it never changes, and would be most of an event's
size (16 of 22 kB for a month of daily aggregates).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import dagster as dg

from airquality_dagster.assets.schemas import DAILY_COLUMNS, QUALITY_COLUMNS, SUMMARY_COLUMNS
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import BY_FIELD, DATE, RULES_VERSION, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import CROSS_SENSITIVE, EXPECTED_HOURS, HOURS, WHO_INPUTS
from airquality_dagster.readings.flags import PARTICLES
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS
from airquality_dagster.readings.indices import EAQI_POLLUTANTS
from airquality_dagster.readings.joint_rules import NO2, O3, POWER_UP, WARMING_UP
from airquality_dagster.readings.periods import PERIOD, START

LINEAGE = "dagster/column_lineage"

_TIMES = frozenset({DATE, HOURS, EXPECTED_HOURS, TIMESTAMP, RULES_VERSION})
# Daily statistics of all readings, valid or not.
_AS_PUBLISHED = frozenset({"mean", "min", "max", "hours"})
# Prefix of an index's column names → readings that it depends on; longer prefixes first.
_INDICES: Mapping[str, Sequence[str]] = {
    "aqi_nowcast": NOWCAST_POLLUTANTS,
    "eaqi": EAQI_POLLUTANTS,
    "aqi": tuple(WHO_INPUTS.values()),
    "who_exceeded": tuple(WHO_INPUTS.values()),
    CROSS_SENSITIVE: (NO2, O3),
}
# Statistic of a summary → daily statistic that it depends on, if that is not the valid mean.
_SUMMARISED = {
    "mean": "mean",
    "valid_hours": "valid_hours",
    "percent_complete": "valid_hours",
    "days_above_guideline": "who",
    "invalid": "invalid",
}


def quality_lineage(station: Station) -> dg.TableColumnLineage:
    """Return the readings that each column of the flags and hourly indices depends on."""
    return _lineage(QUALITY_COLUMNS, station.raw_asset, _readings_of)


def daily_lineage(station: Station) -> dg.TableColumnLineage:
    """Return the readings that each column of the daily aggregates depends on."""
    return _lineage(DAILY_COLUMNS, station.raw_asset, _readings_of)


def summary_lineage(station: Station) -> dg.TableColumnLineage:
    """Return the daily aggregates that each column of the summaries depends on."""
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
    for field in BY_FIELD:
        if column.startswith(f"{field}_"):
            return (field,) if column.removeprefix(f"{field}_") in _AS_PUBLISHED else _judged_by(field)
    return next(readings for prefix, readings in _INDICES.items() if column.startswith(prefix))


def _judged_by(field: str) -> Sequence[str]:
    """Return the readings that the flags of a reading depend on."""
    if field in PARTICLES:
        return PARTICLES
    # Power-up shows in these.
    return tuple(dict.fromkeys([field, *POWER_UP])) if field in WARMING_UP else (field,)


@cache
def _days_of(column: str) -> Sequence[str]:
    if column in (PERIOD, START, "days", "expected_days", EXPECTED_HOURS, RULES_VERSION):
        return (DATE,)
    if column == SIMULATED:
        return (SIMULATED,)
    for field in BY_FIELD:
        if column.startswith(f"{field}_"):
            return (f"{field}_{_SUMMARISED.get(column.removeprefix(f'{field}_'), 'valid_mean')}",)
    return ("aqi",)
