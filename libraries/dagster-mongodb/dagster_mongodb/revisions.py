"""Former versions of documents, and the state of a collection at a moment of the past.

``<collection>_revisions``: one document for each superseded version. ``_id`` = (``document_id``, ``revision``:
1, 2, …), ``document`` (the former version), ``valid_until``, ``kind`` (``revised`` or ``deleted``),
``run_id``, ``partition``.

``<collection>_insertions``: one document for each batch of first versions. ``document_ids``,
``valid_from``, ``run_id``, ``partition``.
"""

import uuid
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson import Decimal128, ObjectId
from pymongo.database import Database

from dagster_mongodb.errors import OptionsError, UnreadableError
from dagster_mongodb.values import ID, READING
from dagster_mongodb.writing.keys import key_of

REVISIONS = "_revisions"
INSERTIONS = "_insertions"
# The fields of a revision besides the former version; both must fit into one document.
REVISION_BYTES = 4096

_AWARE_DATES: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(tz_aware=True)


@dataclass(frozen=True)
class Revision:
    """A former version of a document.

    Args:
        document_id: the ``_id`` of the document.
        number: 1 for the first version that was superseded, then 2, …
        document: the former version, with its ``_id``; None if it was not read.
        valid_until: when it was replaced or deleted; tz-aware.
        kind: ``revised`` or ``deleted``.
        run_id: of the run that replaced or deleted it.
        partition: that this run wrote; None for an asset without partitions.
    """

    document_id: Any
    number: int
    document: Mapping[str, Any] | None
    valid_until: datetime
    kind: str
    run_id: str
    partition: str | None


def revisions_collection(collection: str) -> str:
    """Return the name of the collection that keeps the former versions of a collection's documents.

    >>> revisions_collection("readings")
    'readings_revisions'
    """
    return collection + REVISIONS


def find_revisions(
    database: Database[Any],
    collection: str,
    document_ids: Mapping[str, Any] | None = None,
    *,
    with_documents: bool = True,
) -> Iterator[Revision]:
    """Return the former versions of the documents of a collection, in the order of key and number.

    Args:
        database: of the collection.
        collection: its name.
        document_ids: a condition on the ``_id`` of the documents, in MongoDB's query language; None: all.
        with_documents: false: the server does not send the former versions, and `Revision.document` is None.

    Raises:
        UnreadableError: a document of the collection of revisions is not one.

    Example:
        .. code-block:: python

            day = {"$gte": start, "$lt": start + timedelta(days=1)}
            [revision.valid_until for revision in find_revisions(database, "readings", day)]
    """
    found = database.get_collection(revisions_collection(collection), codec_options=_AWARE_DATES).find(
        {} if document_ids is None else {f"{ID}.document_id": document_ids},
        None if with_documents else {"document": False},
        # The key is (document_id, revision) in this order.
        sort=[(ID, 1)],
        allow_disk_use=True,
    )
    for revision in found:
        try:
            yield Revision(
                document_id=revision[ID]["document_id"],
                number=revision[ID]["revision"],
                document=revision.get("document"),
                valid_until=revision["valid_until"],
                kind=revision["kind"],
                run_id=revision["run_id"],
                partition=revision["partition"],
            )
        except (KeyError, TypeError) as error:
            raise UnreadableError(
                f"{revisions_collection(collection)} has a document that is not a revision, _id {revision[ID]!r} "
                f"({error!r}): move it elsewhere"
            ) from error


def find_as_of(
    database: Database[Any], collection: str, moment: datetime, query: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the documents of a collection as they were known at a moment.

    Needs an asset with `keep_revisions`. Documents that were written before that option was set count as
    always known. A version that was provisional at that moment is left out, unless it is still current.

    Args:
        database: of the collection.
        collection: its name.
        moment: tz-aware.
        query: a filter that the documents satisfied then; fields with operators, ``$and``, ``$or``, ``$nor``.

    Returns:
        Documents in the order of their keys.

    Raises:
        OptionsError: the moment has no time zone, or the query has another operator at its top.

    Example:
        .. code-block:: python

            find_as_of(client["weather"], "readings", datetime(2024, 6, 1, tzinfo=timezone.utc), {"station": "a"})
    """
    if moment.tzinfo is None:
        raise OptionsError(
            f"the moment {moment.isoformat()} has no time zone: add one, as in {moment.isoformat()}+00:00"
        )
    # In this order, a document that another writer replaces meanwhile is found here or among the revisions.
    current = list(database[collection].find(query or {}))
    since = {"$match": {"valid_until": {"$gt": moment}}}
    first = [
        since,
        {"$sort": {f"{ID}.revision": 1}},
        {"$group": {ID: f"${ID}.document_id", "first": {"$first": "$$ROOT"}}},
    ]
    revisions = database[collection + REVISIONS]
    matching = {"$match": _prefixed(query or {}, "first.document.")}
    candidates = list(revisions.aggregate([*first, matching], allowDiskUse=True))
    superseded = {_key(entry) for entry in revisions.aggregate([*first, {"$project": {ID: True}}], allowDiskUse=True)}
    first_written: dict[Hashable, datetime] = {}
    insertions = database[collection + INSERTIONS].find({"valid_from": {"$gt": moment}}, sort=[("valid_from", 1)])
    for insertion in insertions:
        for document_id in insertion["document_ids"]:
            first_written.setdefault(_key({ID: document_id}), insertion["valid_from"])

    found = [document for document in current if _key(document) not in superseded | first_written.keys()]
    for candidate in candidates:
        written = first_written.get(_key(candidate))
        if written is None or written > candidate["first"]["valid_until"]:
            found.append(candidate["first"]["document"])
    return sorted(found, key=_order)


def _key(document: Mapping[str, Any]) -> Hashable:
    return key_of(bson.encode({ID: document[ID]}, codec_options=READING))


def _order(document: Mapping[str, Any]) -> Any:
    return _ranked(document[ID])


def _ranked(value: Any) -> tuple[int, Any]:
    """Return a key as a value that sorts as MongoDB sorts keys: by the kind of value, then by value."""
    if isinstance(value, Mapping):
        return 4, tuple(map(_ranked, value.values()))
    if isinstance(value, uuid.UUID):
        value = value.bytes
    if isinstance(value, bytes):
        return 6, (len(value), bytes(value))
    if isinstance(value, bool):
        return 8, value
    if isinstance(value, Decimal128):
        return 2, value.to_decimal()
    if isinstance(value, str):
        return 3, value.encode()
    kinds: list[tuple[int, Any]] = [(2, (int, float)), (7, ObjectId), (9, datetime)]
    return next((rank for rank, kind in kinds if isinstance(value, kind)), 10), value


def _prefixed(query: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return a filter that looks for its fields in an embedded document.

    >>> _prefixed({"$or": [{"a": 1}, {"_id.b": {"$gt": 2}}]}, "document.")
    {'$or': [{'document.a': 1}, {'document._id.b': {'$gt': 2}}]}
    """
    prefixed: dict[str, Any] = {}
    for name, condition in query.items():
        if name in ("$and", "$or", "$nor"):
            prefixed[name] = [_prefixed(inner, prefix) for inner in condition]
        elif name.startswith("$"):
            raise OptionsError(f"a query of the past cannot use {name}: use fields, $and, $or and $nor")
        else:
            prefixed[prefix + name] = condition
    return prefixed
