"""Stored documents as documents of Python values, many at a time."""

import datetime
from collections.abc import Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

from dagster_mongodb.columns import STORED_DOT
from dagster_mongodb.errors import UnreadableError
from dagster_mongodb.handlers.handler import Document, StoredRows
from dagster_mongodb.values import ID, python_value, python_values

_UNCHANGED = frozenset({str, bool, type(None), float, int, bytes})
_MOST_NAMES = 100  # for which it pays to look at each of them in all documents


def stored_documents(stored: StoredRows) -> Iterator[list[Document]]:
    """Return the documents of an input, a chunk at a time; the primary key has its own name again and comes first.

    Raises:
        UnreadableError: a value is one that Python cannot hold.
    """
    try:
        for documents in stored.chunks():
            keys = [document.pop(ID, None) for document in documents]
            yield _with_keys(python_values(keys), _converted(documents), stored)
    except UnreadableError as error:
        raise UnreadableError(f"{stored.title}: {error}") from None


def _converted(documents: list[Document]) -> list[Document]:
    """Return documents with Python values, looking at a field of all of them at once."""
    names = set().union(*documents)
    if len(names) > _MOST_NAMES or any(STORED_DOT in name for name in names):
        return list(map(python_value, documents))
    if _UNCHANGED.issuperset(map(type, chain.from_iterable(map(dict.values, documents)))):
        return documents
    for name in names:
        having = documents
        try:
            values = list(map(itemgetter(name), documents))
        except KeyError:
            having = [document for document in documents if name in document]
            values = list(map(itemgetter(name), having))
        kinds = set(map(type, values))
        if kinds <= _UNCHANGED:
            continue
        if kinds == {dict}:
            values = _converted(values)
        elif kinds == {datetime.datetime}:
            values = [date.replace(tzinfo=datetime.timezone.utc) for date in values]
        elif kinds != {list} or not _UNCHANGED.issuperset(map(type, chain.from_iterable(values))):
            values = python_values(values)
        for document, value in zip(having, values, strict=True):
            document[name] = value
    return documents


def _with_keys(keys: list[Any], documents: list[Document], stored: StoredRows) -> list[Document]:
    """Return documents with their primary keys, which have their own names, first."""
    if stored.selected is not None:
        names = [name for name in stored.primary_key if name in stored.selected]
    else:
        # A key that is a path stands in its nested document, too.
        names = [name for name in stored.primary_key if not stored.is_path(name)]
    if not names:
        return documents
    if len(stored.primary_key) == 1:
        return [{names[0]: key, **document} for key, document in zip(keys, documents, strict=True)]
    return [{**{name: key[name] for name in names}, **document} for key, document in zip(keys, documents, strict=True)]
