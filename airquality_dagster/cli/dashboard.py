"""``airquality dashboard``: write the dashboard of the stored data."""

import webbrowser
from datetime import UTC, datetime

from rich.progress import Progress

from airquality_dagster import settings
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out
from airquality_dagster.local.services import local_services
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.dashboard.build import build_dashboard


def write_dashboard(*, is_opened: bool) -> None:
    """Write the dashboard and print its address.

    Args:
        is_opened: also open it in the browser.
    """
    network = load_network(settings.stations_file())
    path = settings.dashboard_file(network.key_prefix)
    with (
        local_services(with_api=False) as services,
        services.open_database() as database,
        Progress(console=err, transient=True) as progress,
    ):
        task = progress.add_task("stations", total=len(network.stations))
        built = build_dashboard(
            database, network, path, datetime.now(UTC), lambda station: progress.update(task, advance=1)
        )
    out.print(f"{built.stations} stations, {built.days} days, {built.size / 2**20:.1f} MiB: {path.as_uri()}")
    if built.is_simulated:
        out.print(SIMULATED_NOTE)
    if is_opened and not webbrowser.open(path.as_uri()):
        err.print("no browser was found: open the file above in a browser")
