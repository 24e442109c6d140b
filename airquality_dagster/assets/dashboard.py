"""``air_quality_dashboard``: one page of the whole network."""

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

# Of the page alone: a backfill of an old month makes the assets of a station new, but not its newest hours. How old
# these are is said by the check `hours_complete_and_fresh`.
FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=OVERDUE_AFTER, fail_window=STALLED_AFTER)


def dashboard_asset(network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of the network's dashboard."""

    @dg.asset(
        key=asset_key(network.dashboard_asset),
        # What it needs of them, it reads itself: a few fields of each, of all stations one after the other.
        deps=[asset_key(asset) for station in network.stations for asset in station.derived_assets],
        group_name="dashboard",
        kinds={"plotly", "html"},
        owners=[owner],
        required_resource_keys={network.named("mongodb")},
        freshness_policy=FRESHNESS,
        metadata=code_references(dashboard_asset),
        description=(
            f"One HTML page of the air in {network.network.name}, which needs nothing but a browser: how each station "
            "stands now and what is wrong with its data, then days, months, calendars and data capture with units and "
            "WHO's limits.\n\nMeans that are not valid are hollow and grey, and can be hidden."
        ),
    )
    def air_quality_dashboard(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        begin = time.monotonic()
        with mongodb_of(context, network).open_database() as database:
            built = build_dashboard(database, network, settings.dashboard_file(), datetime.now(UTC))
        metadata: dict[str, dg.MetadataValue] = {
            "dashboard": dg.MetadataValue.url(settings.dashboard_url()),
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
