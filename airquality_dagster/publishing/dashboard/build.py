"""Draws the dashboard: from MongoDB to one HTML file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo.database import Database

from airquality_dagster.errors import DashboardError
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.dashboard.content import network_content, station_content
from airquality_dagster.publishing.dashboard.page import page_html
from airquality_dagster.publishing.dashboard.pairs import pair_content
from airquality_dagster.publishing.dashboard.stored import pair_rows, station_record
from airquality_dagster.storage.files import replaced


@dataclass(frozen=True)
class BuiltDashboard:
    """The page that was written.

    Args:
        path: the file.
        size: of it, bytes.
        stations: how many it shows.
        days: station days with at least one hour.
        newest_hour: start of the newest hour of any station, None without any.
        is_simulated: whether any station's readings are.
    """

    path: Path
    size: int
    stations: int
    days: int
    newest_hour: datetime | None
    is_simulated: bool


def build_dashboard(
    database: Database[dict[str, Any]],
    network: Network,
    path: Path,
    now: datetime,
    on_station: Callable[[Station], None] = lambda station: None,
) -> BuiltDashboard:
    """Draw the page of what is stored. A reader gets the former page or the new one, never half of one.

    Args:
        database: of the readings.
        network: the stations to show.
        path: the file; its folder is made if it is missing.
        now: the present moment, tz-aware.
        on_station: called after each station.

    Raises:
        DashboardError: the file cannot be written; the former one stays.
    """
    stations, days, newest = [], 0, None
    for station in network.stations:
        # One at a time: of each, only what the page shows stays in memory.
        record = station_record(database, station, now)
        stations.append(station_content(record, network.time_zone, now))
        days += len(record.days)
        if record.newest_hour is not None:
            newest = max(filter(None, (newest, record.newest_hour)))
        on_station(station)
    pairs = [
        pair_content(pair, pair_rows(database, network.comparison_asset(pair)), network.time_zone)
        for pair in network.pairs
    ]
    shown = {"stations": stations, "pairs": [pair for pair in pairs if pair is not None]}
    page = page_html({**network_content(network, now), **shown}).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as unfinished:
            unfinished.write_bytes(page)
    except OSError as error:
        raise DashboardError(
            f"the dashboard {path} cannot be written ({error.strerror or error}): make room, or set "
            "AIRQUALITY_DASHBOARD_DIR to a folder that can be written; the former page stays"
        ) from error
    is_simulated = any(station["is_simulated"] for station in stations)
    return BuiltDashboard(path, len(page), len(stations), days, newest, is_simulated)
