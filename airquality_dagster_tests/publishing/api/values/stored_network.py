"""A network's stored hours, days and periods, as its assets leave them in MongoDB."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import DATE, PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import PERIOD, START, period_summaries


def store_station(database: Database[Any], network: Network, station: Station, hourly: pd.DataFrame) -> None:
    """Judge hours in the layout of `hourly_frame`, and store them with their flags, days, months and years."""
    newest = hourly[TIMESTAMP].max() if len(hourly) else None
    flagged = flag_hours(hourly, siting=station.siting(network.time_zone), newest=newest)
    daily = daily_aggregates(flagged, network.time_zone)
    _insert(database, station.raw_asset, hourly, TIMESTAMP)
    _insert(database, station.quality_asset, hourly_quality(flagged), TIMESTAMP)
    _insert(database, station.aggregates_asset, daily, DATE)
    _insert(database, station.summaries_asset, period_summaries(daily, network.time_zone), PERIOD, START)


def _insert(database: Database[Any], collection: str, frame: pd.DataFrame, *key: str) -> None:
    documents = [_document(row, key) for row in frame.astype(object).where(frame.notna(), None).to_dict("records")]
    if documents:
        database[collection].insert_many(documents)


def _document(row: Mapping[Any, Any], key: Iterable[str]) -> dict[str, Any]:
    """Return a row with its key; of flags and marks, absence says no."""
    parts = {name: _plain(row[name]) for name in key}
    fields = {
        name: value
        for name, value in row.items()
        if name not in parts and not (value is None and (name.endswith("_flags") or name in (SIMULATED, PROVISIONAL)))
    }
    return {"_id": parts if len(parts) > 1 else next(iter(parts.values())), **fields}


def _plain(value: Any) -> Any:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
