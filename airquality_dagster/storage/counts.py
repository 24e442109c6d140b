"""Numbers of stored documents."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database


def count_per_period(database: Database[dict[str, Any]], collection: str, boundaries: Sequence[datetime]) -> list[int]:
    """Count the documents of consecutive periods by their keys, in one query.

    Args:
        database: database of the collection.
        collection: a collection whose ``_id`` is a time.
        boundaries: start of each period, in order, and the end of the last one.

    Returns:
        one number per period.
    """
    # In UTC: Python calls no moment of an hour that a clock change repeats or skips equal to one of another zone.
    *starts, end = (boundary.astimezone(UTC) for boundary in boundaries)
    counted = database[collection].aggregate([
        {"$match": {"_id": {"$gte": starts[0], "$lt": end}}},
        {"$project": {"_id": True}},
        {"$bucket": {"groupBy": "$_id", "boundaries": [*starts, end], "output": {"count": {"$sum": 1}}}},
    ])  # fmt: skip
    counts = {bucket["_id"]: bucket["count"] for bucket in counted}
    return [counts.get(start, 0) for start in starts]
