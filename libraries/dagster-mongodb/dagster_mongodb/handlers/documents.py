"""Documents: ``list[dict]``, or one ``dict``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

import pandas as pd

from dagster_mongodb.columns import field_name
from dagster_mongodb.errors import UnreadableError, UnstorableError
from dagster_mongodb.handlers.handler import Document, Rows, StoredRows, TypeHandler
from dagster_mongodb.values import ID, bson_value, python_value


class DocumentsHandler(TypeHandler[list[Document]]):
    """Keeps lists of documents: fields may differ from one to the next, and keep their order."""

    types = (list,)

    def rows(self, obj: list[Document], primary_key: Sequence[str]) -> "DocumentRows":
        """Return a list's documents as rows."""
        return DocumentRows(obj, primary_key)

    def load(self, stored: StoredRows) -> list[Document]:
        """Return the documents; the primary key has its own name again and comes first."""
        return [document for chunk in stored.chunks() for document in _documents(chunk, stored)]

    def reads(self, annotation: Any) -> bool:
        """Return whether an annotation is a list of documents, or a list of anything."""
        return (get_origin(annotation) or annotation) is list and all(map(_is_document, get_args(annotation)))


class DocumentHandler(TypeHandler[Document]):
    """Keeps one document."""

    types = (dict,)

    def rows(self, obj: Document, primary_key: Sequence[str]) -> "DocumentRows":
        """Return a document as a row."""
        return DocumentRows([obj], primary_key)

    def load(self, stored: StoredRows) -> Document:
        """Return the document.

        Raises:
            UnreadableError: there is not exactly one.
        """
        documents = DocumentsHandler().load(stored)
        if len(documents) != 1:
            raise UnreadableError(
                f"{stored.title} is read as one document (dict), but has {len(documents)}: annotate "
                "the input with list[dict]"
            )
        return documents[0]

    def reads(self, annotation: Any) -> bool:
        """Return whether an annotation is a dictionary."""
        return _is_document(annotation)


class DocumentRows(Rows):
    """Rows that are documents."""

    def __init__(self, documents: Sequence[Document], primary_key: Sequence[str]) -> None:
        super().__init__(None, primary_key)
        self._documents = documents
        for row, document in enumerate(documents):
            if not isinstance(document, Mapping):
                raise UnstorableError(f"row {row} is {type(document).__name__}, not a document (dict)")
            if ID in document and self.primary_key != (ID,):
                raise UnstorableError(
                    f"row {row}: the field '_id' belongs to MongoDB: name it in 'primary_key', or rename it"
                )

    def __len__(self) -> int:
        return len(self._documents)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some fields as columns; dates of one type become dates."""
        columns = {
            name: pd.Series([document.get(name) for document in self._documents], dtype=object) for name in names
        }
        return pd.DataFrame(columns).infer_objects()

    def documents(self, rows: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Return documents of BSON values."""
        for row in rows:
            document = bson_value(self._documents[row], f"row {row}", level=1)
            if len(self.primary_key) == 1:
                document = {ID: document.pop(self.primary_key[0]), **document}
            elif self.primary_key:
                document = {ID: {field_name(name): document.pop(name) for name in self.primary_key}, **document}
            yield document


def _documents(chunk: Sequence[Document], stored: StoredRows) -> Iterator[Document]:
    for document in map(python_value, chunk):
        identity = document.pop(ID, None)
        if len(stored.primary_key) == 1:
            key = {stored.primary_key[0]: identity}
        else:
            key = {name: identity[field_name(name)] for name in stored.primary_key}
        if stored.selected is not None:
            key = {name: value for name, value in key.items() if name in stored.selected}
        yield {**key, **document}


def _is_document(annotation: Any) -> bool:
    return annotation is Any or (get_origin(annotation) or annotation) in (dict, Mapping)
