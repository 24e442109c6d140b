"""``airquality run`` and ``airquality backfill``: the hourly job in this process."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.simulations import parse_simulations
from airquality_dagster.automation.due import StationRun, contiguous_ranges, station_runs
from airquality_dagster.automation.due_forecasts import due_forecasts
from airquality_dagster.automation.instance import due_runs, network_months
from airquality_dagster.cli.execution import (
    PassReport,
    draw_dashboard,
    execute,
    execute_forecasts,
    execute_neighbours,
    execute_open_data,
)
from airquality_dagster.cli.reports import age, daily_means, station_status
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out, print_simulations
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.runs import end_dead_runs
from airquality_dagster.local.services import Services, dagster_instance, local_services
from airquality_dagster.network.partitions import month
from airquality_dagster.network.stations import Network, load_network


def run_due(simulations: Sequence[str] = ()) -> bool:
    """Materialize what is due and print a report. Return whether nothing failed.

    Args:
        simulations: what the sandbox simulates, as texts for `parse_simulations`.

    Raises:
        SettingsError: a simulation is not valid, or the environment names an API that simulates nothing.
    """
    network = load_network(settings.stations_file())
    simulated = parse_simulations(simulations, network)
    now = datetime.now(UTC)
    with local_services(simulations=simulated) as services, dagster_instance(services.instance_folder) as instance:
        _print_services(services)
        print_simulations(simulated)
        end_dead_runs(instance)
        with services.open_database() as database:
            runs = due_runs(instance, network, now, database, warn=lambda message: err.print(escape(message)))
        if not runs:
            raise SettingsError(
                f"the network's first month, {network.first_month}, has not begun: correct the stations file"
            )
        report = _execute(services, instance, network, runs)
        if services.has_mongodb():
            report.neighbours = execute_neighbours(services, instance, network)
            with services.open_database() as database:
                due = due_forecasts(database, network, now)
            report.forecasts = execute_forecasts(services, instance, network, due)
            # The page shows the comparisons and forecasts that were just made.
            report.dashboard = draw_dashboard(services, instance, network)
            report.open_data = execute_open_data(services, instance, network)
        _show(services, report, network)
    _show_next_steps(services, network)
    return not report.faults


def run_backfill(first: str, last: str, names: Sequence[str]) -> bool:
    """Materialize a range of months and print a report. Return whether nothing failed.

    Args:
        first, last: months ``YYYY-MM``, both included.
        names: names of stations; empty for all.

    Raises:
        SettingsError: the range or a station's name is not valid.
    """
    network = load_network(settings.stations_file())
    stations = network.select(names)
    months = network_months(network, datetime.now(UTC))
    current = month(months[-1].key) if months else network.first_month
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}: swap them")
    if first < network.first_month:
        raise SettingsError(
            f"--from {first} is before the network's first month, {network.first_month}: begin there, or change "
            "first_month in the stations file"
        )
    if last > current:
        raise SettingsError(f"--to {last} is after the current month, {current}: end there")
    due = {key.key for key in months if first <= month(key.key) <= last}
    ranges = contiguous_ranges(months, due)
    runs = station_runs({station.name: ranges for station in stations}, network.network.stations_per_run)
    with local_services() as services, dagster_instance(services.instance_folder) as instance:
        _print_services(services)
        end_dead_runs(instance)
        report = _execute(services, instance, network, runs)
        failed = [name for name, station in report.stations.items() if station.faults]
        if failed and len(due) > 1:
            # If one month fails, its whole range fails: run each month alone.
            err.print(f"{', '.join(failed)}: the range failed, running each month alone")
            alone = contiguous_ranges(months, due, alone=due)
            retried = _execute(services, instance, network, station_runs(dict.fromkeys(failed, alone), 1))
            report = PassReport({**report.stations, **retried.stations}, retried.dashboard)
        _show(services, report, network)
    return not report.faults


def _print_services(services: Services) -> None:
    err.print(f"AirQino API: {escape(services.api)}{' (sandbox)' if services.is_sandbox else ''}", style="dim")
    err.print(f"MongoDB: {services.mongodb}, database {escape(services.database)}", style="dim")


def _execute(
    services: Services, instance: dg.DagsterInstance, network: Network, runs: Sequence[StationRun]
) -> PassReport:
    total = sum(len(run.stations) for run in runs)
    begin = time.monotonic()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=err.is_terminal) as progress:
        task = progress.add_task(_span(runs), total=total)

        def on_message(message: str, level: int) -> None:
            if level >= logging.ERROR:
                return  # failures are printed at the end
            # Each station logs one INFO line after its fetch; warnings are retries.
            advance = int(level == logging.INFO)
            progress.update(task, advance=advance, description=escape(message.partition(" (")[0]))

        def on_wait(line: str) -> None:
            # A line of its own: without a terminal, the progress shows at the end only.
            progress.console.print(escape(line), style="yellow")

        report = execute(services, instance, network, runs, on_message, on_wait)
    err.print(f"{_span(runs)} in {time.monotonic() - begin:.1f} s", style="dim")
    return report


def _span(runs: Sequence[StationRun]) -> str:
    stations = {station for run in runs for station in run.stations}
    first, last = month(min(run.first for run in runs)), month(max(run.last for run in runs))
    return (
        f"{len(stations)} station{'s' if len(stations) > 1 else ''}, {first if first == last else f'{first} to {last}'}"
    )


def _show(services: Services, report: PassReport, network: Network) -> None:
    counts = {
        "fetched": "hours_fetched",
        "inserted": "mongodb/inserted",
        "revised": "mongodb/revised",
        "unchanged": "mongodb/unchanged",
        "rejected": "hours_rejected",
    }
    table = Table(box=SIMPLE_HEAD)
    table.add_column("hours of")
    for title in counts:
        table.add_column(title, justify="right")
    for name, station in report.stations.items():
        cells = [str(station.counts[count]) for count in counts.values()]
        table.add_row(name, *cells, style="red" if station.faults else None)
    out.print(table)
    try:
        _show_newest(services, report, network)
    finally:
        _show_faults(report)


def _show_newest(services: Services, report: PassReport, network: Network) -> None:
    now = datetime.now(UTC)
    with services.open_database() as database:
        statuses = {name: station_status(database, network.station(name), now) for name in report.stations}
    for name, status in statuses.items():
        newest = "no hour is stored"
        if status.newest_hour:
            newest = f"newest hour {status.newest_hour:%Y-%m-%d %H:%M} UTC, {age(status.newest_hour, now)} ago"
        out.print(f"{name}: {newest}; daily means of {daily_means(status.newest_day)}")
    if any(status.is_simulated for status in statuses.values()):
        out.print(SIMULATED_NOTE)


def _show_faults(report: PassReport) -> None:
    context = click.get_current_context(silent=True)
    is_verbose = bool(context and context.find_root().params.get("verbose"))
    for part in report.parts:
        for trace in part.traces if is_verbose else ():
            err.print(escape(trace))
        for fault in part.faults:
            err.print(f"[red]failed:[/] {escape(fault)}")


def _show_next_steps(services: Services, network: Network) -> None:
    out.print(
        f"Stored in MongoDB at {services.mongodb}{' (embedded)' if services.is_embedded else ''}, database "
        f"{escape(services.database)}; local state in {escape(str(settings.home()))}."
    )
    dashboard = settings.dashboard_file(network.key_prefix)
    if dashboard.exists():
        out.print(f"Dashboard: {escape(dashboard.as_uri())}", soft_wrap=True)
    files = settings.open_data_folder(network.key_prefix)
    if files.exists():
        out.print(f"Files (CSV, Parquet): {escape(str(files))}", soft_wrap=True)
    out.print(
        "Next: [bold]make dev[/] opens the Dagster UI and runs the schedule; [bold].venv/bin/airquality --help[/] "
        "lists status, export and backfill; the README explains how to use the real API and your own MongoDB."
    )
