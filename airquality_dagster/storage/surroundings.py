"""The stored hours around a period: flags and running means of a month also depend on hours outside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from dagster_mongodb import find_revisions
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP


@dataclass(frozen=True)
class Surroundings:
    """What is stored around a period.

    Args:
        hours: hours before and after the period, one row each, in any order; may be empty.
        restated: hours of the period that the source changed after they were final.
    """

    hours: pd.DataFrame
    restated: list[pd.Timestamp]


def surroundings(
    database: Database[dict[str, Any]], collection: str, start: datetime, end: datetime, *, before: int, after: int
) -> Surroundings:
    """Read the hours around a period, and which hours of the period were restated.

    This is not an input with a partition mapping: Dagster would no longer materialize an asset that depends on
    neighbouring months in one run with them.

    Args:
        database: database of the readings.
        collection: hours of a station.
        start, end: the period, tz-aware; ``start <= hour < end``.
        before, after: numbers of hours to read before and after it.
    """
    earlier = {"$gte": start - timedelta(hours=before), "$lt": start}
    later = {"$gte": end, "$lt": end + timedelta(hours=after)}
    documents = list(database[collection].find({"$or": [{"_id": earlier}, {"_id": later}]}))
    hours = pd.DataFrame(documents).rename(columns={"_id": TIMESTAMP})
    if len(hours):
        hours[TIMESTAMP] = pd.to_datetime(hours[TIMESTAMP], utc=True)
    revisions = find_revisions(database, collection, {"$gte": start, "$lt": end}, with_documents=False)
    restated = dict.fromkeys(pd.Timestamp(revision.document_id) for revision in revisions)
    return Surroundings(hours, list(restated))
