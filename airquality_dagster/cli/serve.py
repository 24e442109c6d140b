"""``airquality serve``: serve dashboard, metrics and the API of open data in the foreground."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError
from rich.markup import escape

from airquality_dagster import settings
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import AirQualityError, SettingsError
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.local.serving import listen, serve
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster.publishing.api.app import for_everyone, open_data_app
from airquality_dagster.publishing.dashboard.build import build_dashboard
from airquality_dagster.publishing.files.build import write_open_data
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster.watching.metrics import metrics_registry

_MINUTES_A_DAY = 24 * 60


def run_serve(
    host: str, port: int, draw_every_minutes: float | None, tls_certificate: Path | None, tls_key: Path | None
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        host: address to listen on.
        port: port to listen on; 0 selects a free port.
        draw_every_minutes: interval at which this process draws the page; None: only runs draw it.
        tls_certificate, tls_key: files for HTTPS, PEM; None: HTTP.

    Raises:
        AirQualityError: MongoDB, Dagster's instance, the port or the certificate cannot be used.
    """
    if (tls_certificate is None) != (tls_key is None):
        raise SettingsError("give --tls-certificate and --tls-key together, or neither")
    tls = (tls_certificate, tls_key) if tls_certificate and tls_key else None
    network = load_network(settings.stations_file())
    with (
        contextlib.suppress(KeyboardInterrupt),
        local_services(with_api=False) as services,
        services.open_database() as database,
        dagster_instance(services.instance_folder) as instance,
        _drawing(network, database, draw_every_minutes),
    ):
        listener = listen(port, host)
        url = f"{'https' if tls else 'http'}://{host}:{listener.getsockname()[1]}"
        out.print(f"Dashboard: {url}; metrics: {url}/metrics; API: {url}/docs; files: {url}/files/; Ctrl-C ends it.")
        path = settings.dashboard_file(network.key_prefix)
        metrics = metrics_registry(network, database, instance)
        serve(dashboard_app(path, metrics, for_everyone(open_data_app(network, database))), listener, tls)


@contextlib.contextmanager
def _drawing(network: Network, database: Database[dict[str, Any]], minutes: float | None) -> Iterator[None]:
    """Draw the page at an interval, and write the files of open data once a day, each in a thread."""
    if minutes is None:
        yield
        return
    page, folder = settings.dashboard_file(network.key_prefix), settings.open_data_folder(network.key_prefix)

    def draw() -> None:
        build_dashboard(database, network, page, datetime.now(UTC))

    def write() -> None:
        write_open_data(database, network, folder, datetime.now(UTC))

    with _repeating("the dashboard", minutes, draw), _repeating("open data", _MINUTES_A_DAY, write):
        yield


@contextlib.contextmanager
def _repeating(name: str, minutes: float, make: Callable[[], object]) -> Iterator[None]:
    """Make something now and at an interval, in a thread."""
    is_over = threading.Event()

    def repeat() -> None:
        while True:
            try:
                make()
            except (PyMongoError, AirQualityError) as error:
                # What was made before is still served; the page shows its own time.
                err.print(f"{name} could not be made: {escape(' '.join(str(error).split()))}")
            if is_over.wait(minutes * 60):
                return

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)
