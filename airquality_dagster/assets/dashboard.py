"""``air_quality_dashboard``: one page for the whole network."""

import time
from datetime import UTC, datetime

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.network.freshness import OVERDUE_AFTER, STALLED_AFTER
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.build import build_dashboard

# Only the page has a policy: a backfill of an old month materializes a station's assets, but its newest hours stay old.
# The check `hours_complete_and_fresh` reports the age of the newest hour.
FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=OVERDUE_AFTER, fail_window=STALLED_AFTER)


def dashboard_asset(network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of the network's dashboard."""

    @dg.asset(
        key=asset_key(network.dashboard_asset),
        # The function reads the data itself: a few fields, one station after the other.
        deps=[
            *(
                asset_key(asset)
                for station in network.stations
                for asset in (*station.derived_assets, station.forecast_asset, station.forecast_scores_asset)
            ),
            *map(asset_key, network.comparison_assets),
        ],
        group_name="dashboard",
        kinds={"plotly", "html"},
        owners=[owner],
        required_resource_keys={network.named("mongodb")},
        freshness_policy=FRESHNESS,
        metadata=code_references(dashboard_asset),
        description=(
            f"One HTML page about the air in {network.network.name}; it needs only a browser. It shows the state of "
            "each station and the problems of its data, then days, months, calendars and data capture with units "
            "and WHO's limits.\n\nMeans that are not valid are hollow and grey, and can be hidden."
        ),
    )
    def air_quality_dashboard(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        begin = time.monotonic()
        with mongodb_of(context, network).open_database() as database:
            path = settings.dashboard_file(network.key_prefix)
            built = build_dashboard(database, network, path, datetime.now(UTC))
        metadata: dict[str, dg.MetadataValue] = {
            "dashboard": dg.MetadataValue.url(settings.dashboard_url(network.key_prefix)),
            "path": dg.MetadataValue.path(built.path),
            "bytes": dg.MetadataValue.int(built.size),
            "stations": dg.MetadataValue.int(built.stations),
            "station_days": dg.MetadataValue.int(built.days),
            "seconds": dg.MetadataValue.float(round(time.monotonic() - begin, 3)),
        }
        if built.newest_hour is not None:
            metadata["newest_hour"] = dg.MetadataValue.timestamp(built.newest_hour)
        return dg.MaterializeResult(metadata=metadata)

    return air_quality_dashboard
