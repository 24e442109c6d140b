"""What forecasts and their scores are made of, read from MongoDB."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.forecast import LOSES_TO_PERSISTENCE
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD
from airquality_dagster.readings.forecast_score import QUANTILES, is_in_time
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


def withheld_before(forecasts: pd.DataFrame, field: str, origin: datetime) -> frozenset[int]:
    """Return the hours ahead at which the model of a reading was withheld before a forecast is made.

    Where nothing was forecast for another reason, as after hours without valid readings, what was before still holds.

    Args:
        forecasts: stored ones (`past_forecasts`).
        field: the reading.
        origin: of the forecast that is made now.
    """
    why = forecasts[f"{field}_withheld"]
    judged = forecasts[(forecasts["origin"] < origin) & (why.isna() | (why == LOSES_TO_PERSISTENCE))]
    last = dict(zip(judged["hours_ahead"], judged[f"{field}_withheld"], strict=True))  # later ones replace former ones
    return frozenset(hours_ahead for hours_ahead, reason in last.items() if reason == LOSES_TO_PERSISTENCE)
