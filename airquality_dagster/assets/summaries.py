"""``<station>_summaries``: monthly and annual summaries of a station."""

import dagster as dg
import pandas as pd

from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.lineage import LINEAGE, summary_lineage
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import SUMMARY_COLUMNS
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.partitions import first_year_of
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.periods import LEAST_PERCENT, PERIOD, START, SUMMARISED, period_summaries
from airquality_dagster.storage.days import stored_days


def summaries_asset(station: Station, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of a station's monthly and annual summaries."""

    @dg.asset(
        key=asset_key(station.summaries_asset),
        # The function reads only the days of the run's years.
        deps=[asset_key(station.aggregates_asset)],
        group_name="summaries",
        kinds={"pandas", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        io_manager_key=network.named("io_manager"),
        required_resource_keys={network.named("mongodb")},
        description=(
            f"Months and years of {station.title_with_city}: data capture, mean and highest of the valid daily means, "
            f"days above WHO's guidelines. A mean is null if fewer than {LEAST_PERCENT} % of the days are valid.\n\n"
            "Not partitioned: a year depends on all of its months." + data_page()
        ),
        metadata={
            **code_references(summaries_asset),
            "primary_key": [PERIOD, START],
            "write_mode": "merge",
            "calendar_dates": True,
            "dagster/column_schema": SUMMARY_COLUMNS,
            LINEAGE: summary_lineage(station),
        },
    )
    def summaries(context: dg.AssetExecutionContext) -> pd.DataFrame:
        with mongodb_of(context, network).open_database() as database:
            daily = stored_days(database, station.aggregates_asset, SUMMARISED, since=first_year_of(context.run.tags))
        return period_summaries(daily, network.time_zone)

    return summaries
