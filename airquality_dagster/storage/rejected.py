"""``raw_<station>_rejected``: rows of answers that could not be stored as readings. No received row is lost."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import bson
from bson.errors import BSONError
from pymongo import UpdateOne
from pymongo.collection import Collection

from airquality_dagster.airqino.answer import RejectedRow


def rejected_collection(collection: str) -> str:
    """Return the name of the collection that keeps the rejected rows of a collection."""
    return f"{collection}_rejected"


def keep_rejected(
    collection: Collection[dict[str, Any]], rows: Sequence[RejectedRow], run_id: str, now: datetime
) -> None:
    """Store rejected rows; a row is stored once however often the API sends it.

    Args:
        collection: gets one document per row: ``row`` (as JSON text if BSON cannot hold it), ``reason``,
            ``run_id`` and ``rejected_at`` of the first rejection; ``_id`` is a hash of the row.
        rows: the rejected rows.
        run_id, now: run and time of the rejection.
    """
    writes = []
    for rejected in rows:
        text = json.dumps(rejected.row, sort_keys=True)
        content = {
            "row": _as_bson(rejected.row, text),
            "reason": rejected.reason,
            "run_id": run_id,
            "rejected_at": now,
        }
        row_id = hashlib.sha256(text.encode()).hexdigest()
        writes.append(UpdateOne({"_id": row_id}, {"$setOnInsert": content}, upsert=True))
    if writes:
        collection.bulk_write(writes, ordered=False)


def _as_bson(row: Any, text: str) -> Any:
    # An update refuses field names that begin with a dollar, at any depth.
    if '"$' in text:
        return text
    try:
        bson.encode({"row": row})
    except (BSONError, OverflowError, ValueError):
        return text
    return row
