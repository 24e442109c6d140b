"""Stored forecasts of a station, the models that make them, and their scores."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.database import Database


def newest_full_hour(database: Database[dict[str, Any]], raw: str, now: datetime) -> datetime | None:
    """Return the start of the newest stored hour that is over, None if there is none: the origin of a forecast.

    Args:
        database: database of the station.
        raw: its hourly readings.
        now: the present moment, tz-aware.
    """
    newest = database[raw].find_one({"_id": {"$lte": now - timedelta(hours=1)}}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"] if newest else None


def stored_models(
    database: Database[dict[str, Any]], collection: str, fields: Sequence[str] = ()
) -> list[Mapping[str, Any]]:
    """Return the documents of the models of a station, one a pollutant.

    Args:
        database: database of the station.
        collection: its models.
        fields: to read besides ``field``; empty: all.
    """
    found = database[collection].find({}, dict.fromkeys(fields, True) or None, sort=[("_id", 1)])
    return [{**one, "field": one["_id"]} for one in found]


def stored_forecasts(
    database: Database[dict[str, Any]], collection: str, since: datetime, fields: Sequence[str]
) -> pd.DataFrame:
    """Return the forecasts from an origin on, in order of origin and hour ahead.

    Args:
        database: database of the station.
        collection: its forecasts.
        since: the first origin, tz-aware.
        fields: to read, besides ``origin``, ``hours_ahead``, ``target`` and ``made_at``.
    """
    # Weeks are read at each tick: dates of Python take three times as long to become columns as milliseconds.
    in_milliseconds = CodecOptions(tz_aware=True, tzinfo=UTC, datetime_conversion=DatetimeConversion.DATETIME_MS)
    times = ("target", "made_at")
    # The index of `_id` has whole keys: an origin alone comes before all keys with it.
    documents = database[collection].with_options(codec_options=in_milliseconds)
    found = documents.find(
        {"_id": {"$gte": {"origin": since}}}, dict.fromkeys((*times, *fields), True), sort=[("_id", 1)]
    )
    rows = [[*one["_id"].values(), *map(one.get, (*times, *fields))] for one in found]
    frame = pd.DataFrame.from_records(rows, columns=["origin", "hours_ahead", *times, *fields])
    return frame.assign(**{name: _moments(frame[name]) for name in ("origin", *times)})


def _moments(milliseconds: pd.Series) -> pd.DatetimeIndex:
    return pd.to_datetime(np.fromiter(map(int, milliseconds), "int64", len(milliseconds)), unit="ms", utc=True)


def forecasts_of(database: Database[dict[str, Any]], collection: str, origin: datetime) -> dict[int, Mapping[str, Any]]:
    """Return hours ahead → the stored forecast of an origin.

    Args:
        database: database of the station.
        collection: its forecasts.
        origin: tz-aware.
    """
    of_origin = {"_id": {"$gte": {"origin": origin}, "$lt": {"origin": origin + timedelta(hours=1)}}}
    return {one["_id"]["hours_ahead"]: one for one in database[collection].find(of_origin)}


def newest_forecasts(database: Database[dict[str, Any]], collection: str) -> dict[int, Mapping[str, Any]]:
    """Return hours ahead → the stored forecast of the newest origin.

    Args:
        database: database of the station.
        collection: its forecasts.
    """
    origin = newest_origin(database, collection)
    return forecasts_of(database, collection, origin) if origin else {}


def newest_origin(database: Database[dict[str, Any]], collection: str) -> datetime | None:
    """Return the newest origin of the forecasts of a station, None if there are none."""
    newest = database[collection].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"]["origin"] if newest else None


def newest_score_date(database: Database[dict[str, Any]], collection: str) -> datetime | None:
    """Return the newest date of the scores of a station, None if there are none."""
    newest = database[collection].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"]["date"] if newest else None


def newest_scores(
    database: Database[dict[str, Any]], collection: str, fields: Sequence[str] = ()
) -> dict[int, Mapping[str, Any]]:
    """Return hours ahead → the scores of a station of the newest date.

    Args:
        database: database of the station.
        collection: its scores.
        fields: to read; empty: all.
    """
    date = newest_score_date(database, collection)
    of_date = database[collection].find({"_id": {"$gte": {"date": date}}}, dict.fromkeys(fields, True) or None)
    return {one["_id"]["hours_ahead"]: one for one in of_date}
