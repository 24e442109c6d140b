"""All checks of a station."""

from collections.abc import Collection, Mapping

import dagster as dg

from airquality_dagster.checks import days, hours, readings
from airquality_dagster.network.stations import Station


def station_checks(station: Station) -> Mapping[str, Collection[str]]:
    """Return the names of the checks of each of a station's assets."""
    return {
        station.raw_asset: hours.CHECKS.keys(),
        station.quality_asset: readings.CHECKS.keys(),
        station.aggregates_asset: days.CHECKS.keys(),
    }


def check_keys(station: Station) -> list[dg.AssetCheckKey]:
    """Return the keys by which Dagster's instance is asked for a station's checks."""
    return [
        dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, names in station_checks(station).items() for name in names
    ]
