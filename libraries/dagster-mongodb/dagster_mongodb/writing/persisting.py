"""Writing a difference until it is written, or taking it back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from dagster_mongodb.errors import ConcurrentWriteError, PartitionError, WriteRefusedError
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID
from dagster_mongodb.writing.applying import apply_in_order
from dagster_mongodb.writing.difference import Difference
from dagster_mongodb.writing.keys import RawCollection
from dagster_mongodb.writing.refusals import (
    ATTEMPTS,
    OvertakenError,
    Rules,
    concurrent,
    explained,
    is_of_duplicates,
    is_worth_another_attempt,
)
from dagster_mongodb.writing.revision_log import RevisionLog
from dagster_mongodb.writing.transactions import apply_at_once, has_transactions, parts, whole
from dagster_mongodb.writing.undo import Undo


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


def persist(
    collection: RawCollection,
    where: CollectionSlice,
    find_difference: Callable[[], Difference],
    begin: Callable[[], None],
    log: RevisionLog | None = None,
    lists: Collection[str] | None = None,
) -> WriteCounts:
    """Write a difference, and take back what was written if MongoDB refuses a document.

    Args:
        collection: of raw documents.
        where: the slice, for error messages.
        find_difference: compares; called again after another writer interfered.
        begin: called before anything is written.
        log: keeps versions before they are replaced or deleted.
        lists: fields that may hold lists; `None`: any field may.

    Raises:
        WriteRefusedError: MongoDB refuses a document; the message says whether nothing was written.
        ConcurrentWriteError: other writers kept changing the same documents.
    """
    differences: list[Difference] = []
    undos: list[Undo | None] = []

    def attempt() -> None:
        # What the former attempt wrote would differ from what the rows are compared with.
        while undos and undos[-1] is not None and undos[-1].run():
            undos.pop()
        differences.append(find_difference())
        begin()
        if differences[-1]:
            _apply(collection, differences[-1], log, undos, Rules.of(collection, lists))

    try:
        _repeat(attempt, collection, where)
    except (PartitionError, ConcurrentWriteError):
        for undo in filter(None, reversed(undos)):
            undo.run()
        raise
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
    collection: RawCollection,
    difference: Difference,
    log: RevisionLog | None,
    undos: list[Undo | None],
    rules: Rules,
) -> None:
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


def _repeat(attempt: Callable[[], None], collection: RawCollection, where: CollectionSlice) -> None:
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
