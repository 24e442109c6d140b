"""Documents: ``list[dict]``, one ``dict``, and models; see `models` for the latter."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args, get_origin

import bson
import numpy as np
import pandas as pd

from dagster_mongodb.columns import field_name
from dagster_mongodb.errors import CollectionNotStoredError, UnreadableError, UnstorableError
from dagster_mongodb.handlers.decoding import stored_documents
from dagster_mongodb.handlers.encoding import ENCODING_ERRORS, encode_all, stored_unchanged, unencodable
from dagster_mongodb.handlers.handler import Document, EncodedRows, StoredRows, TypeHandler, value_at
from dagster_mongodb.handlers.models import Model, as_document, is_model, is_model_type
from dagster_mongodb.handlers.series import milliseconds
from dagster_mongodb.values import ID, READING, STRICT, DatePolicy, bson_value, python_values

_ENCODED_AT_ONCE = 1_000
_READ_UNCHANGED = frozenset({str, bool, type(None), float, int, bytes})


class DocumentsHandler(TypeHandler[list[Any]]):
    """Keeps lists of documents or models: fields may differ from one to the next, and keep their order."""

    types = (list,)

    def rows(self, obj: list[Any], primary_key: Sequence[str], dates: DatePolicy = STRICT) -> "DocumentRows":
        """Return a list's documents as rows."""
        return DocumentRows(obj, primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> list[Any]:
        """Return the documents, or models made from them; the primary key has its own name again and comes first."""
        documents = [document for chunk in stored_documents(stored) for document in chunk]
        (kind,) = get_args(annotation) or (Any,)
        return Model(kind).validated(documents, stored) if is_model_type(kind) else documents

    def reads(self, annotation: Any) -> bool:
        """Return whether an annotation is a list of documents or models, or a list of anything."""
        kinds = get_args(annotation)
        return (get_origin(annotation) or annotation) in (list, Sequence) and all(
            is_document_type(kind) or is_model_type(kind) for kind in kinds
        )


class DocumentHandler(TypeHandler[Any]):
    """Keeps one document or model."""

    types = (dict,)

    def rows(self, obj: Any, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> "DocumentRows":
        """Return a document as a row."""
        return DocumentRows([obj], primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> Any:
        """Return the document, or a model made from it.

        Raises:
            UnreadableError: there is not exactly one, or it does not fit the model.
        """
        documents = DocumentsHandler().load(stored, list[annotation])
        if not documents:
            raise CollectionNotStoredError(f"{stored.title} has no document in what is read: materialize it first")
        if len(documents) > 1:
            raise UnreadableError(
                f"{stored.title} is read as one document ({getattr(annotation, '__name__', annotation)}), but has "
                f"{len(documents)}: annotate the input with a list, such as list[dict]"
            )
        return documents[0]

    def stores(self, obj: object) -> bool:
        """Return whether an object is a dictionary or a model."""
        return isinstance(obj, dict) or is_model(obj)

    def reads(self, annotation: Any) -> bool:
        """Return whether an annotation is a dictionary or a model."""
        return is_document_type(annotation) or is_model_type(annotation)


class DocumentRows(EncodedRows):
    """Rows that are documents.

    They are encoded once and held as BSON.

    Args:
        documents: mappings or models.
        primary_key: the fields, or paths to fields of nested documents, that become ``_id``.
        dates: what becomes of dates that BSON cannot hold.

    Raises:
        UnstorableError: names the row that cannot be stored.
    """

    def __init__(self, documents: Sequence[Any], primary_key: Sequence[str], dates: DatePolicy = STRICT) -> None:
        super().__init__(None if documents else (), primary_key)
        self._dates = dates
        self._dotted_names: set[str] = set()
        self._documents = _as_documents(documents)
        # Of documents with a dotted name at their top, it is a field; else a path.
        self._dotted_names.update(
            name for name in primary_key if "." in name and any(name in document for document in self._documents)
        )
        self._encoded: list[bytes] = []
        for start in range(0, len(documents), _ENCODED_AT_ONCE):
            self._encoded.extend(self._encode(start, self._documents[start : start + _ENCODED_AT_ONCE]))

    @property
    def dotted_names(self) -> frozenset[str]:
        """The names of fields at the top of documents that contain a dot."""
        return frozenset(self._dotted_names)

    def __len__(self) -> int:
        return len(self._encoded)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some fields, or fields of nested documents, as columns; dates of one type become dates."""
        return pd.DataFrame({name: _frame_values(self._values(self._documents, name)) for name in names})

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Return documents as BSON."""
        return (
            self._encoded[rows.start : rows.stop] if isinstance(rows, range) else [self._encoded[row] for row in rows]
        )

    def sizes(self) -> np.ndarray:
        """Return the bytes of each document."""
        return np.fromiter(map(len, self._encoded), "int64", len(self._encoded))

    def _encode(self, first: int, documents: list[Document]) -> list[bytes]:
        names = set().union(*documents)
        if ID in names and self.primary_key != (ID,):
            row = next(row for row, document in enumerate(documents, first) if ID in document)
            raise UnstorableError(
                f"row {row}: the field '_id' belongs to MongoDB: name it in 'primary_key', or rename it"
            )
        if not stored_unchanged(documents):
            self._dotted_names.update(name for name in names if isinstance(name, str) and "." in name)
            documents = [
                bson_value(document, f"row {row}", self._dates, level=1)
                for row, document in enumerate(documents, first)
            ]
            self._documents[first : first + len(documents)] = documents
        keyed = self._keyed(documents)
        try:
            return encode_all(keyed)
        except ENCODING_ERRORS:
            return [self._encoded_alone(row, document) for row, document in enumerate(keyed, first)]

    def _encoded_alone(self, row: int, document: Document) -> bytes:
        try:
            return bson.encode(document)
        except ENCODING_ERRORS as error:
            raise unencodable(row, document, {ID: " ".join(self.primary_key)}, error) from error

    def _keyed(self, documents: list[Document]) -> list[Document]:
        """Return documents with their ``_id`` first; `check` refuses a null there."""
        if not self.primary_key:
            return documents
        fields = [field_name(name) for name in self.primary_key]
        keys = [self._values(documents, name) for name in self.primary_key]
        identities = (
            keys[0] if len(keys) == 1 else [dict(zip(fields, key, strict=True)) for key in zip(*keys, strict=True)]
        )
        keyed = [{ID: identity, **document} for identity, document in zip(identities, documents, strict=True)]
        for field in fields:
            if field != ID:
                for document in keyed:
                    document.pop(field, None)
        return keyed

    def _values(self, documents: list[Document], name: str) -> list[Any]:
        if "." in name and name not in self._dotted_names:
            return [value_at(document, name) for document in documents]
        field = field_name(name)
        return [document.get(field) for document in documents]


def is_document_type(annotation: Any) -> bool:
    """Return whether an annotation is a plain document, or anything."""
    return annotation is Any or (get_origin(annotation) or annotation) in (dict, Mapping)


def _as_documents(objects: Sequence[Any]) -> list[Document]:
    if set(map(type, objects)) <= {dict}:
        return list(objects)
    return [as_document(obj, f"row {row}") for row, obj in enumerate(objects)]


def _frame_values(values: list[Any]) -> pd.Series:
    """Return BSON values as a column of a frame, dates as UTC."""
    if not set(map(type, values)) <= _READ_UNCHANGED:
        values = bson.decode(bson.encode({"": values}), READING)[""]
        if set(map(type, values)) == {datetime}:
            return pd.Series(pd.DatetimeIndex(milliseconds(values)).tz_localize("UTC"))
    return pd.Series(python_values(values), dtype=object).infer_objects()
