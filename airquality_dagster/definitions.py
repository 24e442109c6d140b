"""The code location: the network that the environment names."""

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.component import network_definitions
from airquality_dagster.network.stations import load_network


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the network of ``AIRQUALITY_STATIONS``, else of the two stations in Abidjan."""
    return network_definitions(load_network(settings.stations_file()))
