"""``<station>_quality`` and ``<station>_aggregates``: flags of the hours, and daily aggregates."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import ABSENT
from pymongo.database import Database

from airquality_dagster.assets.counts import month_metadata
from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.lineage import LINEAGE, daily_lineage, quality_lineage
from airquality_dagster.assets.previews import SPARKLINE_DAYS, daily_preview, daily_sparklines, quality_preview
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import DAILY_AGGREGATES, DAILY_COLUMNS, HOURLY_READINGS, QUALITY_COLUMNS
from airquality_dagster.checks import days, sensors
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.network.keys import asset_key, step_key
from airquality_dagster.network.partitions import KNOWN_UNTIL, partition_date
from airquality_dagster.network.pollutants import DATE, HEADLINES, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY, daily_aggregates
from airquality_dagster.readings.flags import HOURS_AFTER, HOURS_BEFORE, FlaggedHours, flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.judgement import judgement_version
from airquality_dagster.storage.days import stored_days
from airquality_dagster.storage.hours import newest_hour
from airquality_dagster.storage.surroundings import surroundings


def quality_and_aggregates(
    station: Station, network: Network, partitions_def: dg.TimeWindowPartitionsDefinition, owner: str
) -> dg.AssetsDefinition:
    """Return the assets of a station's flags and daily aggregates. One step computes both: flags are computed once."""
    siting = station.siting(network.time_zone)
    raw, quality, aggregates = map(asset_key, (station.raw_asset, station.quality_asset, station.aggregates_asset))
    shared: dict[str, Any] = {
        "kinds": {"pandas", "mongodb"},
        "owners": [owner],
        "tags": {"station": station.name},
        "io_manager_key": network.named("io_manager"),
        "code_version": judgement_version(siting),
        "is_required": False,
    }

    @dg.multi_asset(
        name=step_key(station.judgement_step),
        ins={"hourly": dg.AssetIn(raw, dagster_type=HOURLY_READINGS)},
        outs={
            "quality": dg.AssetOut(
                key=quality,
                group_name="quality",
                dagster_type=pd.DataFrame,
                description=(
                    f"Flags of the hourly readings of {station.title_with_city}: one document per hour with the key of "
                    f"`{station.raw_asset}`, whose readings stay as published.\n\n`*_qc` is QARTOD's level: 1 pass, "
                    "2 not evaluated, 3 suspect, 4 fail, 9 missing; `*_flags` gives the reasons. European index and "
                    "NowCast use readings that did not fail." + data_page()
                ),
                metadata={
                    **code_references(quality_and_aggregates),
                    "partition_expr": TIMESTAMP,
                    "primary_key": TIMESTAMP,
                    "write_mode": "replace",
                    "dagster/column_schema": QUALITY_COLUMNS,
                    LINEAGE: quality_lineage(station),
                },
                **shared,
            ),
            "aggregates": dg.AssetOut(
                key=aggregates,
                group_name="aggregates",
                dagster_type=DAILY_AGGREGATES,
                description=(
                    f"Daily aggregates of {station.title_with_city}: one document per local day "
                    f"({network.network.time_zone}), in the units of the column schema.\n\n`*_mean` is the mean of all "
                    "readings as published; `*_valid_mean` of the readings that pass quality control, null under "
                    f"{HOURS_FOR_A_VALID_DAY} valid hours; `*_invalid` gives the reasons. Judge the air by the valid "
                    "means only. AQI and WHO levels depend on these." + data_page()
                ),
                metadata={
                    **code_references(quality_and_aggregates),
                    "partition_expr": DATE,
                    "calendar_dates": True,
                    "primary_key": DATE,
                    "write_mode": "replace",
                    "dagster/column_schema": DAILY_COLUMNS,
                    LINEAGE: daily_lineage(station),
                },
                **shared,
            ),
        },
        internal_asset_deps={"quality": {raw}, "aggregates": {raw, quality}},
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={network.named("mongodb")},
        check_specs=[*check_specs(sensors.CHECKS, quality), *check_specs(days.CHECKS, aggregates)],
        can_subset=True,
    )
    def judge(context: dg.AssetExecutionContext, hourly: pd.DataFrame) -> Iterator[Any]:
        start, end = context.partition_time_window
        months, zone = context.partition_keys, network.network.time_zone
        selected = context.selected_asset_keys
        mongodb = mongodb_of(context, network)
        with mongodb.open_database() as database:
            context_hours = surroundings(
                database, station.raw_asset, start, end, before=HOURS_BEFORE, after=HOURS_AFTER
            )
            newest = newest_hour(database, station.raw_asset)
        flagged = flag_hours(
            hourly,
            surrounding=context_hours.hours,
            restated=context_hours.restated,
            siting=siting,
            newest=newest,
        )
        if quality in selected:
            documents = hourly_quality(flagged, absent=ABSENT)
            starts = [partitions_def.time_window_for_partition_key(key).start for key in months]
            counts = month_metadata(months, starts, pd.DatetimeIndex(documents[TIMESTAMP]), zone)
            if newest is not None:
                counts[KNOWN_UNTIL] = dg.MetadataValue.timestamp(newest)
            yield _quality_output(documents, counts)
            flags = sensors.StationFlags(station, start, end, flagged)
            yield from check_results(sensors.CHECKS, lambda: flags, quality, context.selected_asset_check_keys)
        if aggregates in selected:
            daily = _daily(flagged, network)
            with mongodb.open_database() as database:
                former = _days_before(database, station, daily)
            dates = list(map(partition_date, months))
            counts = month_metadata(months, dates, pd.DatetimeIndex(daily[DATE]), zone)
            yield _aggregates_output(daily, former, counts)
            facts = days.AggregatedDays(station, network.time_zone, daily, datetime.now(UTC))
            yield from check_results(days.CHECKS, lambda: facts, aggregates, context.selected_asset_check_keys)

    return judge


def _daily(flagged: FlaggedHours, network: Network) -> pd.DataFrame:
    daily = daily_aggregates(flagged, network.time_zone)
    # The column always exists, so that summaries can read it. ABSENT stores no field.
    return daily if SIMULATED in daily else daily.assign(**{SIMULATED: ABSENT})


def _quality_output(documents: pd.DataFrame, counts: Mapping[str, dg.MetadataValue]) -> dg.Output[pd.DataFrame]:
    return dg.Output(
        documents,
        output_name="quality",
        metadata={
            "preview": dg.MetadataValue.md(quality_preview(documents)),
            "hours_flagged": dg.MetadataValue.int(len(documents)),
            **counts,
        },
    )


def _aggregates_output(
    daily: pd.DataFrame, former: pd.DataFrame, counts: Mapping[str, dg.MetadataValue]
) -> dg.Output[pd.DataFrame]:
    metadata: dict[str, dg.MetadataValue] = {
        **counts,
        "days": dg.MetadataValue.int(len(daily)),
        "preview": dg.MetadataValue.md(daily_preview(daily)),
        "last_30_days": dg.MetadataValue.md(daily_sparklines(daily, former)),
    }
    if len(daily):
        metadata["newest_day"] = dg.MetadataValue.text(f"{daily[DATE].max():%Y-%m-%d}")
    return dg.Output(daily, output_name="aggregates", metadata=metadata)


def _days_before(database: Database[dict[str, Any]], station: Station, daily: pd.DataFrame) -> pd.DataFrame:
    """Return the stored days before the computed ones, for the sparklines."""
    if daily.empty:
        return daily
    means = [f"{parameter.field}_valid_mean" for parameter in HEADLINES]
    since = daily[DATE].iloc[-1] - timedelta(days=SPARKLINE_DAYS - 1)
    stored = stored_days(database, station.aggregates_asset, means, since=since)
    return stored[stored[DATE] < daily[DATE].iloc[0]]
