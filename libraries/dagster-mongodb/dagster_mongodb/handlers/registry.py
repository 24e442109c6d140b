"""Which handler stores an output, and which one reads an input."""

import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pandas as pd

from dagster_mongodb.handlers.dataframes import DataFrameChunksHandler, DataFrameHandler
from dagster_mongodb.handlers.documents import DocumentHandler, DocumentsHandler
from dagster_mongodb.handlers.handler import TypeHandler


def handler_of(obj: object) -> TypeHandler[Any] | None:
    """Return the handler that stores an object, or None."""
    return next((handler for handler in _handlers() if isinstance(obj, handler.types)), None)


def handler_reading(annotation: Any) -> TypeHandler[Any] | None:
    """Return the handler that reads an input with this annotation, or None; without annotation, that of frames."""
    if annotation is Any:
        annotation = pd.DataFrame
    handler = next((handler for handler in _handlers() if handler.reads(annotation)), None)
    if handler is None and get_origin(annotation) is list:
        # An input that collects several outputs is annotated as their list; Dagster loads one after the other.
        (annotation,) = get_args(annotation)
        return handler_reading(annotation)
    return handler


def type_names() -> str:
    """Return the names of the types that have a handler, for error messages."""
    return "pandas.DataFrame, list[dict], dict, polars.DataFrame or pyarrow.Table"


def _handlers() -> Iterator[TypeHandler[Any]]:
    yield DataFrameHandler()
    yield DataFrameChunksHandler()
    yield DocumentsHandler()
    yield DocumentHandler()
    # Not imported unless the program has done so: their import takes long.
    if "pyarrow" in sys.modules:
        from dagster_mongodb.handlers.arrow import ArrowHandler

        yield ArrowHandler()
    if "polars" in sys.modules:
        from dagster_mongodb.handlers.polars import PolarsHandler

        yield PolarsHandler()
