"""All assets of a network, made from its stations."""

from collections.abc import Sequence

import dagster as dg

from airquality_dagster.assets.aggregates import aggregates_asset
from airquality_dagster.assets.raw import raw_asset
from airquality_dagster.partitions import monthly_partitions
from airquality_dagster.stations import Network

OWNER = "team:air-quality"


def network_assets(network: Network) -> Sequence[dg.AssetsDefinition]:
    """Return ``raw_<station>`` and ``<station>_aggregates`` of each station."""
    partitions_def = monthly_partitions(network)
    return [
        asset
        for station in network.stations
        for asset in (
            raw_asset(station, partitions_def, OWNER),
            aggregates_asset(station, network, partitions_def, OWNER),
        )
    ]
