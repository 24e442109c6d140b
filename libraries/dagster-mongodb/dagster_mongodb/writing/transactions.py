"""Writing a difference in transactions, each small enough for a server with little memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from dagster_mongodb.values import ID
from dagster_mongodb.writing.changing import as_it_was, change, changed
from dagster_mongodb.writing.difference import Difference
from dagster_mongodb.writing.keys import RawCollection, find_by_ids, id_batches, ids_of, key
from dagster_mongodb.writing.refusals import OvertakenError, Rules, held_up
from dagster_mongodb.writing.revision_log import RevisionLog

_WITH_TRANSACTIONS = ("RSPrimary", "RSSecondary", "Mongos", "LoadBalancer")
_MOST_BYTES = 16 * 2**20
# What the server keeps in memory for an entry of an index, besides the documents, until the transaction ends.
# A server with a cache of 256 MiB, the least that MongoDB takes by default, refuses twice as much.
_BYTES_AN_ENTRY = 128


@dataclass(frozen=True)
class Part:
    """The part of a difference that is written in one transaction.

    Args:
        new, revised: documents.
        vanished: keys.
    """

    new: Sequence[RawBSONDocument] = ()
    revised: Sequence[RawBSONDocument] = ()
    vanished: Sequence[Any] = ()


def has_transactions(client: MongoClient[Any]) -> bool:
    """Return whether the server is a replica set or a sharded cluster."""
    servers = client.topology_description.server_descriptions().values()
    return any(server.server_type_name in _WITH_TRANSACTIONS for server in servers)


def whole(difference: Difference, rules: Rules) -> Part | None:
    """Return all of a difference as one part, or None if that is too large for a transaction."""
    added = _BYTES_AN_ENTRY * rules.indexes
    size = added * len(difference.vanished)
    new: list[RawBSONDocument] = []
    revised: list[RawBSONDocument] = []
    for collected, documents in ((new, difference.new_documents()), (revised, difference.revised_documents())):
        for some in documents:
            size += sum(len(document.raw) + added for document in some)
            if size > _MOST_BYTES:
                return None
            collected.extend(some)
    return Part(new, revised, difference.vanished) if size <= _MOST_BYTES else None


def parts(difference: Difference, rules: Rules) -> Iterator[Part]:
    """Return the parts of a difference; each deletes as many documents as it inserts, while there are any.

    So between two of them there are never fewer documents than the smaller of old and new.
    """
    added = _BYTES_AN_ENTRY * rules.indexes
    vanished, deleted = difference.vanished, 0
    for documents in _bounded(difference.new_documents(), 2 * added):
        yield Part(new=documents, vanished=vanished[deleted : deleted + len(documents)])
        deleted += len(documents)
    for documents in _bounded(difference.revised_documents(), added):
        yield Part(revised=documents)
    for ids in id_batches(vanished[deleted:], max(1, _MOST_BYTES // added)):
        yield Part(vanished=ids)


def _bounded(chunks: Iterable[Sequence[RawBSONDocument]], added: int) -> Iterator[list[RawBSONDocument]]:
    """Return documents in lists that are small enough for a transaction.

    Args:
        chunks: of documents.
        added: bytes that the server needs for each besides the document.
    """
    some: list[RawBSONDocument] = []
    size = 0
    for document in chain.from_iterable(chunks):
        if some and size + len(document.raw) + added > _MOST_BYTES:
            yield some
            some, size = [], 0
        some.append(document)
        size += len(document.raw) + added
    if some:
        yield some


def apply_at_once(
    collection: RawCollection, difference: Difference, part: Part, log: RevisionLog | None, rules: Rules
) -> None:
    """Write a part in one transaction.

    Args:
        collection: of the documents.
        difference: of which it is a part.
        part: to write.
        log: keeps versions before they are replaced or deleted.
        rules: of the collection.

    Raises:
        BulkWriteError: MongoDB refuses a document; nothing was written.
        OvertakenError: another writer changed a document after it was compared; nothing was written.
    """
    revised = find_by_ids(collection, ids_of(part.revised))
    vanished = list(find_by_ids(collection, part.vanished).values()) if log else []
    if len(revised) < len(part.revised):
        raise OvertakenError
    if log:
        log.note_insertions(ids_of(part.new))
        log.keep(list(revised.values()), "revised")
        log.keep(vanished, "deleted")
    mode = difference.mode
    pairs = [(revised[key(document)], document) for document in part.revised]

    def delete(session: ClientSession) -> None:
        if log:
            _delete_as_they_were(collection, vanished, session)
            return
        for ids in id_batches(part.vanished):
            if collection.delete_many({ID: {"$in": list(ids)}}, session=session).deleted_count < len(ids):
                raise OvertakenError

    def write(session: ClientSession) -> None:
        delete(session)
        if pairs:
            changes = [change(document, mode, former) for former, document in pairs]
            if collection.bulk_write(changes, ordered=False, session=session).matched_count < len(pairs):
                raise OvertakenError
        if part.new:
            collection.insert_many(part.new, ordered=False, session=session)

    def write_anew(session: ClientSession) -> None:
        delete(session)
        _delete_as_they_were(collection, [former for former, _ in pairs], session)
        documents = chain((changed(document, mode, former) for former, document in pairs), part.new)
        collection.insert_many(documents, ordered=False, session=session)

    with collection.database.client.start_session() as session:
        try:
            session.with_transaction(write)
        except BulkWriteError as error:
            if not pairs:
                raise
            held_up(error, rules)
            # Unique values go from one changed document to another.
            session.with_transaction(write_anew)


def _delete_as_they_were(
    collection: RawCollection, documents: Sequence[RawBSONDocument], session: ClientSession
) -> None:
    if not documents:
        return
    deletions = [DeleteOne(as_it_was(document)) for document in documents]
    if collection.bulk_write(deletions, ordered=False, session=session).deleted_count < len(documents):
        raise OvertakenError
