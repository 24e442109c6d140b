"""``airquality export``: write stored data to a file, or all of them to the folder of open data."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo.database import Database
from rich.markup import escape
from rich.progress import Progress

from airquality_dagster import settings
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import local_services
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.publishing.files.build import write_open_data
from airquality_dagster.publishing.files.stored import documents, stored_bytes
from airquality_dagster.publishing.files.tables import Table, comparison_table, days_table, hours_table
from airquality_dagster.publishing.files.writers import (
    Writer,
    write_csv,
    write_excel_csv,
    write_json,
    write_parquet,
)
from airquality_dagster.storage.files import replaced

_WRITERS: dict[str, Writer] = {"csv": write_csv, "parquet": write_parquet, "json": write_json}


def export(
    name: str | None, *, is_all: bool, is_raw: bool, kind: str | None, output: Path | None, for_excel: bool
) -> None:
    """Write one file of a station or pair, or the files of all stations.

    Args:
        name: name of the station, or of a pair: then its comparison is written.
        is_all: write the open data of the network instead.
        is_raw: write hours instead of days; not of a pair.
        kind: ``csv``, ``parquet`` or ``json``.
        output: file to write, or folder of the open data; by default that of the settings.
        for_excel: write CSV in a form that Excel recognizes.

    Raises:
        SettingsError: options contradict each other or are missing, there is no such station, the file cannot be
            written, or nothing is stored.
        OpenDataError: the folder cannot be written.
    """
    if is_all:
        if name or is_raw or kind or for_excel:
            raise SettingsError("--all writes all files of all stations: leave out station, --raw, --format, --excel")
        _export_all(output)
        return
    if name is None or kind is None or output is None:
        raise SettingsError("name a station or pair with --format and --output, or write all files with --all")
    if for_excel and kind != "csv":
        raise SettingsError(f"--excel is for --format csv, not {kind}: leave it out")
    network = load_network(settings.stations_file())
    is_pair = any(pair.name == name for pair in network.pairs)
    station = None if is_pair else network.station(name)
    with local_services(with_api=False) as services, services.open_database() as database:
        if station is None:
            asset = network.comparison_asset(network.pair(name))
            table, rows = comparison_table(_stored(database, asset)), "rows"
        elif is_raw:
            table, rows = _hours(database, station, network), "hours"
        else:
            table, rows = days_table(_stored(database, station.aggregates_asset), station, network), "days"
    _write(table, write_excel_csv if for_excel else _WRITERS[kind], output)
    err.print(f"{len(table.frame)} {rows} of {name} written to {output}")


def _export_all(output: Path | None) -> None:
    network = load_network(settings.stations_file())
    folder = output or settings.open_data_folder(network.key_prefix)
    with (
        local_services(with_api=False) as services,
        services.open_database() as database,
        Progress(console=err, transient=True) as progress,
    ):
        task = progress.add_task("stations", total=len(network.stations))
        files = write_open_data(
            database, network, folder, datetime.now(UTC), lambda station: progress.update(task, advance=1)
        )
    counts = f"{files.written} files written, {files.unchanged} unchanged, {files.removed} removed"
    out.print(f"{files.stations} stations, {files.size / 2**20:.1f} MiB, {counts}: {escape(str(folder))}")
    if files.is_simulated:
        out.print(SIMULATED_NOTE)


def _hours(database: Database[dict[str, Any]], station: Station, network: Network) -> Table:
    raw = _stored(database, station.raw_asset)
    quality = documents(stored_bytes(database, station.quality_asset, {}))
    return hours_table(raw, quality, station, network)


def _stored(database: Database[dict[str, Any]], asset: str) -> Any:
    stored = stored_bytes(database, asset, {})
    if not stored:
        raise SettingsError(f"{asset!r} was never stored in MongoDB: airquality run, or a run in the UI, makes it")
    return documents(stored)


def _write(table: Table, write: Writer, output: Path) -> None:
    try:
        with replaced(output) as unfinished, unfinished.open("wb") as file:
            write(table, file)
    except OSError as error:
        raise SettingsError(
            f"--output {output} cannot be written ({error.strerror or error}): name another file"
        ) from error
    if table.is_simulated:
        err.print(SIMULATED_NOTE)
