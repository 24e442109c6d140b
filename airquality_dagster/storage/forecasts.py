"""Stored forecasts of a station, the models that make them, and their scores."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
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
    # Weeks are read at each tick: a list a document, with times as numbers, becomes columns in a fifth of the time.
    times = {"origin": "_id.origin", "target": "target", "made_at": "made_at"}
    values = {
        **{name: {"$toLong": f"${field}"} for name, field in times.items()},
        "hours_ahead": "$_id.hours_ahead",
        **{field: f"${field}" for field in fields},
    }
    # The index of `_id` has whole keys: an origin alone comes before all keys with it.
    found = database[collection].find(
        {"_id": {"$gte": {"origin": since}}}, {"_id": False, "values": list(values.values())}, sort=[("_id", 1)]
    )
    frame = pd.DataFrame.from_records([one["values"] for one in found], columns=list(values))
    return frame.assign(**{name: pd.to_datetime(frame[name].astype("int64"), unit="ms", utc=True) for name in times})


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
    newest = database[collection].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return forecasts_of(database, collection, newest["_id"]["origin"]) if newest else {}


def newest_score_date(database: Database[dict[str, Any]], collection: str) -> datetime | None:
    """Return the newest date of the scores of a station, None if there are none."""
    newest = database[collection].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"]["date"] if newest else None


def newest_score_rows(database: Database[dict[str, Any]], collection: str) -> dict[int, Mapping[str, Any]]:
    """Return hours ahead → the scores of a station of the newest date.

    Args:
        database: database of the station.
        collection: its scores.
    """
    date = newest_score_date(database, collection)
    return {one["_id"]["hours_ahead"]: one for one in database[collection].find({"_id": {"$gte": {"date": date}}})}
