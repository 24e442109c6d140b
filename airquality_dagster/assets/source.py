"""``airqino_api``: the AirQino API as an external asset. Nothing here materializes or observes it."""

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network

_MAX_STATIONS = 20


def source_asset(network: Network, owner: str) -> dg.AssetSpec:
    """Return the AirQino API as an external asset: the start of the lineage of all readings."""
    stations = "\n".join(f"- {station.title_with_city}" for station in network.stations[:_MAX_STATIONS])
    more = len(network.stations) - _MAX_STATIONS
    return dg.AssetSpec(
        asset_key(network.source_asset),
        group_name="source",
        kinds={"api"},
        owners=[owner],
        description=(
            f"The AirQino API publishes hourly means of the stations in {network.network.name}, and sometimes restates "
            f"them ({settings.AIRQINO_BASE_URL}).\n\n{stations}" + (f"\n- and {more} more" if more > 0 else "")
        ),
    )
