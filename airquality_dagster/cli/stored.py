"""Stored data as frames, read through the IO manager."""

from collections.abc import Callable
from typing import cast

import dagster as dg
import pandas as pd

from airquality_dagster.local.services import Services
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network


def stored_frames(services: Services, instance: dg.DagsterInstance, network: Network) -> Callable[[str], pd.DataFrame]:
    """Return a function that reads all stored rows of an asset, by its name.

    The function raises `MongoDBIOManagerError` if nothing is stored.
    """
    from airquality_dagster.component import network_definitions

    definitions = network_definitions(network, services.started)

    def stored(asset: str) -> pd.DataFrame:
        value = definitions.load_asset_value(asset_key(asset), python_type=pd.DataFrame, instance=instance)
        return cast("pd.DataFrame", value)

    return stored
