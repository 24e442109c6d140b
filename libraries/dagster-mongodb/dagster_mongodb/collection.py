"""The name, indexes and schema of a collection, and which collections can hold an asset."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from bson import json_util
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from dagster_mongodb.columns import DATE, Column
from dagster_mongodb.errors import CollectionError, OptionsError
from dagster_mongodb.notes import NOTES, find_note
from dagster_mongodb.revisions import INSERTIONS, REVISIONS
from dagster_mongodb.slices import CollectionSlice, Keys
from dagster_mongodb.values import ID
from dagster_mongodb.writing.writes import APPENDS

_MOST_NAMESPACE_BYTES = 240  # 255 less what the names of revisions add
_NAMESPACE_EXISTS = 48
_INDEX_NOT_FOUND = 27
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


def collection_name(database: str, asset_or_output: str, metadata: Mapping[str, Any]) -> str:
    """Return the name of the collection of an asset or an output.

    Args:
        database: in which it is.
        asset_or_output: its name, unless the metadata has another one.
        metadata: definition metadata of the asset or output.

    Raises:
        OptionsError: MongoDB does not allow the name.
    """
    name = metadata.get("collection")
    name = asset_or_output if name is None else name
    if (
        not isinstance(name, str)
        or not name
        or "$" in name
        or "\0" in name
        or name.startswith("system.")
        or name in (NOTES, APPENDS)
        or len(f"{database}.{name}".encode()) > _MOST_NAMESPACE_BYTES
    ):
        raise OptionsError(f"{name!r} is not a valid collection name: set another one by the metadata 'collection'")
    return name


def find_collection(database: Database[Any], collection: str) -> Mapping[str, Any] | None:
    """Return the type and the options of a collection, or None if there is none."""
    return next(iter(database.list_collections(filter={"name": collection})), None)


def has_documents(database: Database[Any], collection: str) -> bool:
    """Return whether a collection has any document."""
    return database[collection].find_one({}, {ID: True}) is not None


def create_collection(database: Database[Any], collection: str) -> None:
    """Create a collection, unless it exists."""
    try:
        database.create_collection(collection, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


def check_collection(
    database: Database[Any], collection: str, found: Mapping[str, Any], *, keep_revisions: bool
) -> None:
    """Refuse collections that an asset cannot be written to.

    Args:
        database: of the collection.
        collection: its name.
        found: its type and options; empty if it does not exist.
        keep_revisions: its former versions are kept.

    Raises:
        CollectionError: a time-series collection, a view, a capped collection, a collection sharded by another
            key than ``_id``, or the revisions of another asset.
    """
    namespace = f"{database.name}.{collection}"
    kind = "capped collection" if found.get("options", {}).get("capped") else found.get("type", "collection")
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
    for directions, options in _directions_and_options(indexes, title):
        models.append(([(where.path(column), direction) for column, direction in directions.items()], options))
    names = [options.get("name") or _index_name(keys) for keys, options in models]
    if len({*map(repr, models)}) == len(models) and len(set(names)) < len(names):
        raise OptionsError(f"{title}: two of the 'indexes' have the same name: {', '.join(names)}")
    return models


def named_in_indexes(indexes: Any) -> list[str]:
    """Return the columns that definitions of indexes name, which `index_models` accepts."""
    return [column for directions, _ in _directions_and_options(indexes, "") for column in directions]


def _directions_and_options(indexes: Any, title: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
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
        yield directions, options


def set_indexes(
    database: Database[Any],
    collection: str,
    models: Sequence[tuple[list[tuple[str, Any]], dict[str, Any]]],
    noted: Mapping[str, str],
) -> dict[str, str]:
    """Create the indexes that do not exist, and drop those that the metadata does not ask for any more.

    Args:
        database: of the collection.
        collection: its name.
        models: keys and options of the indexes.
        noted: name → definition of the indexes that were created here; others are never dropped.

    Returns:
        Name → definition of the indexes that the metadata asks for.

    Raises:
        OptionsError: one exists with other options, or MongoDB cannot create it.
    """
    if not models and not noted:
        return {}
    wanted = {
        options.get("name") or _index_name(keys): (keys, options, json_util.dumps([keys, options]))
        for keys, options in models
    }
    there = database[collection].index_information()
    for name, definition in noted.items():
        if name in there and (name not in wanted or wanted[name][2] != definition):
            _drop_index(database[collection], name)
            del there[name]
    keys_there = [list(index["key"]) for index in there.values()]
    for name, (keys, options, _) in wanted.items():
        if name in there and name in noted:
            continue
        if not options and keys in keys_there and name not in there:
            continue  # an index of another name serves as well
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
    made_by_others = there.keys() - noted.keys()
    return {name: definition for name, (_, _, definition) in wanted.items() if name not in made_by_others}


def _drop_index(collection: Collection[Any], name: str) -> None:
    try:
        collection.drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:  # another writer has dropped it
            raise


def _index_name(keys: Sequence[tuple[str, Any]]) -> str:
    """Return the name that MongoDB's drivers give to an index."""
    return "_".join(f"{field}_{direction}" for field, direction in keys)


def set_validator(
    database: Database[Any],
    where: CollectionSlice,
    columns: tuple[Column, ...] | None,
    action: str | None,
) -> None:
    """Let MongoDB check the types of the fields in all documents, no matter which program writes them.

    Args:
        database: of the collection.
        where: the slice, which gives the paths of columns.
        columns: of the collection; `None`: it has none in common, so nothing is checked.
        action: ``error`` refuses documents of other types, ``warn`` logs them, `None` checks nothing.
    """
    options = (find_collection(database, where.collection) or {}).get("options", {})
    validator = {"$jsonSchema": json_schema(where, columns)} if action and columns is not None else {}
    action = action or "error"
    if options.get("validator", {}) != validator or (validator and options.get("validationAction", "error") != action):
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
    if column.is_null:
        return None
    if column.categories is not None:
        return _bson_types(Column(column.name, column.categories.dtype))
    if column.dtype == DATE or column.dtype.startswith("datetime64["):
        return ["date"]
    if column.dtype in ("string", "str"):
        return ["string"]
    if column.dtype in ("object", "category") or column.dtype.endswith("[pyarrow]"):
        return None
    return _BSON_TYPES.get(getattr(pd.api.types.pandas_dtype(column.dtype), "kind", "O"))
