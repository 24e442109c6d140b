"""``<station>_quality``: which hourly readings can be trusted, and the indices of each hour."""

import dagster as dg
import pandas as pd
from dagster_mongodb import ABSENT

from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.freshness import FRESHNESS
from airquality_dagster.assets.lineage import LINEAGE, quality_lineage
from airquality_dagster.assets.previews import quality_preview
from airquality_dagster.assets.schemas import HOURLY_READINGS, QUALITY_COLUMNS
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.checks.readings import CHECKS, StationFlags
from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.storage.mongodb import MongoDBResource
from airquality_dagster.storage.surroundings import with_surroundings

GROUP = "quality"


def quality_asset(
    station: Station, partitions_def: dg.TimeWindowPartitionsDefinition, owner: str
) -> dg.AssetsDefinition:
    """Return the asset of a station's flags."""

    @dg.asset(
        name=station.quality_asset,
        ins={"hourly": dg.AssetIn(station.raw_asset, dagster_type=HOURLY_READINGS)},
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"pandas", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        freshness_policy=FRESHNESS,
        check_specs=check_specs(CHECKS, station.quality_asset),
        description=(
            f"Flags of the hourly readings of {station.title_with_city}, one document an hour with the key of "
            f"`{station.raw_asset}`, in which the readings stay what the source said.\n\n`*_qc` is QARTOD's level: 1 "
            "pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing; `*_flags` says why. European index and NowCast are "
            "of readings that did not fail." + data_page()
        ),
        metadata={
            **code_references(quality_asset),
            "partition_expr": TIMESTAMP,
            "primary_key": TIMESTAMP,
            "write_mode": "replace",
            "dagster/column_schema": QUALITY_COLUMNS,
            LINEAGE: quality_lineage(station),
        },
    )
    def quality(context: dg.AssetExecutionContext, mongodb: MongoDBResource, hourly: pd.DataFrame):
        window = context.partition_time_window
        with mongodb.open_database() as database:
            flagged = with_surroundings(database, station, hourly, window.start, window.end)
        documents = hourly_quality(flagged, absent=ABSENT)
        yield dg.Output(
            documents,
            metadata={
                "preview": dg.MetadataValue.md(quality_preview(documents)),
                "hours_flagged": dg.MetadataValue.int(len(documents)),
            },
        )
        flags = StationFlags(station, window.start, window.end, flagged)
        yield from check_results(CHECKS, flags, station.quality_asset)

    return quality
