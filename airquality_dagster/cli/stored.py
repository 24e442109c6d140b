"""Stored data as frames, read through the IO manager."""

from collections.abc import Callable
from typing import cast

import dagster as dg
import pandas as pd

from airquality_dagster.local.services import Services
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network
from airquality_dagster.storage.hours import oldest_hour


def stored_frames(services: Services, instance: dg.DagsterInstance, network: Network) -> Callable[[str], pd.DataFrame]:
    """Return a function that reads all stored rows of an asset, by its name.

    The function raises `MongoDBIOManagerError` if nothing is stored.
    """
    from airquality_dagster.component import network_definitions

    definitions = network_definitions(_with_stored_months(services, network), services.started)

    def stored(asset: str) -> pd.DataFrame:
        value = definitions.load_asset_value(asset_key(asset), python_type=pd.DataFrame, instance=instance)
        return cast("pd.DataFrame", value)

    return stored


def _with_stored_months(services: Services, network: Network) -> Network:
    """Return the network from the first stored hour on, which may be before the first month of the stations file."""
    with services.open_database() as database:
        hours = [oldest_hour(database, station.raw_asset) for station in network.stations]
    first = min((f"{hour.astimezone(network.time_zone):%Y-%m}" for hour in hours if hour), default=network.first_month)
    if first >= network.first_month:
        return network
    facts = network.network.model_copy(update={"first_month": first})
    return network.model_copy(update={"network": facts})
