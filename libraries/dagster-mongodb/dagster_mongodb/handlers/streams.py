"""Rows that do not fit into memory: chunks of frames, and batches of Arrow."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.dataframes import DataFrameHandler, frames_of
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.handlers.rows import Rows
from dagster_mongodb.handlers.spool import SpooledRows
from dagster_mongodb.values import STRICT, DatePolicy


class DataFrameChunks:
    """An asset in chunks: an iterable of frames, for assets that do not fit into memory.

    As the annotation of an input, each iteration reads the asset again; a chunk has at most `batch_size`
    rows (a field of the IO manager). As an output, its frames are checked and kept in a temporary file, then
    written as one asset: nothing is written unless all frames can be stored.

    Args:
        frames: iterated over when the output is written; a generator only once.

    Example:
        .. code-block:: python

            @dg.asset
            def total(readings: DataFrameChunks) -> float:
                return sum(chunk["value"].sum() for chunk in readings)

            @dg.asset
            def doubled(readings: DataFrameChunks) -> DataFrameChunks:
                return DataFrameChunks(chunk.assign(value=chunk["value"] * 2) for chunk in readings)
    """

    def __init__(self, frames: Iterable[pd.DataFrame]) -> None:
        self._frames = frames
        self._is_used_up = False

    def __iter__(self) -> Iterator[pd.DataFrame]:
        if self._is_used_up:
            raise UnstorableError(
                "the frames of DataFrameChunks were iterated over before, and an iterator gives them only once: pass a "
                "list, or an object whose __iter__ begins anew"
            )
        frames = iter(self._frames)
        self._is_used_up = frames is self._frames
        return frames


class DataFrameChunksHandler(TypeHandler[DataFrameChunks]):
    """Keeps `DataFrameChunks`."""

    types = (DataFrameChunks,)

    def rows(self, obj: DataFrameChunks, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> SpooledRows:
        """Return the rows of all chunks."""
        return SpooledRows(_parts(obj, primary_key, dates), primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> DataFrameChunks:
        """Return the chunks; they are read when they are iterated over."""
        return DataFrameChunks(_StoredFrames(stored))


class _StoredFrames:
    def __init__(self, stored: StoredRows) -> None:
        self._stored = stored

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return frames_of(self._stored)


def _parts(chunks: Iterable[pd.DataFrame], primary_key: Sequence[str], dates: DatePolicy) -> Iterator[tuple[str, Rows]]:
    for number, frame in enumerate(chunks):
        title = f"chunk {number}"
        if not isinstance(frame, pd.DataFrame):
            raise UnstorableError(f"{title} is {type(frame).__name__}, not a pandas.DataFrame")
        try:
            yield title, DataFrameHandler().rows(frame, primary_key, dates)
        except UnstorableError as error:
            raise UnstorableError(f"{title}: {error}") from error
