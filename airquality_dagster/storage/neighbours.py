"""The stored days of neighbouring stations."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.pollutants import RULES_VERSION

VERSION = "version"
"""Field of a compared day: of what the comparison depends on beside the readings."""


def compared_dates(
    database: Database[dict[str, Any]], collection: str, versions: Mapping[tuple[str, str], str]
) -> dict[datetime, int]:
    """Return date (midnight UTC) → how many pairs have been compared by their present versions.

    Args:
        database: database of the network.
        collection: its compared days.
        versions: names of first and second station → version of the pair.
    """
    compared = database[collection].find({VERSION: {"$in": sorted(set(versions.values()))}}, {VERSION: True})
    return Counter(
        one["_id"]["date"]
        for one in compared
        if versions.get((one["_id"]["first"], one["_id"]["second"])) == one[VERSION]
    )


def first_hour(database: Database[dict[str, Any]], collection: str) -> datetime | None:
    """Return the start of the first stored hour of a station, None if no hour is stored."""
    first = database[collection].find_one({}, {"_id": True}, sort=[("_id", 1)])
    return first["_id"] if first else None


def neighbour_documents(
    database: Database[dict[str, Any]], collection: str, first: str, second: str, rules: int
) -> list[Mapping[str, Any]]:
    """Return the compared days of two stations, ordered by date.

    Args:
        database: database of the network.
        collection: its compared days.
        first, second: names, in the order of the stations file.
        rules: version of the rules.
    """
    query = {"_id.first": first, "_id.second": second, RULES_VERSION: rules}
    return [{**one, **one["_id"]} for one in database[collection].find(query, sort=[("_id.date", 1)])]
