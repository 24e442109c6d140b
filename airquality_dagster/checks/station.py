"""Keys of all checks of a station."""

import dagster as dg

from airquality_dagster.checks import days, forecast, hours, neighbours, sensors
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Station


def check_keys(station: Station) -> list[dg.AssetCheckKey]:
    """Return the keys of all checks of a station."""
    checks = {
        station.raw_asset: hours.CHECKS.keys(),
        station.quality_asset: sensors.CHECKS.keys(),
        station.aggregates_asset: days.CHECKS.keys(),
        station.forecast_scores_asset: forecast.CHECKS.keys(),
        station.neighbours_asset: [neighbours.check_name(station)],
    }
    return [dg.AssetCheckKey(asset_key(asset), name) for asset, names in checks.items() for name in names]
