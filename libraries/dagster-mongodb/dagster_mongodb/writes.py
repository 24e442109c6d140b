"""Writing the rows of a slice: only what differs from what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from bson.codec_options import CodecOptions
from pymongo import ReadPreference, ReturnDocument
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from dagster_mongodb.applying import apply_in_order
from dagster_mongodb.difference import Difference, Mode, chunks, compare, key_range, size_if_stored
from dagster_mongodb.errors import OptionsError, PartitionError, WriteRefusedError
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.keys import RawCollection, id_batches
from dagster_mongodb.object_ids import MOST_ROWS, NumberedRows, ids_from, next_object_id
from dagster_mongodb.refusals import (
    ATTEMPTS,
    OvertakenError,
    Rules,
    concurrent,
    explained,
    is_of_duplicates,
    is_worth_another_attempt,
)
from dagster_mongodb.revisions import RevisionLog, create_missing_index
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.transactions import apply_at_once, has_transactions, parts, whole
from dagster_mongodb.undo import Undo
from dagster_mongodb.values import ID

APPENDS = "dagster_appends"
"""The collection that notes which ids the rows of each append have."""

APPENDS_KEPT = timedelta(days=30)
"""How long after its first attempt an append may be repeated."""

_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions()


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
        PartitionError: the key of a row is stored in another partition; nothing was written.
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

    return _write(collection, where, find_difference, begin, log)


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

    return _write(collection, where, find_difference, begin)


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

    return _write(collection, where, find_difference, begin)


def _write(
    collection: RawCollection,
    where: CollectionSlice,
    find_difference: Callable[[], Difference],
    begin: Callable[[], None],
    log: RevisionLog | None = None,
) -> WriteCounts:
    differences: list[Difference] = []
    undos: list[Undo | None] = []

    def attempt() -> None:
        differences.append(find_difference())
        begin()
        if differences[-1]:
            _apply(collection, differences[-1], log, undos)

    try:
        _persist(attempt, collection, where)
    except WriteRefusedError as error:
        last = [difference.shape for difference in differences[-3:]]
        if is_of_duplicates(error) and any(shape != last[0] for shape in last):
            # The values were those of other writers, which changed them all the time.
            raise concurrent(where) from error
        # Each of them runs, whatever the others can do.
        is_undone = [undo is not None and undo.run() for undo in reversed(undos)]
        if log and all(is_undone):
            log.forget()
        state = "nothing was written" if all(is_undone) else "a part of the rows was written"
        raise WriteRefusedError(f"{error} ({state})") from error.__cause__
    first = differences[0]
    return WriteCounts(
        inserted=len(first.new) + len(first.not_compared),
        revised=len(first.revised),
        unchanged=first.unchanged,
        deleted=len(first.vanished),
        size=differences[-1].size_of_rows,
    )


def _apply(
    collection: RawCollection, difference: Difference, log: RevisionLog | None, undos: list[Undo | None]
) -> None:
    rules = Rules.of(collection)
    # A document to which fields are added may become too large.
    can_refuse = rules.can_refuse or difference.mode == "set"
    # After a transaction nothing would tell which keys of it are the same in a collation.
    is_transaction = (can_refuse or difference.is_at_once) and not rules.has_collation
    if is_transaction and has_transactions(collection.database.client):
        part = whole(difference, rules)
        if part is not None:
            apply_at_once(collection, difference, part, log, rules)
            return
        if not can_refuse:
            for some in parts(difference, rules):
                apply_at_once(collection, difference, some, log, rules)
            return
    undo = Undo(collection, difference) if can_refuse else None
    undos.append(undo)
    apply_in_order(collection, difference, log, rules, undo)


def _persist(attempt: Callable[[], None], collection: RawCollection, where: CollectionSlice) -> None:
    """Write; repeat, comparison included, if another writer interferes or the primary changes."""
    for number in range(1, ATTEMPTS + 1):
        try:
            if number > 1:
                # What the former primary wrote may be rolled back: a majority shall confirm what the present one has.
                collection.delete_many({ID: {"$in": []}})
            attempt()
            return
        except OvertakenError as error:
            if number == ATTEMPTS:
                raise concurrent(where) from error
        except OperationFailure as error:
            if number == ATTEMPTS or not is_worth_another_attempt(error):
                reason = explained(error, collection, where)
                if reason is error:
                    raise
                raise reason from error
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            if number == ATTEMPTS:
                raise


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
        {"$setOnInsert": {"first": next_object_id(collection), "begun_at": datetime.now(UTC)}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return marker["first"]
