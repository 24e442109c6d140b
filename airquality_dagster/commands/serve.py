"""``airquality serve``: the dashboard and the metrics of a platform that runs, in the foreground."""

import contextlib

from airquality_dagster import settings
from airquality_dagster.commands.terminal import out
from airquality_dagster.dashboard.server import dashboard_app
from airquality_dagster.local.services import dagster_instance, local_services, stored_database
from airquality_dagster.metrics import metrics_registry
from airquality_dagster.serving import listen, serve
from airquality_dagster.stations import load_network


def run_serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        host: address to listen on.
        port: of it; 0 takes a free one.

    Raises:
        AirQualityError: MongoDB, Dagster's instance or the port cannot be used.
    """
    network = load_network(settings.stations_file())
    with (
        contextlib.suppress(KeyboardInterrupt),
        local_services(with_api=False),
        stored_database() as database,
        dagster_instance() as instance,
    ):
        listener = listen(port, host)
        url = f"http://{host}:{listener.getsockname()[1]}"
        out.print(f"Dashboard: {url}; metrics: {url}/metrics; Ctrl-C ends it.")
        serve(dashboard_app(settings.dashboard_file(), metrics_registry(network, database, instance)), listener)
