"""The hours around those that an asset has in hand: flags and running means look beyond a month."""

from datetime import datetime, timedelta

import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import HOURS_AFTER, HOURS_BEFORE, FlaggedHours, flag_hours


def with_surroundings(
    database: Database, station: Station, hourly: pd.DataFrame, start: datetime, end: datetime
) -> FlaggedHours:
    """Flag the hours of a period, given what is stored around it.

    It is read here and not as an input by a partition mapping, because an asset that depends on the months
    around its own is no longer materialized in one run with them.

    Args:
        database: of the readings.
        station: whose.
        hourly: the hours of the period.
        start, end: the period, tz-aware.
    """
    before = {"$gte": start - timedelta(hours=HOURS_BEFORE), "$lt": start}
    after = {"$gte": end, "$lt": end + timedelta(hours=HOURS_AFTER)}
    documents = list(database[station.raw_asset].find({"$or": [{"_id": before}, {"_id": after}]}))
    surrounding = pd.DataFrame(documents).rename(columns={"_id": TIMESTAMP})
    if len(surrounding):
        surrounding[TIMESTAMP] = pd.to_datetime(surrounding[TIMESTAMP], utc=True)
    period = {"$gte": start, "$lt": end}
    restated = database[f"{station.raw_asset}_revisions"].distinct("_id.document_id", {"_id.document_id": period})
    return flag_hours(hourly, surrounding=surrounding, restated=[pd.Timestamp(hour) for hour in restated])
