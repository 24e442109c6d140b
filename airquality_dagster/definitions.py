"""The code location of Dagster."""

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.component import network_definitions
from airquality_dagster.network.stations import load_network


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the network in ``AIRQUALITY_STATIONS``, by default of the two stations in Abidjan."""
    return network_definitions(load_network(settings.stations_file()))
