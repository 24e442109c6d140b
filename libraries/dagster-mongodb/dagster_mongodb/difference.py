"""Writing a slice: only what differs from what is stored.

New documents are written first, then changed ones, and vanished ones are deleted last. So readers find
each document in its old or its new version, and the next write completes what a killed writer began.
Rows are encoded and compared a chunk at a time.
"""

import os
import struct
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, MongoClient, ReadPreference, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, BulkWriteError, ServerSelectionTimeoutError

from dagster_mongodb.errors import ConcurrentWriteError, PartitionError, WriteRefusedError
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.revisions import RevisionLog
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID

T = TypeVar("T")
RawCollection = Collection[RawBSONDocument]

_ATTEMPTS = 5
_IDS_A_COMMAND = 10_000
_REPLACED_AT_ONCE = 1_000
_MOST_COMPARED_BYTES = 15 * 2**20
_DUPLICATE_KEY = 11000
_NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})

_LENGTH = struct.Struct("<i")
_ID_NAME = b"_id\0"
_OBJECT_ID_FIELD = b"\x07" + _ID_NAME
# Lengths of the values of BSON types that are told apart by their bytes: ObjectId, date.
_FIXED_LENGTHS = {0x07: 12, 0x09: 8}
_STRING = 0x02


class _OvertakenError(Exception):
    """Another writer changed a document after it was compared."""


@dataclass(frozen=True)
class WriteCounts:
    """What a write changed, compared with what was stored when it began.

    Args:
        inserted, revised, unchanged, deleted: numbers of documents.
        size: of the rows as BSON, in bytes.
    """

    inserted: int = 0
    revised: int = 0
    unchanged: int = 0
    deleted: int = 0
    size: int = 0


@dataclass
class _Difference:
    new: list[int] = field(default_factory=list)
    not_compared: range = range(0)  # new as well: all stored documents were compared before
    revised: list[int] = field(default_factory=list)
    vanished: list[Any] = field(default_factory=list)
    unchanged: int = 0
    size: int = 0


def write_keyed(
    collection: RawCollection,
    where: CollectionSlice,
    rows: Rows,
    *,
    delete_vanished: bool,
    begin: Callable[[], None],
    log: RevisionLog | None = None,
) -> WriteCounts:
    """Make the slice equal to rows with a primary key.

    Args:
        collection: of raw documents.
        where: the slice.
        rows: checked.
        delete_vanished: delete what the slice holds and the rows do not.
        begin: called before anything is written.
        log: keeps versions before they are replaced or deleted. A document that another writer changed in
            the meantime is compared again, so that its version is kept, too.

    Raises:
        PartitionError: the key of a row is stored in another partition; nothing was written.
        WriteRefusedError: MongoDB refuses a document.
        ConcurrentWriteError: other writers kept changing the same documents.
    """
    collection = collection.with_options(read_preference=ReadPreference.PRIMARY)
    attempts: list[_Difference] = []

    def write() -> None:
        difference = _compare(collection, where, rows, delete_vanished)
        attempts.append(difference)
        if not where.is_fixed_by_primary_key:
            _refuse_stored_elsewhere(collection, where, rows, [difference.new, difference.not_compared])
        begin()
        _apply(collection, rows, difference, log)

    _persist(write, collection, where)
    first = attempts[0]
    return WriteCounts(
        inserted=len(first.new) + len(first.not_compared),
        revised=len(first.revised),
        unchanged=first.unchanged,
        deleted=len(first.vanished),
        size=attempts[-1].size,
    )


def write_unkeyed(
    collection: RawCollection,
    where: CollectionSlice,
    rows: Rows,
    *,
    begin: Callable[[], None],
) -> WriteCounts:
    """Make the slice equal to rows without a primary key, in their order.

    The new documents are inserted before the old are deleted, in one transaction where the server has
    transactions (replica sets, sharded clusters).

    Args:
        collection: of raw documents.
        where: the slice.
        rows: checked.
        begin: called before anything is written.

    Raises:
        WriteRefusedError: MongoDB refuses a document.
    """
    collection = collection.with_options(read_preference=ReadPreference.PRIMARY)
    client = collection.database.client
    done: list[WriteCounts] = []

    def rewrite(session: ClientSession | None = None) -> None:
        find = collection.with_options(codec_options=CodecOptions()).find(where.query, {ID: True}, session=session)
        old_ids = [document[ID] for document in find]
        with_object_id, size = _object_ids(), 0
        for numbers in _chunks([range(len(rows))], rows.rows_at_once):
            encoded = rows.encoded(numbers)
            size += sum(map(len, encoded))
            documents = [RawBSONDocument(with_object_id(fields)) for fields in encoded]
            collection.insert_many(documents, ordered=False, session=session)
        for ids in _chunks([old_ids], _IDS_A_COMMAND):
            collection.delete_many({ID: {"$in": ids}}, session=session)
        done.append(WriteCounts(inserted=len(rows), deleted=len(old_ids), size=size))

    def write() -> None:
        begin()
        stored_size = _size_if_stored(collection, where, rows)
        if stored_size is not None:
            done.append(WriteCounts(unchanged=len(rows), size=stored_size))
        elif _has_transactions(client):
            with client.start_session() as session:
                session.with_transaction(rewrite)
        else:
            rewrite()

    _persist(write, collection, where)
    return done[-1]


def _persist(write: Callable[[], None], collection: RawCollection, where: CollectionSlice) -> None:
    """Write; repeat, comparison included, if another writer interferes or the primary changes."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if attempt > 1:
                # What the former primary wrote may be rolled back: a majority shall confirm what the present one has.
                collection.delete_many({ID: {"$in": []}})
            write()
            return
        except _OvertakenError as error:
            if attempt == _ATTEMPTS:
                raise _concurrent(where) from error
        except BulkWriteError as error:
            if attempt == _ATTEMPTS or not _is_worth_another_attempt(error):
                raise _explained(error, where) from error
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            if attempt == _ATTEMPTS:
                raise


def _is_worth_another_attempt(error: BulkWriteError) -> bool:
    faults = error.details.get("writeErrors", [])
    return all(fault["code"] in (_DUPLICATE_KEY, *_NOT_PRIMARY) for fault in faults)


def _explained(error: BulkWriteError, where: CollectionSlice) -> Exception:
    faults = error.details.get("writeErrors", [])
    if not faults:
        return error
    fault = faults[0]
    if fault["code"] != _DUPLICATE_KEY:
        return WriteRefusedError(
            f"collection {where.collection}: MongoDB refuses {len(faults)} documents: {fault['errmsg']}"
        )
    if list(fault.get("keyPattern", {ID: 1})) != [ID]:
        return WriteRefusedError(
            f"collection {where.collection}: {len(faults)} documents have the same values as others in a unique index: "
            f"{fault['errmsg']}"
        )
    return _concurrent(where)


def _concurrent(where: CollectionSlice) -> ConcurrentWriteError:
    return ConcurrentWriteError(
        f"collection {where.collection}: other writers changed the same documents {_ATTEMPTS} times while {where} was "
        "written: let only one run at a time write it"
    )


def _compare(collection: RawCollection, where: CollectionSlice, rows: Rows, delete_vanished: bool) -> _Difference:
    """Compare rows with stored documents: as bytes in the order of both, and by key where those differ."""
    difference = _Difference()
    stored_left: dict[Hashable, bytes] = {}
    rows_left: dict[Hashable, tuple[int, bytes]] = {}

    def match() -> None:
        for key in stored_left.keys() & rows_left.keys():
            former, (row, document) = stored_left.pop(key), rows_left.pop(key)
            if former == document or _in_order_of_names(former) == _in_order_of_names(document):
                difference.unchanged += 1
            else:
                difference.revised.append(row)

    query = where.query if delete_vanished else {"$and": [where.query, _key_range(rows)]}
    start = 0
    for stored in _stored_chunks(collection, query, rows.rows_at_once):
        numbers = range(start, min(start + len(stored), len(rows)))
        start = numbers.stop
        documents = rows.encoded(numbers)
        difference.size += sum(map(len, documents))
        if documents == stored:
            difference.unchanged += len(stored)
            continue
        if len(documents) == len(stored):
            differing = [
                position for position, (old, new) in enumerate(zip(stored, documents, strict=True)) if old != new
            ]
            difference.unchanged += len(stored) - len(differing)
            stored_left.update((_key_of(stored[position]), stored[position]) for position in differing)
            rows_left.update((_key_of(documents[at]), (numbers[at], documents[at])) for at in differing)
        else:
            stored_left.update((_key_of(document), document) for document in stored)
            rows_left.update(
                (_key_of(document), (row, document)) for row, document in zip(numbers, documents, strict=True)
            )
        match()
    while stored_left and start < len(rows):
        numbers = range(start, min(start + rows.rows_at_once, len(rows)))
        start = numbers.stop
        documents = rows.encoded(numbers)
        difference.size += sum(map(len, documents))
        rows_left.update((_key_of(document), (row, document)) for row, document in zip(numbers, documents, strict=True))
        match()
    difference.revised.sort()
    difference.new = sorted(row for row, _ in rows_left.values())
    difference.not_compared = range(start, len(rows))
    if delete_vanished:
        difference.vanished = [RawBSONDocument(document)[ID] for document in stored_left.values()]
    return difference


def _apply(collection: RawCollection, rows: Rows, difference: _Difference, log: RevisionLog | None) -> None:
    for numbers in _chunks([difference.new, difference.not_compared], rows.rows_at_once):
        documents = [RawBSONDocument(document) for document in rows.encoded(numbers)]
        if isinstance(numbers, range):
            difference.size += sum(len(document.raw) for document in documents)
        if log:
            log.note_insertions([document[ID] for document in documents])
        collection.insert_many(documents, ordered=False)
    for numbers in _chunks([difference.revised], min(_REPLACED_AT_ONCE, rows.rows_at_once)):
        documents = [RawBSONDocument(document) for document in rows.encoded(numbers)]
        if log:
            former = _former(collection, (document[ID] for document in documents))
            log.keep(list(former.values()), "revised")
            _replace_former(collection, documents, former)
        else:
            collection.bulk_write(
                [ReplaceOne({ID: document[ID]}, document, upsert=True) for document in documents], ordered=False
            )
    for ids in _chunks([difference.vanished], min(_REPLACED_AT_ONCE, rows.rows_at_once) if log else _IDS_A_COMMAND):
        if log:
            former = list(_former(collection, ids).values())
            if not former:  # another writer has kept and deleted them
                continue
            log.keep(former, "deleted")
            deleted = collection.bulk_write([DeleteOne(_as_it_was(document)) for document in former], ordered=False)
            if deleted.deleted_count < len(former):
                raise _OvertakenError
        else:
            collection.delete_many({ID: {"$in": ids}})


def _former(collection: RawCollection, ids: Iterable[Any]) -> dict[Hashable, RawBSONDocument]:
    found = collection.find({ID: {"$in": list(ids)}})
    return {_key_of(bytes(document.raw)): document for document in found}


def _replace_former(
    collection: RawCollection, documents: Sequence[RawBSONDocument], former: dict[Hashable, RawBSONDocument]
) -> None:
    """Replace documents that have not changed since their versions were kept.

    Raises:
        _OvertakenError: one has changed.
    """
    replacements = [
        ReplaceOne(_as_it_was(former[key], document), document)
        for document in documents
        if (key := _key_of(bytes(document.raw))) in former
    ]
    matched = collection.bulk_write(replacements, ordered=False).matched_count if replacements else 0
    if matched < len(documents):
        raise _OvertakenError


def _as_it_was(former: RawBSONDocument, new: RawBSONDocument | None = None) -> dict[str, Any]:
    """Return a filter for a document that has not changed since it was read.

    If both versions together are too large for one command, the filter is only the key.
    """
    size = len(former.raw) + (len(new.raw) if new is not None else 0)
    if size > _MOST_COMPARED_BYTES:
        return {ID: former[ID]}
    return {ID: former[ID], "$expr": {"$eq": ["$$ROOT", {"$literal": former}]}}


def _stored_chunks(collection: RawCollection, query: dict[str, Any], size: int) -> Iterator[list[bytes]]:
    """Return the documents of a slice as BSON, in the batches that the server sends."""
    # With the codec options of raw documents, the driver would split the batches itself, which is slower.
    for batch in collection.with_options(codec_options=CodecOptions()).find_raw_batches(query, batch_size=size):
        documents, start, end = [], 0, len(batch)
        while start < end:
            (length,) = _LENGTH.unpack_from(batch, start)
            documents.append(batch[start : start + length])
            start += length
        yield documents


def _key_range(rows: Rows) -> dict[str, Any]:
    """Return a filter on the keys from the least to the greatest of the rows, if MongoDB orders them like pandas.

    So merging a day into years of documents reads only that day.
    """
    if len(rows.primary_key) != 1 or not len(rows):
        return {}
    (name,) = rows.primary_key
    keys = rows.frame([name])[name]
    if keys.dtype.kind not in "iuM":
        return {}
    least, greatest = (
        RawBSONDocument(rows.encoded([int(position)])[0])[ID]
        for position in (keys.to_numpy().argmin(), keys.to_numpy().argmax())
    )
    return {ID: {"$gte": least, "$lte": greatest}}


def _size_if_stored(collection: RawCollection, where: CollectionSlice, rows: Rows) -> int | None:
    """Return the size of the rows in bytes if the slice holds exactly these in this order, else None."""
    start, size = 0, 0
    for stored in _stored_chunks_in_order(collection, where, rows.rows_at_once):
        numbers = range(start, min(start + len(stored), len(rows)))
        start = numbers.stop
        encoded = rows.encoded(numbers)
        size += sum(map(len, encoded))
        if [_without_object_id(document) for document in stored] != [fields[4:] for fields in encoded]:
            return None
    return size if start == len(rows) else None


def _stored_chunks_in_order(collection: RawCollection, where: CollectionSlice, size: int) -> Iterator[list[bytes]]:
    cursor = collection.find(where.query, sort=[(ID, 1)], batch_size=size, allow_disk_use=True)
    while documents := cursor.to_list(size):
        yield [bytes(document.raw) for document in documents]


def _refuse_stored_elsewhere(
    collection: RawCollection, where: CollectionSlice, rows: Rows, new: Sequence[Sequence[int]]
) -> None:
    for numbers in _chunks(new, rows.rows_at_once):
        elsewhere = collection.find_one({ID: {"$in": [document[ID] for document in rows.documents(numbers)]}})
        if elsewhere is not None:
            raise PartitionError(
                f"collection {where.collection}: primary key {elsewhere[ID]!r} is stored already, in another partition "
                f"than the one that is written ({where}): add {', '.join(where.partition_columns)} to 'primary_key'"
            )


def _key_of(document: bytes) -> Hashable:
    """Return the ``_id`` of a BSON document as a value that compares as MongoDB compares keys."""
    kind, begin = document[4], 4 + 1 + len(_ID_NAME)
    if document[5:begin] == _ID_NAME:
        if kind in _FIXED_LENGTHS:
            return document[4 : begin + _FIXED_LENGTHS[kind]]
        if kind == _STRING:
            return document[4 : begin + 4 + _LENGTH.unpack_from(document, begin)[0]]
    return _comparable(RawBSONDocument(document)[ID])


def _comparable(value: Any) -> Hashable:
    """Return a value that compares as in MongoDB: numbers of different types are equal, booleans are not numbers."""
    if isinstance(value, RawBSONDocument):
        return tuple((name, _comparable(inner)) for name, inner in value.items())
    if isinstance(value, bson.Decimal128):
        return value.to_decimal()
    if isinstance(value, (bool, list)):
        return bson.encode({ID: value})
    return value


def _in_order_of_names(document: bytes) -> bytes:
    fields = dict(RawBSONDocument(document))
    # Compared by `_key_of`; the server keeps the type that was stored first.
    del fields[ID]
    return bson.encode(dict(sorted(fields.items())))


def _without_object_id(raw: bytes) -> bytes | None:
    """Return the fields of a stored document, or None if its ``_id`` is not an ObjectId."""
    start = 4 + len(_OBJECT_ID_FIELD) + 12
    return raw[start:] if raw[4:].startswith(_OBJECT_ID_FIELD) else None


def _object_ids() -> Callable[[bytes], bytes]:
    """Return a function that adds ascending ObjectIds to documents.

    Those of the driver ascend, too, except where their counter overflows.
    """
    seconds, random, number = int(time.time()), os.urandom(5), 0

    def with_object_id(fields: bytes) -> bytes:
        nonlocal number
        high, low = divmod(number, 1 << 24)
        number += 1
        identity = (seconds + high).to_bytes(4, "big") + random + low.to_bytes(3, "big")
        return _LENGTH.pack(len(fields) + len(_OBJECT_ID_FIELD) + 12) + _OBJECT_ID_FIELD + identity + fields[4:]

    return with_object_id


def _has_transactions(client: MongoClient[Any]) -> bool:
    hello = client.admin.command("hello")
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def _chunks(pieces: Sequence[Sequence[T]], size: int) -> Iterator[Sequence[T]]:
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
