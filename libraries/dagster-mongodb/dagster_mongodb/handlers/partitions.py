"""One object per partition: ``dict[str, pandas.DataFrame]`` and the like."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster_mongodb.errors import UnstorableError
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.handlers.rows import Rows
from dagster_mongodb.handlers.spool import SpooledRows
from dagster_mongodb.values import STRICT, DatePolicy


class PartitionedRows(SpooledRows):
    """The rows of all partitions.

    Args:
        parts: partition key → its rows.
        primary_key: the columns that become ``_id``.

    Attributes:
        rows_of: partition key → the numbers of its rows.
    """

    def __init__(self, parts: Mapping[str, Rows], primary_key: Sequence[str]) -> None:
        super().__init__([(f"partition {key!r}", rows) for key, rows in parts.items()], primary_key)
        self.rows_of: dict[str, range] = {}
        start = 0
        for key, rows in parts.items():
            self.rows_of[key] = range(start, start + len(rows))
            start += len(rows)


class PartitionsHandler(TypeHandler[Mapping[str, Any]]):
    """Keeps dictionaries of partition key → table. An input is read a partition at a time, by the handler of its table.

    Args:
        tables: handlers of the tables.
    """

    types = (dict,)

    def __init__(self, tables: Sequence[TypeHandler[Any]]) -> None:
        self._tables = tables

    def stores(self, obj: object) -> bool:
        """Return whether an object is a dictionary of tables; an empty one is a document."""
        return isinstance(obj, dict) and bool(obj) and all(map(self._handler_of, obj.values()))

    def reads(self, annotation: Any) -> bool:
        """Return false: see `registry.partition_value`."""
        return False

    def rows(self, obj: Mapping[str, Any], primary_key: Sequence[str], dates: DatePolicy = STRICT) -> PartitionedRows:
        """Return the rows of all partitions."""
        return PartitionedRows(dict(self._parts(obj, primary_key, dates)), primary_key)

    def load(self, stored: StoredRows, annotation: Any) -> Mapping[str, Any]:
        """Refuse: the rows of one partition are not those of several."""
        raise NotImplementedError("each partition is loaded by the handler of its table")

    def _handler_of(self, obj: object) -> TypeHandler[Any] | None:
        return next((handler for handler in self._tables if handler.stores(obj)), None)

    def _parts(
        self, tables: Mapping[str, Any], primary_key: Sequence[str], dates: DatePolicy
    ) -> Iterator[tuple[str, Rows]]:
        for key, table in tables.items():
            if not isinstance(key, str):
                raise UnstorableError(f"{key!r} is not a partition key, which is text")
            handler = self._handler_of(table)
            assert handler is not None  # noqa: S101 of what it stores
            try:
                yield key, handler.rows(table, primary_key, dates)
            except UnstorableError as error:
                raise UnstorableError(f"partition {key!r}: {error}") from error
