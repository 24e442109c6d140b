"""``airquality status``: how the stored data stand."""

from datetime import UTC, datetime

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.checks.station import check_keys
from airquality_dagster.cli.reports import SHOWN, age, daily_means, station_status
from airquality_dagster.cli.terminal import SIMULATED_NOTE, out
from airquality_dagster.local.services import dagster_instance, local_services, stored_database
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Station, load_network

_HOURS_OF_30_DAYS = 720


def show_status() -> None:
    """Show a table of the stations."""
    network = load_network(settings.stations_file())
    now = datetime.now(UTC)
    table = Table("station", "newest hour (UTC)", "age", "last 24 h", "last 30 d", "last run", box=SIMPLE_HEAD)
    means, red = [], []
    is_simulated = False
    with local_services(with_api=False), stored_database() as database, dagster_instance() as instance:
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
                _last_run(instance, station, now),
            )
            valid = ", ".join(
                f"{BY_FIELD[field].label} {100 * status.valid_of_last_month[field] // _HOURS_OF_30_DAYS} %"
                for field in SHOWN
            )
            means.append(
                f"{station.name}: valid hours of 30 days: {valid}; daily means of {daily_means(status.newest_day)}"
            )
            red += _red_checks(instance, station)
    out.print(table)
    for line in means:
        out.print(line)
    for line in red:
        out.print(line)
    if is_simulated:
        out.print(SIMULATED_NOTE)


def _red_checks(instance: dg.DagsterInstance, station: Station) -> list[str]:
    """Return what the checks said that did not pass when they were last made."""
    lines = []
    for key in check_keys(station):
        record = instance.get_latest_asset_check_evaluation_record(key)
        found = record.event.asset_check_evaluation if record and record.event else None
        if found and not found.passed:
            kind = "[bold red]act[/]" if found.severity == dg.AssetCheckSeverity.ERROR else "[yellow]warning[/]"
            lines.append(f"{kind} {key.name}: {escape(found.description or '')}")
    return lines


def _last_run(instance: dg.DagsterInstance, station: Station, now: datetime) -> str:
    """Return state and age of the newest run that took the station's hours on."""
    key = dg.AssetKey(station.raw_asset)
    planned = instance.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, asset_key=key), limit=1
    )
    run = instance.get_run_by_id(planned[0].run_id) if planned else None
    if run is None:
        return "none known"
    moment = datetime.fromtimestamp(planned[0].timestamp, UTC)
    return f"{run.status.value.lower()}, {age(moment, now)} ago"
