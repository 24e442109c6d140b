"""Stored hours of a station to forecast, as its raw and quality assets leave them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.forecast import forecast_station
from airquality_dagster.assets.forecast_model import fitted_models
from airquality_dagster.network.stations import Station
from airquality_dagster_tests.builders import row
from airquality_dagster_tests.readings.forecast_series import history

DAYS = 63
FITTED = datetime(2023, 3, 1, tzinfo=UTC)
"""When the models in use at the end of this history were fitted."""
NOW = datetime(2023, 3, 5, 0, 5, tzinfo=UTC)
"""Five minutes after its end."""
ORIGIN = datetime(2023, 3, 4, 23, tzinfo=UTC)
"""Its last hour."""


def store(database: Database[Any], station: Station, hours: pd.DataFrame) -> None:
    """Store hours, all valid, in the layout of `history`."""
    rows = hours.set_index("timestamp")[["pm2_5", "pm10"]].to_dict("index")
    database[station.raw_asset].insert_many({"_id": hour.to_pydatetime(), **row} for hour, row in rows.items())
    database[station.quality_asset].insert_many(
        {"_id": hour.to_pydatetime(), "pm2_5_qc": 1, "pm10_qc": 1} for hour in rows
    )


def stored_history(database: Database[Any], station: Station, days: int = DAYS, seed: int = 0) -> pd.DataFrame:
    """Store the last days of a history that ends at `ORIGIN`, all valid, and return them."""
    hours = history(DAYS, seed).tail(24 * days)
    store(database, station, hours)
    return hours


def fit(database: Database[Any], station: Station, now: datetime = NOW) -> None:
    """Store the models that are in use at a moment."""
    for one in fitted_models(database, station, now):
        document = one.to_document()
        database[station.forecast_model_asset].replace_one({"_id": document.pop("field")}, document, upsert=True)


def forecast_at(database: Database[Any], station: Station, now: datetime) -> list[dict[str, Any]]:
    """Forecast at a moment, store the documents as the asset does, and return them."""
    documents: dict[int, dict[str, Any]] = {}
    for one in forecast_station(database, station, now):
        document = documents.setdefault(
            one.hours_ahead,
            {
                "_id": {"origin": one.origin.to_pydatetime(), "hours_ahead": one.hours_ahead},
                "target": one.target.to_pydatetime(),
                "made_at": now,
            },
        )
        document |= one.document
    for document in documents.values():
        database[station.forecast_asset].replace_one({"_id": document["_id"]}, document, upsert=True)
    return list(documents.values())


def answer_rows(hours: pd.DataFrame) -> Sequence[dict[str, Any]]:
    """Return the hours as the API sends them."""
    return [
        row(f"{one.timestamp:%Y-%m-%d %H:%M:%S}", **{"PM2.5": one.pm2_5, "PM10": one.pm10})
        for one in hours.itertuples()
    ]


def tick_after(origin: datetime) -> datetime:
    """Return five minutes after an hour is over: when the hourly job forecasts from it."""
    return origin + timedelta(hours=1, minutes=5)
