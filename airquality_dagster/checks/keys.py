"""Keys of all checks of a network."""

import dagster as dg

from airquality_dagster.checks import comparison, days, hours, neighbours, sensors
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network


def check_keys(network: Network) -> dict[dg.AssetCheckKey, str]:
    """Return the key of each check → the name of the station or pair that it is about."""
    names: dict[dg.AssetCheckKey, str] = {}
    for station in network.stations:
        checks = {
            station.raw_asset: hours.CHECKS.keys(),
            station.quality_asset: sensors.CHECKS.keys(),
            station.aggregates_asset: days.CHECKS.keys(),
            station.neighbours_asset: [neighbours.check_name(station)],
        }
        names |= {_key(asset, check): station.name for asset, of_asset in checks.items() for check in of_asset}
    for pair in network.pairs:
        names |= {_key(network.comparison_asset(pair), check): pair.name for check in comparison.CHECKS}
    return names


def _key(asset: str, check: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(asset_key(asset), check)
