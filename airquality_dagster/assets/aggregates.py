"""``<station>_aggregates``: the local days of a station."""

import dagster as dg
import pandas as pd

from airquality_dagster.assets.previews import daily_preview
from airquality_dagster.assets.schemas import DAILY_AGGREGATES, DAILY_COLUMNS, HOURLY_READINGS
from airquality_dagster.readings.aggregate import DATE, HOURS_FOR_A_VALID_DAY, daily_aggregates
from airquality_dagster.stations import Network, Station

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
        description=(
            f"Daily aggregates of {station.title}: a document a local day ({network.network.time_zone}), in the units "
            "of the column schema.\n\n`*_mean` is the mean of all readings as published; `*_valid_mean` of those in "
            f"the plausible range, null under {HOURS_FOR_A_VALID_DAY} valid hours. Judge the air by the valid means "
            "only."
        ),
        metadata={
            "partition_expr": DATE,
            "calendar_dates": True,
            "primary_key": DATE,
            "write_mode": "replace",
            "dagster/column_schema": DAILY_COLUMNS,
        },
    )
    def aggregates(context: dg.AssetExecutionContext, hourly: pd.DataFrame):
        daily = daily_aggregates(hourly, network.time_zone)
        metadata: dict[str, dg.MetadataValue] = {
            "days": dg.MetadataValue.int(len(daily)),
            "preview": dg.MetadataValue.md(daily_preview(daily)),
        }
        if len(daily):
            metadata["newest_day"] = dg.MetadataValue.text(f"{daily[DATE].max():%Y-%m-%d}")
        context.add_output_metadata(metadata)
        return daily

    return aggregates
