"""Taking a write back that MongoDB refused half way."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne
from pymongo.errors import BulkWriteError

from dagster_mongodb.writing.changing import as_it_was, change_back, changed
from dagster_mongodb.writing.difference import Difference, chunks
from dagster_mongodb.writing.keys import RawCollection, find_by_ids, ids_of, key
from dagster_mongodb.writing.refusals import is_only_duplicates, positions


@dataclass
class Undo:
    """What a write did to a collection, noted before it is done.

    Args:
        collection: of the documents.
        difference: that is written.
        chunks_inserted: chunks of new documents that were sent.
        not_inserted: keys of those among them that MongoDB refused.
        inserted_later: documents that were inserted apart from their chunk.
        changed: former and new versions of documents.
        deleted: former versions of documents.
    """

    collection: RawCollection
    difference: Difference
    chunks_inserted: int = 0
    not_inserted: set[Hashable] = field(default_factory=set)
    inserted_later: list[RawBSONDocument] = field(default_factory=list)
    changed: list[tuple[RawBSONDocument, RawBSONDocument]] = field(default_factory=list)
    deleted: list[RawBSONDocument] = field(default_factory=list)

    def run(self) -> bool:
        """Delete what was inserted and put former versions back, except where another writer wrote since.

        Returns:
            Whether all former versions are current again.
        """
        for documents in islice(self.difference.new_documents(), self.chunks_inserted):
            self._delete(document for document in documents if key(document) not in self.not_inserted)
        self._delete(self.inserted_later)
        missing = list(self.deleted)
        for pairs in chunks([self.changed], self.difference.changed_at_once):
            missing += self._change_back(pairs)
        for documents in chunks([missing], self.difference.changed_at_once):
            try:
                self.collection.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                # Documents that are there: they were not deleted yet, or are another writer's.
                if not is_only_duplicates(error):
                    raise
        formers = [*self.deleted, *(former for former, _ in self.changed)]
        stored = find_by_ids(self.collection, ids_of(formers))
        return all(stored.get(key(former)) == former for former in formers)

    def _change_back(self, pairs: Sequence[tuple[RawBSONDocument, RawBSONDocument]]) -> list[RawBSONDocument]:
        """Put former versions back; return those whose unique values others hold, deleted."""
        mode = self.difference.mode
        try:
            self.collection.bulk_write([change_back(new, mode, former) for former, new in pairs], ordered=False)
        except BulkWriteError as error:
            if not is_only_duplicates(error):
                raise
            left = [pairs[position] for position in positions(error)]
            self._delete(changed(new, mode, former) for former, new in left)
            return [former for former, _ in left]
        return []

    def _delete(self, documents: Iterable[RawBSONDocument]) -> None:
        for some in chunks([list(documents)], self.difference.changed_at_once):
            # The filter alone would delete a document that is the same in the collation of the collection.
            stored = find_by_ids(self.collection, ids_of(some))
            ours = [DeleteOne(as_it_was(document)) for document in some if stored.get(key(document)) == document]
            if ours:
                self.collection.bulk_write(ours, ordered=False)
