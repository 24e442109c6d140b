"""The code location: puts the parts together."""

import dagster as dg
from dagster_mongodb import MongoDBIOManager

from airquality_dagster import settings
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.assets.network import OWNER, network_assets
from airquality_dagster.assets.source import source_asset
from airquality_dagster.automation.jobs import dashboard_job, hourly_job
from airquality_dagster.automation.schedules import hourly_schedule, reconcile_schedule
from airquality_dagster.network.stations import load_network
from airquality_dagster.storage.mongodb import MongoDBResource
from airquality_dagster.watching.sensor import alert_sensor, dashboard_sensor


def definitions() -> dg.Definitions:
    """Return assets, job, schedules and resources of the network, with the environment as it is now."""
    network = load_network(settings.stations_file())
    assets = network_assets(network)
    jobs = [hourly_job(assets), dashboard_job()]
    mongodb_uri = settings.resource_field(settings.MONGODB_URI, settings.DEFAULT_MONGODB_URI)
    mongodb_database = settings.resource_field(settings.MONGODB_DATABASE, settings.DEFAULT_DATABASE)
    return dg.Definitions(
        assets=[source_asset(network, OWNER), *assets],
        jobs=jobs,
        schedules=[hourly_schedule(network), reconcile_schedule(network)],
        sensors=[alert_sensor(network), dashboard_sensor(*jobs)],
        resources={
            "airqino": airqino_resource(),
            "mongodb": MongoDBResource(uri=mongodb_uri, database=mongodb_database),
            "io_manager": MongoDBIOManager(uri=mongodb_uri, database=mongodb_database, app_name="airquality"),
        },
        # A station's month is seconds of work: a process per step would cost more than the step.
        executor=dg.in_process_executor,
    )


def airqino_resource() -> AirQinoResource:
    """Return the resource of the API, with the environment as it is now."""
    return AirQinoResource(
        base_url=settings.resource_field(settings.AIRQINO_BASE_URL, settings.PUBLIC_API),
        token_url=settings.resource_field(settings.AIRQINO_TOKEN_URL, settings.PUBLIC_TOKEN_URL),
        client_id=settings.resource_field(settings.AIRQINO_CLIENT_ID),
        client_secret=settings.resource_field(settings.AIRQINO_CLIENT_SECRET),
        username=settings.resource_field(settings.AIRQINO_USERNAME),
        password=settings.resource_field(settings.AIRQINO_PASSWORD),
        refresh_token=settings.resource_field(settings.AIRQINO_REFRESH_TOKEN),
    )


# To import this module is to load the code location: the one place where importing reads the environment.
defs = definitions()
