"""All assets of a network, made from its stations."""

from collections.abc import Sequence

import dagster as dg

from airquality_dagster.assets.aggregates import aggregates_asset
from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.assets.quality import quality_asset
from airquality_dagster.assets.raw import raw_asset
from airquality_dagster.assets.summaries import summaries_asset
from airquality_dagster.partitions import monthly_partitions
from airquality_dagster.stations import Network

OWNER = "team:air-quality"


def network_assets(network: Network) -> Sequence[dg.AssetsDefinition]:
    """Return raw, quality, aggregates and summaries of each station."""
    partitions_def = monthly_partitions(network)
    assets = []
    with accepted_beta():
        for station in network.stations:
            assets.append(raw_asset(station, partitions_def, OWNER))
            assets.append(quality_asset(station, partitions_def, OWNER))
            assets.append(aggregates_asset(station, network, partitions_def, OWNER))
            assets.append(summaries_asset(station, network, OWNER))
    return assets
