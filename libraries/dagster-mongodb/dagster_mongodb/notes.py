"""What is known of a collection besides its documents: whose it is, its keys, its columns and their types.

The collection ``dagster_columns`` of each database holds one document, a note, for each collection that the IO
manager wrote. So a consumer that does not know the producer's metadata reads the same rows.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import dagster as dg
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from dagster_mongodb.columns import Column, check_documents_beside, field_name, merge
from dagster_mongodb.errors import CollectionError, OptionsError
from dagster_mongodb.slices import names_of
from dagster_mongodb.values import ID

NOTES = "dagster_columns"
"""The collection of notes."""


@dataclass(frozen=True)
class Note:
    """What is known of a collection.

    Args:
        collection: its name.
        owner: the asset (``asset 'weather/cities'``) or output that it keeps; `None`: not noted, by a former
            release.
        primary_key: columns that are ``_id``.
        partition_expr: column of the partitions, or dimension → column; `None`: written without partitions.
        calendar_dates: whether the partition column holds calendar dates.
        keep_revisions: whether former versions are kept.
        columns: and their types; `None` for documents, which have no common columns.
        past_columns: of former versions, if those are kept.
        dotted_names: columns whose names contain a dot.
        indexes: name → keys and options of the indexes that the metadata asked for, as they were created.
        has_validator: whether the metadata asked for a schema.
        is_shared: documents of another program are among them.
        is_stored: a write of the asset has succeeded.
        expires_at: when it may be dropped; `None`: never.
        version: 1, 2, …: a writer replaces only the version that it has read.
    """

    collection: str
    owner: str | None
    primary_key: tuple[str, ...] = ()
    partition_expr: str | Mapping[str, str] | None = None
    calendar_dates: bool = False
    keep_revisions: bool = False
    columns: tuple[Column, ...] | None = None
    past_columns: tuple[Column, ...] = ()
    dotted_names: frozenset[str] = frozenset()
    indexes: Mapping[str, str] = field(default_factory=dict)
    has_validator: bool = False
    is_shared: bool = False
    is_stored: bool = False
    expires_at: datetime | None = None
    version: int = 0

    def as_document(self) -> dict[str, Any]:
        """Return the document that is stored."""
        expression = self.partition_expr
        document = {
            ID: self.collection,
            "columns": None if self.columns is None else [column.as_document() for column in self.columns],
            "owner": self.owner,
            "primary_key": list(self.primary_key),
            # Pairs, because the name of a dimension need not be a good name of a field.
            "partition_expr": [[*pair] for pair in expression.items()]
            if isinstance(expression, Mapping)
            else expression,
            "calendar_dates": self.calendar_dates,
            "keep_revisions": self.keep_revisions,
            "past_columns": [column.as_document() for column in self.past_columns],
            "dotted_names": sorted(self.dotted_names),
            "indexes": [[*pair] for pair in self.indexes.items()],
            "has_validator": self.has_validator,
            "is_shared": self.is_shared,
            "is_stored": self.is_stored,
            "version": self.version,
        }
        return document if self.expires_at is None else {**document, "expires_at": self.expires_at}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Note":
        """Return the note that a document is; those of former releases hold only columns."""
        columns = document["columns"]
        noted = None if columns is None else tuple(map(Column.of_document, columns))
        expression = document.get("partition_expr")
        return cls(
            collection=document[ID],
            owner=document.get("owner"),
            primary_key=tuple(document.get("primary_key", ())),
            partition_expr=dict(expression) if isinstance(expression, list) else expression,
            calendar_dates=document.get("calendar_dates", False),
            keep_revisions=document.get("keep_revisions", False),
            columns=noted,
            past_columns=tuple(map(Column.of_document, document.get("past_columns", ()))),
            dotted_names=frozenset(
                [*document.get("dotted_names", ()), *(column.name for column in noted or () if "." in column.name)]
            ),
            indexes=dict(document.get("indexes", ())),
            has_validator=document.get("has_validator", False),
            is_shared=document.get("is_shared", False),
            is_stored=document.get("is_stored", True),
            expires_at=document.get("expires_at"),
            version=document.get("version", 0),
        )


def to_migrate(collection: str) -> str:
    """Return what to do with a collection whose documents do not fit the present metadata, for error messages."""
    former = f"{collection}_former"
    return (
        f"rename the collection, as in db.getCollection({collection!r}).renameCollection({former!r}), or drop it, and "
        "materialize the asset again"
    )


def owner_of(asset_key: dg.AssetKey) -> str:
    """Return how a note names an asset."""
    return f"asset {asset_key.to_user_string()!r}"


def find_note(database: Database[Any], collection: str) -> Note | None:
    """Return the note of a collection, or None if the IO manager never wrote to it."""
    document = _notes(database).find_one({ID: collection})
    return None if document is None else Note.of_document(document)


def find_note_of_asset(database: Database[Any], asset_key: dg.AssetKey) -> Note | None:
    """Return the note of the only collection that keeps an asset, or None."""
    found = _notes(database).find({"owner": owner_of(asset_key)}, limit=2).to_list()
    return Note.of_document(found[0]) if len(found) == 1 else None


def check_write(note: Note, new: Note, has_documents: Callable[[], bool]) -> None:
    """Refuse to write what would mix with the documents of a collection.

    Args:
        note: of the collection.
        new: of the write.
        has_documents: returns whether the collection has any.

    Raises:
        CollectionError: the collection keeps another asset.
        OptionsError: the primary key has changed.
    """
    if note.owner is None:
        return
    if note.owner != new.owner:
        raise CollectionError(
            f"collection {note.collection} keeps {note.owner}, so {new.owner} cannot be written to it: set another "
            "collection by the metadata 'collection'; if the asset was renamed, call dagster_mongodb.adopt_collection"
        )
    if note.primary_key != new.primary_key and has_documents():
        raise changed_key(new, shown_key(note.primary_key))


def changed_key(new: Note, stored: str) -> OptionsError:
    """Return the error of a write with another primary key than that of the stored documents."""
    return OptionsError(
        f"{new.owner} has {shown_key(new.primary_key)}, but collection {new.collection} was written with {stored}: "
        f"change it back; or {to_migrate(new.collection)}"
    )


def obeyed(note: Note | None, metadata: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return the metadata with which an asset is read: what its note says, which its own metadata must not contradict.

    Raises:
        OptionsError: it does.
    """
    if note is None or note.owner is None:
        return dict(metadata)
    given, expression = metadata.get("primary_key"), metadata.get("partition_expr")
    contradictions = []
    if given is not None and names_of(given) != note.primary_key:
        contradictions.append(f"the metadata 'primary_key' is {given!r}, not {shown_key(note.primary_key)}")
    if None not in (expression, note.partition_expr) and expression != note.partition_expr:
        contradictions.append(f"the metadata 'partition_expr' is {expression!r}, not {note.partition_expr!r}")
    if contradictions:
        raise OptionsError(
            f"{title}: {' and '.join(contradictions)}, with which collection {note.collection} was written: correct "
            "the metadata, or materialize the asset again"
        )
    stored = {"partition_expr": note.partition_expr} if note.partition_expr is not None else {}
    return {**metadata, **stored, "primary_key": note.primary_key, "calendar_dates": note.calendar_dates}


def write_note(
    database: Database[Any],
    new: Note,
    *,
    is_whole: bool,
    dropped: Note | None,
    has_documents: Callable[[], bool],
) -> Note:
    """Note what is about to be written; documents alone do not show the columns of empty frames or of nulls.

    Args:
        database: of the collection.
        new: what this write knows.
        is_whole: the rows replace the whole collection; otherwise other documents keep their columns.
        dropped: the note of a collection that was dropped by hand, which says nothing any more.
        has_documents: returns whether the collection has any.

    Returns:
        The note of the collection.

    Raises:
        CollectionError: the collection keeps another asset, whose first write may have begun at the same time.
        OptionsError: the primary key has changed.
    """
    notes = _notes(database)
    while True:
        note = find_note(database, new.collection)
        if note is None:
            first = replace(new, version=1)
            # Writers of other partitions may note columns at the same time: no writer overwrites another's.
            with contextlib.suppress(DuplicateKeyError):
                notes.insert_one(first.as_document())
                return first
            continue
        if dropped is not None and note.version == dropped.version:
            merged = new
        else:
            check_write(note, new, has_documents)
            merged = replace(_merged(note, new, is_whole=is_whole), is_stored=note.is_stored)
        merged = replace(merged, version=note.version)
        if merged == note:
            return note
        merged = replace(merged, version=note.version + 1)
        if _replace_note(database, note, merged):
            return merged


def note_success(database: Database[Any], note: Note) -> None:
    """Note that a write of the asset has succeeded."""
    if not note.is_stored:
        _notes(database).update_one({ID: note.collection}, {"$set": {"is_stored": True}, "$inc": {"version": 1}})


def adopt_collection(
    database: Database[Any],
    collection: str,
    asset_key: dg.AssetKey | str | Sequence[str],
    *,
    primary_key: str | Sequence[str] = (),
) -> None:
    """Let an asset take over a collection with the documents of another program, or of an asset that was renamed.

    Without it, the IO manager refuses to write to such a collection, because a write that replaces all rows
    would delete the documents in it.

    Args:
        database: of the collection.
        collection: its name.
        asset_key: of the asset; its next materialization may replace and delete the documents.
        primary_key: the same as in the metadata of the asset: the name under which its rows have what is ``_id`` in
            the documents, or ``"_id"`` itself. A collection of a renamed asset keeps its own.

    Raises:
        CollectionError: the database has no such collection.
        OptionsError: the documents have another key.

    Example:
        .. code-block:: python

            with MongoClient(uri) as client:
                adopt_collection(client["weather"], "cities", "cities", primary_key="_id")
    """
    if collection not in database.list_collection_names(filter={"name": collection}):
        raise CollectionError(f"{database.name} has no collection {collection}")
    owner, key = owner_of(dg.AssetKey.from_coercible(asset_key)), names_of(primary_key)
    while True:
        note = find_note(database, collection)
        if note is None:
            _check_adopted_key(database, collection, key)
            new = Note(collection, owner, primary_key=key, is_stored=True, version=1)
            with contextlib.suppress(DuplicateKeyError):
                _notes(database).insert_one(new.as_document())
                return
            continue
        if key and key != note.primary_key:
            raise OptionsError(f"collection {collection} was written with {shown_key(note.primary_key)}: leave it out")
        adopted = replace(note, owner=owner, is_shared=False, version=note.version + 1)
        if _replace_note(database, note, adopted):
            return


def _notes(database: Database[Any]) -> Collection[Any]:
    # Categories are compared as they were encoded, no matter how the client decodes dates and UUIDs.
    return database.get_collection(NOTES, codec_options=DEFAULT_CODEC_OPTIONS)


def _replace_note(database: Database[Any], former: Note, new: Note) -> bool:
    """Replace a note unless another writer has changed it; return whether it did."""
    version = former.version or {"$exists": False}  # of release 0.1
    unchanged = {ID: former.collection, "version": version}
    return _notes(database).replace_one(unchanged, new.as_document()).matched_count == 1


def _merged(former: Note, new: Note, *, is_whole: bool) -> Note:
    merged = _with_common_columns(former, new, is_whole=is_whole)
    if not new.keep_revisions or former.columns is None:
        return merged
    # Former versions are read with these types, so a column must not change its meaning.
    past = merge(former.past_columns, former.columns)
    merge(past, merged.columns or ())
    return replace(merged, past_columns=tuple(column for column in past if column not in (merged.columns or ())))


def _with_common_columns(former: Note, new: Note, *, is_whole: bool) -> Note:
    if is_whole and new.columns != ():
        return new
    if former.columns is None or new.columns is None:
        # No documents say nothing about columns.
        columns = former.columns if new.columns == () else None
        if columns is None:
            check_documents_beside(former.columns or new.columns or ())
    else:
        columns = merge(former.columns, new.columns)
    cut = new if new.partition_expr is not None else former
    return replace(
        new,
        partition_expr=cut.partition_expr,
        calendar_dates=cut.calendar_dates,
        columns=columns,
        dotted_names=former.dotted_names | new.dotted_names,
        is_shared=former.is_shared or new.is_shared,
    )


def _check_adopted_key(database: Database[Any], collection: str, key: Sequence[str]) -> None:
    """Refuse a primary key that the documents of another program have as a field and not as ``_id``."""
    fields = [field_name(name) for name in key if name != ID]
    having = {"$or": [{field: {"$exists": True}} for field in fields]} if fields else {ID: {"$in": []}}
    document = database[collection].find_one(having, {ID: True})
    if document is not None:
        raise OptionsError(
            f"collection {collection}: the document with the _id {document[ID]!r} has {', '.join(key)} as a field, so "
            "it is not its _id. Adopt the collection with the primary key '_id'; or, to make the field the key, write "
            "the asset to a new collection"
        )


def shown_key(primary_key: Sequence[str]) -> str:
    """Return a primary key as messages name it."""
    return f"the primary key {', '.join(map(repr, primary_key))}" if primary_key else "no primary key"
