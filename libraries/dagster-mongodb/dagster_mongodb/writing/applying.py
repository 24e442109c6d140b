"""Writing a difference in an order in which readers never miss a document.

New documents are inserted first, then changed ones are replaced, and vanished ones are deleted last. So
readers find each document in its old or its new version, and the next write completes what a killed
writer began.
"""

from collections.abc import Sequence

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne
from pymongo.errors import BulkWriteError

from dagster_mongodb.values import ID
from dagster_mongodb.writing.changing import as_it_was, change, changed
from dagster_mongodb.writing.difference import Difference, chunks
from dagster_mongodb.writing.keys import RawCollection, find_by_ids, id_batches, ids_of, key
from dagster_mongodb.writing.refusals import OvertakenError, Rules, held_up, positions
from dagster_mongodb.writing.revision_log import RevisionLog
from dagster_mongodb.writing.undo import Undo

# A document that waits for unique values which others hold, after its former version, if it has one.
_Waiting = tuple[RawBSONDocument | None, RawBSONDocument]


def apply_in_order(
    collection: RawCollection, difference: Difference, log: RevisionLog | None, rules: Rules, undo: Undo | None
) -> None:
    """Write a difference.

    A document that has unique values of another one is written after those that vanish are deleted. If it
    has the values of a document that changes as well, both are deleted for a moment.

    Args:
        collection: of the documents.
        difference: to write.
        log: keeps versions before they are replaced or deleted.
        rules: of the collection.
        undo: notes what is done; needed if the collection can refuse documents.

    Raises:
        BulkWriteError: MongoDB refuses a document.
        OvertakenError: another writer changed a document after it was compared.
    """
    waiting: list[_Waiting] = []
    for documents in difference.new_documents():
        if log:
            log.note_insertions(ids_of(documents))
        waiting += _insert(collection, documents, rules, undo)
    for documents in difference.revised_documents():
        if log or undo:
            waiting += _change_former(collection, documents, difference, log, rules, undo)
        else:
            collection.bulk_write([change(document, difference.mode) for document in documents], ordered=False)
    if log or undo:
        for ids in id_batches(difference.vanished, difference.changed_at_once):
            _delete_former(collection, ids, log, undo)
    else:
        for ids in id_batches(difference.vanished):
            deleted = collection.delete_many({ID: {"$in": list(ids)}}).deleted_count
            if difference.is_at_once and deleted < len(ids):
                # Another writer of the same rows, which have no keys, deleted them: its rows must go as well.
                raise OvertakenError
    if waiting and undo:
        _write_waiting(collection, waiting, difference.changed_at_once, undo)


def _insert(
    collection: RawCollection, documents: Sequence[RawBSONDocument], rules: Rules, undo: Undo | None
) -> list[_Waiting]:
    if undo:
        undo.chunks_inserted += 1
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if undo is None:
            raise
        undo.not_inserted.update(key(documents[position]) for position in positions(error))
        return [(None, documents[position]) for position in sorted(held_up(error, rules))]
    return []


def _change_former(
    collection: RawCollection,
    documents: Sequence[RawBSONDocument],
    difference: Difference,
    log: RevisionLog | None,
    rules: Rules,
    undo: Undo | None,
) -> list[_Waiting]:
    """Change documents that have not changed since their versions were kept.

    Raises:
        OvertakenError: one has changed.
    """
    former = find_by_ids(collection, ids_of(documents))
    if log:
        log.keep(list(former.values()), "revised")
    pairs = [(former[key(document)], document) for document in documents if key(document) in former]
    if undo:
        undo.changed += pairs
    waiting: set[int] = set()
    try:
        changes = [change(document, difference.mode, old) for old, document in pairs]
        matched = collection.bulk_write(changes, ordered=False).matched_count if changes else 0
    except BulkWriteError as error:
        if undo is None:
            raise
        waiting = held_up(error, rules)
        matched = error.details["nMatched"] + len(waiting)
    if matched < len(documents):
        raise OvertakenError
    return [
        (old, changed(document, difference.mode, old))
        for position, (old, document) in enumerate(pairs)
        if position in waiting
    ]


def _delete_former(
    collection: RawCollection, ids: Sequence[RawBSONDocument], log: RevisionLog | None, undo: Undo | None
) -> None:
    """Delete documents that have not changed since their versions were kept.

    Raises:
        OvertakenError: one has changed.
    """
    former = list(find_by_ids(collection, ids).values())
    if not former:  # another writer has kept and deleted them
        return
    if log:
        log.keep(former, "deleted")
    if undo:
        undo.deleted += former
    deleted = collection.bulk_write([DeleteOne(as_it_was(document)) for document in former], ordered=False)
    if deleted.deleted_count < len(former):
        raise OvertakenError


def _write_waiting(collection: RawCollection, waiting: Sequence[_Waiting], at_once: int, undo: Undo) -> None:
    former = [old for old, _ in waiting if old is not None]
    for some in chunks([former], at_once):
        undo.deleted += some
        deleted = collection.bulk_write([DeleteOne(as_it_was(document)) for document in some], ordered=False)
        if deleted.deleted_count < len(some):
            raise OvertakenError
    for some in chunks([[document for _, document in waiting]], at_once):
        undo.inserted_later += some
        collection.insert_many(some, ordered=False)
