"""``airquality dev``: Dagster's UI and daemon with the services that they need."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests
from rich.markup import escape
from starlette.types import ASGIApp

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.simulations import parse_simulations
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out, print_simulations
from airquality_dagster.errors import LocalServiceError
from airquality_dagster.local.first_tick import launch_last_tick
from airquality_dagster.local.processes import (
    TerminatedBySignalError,
    check_all_run,
    ended_by_signals,
    process_groups,
    start_group,
    wait_for_end,
)
from airquality_dagster.local.runs import end_dead_runs
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.local.serving import LOOPBACK, listen, running
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster.publishing.api.app import for_everyone, open_data_app
from airquality_dagster.publishing.server import dashboard_app

_MODULE = "airquality_dagster.definitions"
_START_SECONDS = 120.0


def run_dev(port: int, dashboard_port: int | None, *, no_load: bool = False, simulations: Sequence[str] = ()) -> None:
    """Serve until a signal.

    Args:
        port: port of the Dagster UI.
        dashboard_port: port of the dashboard; None selects a free port.
        no_load: leave what is due to the next tick of the schedule.
        simulations: what the sandbox simulates, as texts for `parse_simulations`.

    Raises:
        AirQualityError: a service could not be started, or ended by itself.
    """
    network = load_network(settings.stations_file())
    simulated = parse_simulations(simulations, network)
    page = settings.dashboard_file(network.key_prefix)
    try:
        with ended_by_signals():
            listen(port).close()
            with (
                local_services(simulations=simulated) as services,
                services.open_database() as database,
                _serving(
                    dashboard_app(page, api=for_everyone(open_data_app(network, database))), port, dashboard_port
                ) as dashboard,
            ):
                with dagster_instance(services.instance_folder) as instance:
                    end_dead_runs(instance)
                ui = f"http://{LOOPBACK}:{port}"
                webserver = [_program("dagster-webserver"), "-m", _MODULE, "-h", LOOPBACK, "-p", str(port)]
                daemon = [_program("dagster-daemon"), "run", "-m", _MODULE]
                # Links in alerts and metadata lead here, unless the environment sets other URLs.
                links = {settings.AIRQUALITY_UI_URL: ui, settings.AIRQUALITY_DASHBOARD_URL: dashboard}
                variables = {**links, **services.environment}
                with process_groups() as processes:
                    start_group(processes, "dagster-webserver", webserver, variables)
                    _wait_until_served(ui, processes)
                    out.print(f"[bold]Dagster UI: {ui}[/]  (Ctrl-C ends it)")
                    out.print(f"Dashboard: {dashboard}; API: {dashboard}/docs")
                    out.print(f"AirQino API: {services.api}{' (sandbox)' if services.is_sandbox else ''}")
                    out.print(f"MongoDB: {services.mongodb}, database {services.database}")
                    if services.is_sandbox:
                        out.print(SIMULATED_NOTE)
                        print_simulations(simulated)
                    if not no_load:
                        _load_what_is_due(ui, network)
                    # Now: it makes the last tick, too, if it has missed it and finds no runs of it.
                    start_group(processes, "dagster-daemon", daemon, variables)
                    wait_for_end(processes)
    except TerminatedBySignalError:
        # No message: the terminal may be closed.
        return


def _load_what_is_due(ui: str, network: Network) -> None:
    try:
        runs = launch_last_tick(ui, _MODULE, network)
    except LocalServiceError as error:
        err.print(f"What is due is loaded with the next tick only: {escape(str(error))}")
    else:
        if runs:
            out.print(f"Loading what is due: {runs} run{'s' if runs > 1 else ''}, see Runs in the UI.")
        else:
            out.print("What is due is loaded already, or is being loaded.")


def _program(name: str) -> str:
    """Return a program of the environment that this process runs in."""
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    if program is None:
        raise LocalServiceError(f"{name} is not installed beside {sys.executable}: install airquality-dagster again")
    return program


def _serving(app: ASGIApp, port: int, dashboard_port: int | None) -> contextlib.AbstractContextManager[str]:
    """Serve dashboard and open data beside the UI."""
    if dashboard_port is not None:
        return running(app, dashboard_port)
    try:
        listen(port + 1).close()
    except LocalServiceError:
        # Another process uses the port, perhaps another `airquality dev`.
        return running(app)
    return running(app, port + 1)


def _wait_until_served(ui: str, processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        check_all_run(processes)
        try:
            url = f"{ui}/server_info"
            requests.get(url, timeout=2).raise_for_status()
        except requests.RequestException:
            time.sleep(0.2)
        else:
            return
    raise LocalServiceError(f"the Dagster UI did not answer on {ui} within {_START_SECONDS:g} s")
