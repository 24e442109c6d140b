"""The stored days of neighbouring stations."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo.database import Database

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
