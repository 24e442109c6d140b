"""Scalars: one number, text, date or other single value, kept as the document ``{"value": …}``."""

import datetime
import decimal
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pydantic

from dagster_mongodb.dates import midnight
from dagster_mongodb.errors import UnreadableError
from dagster_mongodb.handlers.documents import DocumentHandler, DocumentRows
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.values import STRICT, DatePolicy

VALUE = "value"
"""The field of the document."""


class ScalarHandler(TypeHandler[Any]):
    """Keeps a single value; numpy's become those of Python."""

    types = (
        bool,
        int,
        float,
        str,
        bytes,
        datetime.datetime,
        datetime.date,
        decimal.Decimal,
        uuid.UUID,
        np.generic,
    )

    def rows(self, obj: Any, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> DocumentRows:
        """Return one row; a date without a time becomes midnight UTC."""
        if type(obj) is datetime.date:
            obj = midnight(obj)
        return DocumentRows([{VALUE: obj}], primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> Any:
        """Return the value.

        Raises:
            UnreadableError: what is stored is not one such value.
        """
        document = DocumentHandler().load(stored, dict)
        is_strict = annotation is not datetime.date  # which is stored as a date with a time
        try:
            return pydantic.TypeAdapter(annotation).validate_python(document[VALUE], strict=is_strict)
        except (KeyError, pydantic.ValidationError) as error:
            found = f"its field {VALUE!r} is {type(document[VALUE]).__name__}" if VALUE in document else "it has none"
            raise UnreadableError(
                f"{stored.title} is read as {annotation.__name__}, which is kept in the field {VALUE!r} of one "
                f"document: {found}"
            ) from error

    def reads(self, annotation: Any) -> bool:
        """Return whether an annotation is one of these types."""
        return annotation in self.types and annotation is not np.generic
