"""Writing a slice: what differs from what is stored, and nothing else.

New documents are written first, then the changed, and vanished ones are deleted last: whoever reads
meanwhile finds each document in its old or its new version, and a writer that was killed leaves
what the next one completes.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from airquality_dagster.io_managers.mongodb.errors import ConcurrentWriteError, SliceError
from airquality_dagster.io_managers.mongodb.slices import CollectionSlice
from airquality_dagster.io_managers.mongodb.values import ID

T = TypeVar("T")
RawCollection = Collection[RawBSONDocument]
# (former documents, kind) → None: keeps what is about to be replaced or deleted.
KeepFormer = Callable[[Sequence[RawBSONDocument], str], None]

_ATTEMPTS = 5
_IDS_A_COMMAND = 10_000
_DUPLICATE_KEY = 11000
_LENGTH = struct.Struct("<i")
_OBJECT_ID_FIELD = b"\x07_id\x00"


@dataclass(frozen=True)
class WriteCounts:
    """What a write did to a slice, in documents."""

    inserted: int = 0
    revised: int = 0
    unchanged: int = 0
    deleted: int = 0


def write_keyed(
    collection: RawCollection,
    where: CollectionSlice,
    documents: Sequence[bytes],
    *,
    delete_vanished: bool,
    keep_former: KeepFormer | None = None,
) -> WriteCounts:
    """Make the slice equal to documents that carry their own ``_id``.

    Args:
        collection: of raw documents.
        where: the slice.
        documents: BSON, ``_id`` first.
        delete_vanished: delete what the slice holds and the documents do not.
        keep_former: called with what is about to be replaced (``revised``) or deleted (``deleted``).

    Raises:
        SliceError: a document's ``_id`` is stored outside the slice; nothing was written.
        ConcurrentWriteError: other writers kept adding the same documents.
    """
    for _ in range(_ATTEMPTS):
        try:
            return _write_keyed_once(collection, where, documents, delete_vanished, keep_former)
        except BulkWriteError as error:
            # Another writer added one of the documents since the slice was read: compare again.
            faults = error.details.get("writeErrors", [])
            if not faults or any(fault["code"] != _DUPLICATE_KEY for fault in faults):
                raise
    raise ConcurrentWriteError(
        f"collection {where.collection}: other writers added the same documents {_ATTEMPTS} times while {where} was "
        "written: let one run at a time write it"
    )


def write_unkeyed(
    client: MongoClient[Any], collection: RawCollection, where: CollectionSlice, documents: Sequence[bytes]
) -> WriteCounts:
    """Make the slice equal to documents without an ``_id``, in their order.

    The new documents are inserted before the old are deleted, in one transaction where the server has
    transactions (replica sets, sharded clusters).

    Args:
        client: of the collection.
        collection: of raw documents.
        where: the slice.
        documents: BSON.
    """
    stored = list(collection.find(where.query, sort=[(ID, 1)], allow_disk_use=True))
    if len(stored) == len(documents) and all(
        _without_object_id(bytes(document.raw)) == fields[4:]
        for document, fields in zip(stored, documents, strict=True)
    ):
        return WriteCounts(unchanged=len(documents))
    new = [RawBSONDocument(_with_object_id(fields)) for fields in documents]
    old_ids = [document[ID] for document in stored]

    def rewrite(session: ClientSession | None = None) -> None:
        if new:
            collection.insert_many(new, ordered=False, session=session)
        for ids in _batches(old_ids, _IDS_A_COMMAND):
            collection.delete_many({ID: {"$in": ids}}, session=session)

    if _has_transactions(client):
        with client.start_session() as session:
            session.with_transaction(rewrite)
    else:
        rewrite()
    return WriteCounts(inserted=len(new), deleted=len(old_ids))


def _write_keyed_once(
    collection: RawCollection,
    where: CollectionSlice,
    documents: Sequence[bytes],
    delete_vanished: bool,
    keep_former: KeepFormer | None,
) -> WriteCounts:
    found = _compare(_stored_documents(collection, where.query), documents)
    vanished = found.vanished if delete_vanished else []
    if found.new:
        if not where.is_fixed_by_primary_key:
            _refuse_stored_elsewhere(collection, where, [document[ID] for document in found.new])
        collection.insert_many(found.new, ordered=False)
    if found.revised:
        if keep_former:
            keep_former([former for former, _ in found.revised], "revised")
        replacements = [ReplaceOne({ID: former[ID]}, document, upsert=True) for former, document in found.revised]
        collection.bulk_write(replacements, ordered=False)
    if vanished:
        if keep_former:
            keep_former(vanished, "deleted")
        for ids in _batches([document[ID] for document in vanished], _IDS_A_COMMAND):
            collection.delete_many({ID: {"$in": ids}})
    return WriteCounts(len(found.new), len(found.revised), found.unchanged, len(vanished))


@dataclass(frozen=True)
class _Difference:
    new: list[RawBSONDocument]
    revised: list[tuple[RawBSONDocument, RawBSONDocument]]  # former, new
    vanished: list[RawBSONDocument]
    unchanged: int


def _stored_documents(collection: RawCollection, query: dict[str, Any]) -> Iterator[bytes]:
    """Return the documents of a slice as the server sends them: one after the other, each begins with its length."""
    # With the codec options of raw documents, the driver would take the batches apart itself, slower.
    for batch in collection.with_options(codec_options=CodecOptions()).find_raw_batches(query):
        start, size = 0, len(batch)
        while start < size:
            (length,) = _LENGTH.unpack_from(batch, start)
            yield batch[start : start + length]
            start += length


def _compare(stored: Iterable[bytes], documents: Sequence[bytes]) -> _Difference:
    """Compare stored documents with those that shall be stored, byte by byte where that is enough.

    Only what differs is taken apart: decoding an ``_id`` costs more than comparing a document.
    """
    former = set(stored)
    kept = former.intersection(documents)
    former_by_id = {_id_bytes(document): document for document in map(RawBSONDocument, former - kept)}

    new: list[RawBSONDocument] = []
    revised: list[tuple[RawBSONDocument, RawBSONDocument]] = []
    unchanged = len(kept)
    for document in (RawBSONDocument(raw) for raw in documents if raw not in kept):
        previous = former_by_id.pop(_id_bytes(document), None) if former_by_id else None
        if previous is None:
            new.append(document)
        elif _in_order_of_names(previous) == _in_order_of_names(document):
            unchanged += 1
        else:
            revised.append((previous, document))
    return _Difference(new, revised, list(former_by_id.values()), unchanged)


def _refuse_stored_elsewhere(collection: RawCollection, where: CollectionSlice, ids: Sequence[Any]) -> None:
    for batch in _batches(ids, _IDS_A_COMMAND):
        elsewhere = collection.find_one({ID: {"$in": batch}})
        if elsewhere is not None:
            raise SliceError(
                f"collection {where.collection}: primary key {elsewhere[ID]!r} is stored already, in another partition "
                f"than the one that is written ({where}): add {', '.join(where.partition_columns)} to 'primary_key'"
            )


def _id_bytes(document: RawBSONDocument) -> bytes:
    """Return a hashable form of any ``_id``."""
    return bson.encode({ID: document[ID]})


def _in_order_of_names(document: RawBSONDocument) -> bytes:
    return bson.encode(dict(sorted(document.items())))


def _without_object_id(raw: bytes) -> bytes | None:
    """Return a stored document's fields, or None where its ``_id`` is not one that we gave."""
    start = 4 + len(_OBJECT_ID_FIELD) + 12
    return raw[start:] if raw[4:].startswith(_OBJECT_ID_FIELD) else None


def _with_object_id(fields: bytes) -> bytes:
    object_id = _OBJECT_ID_FIELD + ObjectId().binary
    return _LENGTH.pack(len(fields) + len(object_id)) + object_id + fields[4:]


def _has_transactions(client: MongoClient[Any]) -> bool:
    hello = client.admin.command("hello")
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
