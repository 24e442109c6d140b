"""Access to the resources of a network in an asset's function."""

from typing import cast

import dagster as dg

from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.network.stations import Network
from airquality_dagster.storage.mongodb import MongoDBResource


def airqino_of(context: dg.AssetExecutionContext, network: Network) -> AirQinoResource:
    """Return the network's resource of the AirQino API."""
    return cast("AirQinoResource", getattr(context.resources, network.named("airqino")))


def mongodb_of(context: dg.AssetExecutionContext, network: Network) -> MongoDBResource:
    """Return the network's resource of MongoDB."""
    return cast("MongoDBResource", getattr(context.resources, network.named("mongodb")))
