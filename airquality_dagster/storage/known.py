"""A station's hours as they were known in the past."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from dagster_mongodb import find_as_of, find_revisions
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP


def hours_as_of(database: Database[dict[str, Any]], collection: str, moment: datetime, *, before: int) -> pd.DataFrame:
    """Return the last hours up to a moment, in the versions that had arrived by then.

    `readings.flags.flags_as_of` flags them as they were flagged then. Hours that arrived later, and corrections of a
    later time, are not among them. So a history that was loaded at once was not known before it was loaded.

    Args:
        database: database of the readings.
        collection: hours of a station.
        moment: tz-aware.
        before: number of hours to read before it; flags need `readings.flags.HOURS_BEFORE`.

    Returns:
        one row per hour, ordered by ``timestamp``, in the layout of `hourly_frame`.
    """
    since = moment - timedelta(hours=before)
    documents = find_as_of(database, collection, moment, {"_id": {"$gte": since, "$lte": moment}})
    return _frame(documents)


def first_versions(database: Database[dict[str, Any]], collection: str, start: datetime, end: datetime) -> pd.DataFrame:
    """Return the hours of a period in the oldest versions that are kept: as they arrived, before any correction.

    Args:
        database: database of the readings.
        collection: hours of a station.
        start, end: ``start <= hour < end``, tz-aware.

    Returns:
        one row per hour, ordered by ``timestamp``, in the layout of `hourly_frame`.
    """
    period = {"$gte": start, "$lt": end}
    hours = {document["_id"]: document for document in database[collection].find({"_id": period})}
    for revision in find_revisions(database, collection, period):
        if revision.number == 1 and revision.document is not None:
            hours[revision.document_id] = dict(revision.document)
    return _frame(list(hours.values()))


def _frame(documents: list[dict[str, Any]]) -> pd.DataFrame:
    hours = pd.DataFrame(documents).rename(columns={"_id": TIMESTAMP})
    if hours.empty:
        return pd.DataFrame({TIMESTAMP: pd.DatetimeIndex([], tz="UTC")})
    return hours.assign(**{TIMESTAMP: pd.to_datetime(hours[TIMESTAMP], utc=True)}).sort_values(
        TIMESTAMP, ignore_index=True
    )
