"""Which handler stores an output, and which one reads an input."""

import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import pandas as pd

from dagster_mongodb.handlers.dataframes import DataFrameHandler
from dagster_mongodb.handlers.documents import DocumentHandler, DocumentsHandler, is_document_type
from dagster_mongodb.handlers.handler import TypeHandler
from dagster_mongodb.handlers.partitions import PartitionsHandler
from dagster_mongodb.handlers.scalars import ScalarHandler
from dagster_mongodb.handlers.streams import DataFrameChunksHandler

Handler = TypeHandler[Any]


def handler_of(obj: object, more: Sequence[Handler] = (), *, has_partitions: bool = False) -> Handler | None:
    """Return the handler that stores an object, or None.

    Args:
        obj: an output.
        more: handlers of the user, which are asked first.
        has_partitions: of the output, so that a dictionary of tables is one of partitions and not a document.
    """
    handlers = [handler for handler in _handlers(more) if has_partitions or not isinstance(handler, PartitionsHandler)]
    return next((handler for handler in handlers if handler.stores(obj)), None)


def handler_reading(annotation: Any, more: Sequence[Handler] = ()) -> Handler | None:
    """Return the handler that reads an input with this annotation, or None; without annotation, that of frames.

    Args:
        annotation: of an input.
        more: handlers of the user, which are asked first.
    """
    annotation = loaded_annotation(annotation, more)
    return next((handler for handler in _handlers(more) if handler.reads(annotation)), None)


def loaded_annotation(annotation: Any, more: Sequence[Handler] = ()) -> Any:
    """Return the annotation of the object that is loaded for an input, for `TypeHandler.load`.

    It is that of the input, but ``X`` for ``X | None``, a frame for none, and ``X`` for a list of ``X`` that
    collects several outputs: Dagster loads one after the other.
    """
    annotation = _without_none(annotation)
    if annotation is Any:
        return pd.DataFrame
    if get_origin(annotation) is list and not any(handler.reads(annotation) for handler in _handlers(more)):
        return loaded_annotation(get_args(annotation)[0], more)
    return annotation


def is_optional(annotation: Any) -> bool:
    """Return whether an annotation is ``X | None``: the input may be None.

    >>> is_optional(dict | None), is_optional(dict)
    (True, False)
    """
    return _without_none(annotation) is not annotation


def partition_value(annotation: Any, more: Sequence[Handler] = ()) -> Any | None:
    """Return ``X`` of the annotation ``dict[str, X]`` if it means an object per partition; else None.

    A dictionary of plain values, such as ``dict[str, float]`` or ``dict[str, dict]``, is one document.

    >>> partition_value(dict[str, list[dict]])
    list[dict]
    >>> partition_value(dict[str, float])
    """
    annotation = _without_none(annotation)
    if get_origin(annotation) not in (dict, Mapping):
        return None
    key, value = get_args(annotation)
    if key is not str or is_document_type(value) or value is list:
        return None
    handler = handler_reading(value, more)
    return None if handler is None or isinstance(handler, ScalarHandler) else value


def type_names(more: Sequence[Handler] = ()) -> str:
    """Return the names of the types that have a handler, for error messages.

    Args:
        more: handlers of the user.
    """
    users = [kind.__name__ for handler in more for kind in handler.types]
    return ", ".join(
        [
            *users,
            "pandas.DataFrame",
            "DataFrameChunks",
            "list[dict]",
            "dict",
            "pydantic models and dataclasses, and lists of them",
            "numbers, text, dates and other single values",
            "polars.DataFrame",
            "pyarrow.Table and pyarrow.RecordBatchReader (if imported)",
            "and dictionaries of partition key → table",
        ]
    )


def _without_none(annotation: Any) -> Any:
    """Return ``X`` of ``X | None``; any other annotation as it is."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else annotation


def _handlers(more: Sequence[Handler]) -> list[Handler]:
    tables = [*more, DataFrameHandler(), DataFrameChunksHandler()]
    # Not imported unless the program has done so: their import takes long.
    if "pyarrow" in sys.modules:
        from dagster_mongodb.handlers.arrow import ArrowHandler
        from dagster_mongodb.handlers.batches import RecordBatchReaderHandler

        tables += [ArrowHandler(), RecordBatchReaderHandler()]
    if "polars" in sys.modules:
        from dagster_mongodb.handlers.polars import PolarsHandler

        tables.append(PolarsHandler())
    return [*tables, PartitionsHandler(tables), DocumentsHandler(), DocumentHandler(), ScalarHandler()]
