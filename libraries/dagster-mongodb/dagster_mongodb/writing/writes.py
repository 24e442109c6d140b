"""Writing the rows of a slice: only what differs from what is stored."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from bson import ObjectId
from bson.codec_options import CodecOptions
from pymongo import ReadPreference, ReturnDocument

from dagster_mongodb.errors import OptionsError, PartitionError
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID
from dagster_mongodb.writing.difference import Difference, Mode, chunks, compare, key_range, size_if_stored
from dagster_mongodb.writing.keys import RawCollection, id_batches
from dagster_mongodb.writing.object_ids import MOST_ROWS, NumberedRows, ids_from, next_object_id
from dagster_mongodb.writing.persisting import WriteCounts, persist
from dagster_mongodb.writing.revision_log import RevisionLog, create_missing_index

APPENDS = "dagster_appends"
"""The collection that notes which ids the rows of each append have."""

APPENDS_KEPT = timedelta(days=30)
"""How long after its first attempt an append may be repeated."""

# dtypes of columns without lists; others, such as object, may hold some.
_NO_LISTS = re.compile(r"u?int|float|bool|datetime64|timedelta64|str|date$", re.IGNORECASE)
_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions()


def write_keyed(
    collection: RawCollection,
    where: CollectionSlice,
    rows: Rows,
    *,
    mode: Mode,
    begin: Callable[[], None],
    log: RevisionLog | None = None,
) -> WriteCounts:
    """Write rows with a primary key.

    Args:
        collection: of raw documents.
        where: the slice.
        rows: checked.
        mode: ``replace``: the slice becomes the rows. ``merge``: rows are inserted and replaced, none is
            deleted. ``set``: only the fields of a row change in its document.
        begin: called before anything is written.
        log: keeps versions before they are replaced or deleted. A document that another writer changed in
            the meantime is compared again, so that its version is kept, too.

    Raises:
        PartitionError: the key of a row is stored in another partition. Nothing was written, unless another
            writer stored it there during this write.
        WriteRefusedError: MongoDB refuses a document; nothing was written.
        ConcurrentWriteError: other writers kept changing the same documents.
    """
    collection = collection.with_options(read_preference=ReadPreference.PRIMARY)
    fields = None
    if rows.columns is not None:
        fields = [column.field for column in rows.columns if column.name not in rows.primary_key]

    def find_difference() -> Difference:
        query = where.query if mode == "replace" else {"$and": [where.query, key_range(rows)]}
        difference = compare(collection, query, rows, mode, fields)
        if not where.is_fixed_by_primary_key:
            _refuse_stored_elsewhere(collection, where, rows, [difference.new, difference.not_compared])
        return difference

    return persist(collection, where, find_difference, begin, log, _lists(rows))


def write_unkeyed(
    collection: RawCollection, where: CollectionSlice, rows: Rows, *, begin: Callable[[], None]
) -> WriteCounts:
    """Make the slice equal to rows without a primary key, in their order.

    If they differ, all rows are inserted and all stored documents deleted: in one transaction where the
    server has transactions, in several if they are too large for one.

    Args:
        collection: of raw documents.
        where: the slice.
        rows: checked.
        begin: called before anything is written.

    Raises:
        WriteRefusedError: MongoDB refuses a document; nothing was written.
        ConcurrentWriteError: other writers kept changing the same documents.
    """
    collection = collection.with_options(read_preference=ReadPreference.PRIMARY)

    def find_difference() -> Difference:
        size = size_if_stored(collection, where.query, rows)
        numbered = NumberedRows(rows, next_object_id(collection))
        if size is not None:
            return Difference(numbered, unchanged=len(rows), size=size)
        plain = collection.with_options(codec_options=_PLAIN)
        stored = [document[ID] for document in plain.find(where.query, {ID: True})]
        return Difference(numbered, not_compared=range(len(rows)), vanished=stored, is_at_once=True)

    return persist(collection, where, find_difference, begin, lists=_lists(rows))


def append(
    collection: RawCollection, where: CollectionSlice, rows: Rows, *, begin: Callable[[], None], identity: str
) -> WriteCounts:
    """Add rows without a primary key; change and delete nothing that was there.

    The first attempt notes which ids its rows have. An attempt with the same identity completes or corrects
    the rows with these ids, so a run that is retried doubles nothing.

    Args:
        collection: of raw documents.
        where: the slice.
        rows: checked.
        begin: called before anything is written.
        identity: the same for all attempts, different for other appends to the collection.

    Raises:
        OptionsError: there are too many rows.
        WriteRefusedError: MongoDB refuses a document; nothing was written.
        ConcurrentWriteError: other writers kept changing the same documents.
    """
    if len(rows) > MOST_ROWS:
        raise OptionsError(f"collection {where.collection}: one append has at most {MOST_ROWS:,} rows: append parts")
    collection = collection.with_options(read_preference=ReadPreference.PRIMARY)
    first = _first_id_of_append(collection, identity)
    numbered = NumberedRows(rows, first)

    def find_difference() -> Difference:
        difference = compare(collection, ids_from(first), numbered, "replace")
        difference.is_at_once = True
        return difference

    return persist(collection, where, find_difference, begin, lists=_lists(rows))


def _lists(rows: Rows) -> set[str] | None:
    """Return the fields of rows that may hold lists; None for documents, of which any may."""
    if rows.columns is None:
        return None
    return {column.field for column in rows.columns if not _NO_LISTS.match(column.dtype)}


def _refuse_stored_elsewhere(
    collection: RawCollection, where: CollectionSlice, rows: Rows, new: Sequence[Sequence[int]]
) -> None:
    for numbers in chunks(new, rows.rows_at_once):
        for ids in id_batches([document[ID] for document in rows.documents(numbers)]):
            elsewhere = collection.find_one({ID: {"$in": list(ids)}, "$nor": [where.query]})
            if elsewhere is not None:
                raise PartitionError(
                    f"collection {where.collection}: primary key {elsewhere[ID]!r} is stored already, in another "
                    f"partition than the one that is written ({where}): add {', '.join(where.partition_columns)} to "
                    "'primary_key'"
                )


def _first_id_of_append(collection: RawCollection, identity: str) -> ObjectId:
    appends = collection.database.get_collection(APPENDS, codec_options=_PLAIN, read_preference=ReadPreference.PRIMARY)
    create_missing_index(appends, "begun_at", expireAfterSeconds=int(APPENDS_KEPT.total_seconds()))
    marker: Any = appends.find_one_and_update(
        {ID: {"collection": collection.name, "append": identity}},
        {"$setOnInsert": {"first": next_object_id(collection), "begun_at": datetime.now(timezone.utc)}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return marker["first"]
