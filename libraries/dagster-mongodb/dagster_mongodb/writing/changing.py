"""Commands that change one document, if it is still as it was read."""

from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne, UpdateOne

from dagster_mongodb.values import ID
from dagster_mongodb.writing.difference import Mode

_MOST_COMPARED_BYTES = 15 * 2**20


def as_it_was(former: RawBSONDocument, new: RawBSONDocument | None = None) -> dict[str, Any]:
    """Return a filter for a document that has not changed since it was read.

    If both versions together are too large for one command, the filter is only the key.
    """
    size = len(former.raw) + (len(new.raw) if new is not None else 0)
    if size > _MOST_COMPARED_BYTES:
        return {ID: former[ID]}
    return {ID: former[ID], "$expr": {"$eq": ["$$ROOT", {"$literal": former}]}}


def change(
    document: RawBSONDocument, mode: Mode, former: RawBSONDocument | None = None
) -> ReplaceOne[RawBSONDocument] | UpdateOne:
    """Return the command that writes a row whose stored document differs.

    Args:
        document: the row.
        mode: of the write.
        former: the stored document, which must not have changed; `None`: whatever is stored.
    """
    query = {ID: document[ID]} if former is None else as_it_was(former, document)
    if mode == "set":
        return UpdateOne(query, {"$set": _fields(document)}, upsert=former is None)
    return ReplaceOne(query, document, upsert=former is None)


def changed(document: RawBSONDocument, mode: Mode, former: RawBSONDocument) -> RawBSONDocument:
    """Return what `change` makes of the stored document."""
    if mode != "set":
        return document
    # MongoDB adds fields in the order of their names.
    return RawBSONDocument(bson.encode({**former, **dict(sorted(_fields(document).items()))}))


def change_back(
    document: RawBSONDocument, mode: Mode, former: RawBSONDocument
) -> ReplaceOne[RawBSONDocument] | UpdateOne:
    """Return the command that undoes `change`, unless another writer has changed the document since."""
    if mode != "set":
        return ReplaceOne(as_it_was(document, former), former)
    fields = _fields(document)
    added = {"$unset": dict.fromkeys(fields.keys() - former.keys(), "")} if fields.keys() - former.keys() else {}
    restored = {name: former[name] for name in fields if name in former}
    return UpdateOne({ID: former[ID]}, {**({"$set": restored} if restored else {}), **added})


def _fields(document: RawBSONDocument) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != ID}
