"""The collection that an output is written to: checked before the write, and prepared when it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from dagster_mongodb.collection import (
    check_collection,
    create_collection,
    find_collection,
    has_documents,
    index_models,
    named_in_indexes,
    set_indexes,
    set_validator,
)
from dagster_mongodb.columns import field_name
from dagster_mongodb.errors import CollectionError, OptionsError
from dagster_mongodb.notes import Note, changed_key, check_write, find_note, note_success, to_migrate, write_note
from dagster_mongodb.options import WriteOptions
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID


@dataclass(frozen=True)
class Destination:
    """A collection that an output may be written to.

    Args:
        database: of the collection.
        where: the slice that is written.
        options: of the output.
        note: what this write knows of the collection.
        former: its note before; `None` if there is none.
        options_of_collection: as MongoDB has them; `None` if there is no collection.
        indexes: keys and options.
    """

    database: Database[Any]
    where: CollectionSlice
    options: WriteOptions
    note: Note
    former: Note | None
    options_of_collection: Mapping[str, Any] | None
    indexes: Sequence[tuple[list[tuple[str, Any]], dict[str, Any]]]

    @classmethod
    def check(cls, database: Database[Any], where: CollectionSlice, options: WriteOptions, note: Note) -> "Destination":
        """Return the collection, unless the output cannot be written to it.

        Raises:
            CollectionError: it is of the wrong kind, or holds documents of another asset or program.
            OptionsError: the metadata contradicts how the collection was written.
        """
        collection = where.collection
        owner = note.owner or collection
        indexes = index_models(where, options.indexes, owner)
        if options.validation_action and note.columns is None:
            raise OptionsError(f"{owner}: 'validation_action' needs columns with dtypes, which documents do not have")
        found = find_collection(database, collection)
        check_collection(database, collection, found or {}, keep_revisions=options.keep_revisions)
        # In this order: another writer notes the collection before it writes the first document.
        key_fields = {ID: True, **{field_name(name): True for name in where.primary_key}}
        document = None if found is None else database[collection].find_one({}, key_fields)
        former = find_note(database, collection)
        if document is not None and (former is None or former.is_shared):
            if options.mode == "replace":
                raise CollectionError(
                    f"collection {collection} holds documents of another program, which {note.owner} would delete: set "
                    "another collection by the metadata 'collection'; or add to it with the 'write_mode' merge, append "
                    "or set; or let the asset take it over with dagster_mongodb.adopt_collection"
                )
            note = replace(note, columns=None, is_shared=True)
        # Notes of release 0.1 name neither owner nor schema.
        is_own_schema = former is not None and (former.has_validator or former.owner is None)
        if options.validation_action and not is_own_schema and (found or {}).get("options", {}).get("validator"):
            raise CollectionError(
                f"collection {collection} has a schema of another program: leave out 'validation_action', or remove it"
            )
        _check_indexed_names(where, options.indexes, note, former)
        if found is not None and former is not None:
            check_write(former, note, lambda: document is not None)
        if document is not None and former is not None:
            if former.owner is None:
                _check_key_of(document, where, note)
            if where.boxes is not None and former.partition_expr != note.partition_expr:
                _check_partition_columns(database, where, note)
        return cls(database, where, options, note, former, None if found is None else found.get("options", {}), indexes)

    def prepare(self) -> None:
        """Create what is missing: the collection, its indexes, its note, and its schema.

        Raises:
            CollectionError: another asset has noted the collection in the meantime.
            OptionsError: an index cannot be created.
        """
        collection = self.where.collection
        if self.options_of_collection is None:
            create_collection(self.database, collection)
        former_indexes = self.former.indexes if self.former is not None else {}
        indexes = set_indexes(self.database, collection, self.indexes, former_indexes)
        note = self._write_note(indexes)
        action = self.options.validation_action
        while action or (self.former is not None and self.former.has_validator):
            set_validator(self.database, self.where, note.columns, action)
            # Another writer may have noted more columns, but set its schema before.
            latest = find_note(self.database, collection)
            if latest is None or latest.columns == note.columns:
                return
            note = latest

    def note_success(self) -> None:
        """Note that the asset is stored."""
        if self.former is None or not self.former.is_stored or self.options_of_collection is None:
            note_success(self.database, self.note)

    def _write_note(self, indexes: Mapping[str, str]) -> Note:
        return write_note(
            self.database,
            replace(self.note, indexes=indexes),
            is_whole=self.options.mode == "replace" and self.where.boxes is None,
            dropped=self.former if self.options_of_collection is None else None,
            has_documents=lambda: has_documents(self.database, self.where.collection),
        )


def _check_indexed_names(where: CollectionSlice, indexes: Any, note: Note, former: Note | None) -> None:
    """Refuse indexes on columns that neither these rows nor former ones have.

    Raises:
        OptionsError: names the column.
    """
    if not note.columns:
        return
    known = {column.name for some in (note, former) if some is not None for column in some.columns or ()}
    missing = [name for name in named_in_indexes(indexes) if where.column(name) not in {*known, ID, "$**"}]
    if missing:
        raise OptionsError(
            f"{note.owner} has no column {', '.join(missing)}, which 'indexes' names: it has {', '.join(known)}"
        )


def _check_key_of(document: Mapping[str, Any], where: CollectionSlice, note: Note) -> None:
    """Refuse another primary key than that of a document of release 0.1, whose notes do not name it.

    Raises:
        OptionsError: the document was stored by another key.
    """
    identity, names = document[ID], where.primary_key
    if len(names) > 1:
        is_such = isinstance(identity, Mapping) and list(identity) == [field_name(name) for name in names]
    elif names:
        is_such = not isinstance(identity, Mapping) and (names == (ID,) or field_name(names[0]) not in document)
    else:
        is_such = isinstance(identity, ObjectId)
    if not is_such:
        raise changed_key(note, f"another one, as the _id {identity!r} shows")


def _check_partition_columns(database: Database[Any], where: CollectionSlice, note: Note) -> None:
    """Refuse other partitions than before if stored documents would belong to none of them.

    Raises:
        OptionsError: a document lacks a column of the partitions.
    """
    for column in where.partition_columns:
        lacking = database[where.collection].find_one({where.path(column): {"$exists": False}}, {ID: True})
        if lacking is not None:
            raise OptionsError(
                f"{note.owner} has the 'partition_expr' {column!r}, but the document {lacking[ID]!r} of collection "
                f"{where.collection} was written without that column, so it is in no partition: "
                f"{to_migrate(where.collection)}"
            )
