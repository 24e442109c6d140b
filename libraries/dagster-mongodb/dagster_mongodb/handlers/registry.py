"""Which handler keeps an output, and which reads an input."""

import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pandas as pd

from dagster_mongodb.handlers.dataframes import DataFrameChunksHandler, DataFrameHandler
from dagster_mongodb.handlers.documents import DocumentHandler, DocumentsHandler
from dagster_mongodb.handlers.handler import TypeHandler


def handler_of(obj: object) -> TypeHandler[Any] | None:
    """Return the handler that stores an object, or None where there is none."""
    return next((handler for handler in _handlers() if isinstance(obj, handler.types)), None)


def handler_reading(annotation: Any) -> TypeHandler[Any] | None:
    """Return the handler that reads an input with this annotation (without one: a frame), or None."""
    if annotation is Any:
        annotation = pd.DataFrame
    handler = next((handler for handler in _handlers() if handler.reads(annotation)), None)
    if handler is None and get_origin(annotation) is list:
        # An input that collects several outputs is annotated as their list, and read one after the other.
        (annotation,) = get_args(annotation)
        return handler_reading(annotation)
    return handler


def type_names() -> str:
    """Return the types that there are handlers for, for errors."""
    return "pandas.DataFrame, list[dict], dict, polars.DataFrame or pyarrow.Table"


def _handlers() -> Iterator[TypeHandler[Any]]:
    yield DataFrameHandler()
    yield DataFrameChunksHandler()
    yield DocumentsHandler()
    yield DocumentHandler()
    # Only who has imported them has objects of theirs: nobody else waits for their import.
    if "pyarrow" in sys.modules:
        from dagster_mongodb.handlers.arrow import ArrowHandler

        yield ArrowHandler()
    if "polars" in sys.modules:
        from dagster_mongodb.handlers.polars import PolarsHandler

        yield PolarsHandler()
