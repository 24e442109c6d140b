"""Which handler an object or an annotation gets; single values; handlers of the user."""

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import dagster as dg
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from dagster_mongodb import (
    STRICT,
    DataFrameHandler,
    DatePolicy,
    MongoDBIOManager,
    MongoDBIOManagerError,
    StoredRows,
    TypeHandler,
    UnreadableError,
)
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.handlers.registry import (
    handler_of,
    handler_reading,
    is_optional,
    loaded_annotation,
    partition_value,
)

from dagster_mongodb_tests.tables import materialize, read_directly, write_directly

MOMENT = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone.utc)


class StructuredArrayHandler(TypeHandler[np.ndarray]):
    """The example of TypeHandler's docstring."""

    types = (np.ndarray,)

    def rows(self, obj: np.ndarray, primary_key: Sequence[str], dates: DatePolicy = STRICT) -> Rows:
        return DataFrameHandler().rows(pd.DataFrame(obj), primary_key, dates)

    def load(self, stored: StoredRows, annotation: Any) -> np.ndarray:
        return DataFrameHandler().load(stored, pd.DataFrame).to_records(index=False)


class ArrayIOManager(MongoDBIOManager):
    def type_handlers(self) -> Sequence[TypeHandler[Any]]:
        return [StructuredArrayHandler()]


class Model(pydantic.BaseModel):
    value: int


def test_a_subclass_adds_handlers_of_its_own_types(mongodb_uri, database):
    manager = ArrayIOManager(uri=mongodb_uri, database=database.name)
    received: list[np.ndarray] = []

    @dg.asset(metadata={"primary_key": "id"})
    def points() -> np.ndarray:
        return np.array([(1, 1.5), (2, 2.5)], dtype=[("id", "i8"), ("x", "f8")])

    @dg.asset
    def reader(points: np.ndarray) -> None:
        received.append(points)

    materialize(manager, [points, reader])
    assert received[0].tolist() == [(1, 1.5), (2, 2.5)]
    assert database["points"].find_one({"_id": 2}) == {"_id": 2, "x": 2.5}


def test_handlers_of_the_user_are_asked_first():
    class FrameHandler(DataFrameHandler):
        pass

    more = [FrameHandler()]
    assert type(handler_of(pd.DataFrame(), more)) is FrameHandler
    assert type(handler_reading(pd.DataFrame | None, more)) is FrameHandler
    assert type(handler_of(pd.DataFrame())) is DataFrameHandler


def test_a_type_without_handler_is_refused_with_those_that_have_one(mongodb_uri, database):
    manager = ArrayIOManager(uri=mongodb_uri, database=database.name)
    with pytest.raises(
        MongoDBIOManagerError, match=r"returned object, .* stores ndarray, pandas.DataFrame, .* pydantic"
    ):
        write_directly(manager, object())
    with pytest.raises(MongoDBIOManagerError, match="cannot be read as .*complex"):
        read_directly(manager, complex)


@pytest.mark.parametrize(
    "value",
    [
        5,
        2**40,
        1.5,
        "text",
        "",
        True,
        b"\0",
        MOMENT,
        datetime.date(2024, 2, 29),
        decimal.Decimal("1.10"),
        uuid.UUID(int=5),
    ],
)
def test_a_single_value_is_one_document_and_comes_back_as_it_was(io_manager, database, value):
    write_directly(io_manager, value)
    assert list(database["table"].find_one({}, {"_id": False})) == ["value"]
    found = read_directly(io_manager, type(value))
    assert found == value
    assert type(found) is type(value)
    assert read_directly(io_manager, dict).keys() == {"value"}
    assert read_directly(io_manager, Any).columns.tolist() == ["value"]


def test_a_single_value_of_numpy_is_one_of_python(io_manager):
    write_directly(io_manager, np.int64(5))
    assert read_directly(io_manager, int) == 5
    assert read_directly(io_manager, float) == 5.0


@pytest.mark.parametrize(
    ("content", "annotation", "message"),
    [
        (1.5, int, "read as int, .* its field 'value' is float"),
        ("5", int, "its field 'value' is str"),
        (1, bool, "its field 'value' is int"),
        (MOMENT, datetime.date, "its field 'value' is datetime"),
        ({"a": 1}, int, "it has none"),
        ([{"value": 1}, {"value": 2}], int, "but has 2"),
    ],
)
def test_what_is_not_one_such_value_is_never_read_as_one(io_manager, content, annotation, message):
    write_directly(io_manager, content)
    with pytest.raises(UnreadableError, match=message):
        read_directly(io_manager, annotation)


@pytest.mark.parametrize(
    "annotation",
    [pd.DataFrame, pl.DataFrame, pa.Table, list[dict], dict[str, Any], list[Model], Model, int, datetime.date],
)
def test_an_optional_input_is_read_like_its_type(annotation):
    for optional in (Optional[annotation], annotation | None):  # noqa: UP045 both are in use
        assert is_optional(optional)
        assert loaded_annotation(optional) == annotation
        assert type(handler_reading(optional)) is type(handler_reading(annotation))
    assert not is_optional(annotation)


def test_a_list_that_collects_outputs_is_read_as_one_of_them():
    assert loaded_annotation(list[pd.DataFrame]) is pd.DataFrame
    assert loaded_annotation(list[int]) is int
    assert loaded_annotation(list[dict]) == list[dict]
    assert loaded_annotation(Any) is pd.DataFrame


@pytest.mark.parametrize("value", [pd.DataFrame, pl.DataFrame, pa.Table, list[dict], list[Model], Model])
def test_a_dictionary_of_tables_is_one_object_per_partition(value):
    for annotation in (dict[str, value], Mapping[str, value], dict[str, value] | None):
        assert partition_value(annotation) == value


@pytest.mark.parametrize(
    "annotation",
    [dict, dict[str, Any], dict[str, float], dict[str, dict], dict[str, list], dict[int, pd.DataFrame], list],
)
def test_a_dictionary_of_plain_values_is_one_document(annotation):
    assert partition_value(annotation) is None


def test_a_dictionary_of_tables_is_one_of_partitions_if_the_output_has_some():
    assert type(handler_of({"a": pd.DataFrame()}, has_partitions=True)).__name__ == "PartitionsHandler"
    assert type(handler_of({"a": pd.DataFrame()})).__name__ == "DocumentHandler"
    for document in ({}, {"a": 1}, {"a": [{"b": 1}]}):
        assert type(handler_of(document, has_partitions=True)).__name__ == "DocumentHandler"
