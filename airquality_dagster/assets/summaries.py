"""``<station>_summaries``: a station's months and years."""

import dagster as dg
import pandas as pd

from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.freshness import FRESHNESS
from airquality_dagster.assets.lineage import LINEAGE, summary_lineage
from airquality_dagster.assets.schemas import SUMMARY_COLUMNS
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.periods import PERIOD, START, SUMMARISED, period_summaries

GROUP = "summaries"


def summaries_asset(station: Station, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of a station's monthly and annual summaries."""

    @dg.asset(
        name=station.summaries_asset,
        ins={"daily": dg.AssetIn(station.aggregates_asset, metadata={"columns": list(SUMMARISED)})},
        group_name=GROUP,
        kinds={"pandas", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        freshness_policy=FRESHNESS,
        description=(
            f"Months and years of {station.title_with_city}: data capture, mean and highest of the valid daily means, "
            "days above WHO's guidelines. A mean is null where fewer than 75 % of the days are valid.\n\nNot "
            "partitioned: a year is made of all its months." + data_page()
        ),
        metadata={
            **code_references(summaries_asset),
            "primary_key": [PERIOD, START],
            "write_mode": "replace",
            "calendar_dates": True,
            "dagster/column_schema": SUMMARY_COLUMNS,
            LINEAGE: summary_lineage(station),
        },
    )
    def summaries(daily: pd.DataFrame) -> pd.DataFrame:
        return period_summaries(daily, network.time_zone)

    return summaries
