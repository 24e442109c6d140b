"""Keeping former versions while documents are written."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

from dagster_mongodb.revisions import INSERTIONS, REVISIONS
from dagster_mongodb.values import ID
from dagster_mongodb.writing.keys import id_batches, key, key_of

_RAW = bson.CodecOptions(document_class=RawBSONDocument)


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
    _indexed: set[str] = field(default_factory=set)

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
            self._create_missing_index(revisions, name)
        latest = self._latest(revisions, [document[ID] for document in final])
        now = datetime.now(timezone.utc)
        until = {"valid_until": now, "kind": kind, "run_id": self.run_id, "partition": self.partition}
        left: list[tuple[RawBSONDocument, UpdateOne]] = []
        new: list[tuple[RawBSONDocument, UpdateOne]] = []
        for document in final:
            last = latest.get(key(document))
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

    def _latest(self, revisions: Collection[RawBSONDocument], ids: Sequence[Any]) -> dict[Hashable, RawBSONDocument]:
        latest: dict[Hashable, RawBSONDocument] = {}
        for batch in id_batches(ids):
            for revision in revisions.find({f"{ID}.document_id": {"$in": list(batch)}}):
                of = key_of(bson.encode({ID: revision[ID]["document_id"]}))
                if of not in latest or latest[of][ID]["revision"] < revision[ID]["revision"]:
                    latest[of] = revision
        return latest

    def note_insertions(self, ids: Sequence[Any]) -> None:
        """Note that documents are about to be written for the first time.

        A killed writer leaves a note without documents; the next writer notes them again.
        """
        insertions = self.database[self.collection + INSERTIONS]
        self._create_missing_index(insertions, "valid_from")
        for batch in id_batches(ids):
            note = {
                "document_ids": list(batch),
                "valid_from": datetime.now(timezone.utc),
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

    def _create_missing_index(self, collection: Collection[Any], name: str) -> None:
        if name not in self._indexed:
            create_missing_index(collection, name)
            self._indexed.add(name)

    def _is_current(self, last: RawBSONDocument, document: RawBSONDocument) -> bool:
        """Return whether the last revision of a key is the version that is stored still, left by a killed writer."""
        is_same = last["document"].raw == document.raw
        return is_same and not self._was_inserted_since(document[ID], last["valid_until"])

    def _was_inserted_since(self, document_id: Any, moment: datetime) -> bool:
        insertions = self.database[self.collection + INSERTIONS]
        return insertions.find_one({"valid_from": {"$gte": moment}, "document_ids": document_id}) is not None

    def _is_provisional(self, document: RawBSONDocument) -> bool:
        return self.provisional_column is not None and document.get(self.provisional_column) is True


def create_missing_index(collection: Collection[Any], name: str, **options: Any) -> None:
    """Create the ascending index of a field, unless there is one."""
    if not any(index["key"] == [(name, 1)] for index in collection.index_information().values()):
        collection.create_index(name, **options)
