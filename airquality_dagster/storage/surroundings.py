"""The stored hours around a period: flags and running means look beyond a month."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from dagster_mongodb import find_revisions
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP


@dataclass(frozen=True)
class Surroundings:
    """What is stored around the hours of a period.

    Args:
        hours: those before and after the period, a row each, in any order; empty where there are none.
        restated: hours of the period that the source changed after they were final.
    """

    hours: pd.DataFrame
    restated: list[pd.Timestamp]


def surroundings(
    database: Database[dict[str, Any]], collection: str, start: datetime, end: datetime, *, before: int, after: int
) -> Surroundings:
    """Read what is stored around a period.

    It is read here and not as an input by a partition mapping, because an asset that depends on the months
    around its own is no longer materialized in one run with them.

    Args:
        database: of the readings.
        collection: of the hours of a station.
        start, end: the period, tz-aware; ``start <= hour < end``.
        before, after: how many hours around it.
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
