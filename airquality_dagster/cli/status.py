"""``airquality status``: a summary of the stored data of each station."""

from datetime import UTC, datetime

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.automation.instance import failed_checks, last_runs
from airquality_dagster.cli.reports import (
    age,
    daily_means,
    forecast_text,
    index_text,
    left_out_text,
    station_status,
)
from airquality_dagster.cli.terminal import SIMULATED_NOTE, out
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.network.pollutants import HEADLINES
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.dashboard.places import stays

_HOURS_OF_30_DAYS = 720


def show_status() -> None:
    """Print a table of the stations, their indices now, forecasts, valid hours and daily means, and failed checks."""
    network = load_network(settings.stations_file())
    now = datetime.now(UTC)
    table = Table("station", "newest hour (UTC)", "age", "last 24 h", "last 30 d", "last run", box=SIMPLE_HEAD)
    lines = []
    is_simulated = False
    with (
        local_services(with_api=False) as services,
        services.open_database() as database,
        dagster_instance(services.instance_folder) as instance,
    ):
        runs = last_runs(instance, network)
        for station in network.stations:
            status = station_status(database, station, now)
            is_simulated |= status.is_simulated
            newest = status.newest_hour
            table.add_row(
                station.name,
                f"{newest:%Y-%m-%d %H:%M}" if newest else "none",
                age(newest, now) if newest else "–",
                f"{status.hours_of_last_day}/24",
                f"{status.hours_of_last_month}/{_HOURS_OF_30_DAYS}",
                _described(runs.get(station.name), now),
            )
            stay = next(reversed(stays(station, now, network.time_zone)), None)
            if stay is not None and not stay.is_on_site:
                where = f"not at its place since {stay.start:%Y-%m-%d %H:%M} UTC: {escape(stay.description)}"
                lines.append(f"{station.name}: [yellow]{where}[/]; no index")
            else:
                lines.append(f"{station.name}: {index_text(status.index)}{left_out_text(status.left_out)}")
            lines.append(f"{station.name}: {forecast_text(status.forecast, status.score, now)}")
            valid = ", ".join(
                f"{parameter.label} {100 * status.valid_of_last_month[parameter.field] // _HOURS_OF_30_DAYS} %"
                for parameter in HEADLINES
            )
            lines.append(
                f"{station.name}: valid hours of 30 days: {valid}; daily means of {daily_means(status.newest_day)}"
            )
        for check in failed_checks(instance, network):
            kind = "[bold red]act[/]" if check.must_act else "[yellow]warning[/]"
            lines.append(f"{kind} {check.key.name}: {escape(check.evaluation.description or '')}")
    out.print(table)
    for line in lines:
        out.print(line)
    if is_simulated:
        out.print(SIMULATED_NOTE)


def _described(record: dg.RunRecord | None, now: datetime) -> str:
    """Format the status and age of a run."""
    if record is None:
        return "no run"
    return f"{record.dagster_run.status.value.lower()}, {age(record.create_timestamp.replace(tzinfo=UTC), now)} ago"
