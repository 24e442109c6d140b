"""Documents as outputs and inputs: names, keys, values, order."""

import datetime
import math
from typing import Any

import bson
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from bson import Int64, ObjectId
from dagster_mongodb import UnstorableError
from dagster_mongodb.handlers.documents import DocumentRows, DocumentsHandler
from dagster_mongodb.handlers.handler import StoredRows
from dagster_mongodb.values import READING, DatePolicy
from hypothesis import given
from hypothesis import strategies as st

from dagster_mongodb_tests.tables import counts, read_directly, write_directly

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2024, 1, 1, 12, 30, 15, 123000, tzinfo=UTC)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_characters="\0\uff0e", exclude_categories=["Cs"]))
    | st.binary()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
    | st.uuids()
    | st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)).map(
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b.c", "d e"]), inner),
    max_leaves=8,
)


def round_trip(documents: list[Any], primary_key: tuple[str, ...] = (), **stored: Any) -> list[dict[str, Any]]:
    """Return documents read from the bytes that they are stored as."""
    rows = DocumentRows(documents, primary_key)
    rows.check(max_bytes=2**24, batch_size=2)
    return DocumentsHandler().load(
        StoredRows(
            chunks=lambda: iter([[bson.decode(document, READING) for document in rows.encoded(range(len(rows)))]]),
            columns=None,
            primary_key=primary_key,
            title="asset 'table'",
            **stored,
        ),
        list,
    )


@given(st.lists(st.dictionaries(st.sampled_from(["x", "y", "z.w", "_"]), VALUES), max_size=5))
def test_documents_of_any_values_come_back_as_they_were(documents):
    assert round_trip(documents) == documents


@given(
    st.lists(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers() | VALUES), min_size=1, max_size=5)
)
def test_a_key_comes_first_and_the_other_fields_keep_their_order(documents):
    documents = [{**document, "id": number} for number, document in enumerate(documents)]
    try:
        stored = round_trip(documents, ("id",))
    except UnstorableError as error:
        assert "8-byte ints" in str(error)  # noqa: PT017 an integer of hypothesis beyond 64 bits
        return
    assert stored == documents
    assert [[*document] for document in stored] == [
        ["id", *(name for name in document if name != "id")] for document in documents
    ]


def test_documents_of_more_names_than_are_worth_looking_at_are_read_by_value():
    documents = [{f"name{number}": {"when": MOMENT, "n": Int64(number)}} for number in range(200)]
    assert round_trip(documents) == documents


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (datetime.datetime(2024, 1, 1), "row 1501: .* has no time zone"),
        (MOMENT.replace(microsecond=1), "row 1501: .* finer than a millisecond"),
        ([[{"deep": datetime.datetime(2024, 1, 1)}]], "row 1501: .* has no time zone"),
        ({1, 2}, "row 1501: BSON has no type"),
        ({"$set": 1}, r"row 1501: '\$set' cannot be a field name"),
        ({"a\0": 1}, "row 1501: .* cannot be a field name"),
        ({"a\uff0eb": 1}, r"row 1501: .*U\+FF0E"),
        ({1: 1}, "row 1501: 1 cannot be a field name"),
        (2**64, "column 'x', row 1501: BSON cannot hold 18446744073709551616"),
        ("\ud800", "column 'x', row 1501: BSON cannot hold"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_wherever_it_stands(value, message):
    documents: list[dict[str, Any]] = [{"id": number, "x": 1.5} for number in range(1600)]
    documents[1501]["x"] = value
    with pytest.raises(UnstorableError, match=message):
        DocumentRows(documents, ["id"])


def test_a_document_that_is_too_large_is_refused_by_its_key():
    rows = DocumentRows([{"id": 1}, {"id": 2, "x": "a" * 2000}], ["id"])
    with pytest.raises(UnstorableError, match="row 1 .primary key 2, "):
        rows.check(max_bytes=1000, batch_size=10)


def test_numpy_values_and_nan_in_documents_are_kept():
    (document,) = round_trip([{"i": np.int64(1), "f": np.float64(1.5), "b": np.bool_(True), "a": np.array([1, 2])}])
    assert document == {"i": 1, "f": 1.5, "b": True, "a": [1, 2]}
    assert list(map(type, document.values())) == [int, float, bool, list]
    assert math.isnan(round_trip([{"x": math.nan}])[0]["x"])


def test_the_policy_of_dates_holds_for_documents_and_for_their_keys():
    rows = DocumentRows(
        [{"when": datetime.datetime(2024, 1, 1, 0, 0, 0, micros)} for micros in (1, 2)],
        ["when"],
        DatePolicy(True, True),
    )
    assert rows.frame(["when"])["when"].tolist() == [pd.Timestamp("2024-01-01", tz="UTC")] * 2
    with pytest.raises(UnstorableError, match="rows 0 and 1 have the same primary key"):
        rows.check(max_bytes=2**24, batch_size=10)


def test_dates_of_several_time_zones_are_one_column_of_partitions():
    zone = datetime.timezone(datetime.timedelta(hours=1))
    rows = DocumentRows([{"when": MOMENT}, {"when": MOMENT.astimezone(zone)}, {}], [])
    frame = rows.frame(["when"])
    assert isinstance(frame["when"].dtype, pd.DatetimeTZDtype)
    assert frame["when"].tolist() == [MOMENT, MOMENT, pd.NaT]


def test_a_dotted_name_in_data_is_a_name_at_any_depth(io_manager, database):
    documents = [{"id": 1, "a.b": {"c.d": [{"e.f": 1}]}, "g": 2}]
    write_directly(io_manager, documents, primary_key="id")
    assert database["table"].find_one({"a\uff0eb.c\uff0ed.e\uff0ef": 1}) is not None
    assert read_directly(io_manager, list, primary_key="id") == documents
    assert read_directly(io_manager, pd.DataFrame, primary_key="id")["a.b"].tolist() == [{"c.d": [{"e.f": 1}]}]


def test_a_dotted_name_in_options_is_a_column_if_there_is_one_else_a_path():
    nested = DocumentRows([{"address": {"city": "Oslo"}}, {"address": {"city": "Rome"}}, {}], [])
    cities = nested.frame(["address.city"])["address.city"]
    assert (cities.dropna().tolist(), len(cities)) == (["Oslo", "Rome"], 3)
    assert nested.dotted_names == frozenset()
    dotted = DocumentRows([{"address.city": "Oslo", "address": {"city": "Rome"}}, {"x": {"y.z": 1}}], [])
    assert dotted.frame(["address.city"])["address.city"].isna().tolist() == [False, True]
    assert dotted.dotted_names == {"address.city"}


def test_a_key_can_be_a_field_of_a_nested_document():
    documents = [{"x": 1, "address": {"city": "Oslo"}}, {"x": 2, "address": {"city": "Rome"}}]
    rows = DocumentRows(documents, ["address.city"])
    assert [document["_id"] for document in rows.documents(range(2))] == ["Oslo", "Rome"]
    assert round_trip(documents, ("address.city",), dotted_names=frozenset()) == documents


def test_fields_of_nested_documents_are_columns_of_a_frame():
    stored = StoredRows(
        chunks=lambda: iter([[{"_id": 1, "address": {"city": "Oslo"}}, {"_id": 2, "address": [{"city": "Rome"}]}]]),
        columns=None,
        primary_key=("id",),
        title="asset 'table'",
        selected=("id", "address.city"),
        dotted_names=frozenset(),
    )
    from dagster_mongodb import DataFrameHandler

    assert DataFrameHandler().load(stored, pd.DataFrame).to_dict("list") == {
        "id": [1, 2],
        "address.city": ["Oslo", ["Rome"]],
    }


def test_no_document_has_no_columns_and_others_have_no_common_ones():
    assert DocumentRows([], []).columns == ()
    assert DocumentRows([{}], []).columns is None


@pytest.mark.parametrize("selected", [["a"], ["b", "x"], ["x"]])
def test_columns_may_name_a_part_of_a_key(io_manager, selected):
    documents = [{"a": 1, "b": "p", "x": 1.5}, {"a": 1, "b": "q", "x": 2.5}]
    write_directly(io_manager, documents, primary_key=["a", "b"])
    found = read_directly(io_manager, list, of_input={"columns": selected}, primary_key=["a", "b"])
    assert found == [{name: document[name] for name in selected} for document in documents]


def test_rows_without_a_key_have_no_id_in_any_type(io_manager):
    documents = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    write_directly(io_manager, documents)
    assert read_directly(io_manager, list) == documents
    assert read_directly(io_manager, pd.DataFrame).to_dict("records") == documents
    assert read_directly(io_manager, pa.Table).to_pylist() == documents
    assert read_directly(io_manager, pl.DataFrame).to_dicts() == documents


def test_id_is_a_column_if_it_is_the_key(io_manager):
    documents = [{"_id": ObjectId(), "a": 1}]
    write_directly(io_manager, documents, primary_key="_id")
    assert read_directly(io_manager, list, primary_key="_id") == documents
    assert list(read_directly(io_manager, pd.DataFrame, primary_key="_id")) == ["_id", "a"]


def test_documents_are_not_changed_by_a_write(io_manager):
    documents = [{"id": 1, "b": {"c.d": MOMENT}}]
    write_directly(io_manager, documents, primary_key="id")
    assert documents == [{"id": 1, "b": {"c.d": MOMENT}}]
    assert counts(write_directly(io_manager, documents, primary_key="id")) == (0, 0, 1, 0)
