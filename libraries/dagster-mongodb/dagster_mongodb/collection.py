"""The columns, indexes and validator of a collection, and which collections can hold an asset."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from dagster_mongodb.columns import DATE, NOTES, Column, merge
from dagster_mongodb.errors import CollectionError, OptionsError
from dagster_mongodb.revisions import INSERTIONS, REVISIONS
from dagster_mongodb.slices import CollectionSlice, Keys
from dagster_mongodb.values import ID

_NAMESPACE_EXISTS = 48
_INDEX_CONFLICTS = frozenset({85, 86})
_UNAUTHORIZED = frozenset({13})
_BSON_TYPES = {
    "b": ["bool"],
    "i": ["int", "long"],
    "u": ["int", "long"],
    "f": ["number"],
    "M": ["date"],
    "m": ["int", "long"],
}


def find_note(database: Database[Any], collection: str) -> dict[str, Any] | None:
    """Return the note of a collection, or None if the IO manager never wrote to it."""
    # Categories are compared as they were encoded, no matter how the client decodes dates and UUIDs.
    return database.get_collection(NOTES, codec_options=DEFAULT_CODEC_OPTIONS).find_one({ID: collection})


def columns_of(note: Mapping[str, Any] | None) -> tuple[Column, ...] | None:
    """Return the columns of a note, or None if it has none because documents were written."""
    if note is None or note["columns"] is None:
        return None
    return tuple(map(Column.of_document, note["columns"]))


def note_columns(
    database: Database[Any], collection: str, columns: tuple[Column, ...] | None, *, is_whole: bool
) -> tuple[Column, ...] | None:
    """Note the columns that are about to be written; documents alone do not show those of empty frames or nulls.

    Args:
        database: of the collection.
        collection: its name.
        columns: of the rows; None for documents, which have no common columns.
        is_whole: the rows replace the whole collection; otherwise other slices keep their columns.

    Returns:
        The columns of the collection.
    """
    notes = database[NOTES]
    while True:
        note = find_note(database, collection)
        former = columns_of(note)
        merged = columns
        if note is not None and not is_whole:
            merged = merge(former, columns) if former is not None and columns is not None else None
        documents = None if merged is None else [column.as_document() for column in merged]
        # Writers of other partitions may add columns at the same time: no writer overwrites another's.
        if note is None:
            with contextlib.suppress(DuplicateKeyError):
                notes.insert_one({ID: collection, "columns": documents})
                return merged
        elif (
            merged == former
            or notes.update_one(
                {ID: collection, "columns": note["columns"]}, {"$set": {"columns": documents}}
            ).matched_count
        ):
            return merged


def check_collection(database: Database[Any], collection: str, *, keep_revisions: bool) -> None:
    """Refuse collections that an asset cannot be written to.

    Raises:
        CollectionError: a time-series collection, a view, a capped collection, a collection sharded by another
            key than ``_id``, or the revisions of another asset.
    """
    namespace = f"{database.name}.{collection}"
    (found, *_) = [*database.list_collections(filter={"name": collection}), {}]
    kind = found.get("type", "collection")
    if found.get("options", {}).get("capped"):
        kind = "capped collection"
    if kind != "collection":
        raise CollectionError(
            f"{namespace} is a {kind}, in which MongoDB cannot replace and delete documents by key: set another "
            "collection by the metadata 'collection'"
        )
    shard_key = _shard_key(database, collection)
    if shard_key is not None and list(shard_key) != [ID]:
        raise CollectionError(
            f"{namespace} is sharded by {', '.join(shard_key)}, so MongoDB does not keep primary keys unique: shard it "
            "by '_id' (hashed, if keys ascend)"
        )
    for suffix in (REVISIONS, INSERTIONS):
        base = collection.removesuffix(suffix)
        if base != collection and find_note(database, base) is not None:
            raise CollectionError(
                f"{namespace} keeps the revisions of {base}: give the asset another name, or set another "
                "collection by the metadata 'collection'"
            )
        if keep_revisions and find_note(database, collection + suffix) is not None:
            raise CollectionError(
                f"{namespace}{suffix} is an asset, so it cannot keep the revisions of {collection}: set another "
                "collection for one of the two by the metadata 'collection'"
            )


def _shard_key(database: Database[Any], collection: str) -> Mapping[str, Any] | None:
    if database.client.admin.command("hello").get("msg") != "isdbgrid":
        return None
    entry = database.client["config"]["collections"].find_one(
        {ID: f"{database.name}.{collection}", "dropped": {"$ne": True}}
    )
    return None if entry is None else entry["key"]


def index_models(
    where: CollectionSlice, indexes: Any, title: str
) -> list[tuple[list[tuple[str, Any]], dict[str, Any]]]:
    """Return keys and options of the indexes for the partitions of an asset and in its metadata.

    Args:
        where: the slice, which gives the paths of columns.
        indexes: a list; each a column, a list of columns, or a dict of ``keys`` (column → 1, -1 or a
            type of index as "2dsphere") and options of `pymongo.collection.Collection.create_index`.
        title: of the asset, for the error.

    Raises:
        OptionsError: `indexes` is not such a list.
    """
    models = []
    # Reads of partitions need one, with keys before time windows, unless it would be the index of _id.
    cuts = sorted(where.boxes[0], key=lambda cut: not isinstance(cut, Keys)) if where.boxes else []
    if cuts and [where.path(cut.column) for cut in cuts] != [ID]:
        models.append(([(where.path(cut.column), 1) for cut in cuts], {}))
    for index in indexes if isinstance(indexes, (list, tuple)) else [None]:
        options = dict(index) if isinstance(index, Mapping) else {"keys": index}
        keys = options.pop("keys", None)
        keys = [keys] if isinstance(keys, str) else keys
        if isinstance(keys, Mapping):
            directions = dict(keys)
        else:
            directions = dict.fromkeys(keys, 1) if isinstance(keys, (list, tuple)) else {}
        if not directions or not all(isinstance(column, str) for column in directions):
            raise OptionsError(
                f"{title}: 'indexes' is {indexes!r}, it must be a list of columns, lists of columns, or dicts as "
                '{"keys": {"time": -1}, "unique": True}'
            )
        models.append(([(where.path(column), direction) for column, direction in directions.items()], options))
    return models


def create_missing_indexes(
    database: Database[Any], collection: str, models: Sequence[tuple[list[tuple[str, Any]], dict[str, Any]]]
) -> None:
    """Create the indexes that do not exist.

    Raises:
        OptionsError: one exists with other options, or MongoDB cannot create it.
    """
    if not models:
        return
    there = [list(index["key"]) for index in database[collection].index_information().values()]
    for keys, options in models:
        if keys in there and not options:
            continue
        title = f"{database.name}.{collection}: the index on {', '.join(name for name, _ in keys)}"
        try:
            database[collection].create_index(keys, **options)
        except TypeError as error:
            raise OptionsError(f"{title} has an option that MongoDB does not have: {error}") from None
        except OperationFailure as error:
            reason = error.details.get("errmsg", error) if error.details else error
            if error.code in _INDEX_CONFLICTS:
                raise OptionsError(
                    f"{title} exists with other options ({reason}): drop it, or change 'indexes'"
                ) from error
            if error.code in _UNAUTHORIZED:
                raise
            raise OptionsError(f"{title} cannot be created ({reason}): change 'indexes', or the documents") from error


def set_validator(database: Database[Any], where: CollectionSlice, columns: tuple[Column, ...], action: str) -> None:
    """Let MongoDB check the types of the fields in all documents, no matter which program writes them.

    Args:
        database: of the collection.
        where: the slice, which gives the paths of columns.
        columns: of the collection.
        action: ``error`` refuses documents of other types, ``warn`` logs them.
    """
    validator = {"$jsonSchema": json_schema(where, columns)}
    (found, *_) = [*database.list_collections(filter={"name": where.collection}), {}]
    options = found.get("options", {})
    if options.get("validator") == validator and options.get("validationAction", "error") == action:
        return
    if not found:
        try:
            database.create_collection(where.collection, check_exists=False)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
    database.command("collMod", where.collection, validator=validator, validationAction=action)


def json_schema(where: CollectionSlice, columns: Sequence[Column]) -> dict[str, Any]:
    """Return the JSON schema (MongoDB's dialect) of documents with these columns; columns of objects allow any type."""
    properties: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for column in columns:
        types = _bson_types(column)
        if column.name in where.primary_key:
            keys[column.field] = {"bsonType": types} if types else {}
        elif types:
            properties[column.field] = {"bsonType": [*types, "null"]}
    if len(keys) == 1:
        properties[ID] = next(iter(keys.values()))
    elif keys:
        properties[ID] = {"bsonType": "object", "required": list(keys), "properties": keys}
    return {"bsonType": "object", "properties": properties}


def _bson_types(column: Column) -> list[str] | None:
    if column.categories is not None:
        return _bson_types(Column(column.name, column.categories.dtype))
    if column.dtype == DATE or column.dtype.startswith("datetime64["):
        return ["date"]
    if column.dtype in ("string", "str"):
        return ["string"]
    if column.dtype in ("object", "category") or column.dtype.endswith("[pyarrow]"):
        return None
    return _BSON_TYPES.get(getattr(pd.api.types.pandas_dtype(column.dtype), "kind", "O"))
