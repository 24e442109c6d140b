"""``airqino_api``: where the readings come from. It is observed by nobody and materialized by nobody here."""

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network

_MOST_STATIONS = 20


def source_asset(network: Network, owner: str) -> dg.AssetSpec:
    """Return the AirQino API as an external asset, from which the lineage of all readings begins."""
    stations = "\n".join(f"- {station.title_with_city}" for station in network.stations[:_MOST_STATIONS])
    more = len(network.stations) - _MOST_STATIONS
    return dg.AssetSpec(
        asset_key(network.source_asset),
        group_name="source",
        kinds={"api"},
        owners=[owner],
        description=(
            f"The AirQino API, which publishes hourly means of the stations in {network.network.name} and restates "
            f"them at times ({settings.AIRQINO_BASE_URL}).\n\n{stations}" + (f"\n- and {more} more" if more > 0 else "")
        ),
    )
