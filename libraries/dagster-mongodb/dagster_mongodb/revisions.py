"""Former versions of documents, and the state of a collection at a moment of the past.

``<collection>_revisions``: one document for each superseded version. ``_id`` = (``document_id``, ``revision``:
1, 2, …), ``document`` (the former version), ``valid_until``, ``kind`` (``revised`` or ``deleted``),
``run_id``, ``partition``.

``<collection>_insertions``: one document for each batch of first versions. ``document_ids``,
``valid_from``, ``run_id``, ``partition``.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

from dagster_mongodb.errors import OptionsError, UnreadableError
from dagster_mongodb.keys import id_batches
from dagster_mongodb.values import ID

REVISIONS = "_revisions"
INSERTIONS = "_insertions"
# The fields of a revision besides the former version; both must fit into one document.
REVISION_BYTES = 4096

_RAW = bson.CodecOptions(document_class=RawBSONDocument)
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


@dataclass(frozen=True)
class RevisionLog:
    """Keeps the versions that a write replaces or deletes, and notes when documents were first written.

    Args:
        database: of the collection.
        collection: its name.
        run_id, partition: the run that writes, and the partitions it writes.
        provisional_column: versions in which this field is true were never final and are not kept;
            the version that follows counts as inserted.
        kept, noted: keys of the revisions and of the notes of insertions that this log wrote.
    """

    database: Database[Any]
    collection: str
    run_id: str
    partition: str | None
    provisional_column: str | None = None
    kept: list[RawBSONDocument] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)

    def keep(self, former: Sequence[RawBSONDocument], kind: str) -> None:
        """Keep former versions before they are replaced or deleted.

        A version that a killed writer kept, but did not replace, is not kept twice: its revision gets the
        present moment, run and partition.

        Args:
            former: the documents as they are stored.
            kind: ``revised`` or ``deleted``.
        """
        provisional = [document for document in former if self._is_provisional(document)]
        if provisional and kind == "revised":
            self.note_insertions([document[ID] for document in provisional])
        final = [document for document in former if not self._is_provisional(document)]
        if not final:
            return
        revisions = self.database.get_collection(self.collection + REVISIONS, codec_options=_RAW)
        while final:
            final = self._keep_final(revisions, final, kind)

    def _keep_final(
        self, revisions: Collection[RawBSONDocument], final: Sequence[RawBSONDocument], kind: str
    ) -> list[RawBSONDocument]:
        """Keep final versions; return those whose revision number another writer has taken in the meantime."""
        for name in (f"{ID}.document_id", "valid_until"):
            create_missing_index(revisions, name)
        latest = self._latest(revisions, [document[ID] for document in final])
        until = {"valid_until": datetime.now(UTC), "kind": kind, "run_id": self.run_id, "partition": self.partition}
        left: list[tuple[RawBSONDocument, UpdateOne]] = []
        new: list[tuple[RawBSONDocument, UpdateOne]] = []
        for document in final:
            last = latest.get(bson.encode({ID: document[ID]}))
            if last is not None and self._is_current(last, document):
                left.append((document, UpdateOne({ID: last[ID]}, {"$set": until})))
                continue
            number = last[ID]["revision"] + 1 if last is not None else 1
            # $setOnInsert: two writers that keep the same version at the same time keep one.
            identity = {"document_id": document[ID], "revision": number}
            new.append((document, UpdateOne({ID: identity}, {"$setOnInsert": {"document": document, **until}}, True)))
        done = revisions.bulk_write([write for _, write in new], ordered=False).upserted_ids or {} if new else {}
        self.kept.extend(done.values())
        again = [document for number, (document, _) in enumerate(new) if number not in done]
        # The writer that kept them may forget them at this moment.
        if left and revisions.bulk_write([write for _, write in left], ordered=False).matched_count < len(left):
            again += [document for document, _ in left]
        return again

    def _latest(self, revisions: Collection[RawBSONDocument], ids: Sequence[Any]) -> dict[bytes, RawBSONDocument]:
        latest: dict[bytes, RawBSONDocument] = {}
        for batch in id_batches(ids):
            for revision in revisions.find({f"{ID}.document_id": {"$in": list(batch)}}):
                key = bson.encode({ID: revision[ID]["document_id"]})
                if key not in latest or latest[key][ID]["revision"] < revision[ID]["revision"]:
                    latest[key] = revision
        return latest

    def note_insertions(self, ids: Sequence[Any]) -> None:
        """Note that documents are about to be written for the first time.

        A killed writer leaves a note without documents; the next writer notes them again.
        """
        insertions = self.database[self.collection + INSERTIONS]
        create_missing_index(insertions, "valid_from")
        for batch in id_batches(ids):
            note = {
                "document_ids": list(batch),
                "valid_from": datetime.now(UTC),
                "run_id": self.run_id,
                "partition": self.partition,
            }
            self.noted.append(insertions.insert_one(note).inserted_id)

    def forget(self) -> None:
        """Delete what this log wrote, after its write was taken back: the versions that it kept are current again."""
        for suffix, ids in ((REVISIONS, self.kept), (INSERTIONS, self.noted)):
            for batch in id_batches(ids):
                # Another run that superseded the same version in the meantime has put its name there.
                ours = {ID: {"$in": list(batch)}, "run_id": self.run_id}
                self.database[self.collection + suffix].delete_many(ours)
            ids.clear()

    def _is_current(self, last: RawBSONDocument, document: RawBSONDocument) -> bool:
        """Return whether the last revision of a key is the version that is stored still, left by a killed writer."""
        is_same = last["document"].raw == document.raw
        return is_same and not self._was_inserted_since(document[ID], last["valid_until"])

    def _was_inserted_since(self, document_id: Any, moment: datetime) -> bool:
        insertions = self.database[self.collection + INSERTIONS]
        return insertions.find_one({"valid_from": {"$gte": moment}, "document_ids": document_id}) is not None

    def _is_provisional(self, document: RawBSONDocument) -> bool:
        return self.provisional_column is not None and document.get(self.provisional_column) is True


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


def create_missing_index(collection: Collection[Any], name: str, **options: Any) -> None:
    """Create the ascending index of a field, unless there is one."""
    if not any(index["key"] == [(name, 1)] for index in collection.index_information().values()):
        collection.create_index(name, **options)


def _key(document: Mapping[str, Any]) -> bytes:
    return bson.encode({ID: document[ID]})


def _order(document: Mapping[str, Any]) -> Any:
    key = document[ID]
    return tuple(key.values()) if isinstance(key, Mapping) else key


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
