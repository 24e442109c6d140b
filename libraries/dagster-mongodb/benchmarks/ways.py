"""The ways to keep a table in MongoDB that are compared, each with the code that its users write."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from dagster_mongodb import DataFrameChunks, MongoDBIOManager
from pymongo import MongoClient, ReplaceOne

KEY = dg.AssetKey("table")
DATABASE = "measured"


def make_frame(rows: int) -> pd.DataFrame:
    """Return a frame of nine columns, the same each time: a date as key, six floats, an integer, a boolean."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "time": pd.date_range("2010-01-01", periods=rows, freq="min", tz="UTC"),
            **{f"value{number}": random.normal(size=rows).round(6) for number in range(6)},
            "station": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.5,
        }
    )


def _documents(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{**row, "time": row["time"].to_pydatetime()} for row in frame.to_dict("records")]


def _arrow_table(frame: pd.DataFrame) -> pa.Table:
    milliseconds = frame.assign(time=frame["time"].astype("datetime64[ms, UTC]"))
    return pa.Table.from_pandas(milliseconds, preserve_index=False)


# What an asset returns: its name, its annotation, and how it is made of a frame.
KINDS: dict[str, tuple[type, Callable[[pd.DataFrame], Any]]] = {
    "frame": (pd.DataFrame, lambda frame: frame),
    "documents": (list, _documents),
    "arrow": (pa.Table, _arrow_table),
}


with dg.build_resources({}) as _resources:
    # Without resources, Dagster makes an instance for each context that is built, which takes 80 ms.
    _NO_RESOURCES = _resources


def output_context(**metadata: Any) -> dg.OutputContext:
    """Return the context of an asset that returns the table."""
    return dg.build_output_context(name="result", asset_key=KEY, definition_metadata=metadata, resources=_NO_RESOURCES)


@cache
def input_context(annotation: type) -> dg.InputContext:
    """Return the context of an asset that reads the table."""
    return dg.build_input_context(
        asset_key=KEY,
        upstream_output=output_context(primary_key="time"),
        dagster_type=dg.PythonObjectDagsterType(annotation),
    )


class Way(ABC):
    """A way to keep a table of one kind.

    Args:
        client: of the server.
        uri: of the server.
        kind: what is written and read, of `KINDS`.
        database: where the table is kept.
    """

    title: ClassVar[str]
    kinds: ClassVar[Sequence[str]] = tuple(KINDS)
    module: ClassVar[str] = "pymongo"  # that must be installed

    def __init__(self, client: MongoClient[Any], uri: str, kind: str, database: str = DATABASE) -> None:
        self.uri, self.kind, self.database = uri, kind, database
        self.collection = client[database]["table"]

    def prepared(self, table: Any) -> Any:
        """Return the table as code that uses this way would make it; not measured."""
        return table

    @abstractmethod
    def write(self, table: Any) -> None:
        """Write the table for the first time."""

    def rewrite(self, table: Any) -> None:
        """Write the table again, so that its collection holds these rows."""
        self.write(table)

    @abstractmethod
    def read(self) -> object:
        """Read the whole table as its kind."""


class ThisLibrary(Way):
    """The IO manager of this library."""

    title = "dagster-mongodb"

    def __init__(self, client: MongoClient[Any], uri: str, kind: str, database: str = DATABASE) -> None:
        super().__init__(client, uri, kind, database)
        self.manager = MongoDBIOManager(uri=uri, database=database)
        input_context(KINDS[kind][0])  # Dagster makes an instance for it, which is not measured

    def write(self, table: Any) -> None:  # noqa: D102
        self.manager.handle_output(output_context(primary_key="time"), table)

    def read(self) -> object:  # noqa: D102
        return self.manager.load_input(input_context(KINDS[self.kind][0]))

    def read_chunks(self) -> int:
        """Read the table a chunk at a time and return how many rows it has."""
        return sum(map(len, self.manager.load_input(input_context(DataFrameChunks))))


class BareDriver(Way):
    """pymongo: documents are inserted with the key as ``_id``, and upserted by it later."""

    title = "pymongo"

    def prepared(self, table: Any) -> Any:  # noqa: D102
        if self.kind == "frame":
            return table.rename(columns={"time": "_id"})
        if self.kind == "arrow":
            return table.rename_columns(["_id", *table.column_names[1:]])
        return [{"_id": row["time"], **{name: row[name] for name in row if name != "time"}} for row in table]

    def write(self, table: Any) -> None:  # noqa: D102
        self.collection.insert_many(self._documents(table))

    def rewrite(self, table: Any) -> None:  # noqa: D102
        documents = self._documents(table)
        self.collection.bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in documents])

    def read(self) -> object:  # noqa: D102
        documents = list(self.collection.find())
        if self.kind == "frame":
            return pd.DataFrame(documents)
        return pa.Table.from_pylist(documents) if self.kind == "arrow" else documents

    def _documents(self, table: Any) -> list[dict[str, Any]]:
        if self.kind == "frame":
            return table.to_dict("records")
        return table.to_pylist() if self.kind == "arrow" else table


class PyMongoArrow(Way):
    """pymongoarrow: Arrow buffers become BSON without Python objects; it only inserts, so a rewrite drops first."""

    title = "pymongoarrow"
    kinds = ("frame", "arrow")
    module = "pymongoarrow.api"

    def write(self, table: Any) -> None:  # noqa: D102
        from pymongoarrow.api import write

        write(self.collection, table)

    def rewrite(self, table: Any) -> None:  # noqa: D102
        self.collection.drop()
        self.write(table)

    def read(self) -> object:  # noqa: D102
        from pymongoarrow.api import Schema, find_arrow_all, find_pandas_all

        schema = Schema(
            {"time": pa.timestamp("ms"), **{f"value{number}": pa.float64() for number in range(6)}}
            | {"station": pa.int64(), "flag": pa.bool_()}
        )
        return (find_pandas_all if self.kind == "frame" else find_arrow_all)(self.collection, {}, schema=schema)


class CommunityComponents(Way):
    """The MongoDB IO manager of dagster-community-components: drops the collection, then inserts."""

    title = "dagster-community-components"
    kinds = ("frame",)
    module = "dagster_community_components.io_managers.mongodb_io_manager.component"

    def __init__(self, client: MongoClient[Any], uri: str, kind: str, database: str = DATABASE) -> None:
        super().__init__(client, uri, kind, database)
        self.manager = importlib.import_module(self.module).MongoDBIOManager(connection_uri=uri, database=database)

    def write(self, table: Any) -> None:  # noqa: D102
        self.manager.handle_output(output_context(), table)

    def read(self) -> object:  # noqa: D102
        return self.manager.load_input(input_context(pd.DataFrame))


WAYS: Sequence[type[Way]] = (ThisLibrary, BareDriver, PyMongoArrow, CommunityComponents)


def is_installed(way: type[Way]) -> bool:
    """Return whether the package of a way can be imported."""
    try:
        return importlib.import_module(way.module) is not None
    except ImportError:
        return False
