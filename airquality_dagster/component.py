"""A network of air-quality stations as a Dagster component, and its definitions."""

import re
from collections.abc import Mapping
from typing import Self

import dagster as dg
from dagster_mongodb import MongoDBIOManager
from pydantic import BaseModel

from airquality_dagster import settings
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.assets.network import OWNER, network_assets
from airquality_dagster.assets.source import source_asset
from airquality_dagster.automation.jobs import network_jobs
from airquality_dagster.automation.schedules import (
    forecast_schedule,
    hourly_schedule,
    neighbours_schedule,
    open_data_schedule,
    reconcile_schedule,
)
from airquality_dagster.network.stations import Network
from airquality_dagster.storage.mongodb import MongoDBResource
from airquality_dagster.watching.sensor import alert_sensor

_SCAFFOLD = {
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2025-01"},
    "stations": [{"name": "station1", "airqino_id": 283164601}],
}

_KEY_PREFIX = """\
  # Precedes all keys and names. Set it if the project has another network, or an IO manager of its own:
  # without it, the IO manager of this network is the project's `io_manager`.
  # key_prefix: {}
"""


class _Scaffolder(dg.Scaffolder):
    """Writes a defs.yaml with one station."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        """Write the file, with a comment that explains `key_prefix`."""
        dg.scaffold_component(request, _SCAFFOLD)
        if request.scaffold_format == "yaml":
            file = request.target_path if request.append else request.target_path / "defs.yaml"
            words = re.findall(r"[a-z0-9]+", request.target_path.stem.lower())
            with file.open("a", encoding="utf-8") as lines:
                lines.write(_KEY_PREFIX.format("_".join(words)))


@dg.scaffold_with(_Scaffolder)
class AirQualityNetwork(Network, dg.Component):
    """A network of AirQino stations: hourly readings in MongoDB, flags, daily aggregates, summaries, a dashboard.

    The attributes are those of a stations file. With a `key_prefix`, several networks live in one deployment: it
    precedes the keys of the assets and the names of collections, jobs, schedules, sensors and resources. Environment
    variables set the addresses of MongoDB and the AirQino API, and the credentials (docs/configuration.md).

    Example:
        .. code-block:: yaml

            type: airquality_dagster.AirQualityNetwork
            attributes:
              network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: "2025-01"}
              stations:
                - {name: station1, airqino_id: 283164601}
    """

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return the description that `dg` shows."""
        return dg.ComponentTypeSpec(
            description="Hourly readings of AirQino air-quality stations in MongoDB, judged and aggregated.",
            owners=[OWNER],
            tags=["air quality", "AirQino", "MongoDB"],
        )

    @classmethod
    def get_model_cls(cls) -> type[Network]:
        """Return the model of the attributes; its errors name the file, the line and the field."""
        return Network

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Return the component with the attributes of a defs.yaml."""
        return cls.model_validate(attributes.model_dump() if attributes else {})

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the definitions of the network."""
        return network_definitions(self)


def network_definitions(network: Network, variables: Mapping[str, str] | None = None) -> dg.Definitions:
    """Return assets, checks, jobs, schedules, sensors and resources of a network.

    Args:
        network: the network.
        variables: override environment variables, for example with the addresses of services that a command started.
    """
    assets = network_assets(network)
    uri = settings.resource_field(settings.MONGODB_URI, variables) or settings.DEFAULT_MONGODB_URI
    database = settings.resource_field(settings.MONGODB_DATABASE, variables) or settings.DEFAULT_DATABASE
    mongodb = MongoDBResource(uri=uri, database=database)
    resources = {
        "airqino": airqino_resource(variables),
        "mongodb": mongodb,
        "io_manager": MongoDBIOManager(uri=uri, database=database, app_name="airquality"),
    }
    return dg.Definitions.merge(
        network_jobs(network, assets),
        dg.Definitions(
            assets=[source_asset(network, OWNER), *assets],
            schedules=[
                hourly_schedule(network, mongodb),
                forecast_schedule(network, mongodb),
                reconcile_schedule(network),
                neighbours_schedule(network),
                open_data_schedule(network),
            ],
            sensors=[alert_sensor(network)],
            resources={network.named(key): resource for key, resource in resources.items()},
        ),
    )


def airqino_resource(variables: Mapping[str, str] | None = None) -> AirQinoResource:
    """Return the resource of the AirQino API, configured by environment variables.

    Args:
        variables: override environment variables.
    """

    def field(name: str) -> str | None:
        return settings.resource_field(name, variables)

    return AirQinoResource(
        base_url=field(settings.AIRQINO_BASE_URL) or settings.PUBLIC_API,
        token_url=field(settings.AIRQINO_TOKEN_URL) or settings.PUBLIC_TOKEN_URL,
        client_id=field(settings.AIRQINO_CLIENT_ID),
        client_secret=field(settings.AIRQINO_CLIENT_SECRET),
        username=field(settings.AIRQINO_USERNAME),
        password=field(settings.AIRQINO_PASSWORD),
        refresh_token=field(settings.AIRQINO_REFRESH_TOKEN),
    )
