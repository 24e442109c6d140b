"""How a Python type is kept in MongoDB: its objects become rows, and stored rows become objects."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeVar

from dagster_mongodb.columns import Column, column_name
from dagster_mongodb.handlers.checks import check_names
from dagster_mongodb.handlers.rows import ColumnRows, EncodedRows, Rows
from dagster_mongodb.values import ID, STRICT, DatePolicy

__all__ = ["ColumnRows", "Document", "EncodedRows", "Rows", "StoredRows", "TypeHandler", "check_names", "value_at"]

T = TypeVar("T")
Document = dict[str, Any]
_NOTHING = object()


@dataclass(frozen=True)
class StoredRows:
    """The rows of an input.

    Args:
        chunks: returns them from the first one on, in lists of documents; dates are UTC without a time zone.
        columns: to read; `None` if none are noted.
        primary_key: the columns that became ``_id``.
        title: of the input, for error messages.
        selected: names of the columns to read; `None`: all.
        raw_batches: returns them as batches of BSON; `None` if that is not possible.
        unordered_batches: the same in any order, which the server sends faster; `None` if the order matters or is
            not that of the primary key.
        dotted_names: columns whose name contains a dot: any other dotted name is a path into nested documents.
            `None`: each dotted name is that of a column.
    """

    chunks: Callable[[], Iterator[list[Document]]]
    columns: tuple[Column, ...] | None
    primary_key: tuple[str, ...]
    title: str
    selected: tuple[str, ...] | None = None
    raw_batches: Callable[[], Iterator[bytes]] | None = None
    unordered_batches: Callable[[], Iterator[bytes]] | None = None
    dotted_names: frozenset[str] | None = None

    def is_path(self, name: str) -> bool:
        """Return whether a name is a path into nested documents."""
        return "." in name and self.dotted_names is not None and name not in self.dotted_names

    def values(self, documents: Sequence[Document], column: Column, missing: Any) -> list[Any]:
        """Return a column's values.

        Args:
            documents: of a chunk.
            column: any.
            missing: value for documents without this field.
        """
        if column.name not in self.primary_key:
            # Names that are not selected come from the documents themselves.
            if self.selected is not None and self.is_path(column.name):
                return [value_at(document, column.name, missing) for document in documents]
            try:
                return list(map(itemgetter(column.field), documents))
            except KeyError:
                # Other programs and release 0.1 stored dots of documents as they are.
                names = column.field, column.name
                return [document.get(names[0], document.get(names[1], missing)) for document in documents]
        if len(self.primary_key) == 1:
            return list(map(itemgetter(ID), documents))
        return [document[ID][column.field] for document in documents]

    def columns_of(self, documents: Sequence[Document]) -> tuple[str, ...]:
        """Return the columns of documents whose columns are not noted; ``_id`` is one only if it is the primary key."""
        if self.selected is not None:
            return self.selected
        fields = dict.fromkeys(field for document in documents for field in document)
        fields.pop(ID, None)
        return (*(name for name in self.primary_key if not self.is_path(name)), *map(column_name, fields))


class TypeHandler(ABC, Generic[T]):
    """Keeps one Python type in MongoDB.

    Attributes:
        types: classes of the objects that it stores.

    Example:
        A handler of your own converts its type to and from one that has a handler:

        .. code-block:: python

            class StructuredArrayHandler(TypeHandler[np.ndarray]):
                types = (np.ndarray,)

                def rows(self, obj, primary_key, dates=STRICT):
                    return DataFrameHandler().rows(pd.DataFrame(obj), primary_key, dates)

                def load(self, stored, annotation):
                    return DataFrameHandler().load(stored, pd.DataFrame).to_records(index=False)

            class MyIOManager(MongoDBIOManager):
                def type_handlers(self):
                    return [StructuredArrayHandler()]
    """

    types: ClassVar[tuple[type, ...]]

    @abstractmethod
    def rows(self, obj: T, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> Rows:
        """Return the rows of an object.

        Args:
            obj: the output.
            primary_key: columns that become ``_id``.
            dates: what becomes of dates that BSON cannot hold.

        Raises:
            UnstorableError: the object cannot be stored.
        """

    @abstractmethod
    def load(self, stored: StoredRows, annotation: Any) -> T:
        """Return an object made from stored rows.

        Args:
            stored: the rows of the input.
            annotation: of the input; one that `reads` accepts.

        Raises:
            UnreadableError: the rows do not fit the type.
        """

    def stores(self, obj: object) -> bool:
        """Return whether an object is of this type."""
        return isinstance(obj, self.types)

    def reads(self, annotation: Any) -> bool:
        """Return whether an input with this annotation is of this type."""
        return isinstance(annotation, type) and issubclass(annotation, self.types)


def value_at(document: Any, path: str, missing: Any = None) -> Any:
    """Return the value at a path into nested documents; of documents in a list, their values, as MongoDB does.

    >>> value_at({"address": {"city": "Oslo"}}, "address.city")
    'Oslo'
    >>> value_at({"trips": [{"to": "Rome"}, {"to": "Oslo"}, {}]}, "trips.to")
    ['Rome', 'Oslo']
    """
    if isinstance(document, list):
        values = [value_at(inner, path, _NOTHING) for inner in document]
        return [value for value in values if value is not _NOTHING]
    name, _, rest = path.partition(".")
    if not isinstance(document, Mapping) or name not in document:
        return missing
    return value_at(document[name], rest, missing) if rest else document[name]
