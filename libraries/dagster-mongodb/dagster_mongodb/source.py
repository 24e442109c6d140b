"""Where the asset of an input is stored, and how it was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from pymongo.database import Database

from dagster_mongodb.collection import find_collection, has_documents
from dagster_mongodb.errors import CollectionError, CollectionNotStoredError, OptionsError
from dagster_mongodb.notes import Note, find_note, find_note_of_asset, obeyed, owner_of
from dagster_mongodb.revisions import INSERTIONS, REVISIONS
from dagster_mongodb.slices import Partitions


@dataclass(frozen=True)
class Source:
    """A collection that an input is read from.

    Args:
        title: of the input, for error messages.
        database, collection: their names.
        note: what is known of it; `None` if another program wrote it.
        metadata: definition metadata of the asset, completed by the note.
    """

    title: str
    database: str
    collection: str
    note: Note | None
    metadata: Mapping[str, Any]

    @classmethod
    def find(
        cls,
        database: Database[Any],
        collection: str,
        asset_key: dg.AssetKey | None,
        metadata: Mapping[str, Any],
        partitions: Partitions | None,
        title: str,
    ) -> "Source":
        """Find where an asset or an output is stored.

        Args:
            database: of the collection.
            collection: in which it should be.
            asset_key: of the asset, if its metadata does not name a collection: it is looked for by its key, too.
            metadata: definition metadata of the asset.
            partitions: to read.
            title: of the input.

        Raises:
            CollectionNotStoredError: it was never stored, or its collection was dropped.
            CollectionError: the collection keeps another asset.
            OptionsError: the metadata contradicts how the asset was written.
        """
        note = find_note(database, collection)
        if asset_key is not None:
            note = note or find_note_of_asset(database, asset_key)
            if note is not None and note.owner not in (None, owner_of(asset_key)):
                raise CollectionError(
                    f"{title}: collection {collection} keeps {note.owner}: set the metadata 'collection' of the asset"
                )
        collection = collection if note is None else note.collection
        # Former releases made no collection for an asset without rows.
        is_old = note is not None and note.owner is None
        # An input without partitions (the first one of an asset that depends on itself) may be missing.
        is_needed = partitions is None or bool(partitions.keys)
        # An empty collection is left by a first write that failed, or made by hand.
        is_noted = note is not None and note.is_stored
        is_there = find_collection(database, collection) is not None
        is_stored = is_there and (is_noted or has_documents(database, collection))
        if is_needed and not is_old and not is_stored:
            raise CollectionNotStoredError(
                f"{title} was never stored in {database.name}.{collection}, or was dropped: materialize it first"
            )
        return cls(title, database.name, collection, note, obeyed(note, metadata, title))

    def check_revisions(self, database: Database[Any]) -> None:
        """Refuse to read the past of an asset whose former versions are not kept.

        Raises:
            OptionsError: they are not.
        """
        if self.note is not None and self.note.owner is not None:
            is_kept = self.note.keep_revisions
        else:
            names = [self.collection + suffix for suffix in (REVISIONS, INSERTIONS)]
            is_kept = bool(database.list_collection_names(filter={"name": {"$in": names}}))
        if not is_kept:
            raise OptionsError(
                f"{self.title} keeps no former versions, so it cannot be read 'as_of' a moment: set 'keep_revisions' "
                "in the metadata of the asset, or read it as it is now"
            )
