"""All assets of a network."""

import dagster as dg

from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.assets.comparison import comparison_asset
from airquality_dagster.assets.dashboard import dashboard_asset
from airquality_dagster.assets.forecast import forecast_asset
from airquality_dagster.assets.forecast_model import forecast_model_asset
from airquality_dagster.assets.forecast_scores import forecast_scores_asset
from airquality_dagster.assets.neighbours import neighbours_asset
from airquality_dagster.assets.open_data import open_data_asset
from airquality_dagster.assets.quality_and_aggregates import quality_and_aggregates
from airquality_dagster.assets.raw import raw_asset
from airquality_dagster.assets.summaries import summaries_asset
from airquality_dagster.network.partitions import monthly_partitions
from airquality_dagster.network.stations import Network

OWNER = "team:air-quality"


def network_assets(network: Network) -> list[dg.AssetsDefinition]:
    """Return the assets of each station, the comparisons of neighbours and of pairs, the dashboard, and the files."""
    partitions_def = monthly_partitions(network)
    assets: list[dg.AssetsDefinition] = []
    with accepted_beta():
        for station in network.stations:
            assets += [
                raw_asset(station, network, partitions_def, OWNER),
                quality_and_aggregates(station, network, partitions_def, OWNER),
                summaries_asset(station, network, OWNER),
                forecast_model_asset(station, network, OWNER),
                forecast_scores_asset(station, network, OWNER),
                forecast_asset(station, network, OWNER),
            ]
        assets += [comparison_asset(pair, network, OWNER) for pair in network.pairs]
        return [
            *assets,
            neighbours_asset(network, OWNER),
            dashboard_asset(network, OWNER),
            open_data_asset(network, OWNER),
        ]
