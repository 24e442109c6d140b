"""Queries of a station's stored hours."""

from datetime import datetime
from typing import Any

from dagster_mongodb import revisions_collection
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED


def newest_hour(database: Database[dict[str, Any]], collection: str) -> datetime | None:
    """Return the start of the newest stored hour, None if no hour is stored."""
    newest = database[collection].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"] if newest else None


def stored_hours(database: Database[dict[str, Any]], collection: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the starts of the stored hours with ``start <= hour < end``, in order."""
    hours = database[collection].find({"_id": {"$gte": start, "$lt": end}}, {"_id": True}, sort=[("_id", 1)])
    return [hour["_id"] for hour in hours]


def measured_hour(
    database: Database[dict[str, Any]], collection: str, start: datetime, end: datetime
) -> datetime | None:
    """Return a stored hour with ``start <= hour <= end`` that is not simulated, None if there is none."""
    measured = database[collection].find_one({"_id": {"$gte": start, "$lte": end}, SIMULATED: {"$exists": False}})
    return measured["_id"] if measured else None


def replaced_since(
    database: Database[dict[str, Any]], collection: str, since: datetime, *, outside: tuple[datetime, datetime]
) -> list[datetime]:
    """Return when final versions of hours were replaced, after a moment and outside a period."""
    start, end = outside
    query = {
        "valid_until": {"$gt": since},
        "$or": [{"_id.document_id": {"$lt": start}}, {"_id.document_id": {"$gte": end}}],
    }
    found = database[revisions_collection(collection)].find(query, {"valid_until": True})
    return [revision["valid_until"] for revision in found]
