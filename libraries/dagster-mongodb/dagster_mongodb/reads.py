"""Reading a slice of a collection, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pymongo.database import Database

from dagster_mongodb.connection import explained_errors
from dagster_mongodb.handlers.handler import Document
from dagster_mongodb.revisions import find_as_of
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.values import ID


@dataclass(frozen=True)
class SliceReader:
    """Reads the documents of a slice in the order of ``_id``.

    Args:
        database: of the slice.
        where: the slice.
        columns: the server sends only these; `None`: all.
        batch_size: documents in a batch.
        uri: of the server, for error messages.
    """

    database: Database[dict[str, Any]]
    where: CollectionSlice
    columns: tuple[str, ...] | None
    batch_size: int
    uri: str

    def chunks(self) -> Iterator[list[Document]]:
        """Return the documents."""
        with (
            explained_errors(self.uri),
            self.database[self.where.collection].find(*self._query, **self._options) as found,
        ):
            while chunk := found.to_list(self.batch_size):
                yield chunk

    def chunks_as_of(self, moment: datetime) -> Iterator[list[Document]]:
        """Return the documents as they were known at a moment."""
        with explained_errors(self.uri):
            found = find_as_of(self.database, self.where.collection, moment, self.where.query)
        for start in range(0, len(found), self.batch_size):
            yield found[start : start + self.batch_size]

    def raw_batches(self) -> Iterator[bytes]:
        """Return the documents as batches of concatenated BSON."""
        collection = self.database[self.where.collection]
        with explained_errors(self.uri), collection.find_raw_batches(*self._query, **self._options) as batches:
            yield from cast("Iterator[bytes]", batches)

    @property
    def _query(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        projection = {self.where.path(column): True for column in self.columns} if self.columns else None
        return self.where.query, projection

    @property
    def _options(self) -> dict[str, Any]:
        return {"sort": [(ID, 1)], "allow_disk_use": True, "batch_size": self.batch_size}
