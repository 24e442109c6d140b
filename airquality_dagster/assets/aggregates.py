"""``<station>_aggregates``: the local days of a station."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from dagster_mongodb import ABSENT
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.freshness import FRESHNESS
from airquality_dagster.assets.lineage import LINEAGE, daily_lineage
from airquality_dagster.assets.previews import SPARKLINE_DAYS, SPARKLINE_FIELDS, daily_preview, daily_sparklines
from airquality_dagster.assets.schemas import DAILY_AGGREGATES, DAILY_COLUMNS, HOURLY_READINGS
from airquality_dagster.checks.days import CHECKS, AggregatedDays
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.network.pollutants import SIMULATED
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.days import DATE, HOURS_FOR_A_VALID_DAY, daily_aggregates
from airquality_dagster.storage.mongodb import MongoDBResource
from airquality_dagster.storage.surroundings import with_surroundings

GROUP = "aggregates"


def aggregates_asset(
    station: Station, network: Network, partitions_def: dg.TimeWindowPartitionsDefinition, owner: str
) -> dg.AssetsDefinition:
    """Return the asset of a station's daily aggregates."""

    @dg.asset(
        name=station.aggregates_asset,
        ins={"hourly": dg.AssetIn(station.raw_asset, dagster_type=HOURLY_READINGS)},
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"pandas", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        dagster_type=DAILY_AGGREGATES,
        freshness_policy=FRESHNESS,
        check_specs=check_specs(CHECKS, station.aggregates_asset),
        description=(
            f"Daily aggregates of {station.title_with_city}: a document a local day ({network.network.time_zone}), in "
            "the units of the column schema.\n\n`*_mean` is the mean of all readings as published; `*_valid_mean` of "
            f"those that pass quality control, null under {HOURS_FOR_A_VALID_DAY} valid hours, with the reason in "
            "`*_invalid`. Judge the air by the valid means only: AQI and WHO levels are made of them." + data_page()
        ),
        metadata={
            **code_references(aggregates_asset),
            "partition_expr": DATE,
            "calendar_dates": True,
            "primary_key": DATE,
            "write_mode": "replace",
            "dagster/column_schema": DAILY_COLUMNS,
            LINEAGE: daily_lineage(station),
        },
    )
    def aggregates(context: dg.AssetExecutionContext, mongodb: MongoDBResource, hourly: pd.DataFrame):
        window = context.partition_time_window
        with mongodb.open_database() as database:
            flagged = with_surroundings(database, station, hourly, window.start, window.end)
            daily = daily_aggregates(flagged, network.time_zone)
            former = _days_before(database, station, daily)
        # Always a column, so that summaries can ask for it; no field where nothing is simulated.
        daily = daily if SIMULATED in daily else daily.assign(**{SIMULATED: ABSENT})
        metadata: dict[str, dg.MetadataValue] = {
            "days": dg.MetadataValue.int(len(daily)),
            "preview": dg.MetadataValue.md(daily_preview(daily)),
            "last_30_days": dg.MetadataValue.md(daily_sparklines(daily, former)),
        }
        if len(daily):
            metadata["newest_day"] = dg.MetadataValue.text(f"{daily[DATE].max():%Y-%m-%d}")
        yield dg.Output(daily, metadata=metadata)
        days = AggregatedDays(station, network.time_zone, hourly, daily, datetime.now(UTC))
        yield from check_results(CHECKS, days, station.aggregates_asset)

    return aggregates


def _days_before(database: Database[dict[str, Any]], station: Station, daily: pd.DataFrame) -> pd.DataFrame:
    """Return what is stored of the days that sparklines show beside those that are made."""
    means = [f"{field}_valid_mean" for field in SPARKLINE_FIELDS]
    found: list[dict[str, Any]] = []
    if len(daily):
        before = {"$gt": daily[DATE].iloc[-1] - pd.Timedelta(days=SPARKLINE_DAYS), "$lt": daily[DATE].iloc[0]}
        found = list(database[station.aggregates_asset].find({"_id": before}, dict.fromkeys(means, True)))
    return pd.DataFrame(
        {
            DATE: pd.to_datetime([day["_id"] for day in found], utc=True),
            **{name: np.array([day.get(name) for day in found], dtype="float64") for name in means},
        }
    )
