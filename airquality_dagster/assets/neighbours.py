"""``neighbours``: neighbouring stations compared, day by day."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.checks.neighbours import (
    CHECK_DESCRIPTION,
    StationAndNeighbours,
    agrees_with_neighbours,
    check_name,
)
from airquality_dagster.checks.outcome import check_results
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.neighbours import Neighbours, neighbours
from airquality_dagster.network.pollutants import BY_FIELD, DATE, RULES_VERSION
from airquality_dagster.network.stations import Network
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL, RULES
from airquality_dagster.readings.judgement import judgement_version
from airquality_dagster.readings.neighbour_days import (
    FINDINGS,
    FIRST_STATION,
    RECENT_DAYS,
    SECOND_STATION,
    WITHHELD,
    due_dates,
    neighbour_days,
    no_days,
)
from airquality_dagster.readings.neighbours import DAYS_BEFORE, PM2_5, PM10
from airquality_dagster.storage.neighbours import VERSION, compared_dates, first_hour
from airquality_dagster.storage.valid_hours import valid_hours

_DAY = timedelta(days=1)


def neighbours_asset(network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset that compares the neighbouring stations of a network."""
    key = asset_key(network.neighbours_asset)
    pairs = neighbours(network.stations)
    checks = {
        check_name(station): (station, [pair for pair in pairs if station in (pair.first, pair.second)])
        for station in network.stations
    }

    @dg.asset(
        key=key,
        # The function reads the hours of the days that it compares, and of the weeks before.
        deps=[asset_key(asset) for station in network.stations for asset in (station.raw_asset, station.quality_asset)],
        group_name="neighbours",
        kinds={"pandas", "mongodb"},
        owners=[owner],
        io_manager_key=network.named("io_manager"),
        required_resource_keys={network.named("mongodb")},
        code_version=str(RULES),
        description=(
            f"Neighbouring stations of {network.network.name}, compared day by day (UTC): ratio of PM2.5 and PM10 "
            "against the weeks before, correlation of temperature, clock, repeated days.\n\n`findings` says what one "
            "of two does and the other does not, since when, and which of the two has changed if that can be told. "
            "What two stations cannot tell: `docs/neighbours.md`. All other fields and rules: `docs/data.md`."
        ),
        metadata={
            **code_references(neighbours_asset),
            "primary_key": [DATE, FIRST_STATION, SECOND_STATION],
            "write_mode": "merge",
            "calendar_dates": True,
            "dagster/column_schema": _NEIGHBOUR_COLUMNS,
        },
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=CHECK_DESCRIPTION) for name in checks],
    )
    def compare(context: dg.AssetExecutionContext) -> Iterator[Any]:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with mongodb_of(context, network).open_database() as database:
            days = _compared_days(database, network, pairs, today)
        newest = days[days[DATE] > days[DATE].max() - RECENT_DAYS * _DAY].to_dict("records") if len(days) else []
        yield dg.Output(
            days,
            metadata={
                "pairs": dg.MetadataValue.int(len(pairs)),
                "days_compared": dg.MetadataValue.int(int(days[DATE].nunique())),
                "findings": dg.MetadataValue.int(sum(map(len, days[FINDINGS]))),
            },
        )
        for name, (station, own) in checks.items():
            of_station = [row for row in newest if station.name in (row[FIRST_STATION], row[SECOND_STATION])]
            facts = StationAndNeighbours(station, own, of_station)
            check = {name: agrees_with_neighbours}
            yield from check_results(check, lambda facts=facts: facts, key, context.selected_asset_check_keys)

    return compare


def _compared_days(
    database: Database[dict[str, Any]], network: Network, pairs: Sequence[Neighbours], today: datetime
) -> pd.DataFrame:
    """Compare the days that were not compared by these rules, as many as a run may, and the recent ones again."""
    stations = {station.name: station for pair in pairs for station in (pair.first, pair.second)}
    begins = {name: first_hour(database, station.raw_asset) for name, station in stations.items()}
    moves = {(pair.first.name, pair.second.name): pair.moves(network.time_zone) for pair in pairs}
    versions = {(pair.first.name, pair.second.name): _version(pair, network) for pair in pairs}
    starts = [(begins[first], begins[second]) for first, second in moves]
    with_hours = [max(first, second) for first, second in starts if first and second]
    parts = [no_days()]
    for dates in due_dates(with_hours, compared_dates(database, network.neighbours_asset, versions), today):
        start, end = dates[0] - DAYS_BEFORE * _DAY, dates[-1] + _DAY
        hours = {
            name: valid_hours(
                database,
                station.raw_asset,
                station.quality_asset,
                start.to_pydatetime(),
                end.to_pydatetime(),
                fields=list(BY_FIELD),
                highest_valid_level=HIGHEST_VALID_LEVEL,
            )
            for name, station in stations.items()
        }
        days = neighbour_days(hours, moves, dates)
        days[VERSION] = [versions[names] for names in zip(days[FIRST_STATION], days[SECOND_STATION], strict=True)]
        parts.append(days)
    # An empty part has no dtypes to keep.
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _version(pair: Neighbours, network: Network) -> str:
    """Return what the days of a pair depend on beside the readings: rules, sitings and moves. Others are made anew."""
    zone = network.time_zone
    sitings = [judgement_version(station.siting(zone)) for station in (pair.first, pair.second)]
    content = json.dumps([*sitings, [move.isoformat() for move in pair.moves(zone)]])
    return hashlib.sha256(content.encode()).hexdigest()[:8]


_NEIGHBOUR_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(DATE, "date", "UTC date, as midnight UTC; with first and second kept as _id"),
        dg.TableColumn(FIRST_STATION, "string", "the station that comes first in the stations file"),
        dg.TableColumn(SECOND_STATION, "string", "the other station"),
        dg.TableColumn("hours", "int", "hours of the day at which both have a valid PM2.5"),
        *(
            column
            for field in (PM2_5, PM10)
            for column in (
                dg.TableColumn(
                    f"{field}_log_ratio",
                    "float",
                    f"{BY_FIELD[field].label}: median of 28 days of the natural logarithm of second divided by first",
                ),
                dg.TableColumn(f"{field}_log_ratio_before", "float", "the same of the 56 days before these"),
            )
        ),
        dg.TableColumn("temperature_correlation", "float", "correlation of the temperatures, 7 days"),
        dg.TableColumn("pm2_5_correlation", "float", "correlation of PM2.5, 7 days"),
        dg.TableColumn("lag_hours", "int", "by how many hours the weather of the second fits best if it is late"),
        dg.TableColumn("first_repeated_hours", "int", "hours at which the first repeats two readings of a day before"),
        dg.TableColumn("second_repeated_hours", "int", "hours at which the second does"),
        dg.TableColumn(WITHHELD, "string", "why levels are not compared: too_few_hours, no_past; else null"),
        dg.TableColumn(FINDINGS, "array", "disagreements: kind, field, since, station (first, second or null), size"),
        dg.TableColumn(RULES_VERSION, "int", "version of the rules of quality control"),
        dg.TableColumn(VERSION, "string", "eight digits of these rules, and of the deployments of both stations"),
    ]
)
