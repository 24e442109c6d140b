"""What forecasts and their scores are made of, read from MongoDB."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import VALID_LEVELS
from airquality_dagster.readings.forecast import FORECAST_FIELDS
from airquality_dagster.readings.forecast_score import QUANTILES
from airquality_dagster.storage.forecasts import stored_forecasts
from airquality_dagster.storage.valid_hours import valid_hours

_HOUR = timedelta(hours=1)
_SCORED = [
    f"{field}_{method}_{name}" for field in FORECAST_FIELDS for method in ("model", "persistence") for name in QUANTILES
]


def valid_until(database: Database[dict[str, Any]], station: Station, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the valid readings that are forecast, of every hour of a period, as they are flagged now; NaN elsewhere.

    Args:
        database: database of the station.
        station: the station.
        since, until: first and last hour, tz-aware.
    """
    hours = valid_hours(
        database,
        station.raw_asset,
        station.quality_asset,
        since,
        until + _HOUR,
        fields=FORECAST_FIELDS,
        valid_levels=VALID_LEVELS,
    )
    every_hour = pd.date_range(*(pd.Timestamp(one).tz_convert("UTC") for one in (since, until)), freq="h")
    return hours.set_index(TIMESTAMP).reindex(every_hour)


def forecasts_in_time(database: Database[dict[str, Any]], station: Station, since: datetime) -> pd.DataFrame:
    """Return the forecasts from an origin on that were made before their hour was over.

    A forecast that was made later, as for the newest hour of a station that is silent, is no forecast.
    """
    made = stored_forecasts(database, station.forecast_asset, since, _SCORED)
    return made[made["made_at"] < made["target"] + _HOUR]
