"""Reading a slice of a collection, a batch at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pymongo.database import Database
from pymongo.errors import OperationFailure

from dagster_mongodb.columns import DATE, Column, field_name, merge
from dagster_mongodb.errors import OptionsError
from dagster_mongodb.handlers.handler import Document, StoredRows
from dagster_mongodb.options import ReadOptions
from dagster_mongodb.revisions import find_as_of
from dagster_mongodb.slices import CollectionSlice, Partitions, locate
from dagster_mongodb.source import Source
from dagster_mongodb.values import ID

_LOGICAL = ("$and", "$or", "$nor")
# BadValue, FailedToParse, TypeMismatch, InvalidPipelineOperator, and errors of single stages, which have no names.
_BAD_QUERY = frozenset({2, 9, 14, 168, *range(15_000, 60_000)})


@dataclass(frozen=True)
class SliceReader:
    """Reads the documents of a slice, by default in the order of ``_id``.

    Args:
        open_database: returns the database for one reading. So rows can be read when the run that asked for them
            is over.
        where: the slice.
        options: of the input.
        batch_size: documents in a batch.
    """

    open_database: Callable[[], AbstractContextManager[Database[dict[str, Any]]]]
    where: CollectionSlice
    options: ReadOptions
    batch_size: int

    def chunks(self) -> Iterator[list[Document]]:
        """Return the documents.

        Raises:
            OptionsError: MongoDB does not accept the filter or the pipeline.
        """
        with self.open_database() as database, self._explained_query():
            collection, options = database[self.where.collection], self.options
            if options.as_of is not None:
                found = find_as_of(database, self.where.collection, options.as_of, self._query)
                found = self._with_columns(found[: options.limit or None])
                yield from (found[start : start + self.batch_size] for start in range(0, len(found), self.batch_size))
                return
            if options.pipeline is not None:
                stages = [{"$match": self._query}, *options.pipeline]
                cursor: Any = collection.aggregate(stages, batchSize=self.batch_size, allowDiskUse=True)
            else:
                cursor = collection.find(*self._found, **self._options)
            with cursor:
                while chunk := cursor.to_list(self.batch_size):
                    yield chunk

    def raw_batches(self) -> Iterator[bytes]:
        """Return the documents as batches of concatenated BSON; not for a pipeline or a moment of the past."""
        yield from self._raw_batches(self._options)

    @property
    def is_whole(self) -> bool:
        """Whether all documents are read in the order of their keys, so that they can be sorted when they have come."""
        options = self.options
        return self.where.boxes is None and not (options.filter or options.sort or options.limit or options.as_of)

    def unordered_batches(self) -> Iterator[bytes]:
        """Return the same batches in the order in which the server finds the documents."""
        yield from self._raw_batches({"batch_size": self.batch_size})

    def _raw_batches(self, options: Mapping[str, Any]) -> Iterator[bytes]:
        with (
            self.open_database() as database,
            self._explained_query(),
            database[self.where.collection].find_raw_batches(*self._found, **options) as batches,
        ):
            yield from cast("Iterator[bytes]", batches)

    def _with_columns(self, documents: list[Document]) -> list[Document]:
        if self.options.columns is None:
            return documents
        fields = {ID, *(self.where.path(name).partition(".")[0] for name in self.options.columns)}
        return [{name: value for name, value in document.items() if name in fields} for document in documents]

    @contextmanager
    def _explained_query(self) -> Iterator[None]:
        try:
            yield
        except OperationFailure as error:
            if error.code not in _BAD_QUERY or not (self.options.filter or self.options.pipeline):
                raise
            reason = error.details and error.details.get("errmsg")
            raise OptionsError(
                f"collection {self.where.collection}: MongoDB does not accept the 'filter' or the 'pipeline' of the "
                f"input: {reason}"
            ) from error

    @property
    def _query(self) -> dict[str, Any]:
        parts = [part for part in (self.where.query, translated(self.options.filter, self.where)) if part]
        return parts[0] if len(parts) == 1 else {"$and": parts} if parts else {}

    @property
    def _projection(self) -> dict[str, Any] | None:
        if self.options.columns is None:
            return None
        paths = {self.where.path(name) for name in self.options.columns}
        # MongoDB refuses a path together with a path that contains it.
        return {path: True for path in paths if not any(path.startswith(f"{whole}.") for whole in paths)}

    @property
    def _found(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return self._query, self._projection

    @property
    def _options(self) -> dict[str, Any]:
        sort = [(self.where.path(name), direction) for name, direction in self.options.sort]
        return {
            "sort": sort or [(ID, 1)],
            "limit": self.options.limit,
            "allow_disk_use": True,
            "batch_size": self.batch_size,
        }


def stored_rows(
    open_database: Callable[[], AbstractContextManager[Database[dict[str, Any]]]],
    source: Source,
    partitions: Partitions | None,
    options: ReadOptions,
    batch_size: int,
) -> StoredRows:
    """Return the rows of an input.

    Args:
        open_database: returns the database for one reading.
        source: where the asset is stored.
        partitions: to read; `None`: all of the asset.
        options: of the input.
        batch_size: documents in a batch.

    Raises:
        OptionsError: the input names a column that the asset does not have.
    """
    note = source.note
    where = locate(
        source.database,
        source.collection,
        source.metadata,
        partitions=partitions,
        dotted_names=() if note is None else note.dotted_names,
    )
    columns = None if note is None else note.columns
    if note is not None and columns is not None and options.as_of is not None:
        columns = merge(columns, note.past_columns)
    with open_database() as database:
        _check_names(database, where, columns, options, source.title)
    reader = SliceReader(open_database, where, options, batch_size)
    if options.pipeline is not None:
        # Its documents have fields of their own, so their _id is no primary key.
        documents = [document for chunk in reader.chunks() for document in chunk]
        has_id = all(ID in document for document in documents)
        return StoredRows(lambda: iter([documents]), None, (ID,) if has_id else (), source.title)
    return StoredRows(
        chunks=reader.chunks,
        raw_batches=reader.raw_batches if options.as_of is None else None,
        unordered_batches=reader.unordered_batches if reader.is_whole else None,
        columns=_selected(columns, options.columns),
        selected=options.columns,
        primary_key=where.primary_key,
        title=source.title,
        dotted_names=where.dotted_names,
    )


def translated(query: Mapping[str, Any], where: CollectionSlice) -> dict[str, Any]:
    """Return a filter on columns as a filter on the paths in documents.

    >>> translated({"$or": [{"city": "Oslo"}, {"height": {"$gt": 9}}]}, CollectionSlice("d", "c", ("city",)))
    {'$or': [{'_id': 'Oslo'}, {'height': {'$gt': 9}}]}
    """
    paths: dict[str, Any] = {}
    for name, condition in query.items():
        if name in _LOGICAL:
            paths[name] = [translated(inner, where) for inner in condition]
        elif name.startswith("$"):
            paths[name] = condition
        else:
            paths[where.path(name)] = _stored_document(condition)
    return paths


def _stored_document(condition: Any) -> Any:
    """Return a condition; a document that a field has to be equal to, with its keys as they are stored."""
    if not isinstance(condition, Mapping) or any(name.startswith("$") for name in condition):
        return condition
    return {field_name(name): _stored_document(value) for name, value in condition.items()}


def _conditions(query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return the columns and paths that a filter names, and what it asks of each."""
    for name, condition in query.items():
        if name in _LOGICAL:
            for inner in condition:
                yield from _conditions(inner)
        elif not name.startswith("$"):
            yield name, condition


def _check_names(
    database: Database[Any],
    where: CollectionSlice,
    columns: Sequence[Column] | None,
    options: ReadOptions,
    title: str,
) -> None:
    """Refuse an input that names a column which the asset does not have: it would silently receive nothing.

    Documents have no common columns, so the collection is searched for each name.
    """
    sort = [name for name, _ in options.sort]
    named = {
        "columns": options.columns or (),
        "filter": [name for name, _ in _conditions(options.filter)],
        "sort": sort,
    }
    collection = database[where.collection]
    dates = {column.name for column in columns or () if column.dtype == DATE or column.dtype.startswith("datetime64[")}
    for name, condition in _conditions(options.filter):
        values = condition.values() if isinstance(condition, Mapping) else [condition]
        if name in dates and any(isinstance(value, str) for value in values):
            raise OptionsError(
                f"{title}: the column {name!r} holds dates, but the 'filter' compares it with text: {condition!r}. "
                'Give a tz-aware datetime to Read(filter=...), or write {"$date": "2024-01-01T00:00:00Z"}'
            )
    known = None if columns is None else [column.name for column in columns]
    is_there: dict[str, bool] = {}
    for option, names in named.items():
        for name in names:
            if name not in is_there:
                is_there[name] = _has(name, where, known, collection)
        missing = [name for name in names if not is_there[name]]
        if not missing:
            continue
        there: Iterable[str] = known if known is not None else (collection.find_one() or {})
        raise OptionsError(
            f"{title} has no column {', '.join(missing)}, which the metadata {option!r} of the input names: it has "
            f"{', '.join(there)}"
        )


def _has(name: str, where: CollectionSlice, columns: Sequence[str] | None, collection: Any) -> bool:
    column = where.column(name)
    if column in (ID, *where.primary_key):
        return True
    if columns is not None and (column not in columns or name == column):
        return column in columns
    # A collection without documents has no columns to compare with.
    exists = collection.find_one({where.path(name): {"$exists": True}}, {ID: True}) is not None
    return exists or collection.find_one({}, {ID: True}) is None


def _selected(columns: tuple[Column, ...] | None, names: Sequence[str] | None) -> tuple[Column, ...] | None:
    """Return the columns that are read; what lies at a path inside a column are objects."""
    if columns is None or names is None:
        return columns
    by_name = {column.name: column for column in columns}
    return tuple(by_name.get(name, Column(name, "object")) for name in names)
