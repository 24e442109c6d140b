"""What forecasts and their scores are made of, read from MongoDB."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.forecast import FORECAST_FIELDS, LOSES_TO_PERSISTENCE
from airquality_dagster.readings.forecast_score import QUANTILES, made_in_time
from airquality_dagster.storage.forecasts import stored_forecasts
from airquality_dagster.storage.valid_hours import valid_hours

_HOUR = timedelta(hours=1)
_SCORED = [
    f"{field}_{method}_{name}" for field in FORECAST_FIELDS for method in ("model", "persistence") for name in QUANTILES
]
_WITHHELD = [f"{field}_withheld" for field in FORECAST_FIELDS]


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
        highest_valid_level=HIGHEST_VALID_LEVEL,
    )
    every_hour = pd.date_range(*(pd.Timestamp(one).tz_convert("UTC") for one in (since, until)), freq="h")
    return hours.set_index(TIMESTAMP).reindex(every_hour)


def forecasts_in_time(database: Database[dict[str, Any]], station: Station, since: datetime) -> pd.DataFrame:
    """Return the forecasts from an origin on that were made before their hour was over."""
    return made_in_time(stored_forecasts(database, station.forecast_asset, since, [*_SCORED, *_WITHHELD]))


def withheld_before(forecasts: pd.DataFrame, field: str, origin: datetime) -> frozenset[int]:
    """Return the hours ahead at which the model of a reading was withheld when the last forecast was made.

    Args:
        forecasts: stored ones (`forecasts_in_time`), in order of origin.
        field: the reading.
        origin: of the forecast that is made now.
    """
    former = forecasts[forecasts["origin"] < origin]
    last = former[former["origin"] == former["origin"].max()]
    return frozenset(last.loc[last[f"{field}_withheld"] == LOSES_TO_PERSISTENCE, "hours_ahead"])
