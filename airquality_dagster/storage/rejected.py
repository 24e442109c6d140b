"""``raw_<station>_rejected``: rows and values of answers that could not be stored as readings. None is lost."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import bson
from bson.errors import BSONError
from pymongo import UpdateOne
from pymongo.collection import Collection

from airquality_dagster.airqino.answer import RejectedRow
from airquality_dagster.airqino.rows import SetAsideValue
from airquality_dagster.airqino.shown import shown

# MongoDB nests 100 levels and holds 16 MB in a document. Deeper or longer content is kept as text, the text up to this.
_MOST_LEVELS = 50
_MOST_CHARACTERS = 4_000_000
# Of one sensor and month. A sensor that sends other texts with each answer must not fill the disk.
_MOST_VALUES = 2000

Documents = Collection[dict[str, Any]]


def rejected_collection(collection: str) -> str:
    """Return the name of the collection that keeps the rejected rows and values of a collection."""
    return f"{collection}_rejected"


def keep_rejected(collection: Documents, rows: Iterable[RejectedRow], run_id: str, now: datetime) -> None:
    """Store rejected rows; a row is stored once however often the API sends it.

    Args:
        collection: gets one document per row: ``row`` (as JSON text if BSON cannot hold it), ``reason``,
            ``run_id`` and ``rejected_at`` of the first rejection; ``_id`` is a hash of the row.
        rows: the rejected rows.
        run_id, now: run and time of the rejection.
    """
    writes = []
    for rejected in rows:
        text = _json(rejected.row)
        content = {"row": _as_bson(rejected.row, text), "reason": rejected.reason, **_when(run_id, now)}
        writes.append(UpdateOne({"_id": _hash(text)}, {"$setOnInsert": content}, upsert=True))
    if writes:
        collection.bulk_write(writes, ordered=False)


def keep_set_aside(collection: Documents, values: Iterable[SetAsideValue], run_id: str, now: datetime) -> None:
    """Store values that are not numbers; equal values of a sensor and month are one document.

    Args:
        collection: gets ``sensor`` (its name in the API), ``field``, ``value`` (as JSON text if BSON cannot hold it),
            ``month`` (UTC), ``hours`` (that had the value), ``reason``, and ``run_id`` and ``rejected_at`` of the
            first time; ``_id`` is a hash of sensor, month and value. Of a sensor with more than `_MOST_VALUES`
            different values in a month, one document without ``value`` has the hours of the others.
        values: the values.
        run_id, now: run and time.
    """
    months: dict[tuple[str, str], dict[str, list[SetAsideValue]]] = {}
    for value in values:
        by_text = months.setdefault((value.sensor, f"{value.hour:%Y-%m}"), {})
        by_text.setdefault(_json(value.value), []).append(value)
    writes = [
        UpdateOne({"_id": identity}, {**_hours(equal), "$setOnInsert": {**content, **_when(run_id, now)}}, upsert=True)
        for (sensor, month), by_text in months.items()
        for identity, (content, equal) in _documents(collection, sensor, month, by_text).items()
    ]
    if writes:
        collection.bulk_write(writes, ordered=False)


def _documents(
    collection: Documents, sensor: str, month: str, by_text: Mapping[str, list[SetAsideValue]]
) -> dict[str, tuple[dict[str, Any], list[SetAsideValue]]]:
    """Return the documents of a sensor and month: ``_id`` → content and values."""
    first = next(iter(by_text.values()))[0]
    shared = {"sensor": _as_bson(sensor, _json(sensor)), "field": first.field, "month": month}
    # A dead sensor has one value: nothing to count.
    known = set()
    if len(by_text) > 1:
        known = {found["_id"] for found in collection.find({"field": first.field, "month": month}, {"_id": True})}
    documents: dict[str, tuple[dict[str, Any], list[SetAsideValue]]] = {}
    others: list[SetAsideValue] = []
    for text, equal in by_text.items():
        identity = _hash(_json([sensor, month, text]))
        if identity in known or len(known) < _MOST_VALUES:
            known.add(identity)
            content = {**shared, "value": _as_bson(equal[0].value, text), "reason": equal[0].reason}
            documents[identity] = content, equal
        else:
            others += equal
    if others:
        reason = f"more than {_MOST_VALUES} different values; {others[0].reason}"
        documents[_hash(_json([sensor, month]))] = {**shared, "reason": reason}, others
    return documents


def _hours(values: Iterable[SetAsideValue]) -> dict[str, Any]:
    return {"$addToSet": {"hours": {"$each": sorted({value.hour for value in values})}}}


def _when(run_id: str, now: datetime) -> dict[str, Any]:
    return {"run_id": run_id, "rejected_at": now}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(content: Any) -> str:
    """Return JSON text (ASCII); of what Python cannot encode, a short text."""
    try:
        return json.dumps(content, sort_keys=True)[:_MOST_CHARACTERS]
    except (RecursionError, TypeError, ValueError):
        return json.dumps(shown(content))


def _as_bson(content: Any, text: str) -> Any:
    """Return content as it is, or its text if MongoDB does not take it."""
    # An update refuses field names that begin with a dollar, at any depth.
    if '"$' in text or len(text) >= _MOST_CHARACTERS or _levels(content) > _MOST_LEVELS:
        return text
    try:
        bson.encode({"content": content})
    except (BSONError, OverflowError, ValueError):
        return text
    return content


def _levels(content: Any) -> int:
    """Return how deep content is nested, at most one level more than `_MOST_LEVELS`."""
    inner, levels = [content], 0
    while levels <= _MOST_LEVELS:
        inner = [
            value
            for outer in inner
            if isinstance(outer, (dict, list, tuple))
            for value in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not inner:
            break
        levels += 1
    return levels
