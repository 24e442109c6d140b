"""Which collections can refuse documents, and errors that say why one did."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import BulkWriteError, OperationFailure

from dagster_mongodb.errors import ConcurrentWriteError, WriteRefusedError
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID
from dagster_mongodb.writing.keys import RawCollection, key

ATTEMPTS = 5
"""How often a write is tried before the interference of other writers is an error."""

_DUPLICATE_KEY = 11000
_NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
_PLAIN_DIRECTIONS = (1, -1)


class OvertakenError(Exception):
    """Another writer changed a document after it was compared."""


@dataclass(frozen=True)
class Rules:
    """What a collection asks of its documents.

    Args:
        can_refuse: a validator, an index or a collation may refuse documents that BSON can hold.
        has_collation: texts that differ may be the same key.
        indexes: how many there are.
    """

    can_refuse: bool
    has_collation: bool
    indexes: int

    @classmethod
    def of(cls, collection: RawCollection, lists: Collection[str] | None) -> "Rules":
        """Return the rules of a collection.

        Args:
            collection: any.
            lists: fields that may hold lists, of which an index takes only one; `None`: any field may.
        """
        (found, *_) = [*collection.database.list_collections(filter={"name": collection.name}), {}]
        options = found.get("options", {})
        has_validator = "validator" in options and options.get("validationAction") != "warn"
        has_collation = "collation" in options
        indexes = collection.index_information()
        refuses = any(_refuses(index, lists) for name, index in indexes.items() if name != "_id_")
        return cls(has_validator or has_collation or refuses, has_collation, max(1, len(indexes)))


def _refuses(index: Mapping[str, Any], lists: Collection[str] | None) -> bool:
    """Return whether an index may refuse a document: a plain one takes any values, but only one list."""
    if index.get("unique") or any(direction not in _PLAIN_DIRECTIONS for _, direction in index["key"]):
        return True
    fields = [path.split(".")[0] for path, _ in index["key"]]
    return sum(field != ID and (lists is None or field in lists) for field in fields) > 1


def held_up(error: BulkWriteError, rules: Rules) -> set[int]:
    """Return the positions of documents whose unique values others hold, which may be about to change.

    Raises:
        BulkWriteError: the error itself, if it has another reason.
    """
    for fault in _faults(error):
        is_of_key = list(fault.get("keyPattern", {ID: 1})) == [ID]
        if fault["code"] != _DUPLICATE_KEY or (is_of_key and not rules.has_collation):
            raise error
    if not _faults(error):
        raise error
    return positions(error)


def positions(error: BulkWriteError) -> set[int]:
    """Return the positions of the documents that were refused."""
    return {fault["index"] for fault in _faults(error)}


def is_only_duplicates(error: BulkWriteError) -> bool:
    """Return whether all refused documents have the key or the unique values of others."""
    return all(fault["code"] == _DUPLICATE_KEY for fault in _faults(error))


def is_of_duplicates(error: WriteRefusedError) -> bool:
    """Return whether a write was refused for nothing but keys or unique values of other documents."""
    return isinstance(error.__cause__, BulkWriteError) and is_only_duplicates(error.__cause__)


def is_worth_another_attempt(error: OperationFailure) -> bool:
    """Return whether a write that failed may succeed if it compares again."""
    if not isinstance(error, BulkWriteError):
        return False
    return all(fault["code"] in (_DUPLICATE_KEY, *_NOT_PRIMARY) for fault in _faults(error))


def explained(error: OperationFailure, collection: RawCollection, where: CollectionSlice) -> Exception:
    """Return the error that tells a user why MongoDB refused documents; other errors as they are."""
    faults = _faults(error) if isinstance(error, BulkWriteError) else []
    if not faults:
        return concurrent(where) if error.has_error_label("TransientTransactionError") else error
    fault, title = faults[0], f"collection {where.collection}"
    if fault["code"] != _DUPLICATE_KEY:
        return WriteRefusedError(f"{title}: MongoDB refuses {len(faults)} documents: {fault['errmsg']}")
    refused = fault["op"] if ID in fault["op"] else fault["op"].get("q", {})
    pattern = fault.get("keyPattern", {ID: 1})
    if list(pattern) != [ID]:
        return WriteRefusedError(
            f"{title}: {len(faults)} documents have the same values of {', '.join(pattern)} as others, which a unique "
            f"index forbids; one has the key {refused.get(ID)!r}: {fault['errmsg']}"
        )
    held = collection.find_one({ID: refused[ID]})
    if held is not None and "u" not in fault["op"] and key(held) != key(fault["op"]):
        return WriteRefusedError(
            f"{title}: the primary keys {refused[ID]!r} and {held[ID]!r} are the same in the collation of the "
            "collection: change one, or use a collection without a collation"
        )
    return concurrent(where)


def concurrent(where: CollectionSlice) -> ConcurrentWriteError:
    """Return the error of a write that others hindered too often."""
    return ConcurrentWriteError(
        f"collection {where.collection}: other writers changed the same documents {ATTEMPTS} times while {where} was "
        "written: let only one run at a time write it"
    )


def _faults(error: BulkWriteError) -> list[Mapping[str, Any]]:
    return (error.details or {}).get("writeErrors", [])
