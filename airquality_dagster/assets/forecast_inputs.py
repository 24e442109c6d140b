"""What the assets of a station's forecasts share: options, and what they are made of, read from MongoDB."""

from datetime import datetime, timedelta
from typing import Any, TypedDict

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD, VERSION
from airquality_dagster.readings.forecast_score import QUANTILES, is_in_time
from airquality_dagster.storage.forecasts import stored_forecasts
from airquality_dagster.storage.valid_hours import valid_hours

_HOUR = timedelta(hours=1)
_SCORED = [
    f"{field}_{method}_{name}" for field in FORECAST_FIELDS for method in ("model", "persistence") for name in QUANTILES
]
_WITHHELD = [f"{field}_withheld" for field in FORECAST_FIELDS]


class AssetOptions(TypedDict):
    """Options of ``@dg.asset``."""

    group_name: str
    kinds: set[str]
    owners: list[str]
    tags: dict[str, str]
    io_manager_key: str
    required_resource_keys: set[str]
    code_version: str


def asset_options(station: Station, network: Network, owner: str) -> AssetOptions:
    """Return the options that the forecasts of a station, their models and their scores share."""
    return {
        "group_name": "forecast",
        "kinds": {"numpy", "mongodb"},
        "owners": [owner],
        "tags": {"station": station.name},
        "io_manager_key": network.named("io_manager"),
        "required_resource_keys": {network.named("mongodb")},
        "code_version": str(VERSION),
    }


def valid_readings(
    database: Database[dict[str, Any]], station: Station, start: datetime, end: datetime
) -> pd.DataFrame:
    """Return the valid readings that are forecast, of every hour of a period, as they are flagged now; NaN elsewhere.

    Args:
        database: database of the station.
        station: the station.
        start, end: ``start <= hour < end``, tz-aware.
    """
    hours = valid_hours(
        database,
        station.raw_asset,
        station.quality_asset,
        start,
        end,
        fields=FORECAST_FIELDS,
        highest_valid_level=HIGHEST_VALID_LEVEL,
    )
    first, after = (pd.Timestamp(one).tz_convert("UTC") for one in (start, end))
    every_hour = pd.date_range(first, after, freq="h", inclusive="left")
    return hours.set_index(TIMESTAMP).reindex(every_hour)


def past_forecasts(database: Database[dict[str, Any]], station: Station, since: datetime) -> pd.DataFrame:
    """Return the stored forecasts of the hours since a moment, in order of origin.

    Args:
        database: database of the station.
        station: the station.
        since: first target, tz-aware; forecasts of some hours before are among them.

    Returns:
        one row an origin and hour ahead; p10, p50 and p90 by model and persistence are NaN where the forecast was made
        when its hour was over, as for a station that is silent: that is no forecast, and not scored.
    """
    first = since - max(HOURS_AHEAD) * _HOUR
    made = stored_forecasts(database, station.forecast_asset, first, [*_SCORED, *_WITHHELD])
    made[_SCORED] = made[_SCORED].where(is_in_time(made))
    return made
