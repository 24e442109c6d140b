"""Which types are kept, and that an input chooses by its annotation."""

import datetime
import decimal
from typing import Any

import bson
import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dagster_mongodb import (
    DataFrameChunks,
    MongoDBIOManager,
    PartitionError,
    UnreadableError,
    UnstorableError,
)
from dagster_mongodb.handlers.arrow import ArrowRows, batch_reader_of, table_of
from dagster_mongodb.handlers.dataframes import DataFrameRows
from dagster_mongodb.handlers.handler import Rows, StoredRows
from dagster_mongodb.handlers.layouts import arrays_of
from dagster_mongodb.handlers.registry import handler_of
from dagster_mongodb.values import READING
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_mongodb_tests.tables import (
    counts,
    materialize,
    read_directly,
    table,
    write,
    write_directly,
)

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_documents_are_kept_as_they_are_and_come_back_so(io_manager, database):
    documents = [
        {"id": 2, "name": "b", "inner": {"list": [1, None, {"x": 1.5}]}},
        {"id": 1, "when": MOMENT, "much": decimal.Decimal("1.10"), "nothing": None},
    ]
    assert counts(write_directly(io_manager, documents, primary_key="id")) == (2, 0, 0, 0)
    assert database["table"].find_one({"_id": 2}) == {"_id": 2, **{k: v for k, v in documents[0].items() if k != "id"}}
    assert read_directly(io_manager, list, primary_key="id") == [documents[1], documents[0]]
    assert counts(write_directly(io_manager, documents[:1], primary_key="id")) == (0, 0, 1, 1)


def test_documents_without_a_key_keep_their_order_and_fields(io_manager):
    documents = [{"b": 1, "a": 2}, {"a": [1.5]}, {}, {"a": 2, "b": 1}]
    write_directly(io_manager, documents)
    stored = read_directly(io_manager, list)
    assert stored == documents
    assert [list(document) for document in stored] == [list(document) for document in documents]


def test_documents_with_a_key_of_two_fields_make_the_round_trip(io_manager, database):
    documents = [{"a": 1, "x": "p", "b.c": "q"}, {"a": 1, "x": "r", "b.c": "s"}]
    write_directly(io_manager, documents, primary_key=["a", "b.c"])
    assert [document["_id"] for document in database["table"].find()] == [
        {"a": 1, "b\uff0ec": "q"},
        {"a": 1, "b\uff0ec": "s"},
    ]
    assert read_directly(io_manager, list, primary_key=["a", "b.c"]) == documents


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([{"id": 1}, 5], "row 1 is int, not a document"),
        ([{"id": 1}, {"x": 1}], r"row 1 has no primary key"),
        ([{"id": 1}, {"id": 1}], "rows 0 and 1 have the same primary key"),
        ([{"id": 1, "$set": 1}], r"row 0: '\$set' cannot be a field name"),
        ([{"id": 1, "x": {1, 2}}], "row 0: BSON has no type for .*set"),
        ([{"id": 1, "_id": 2}], "row 0: the field '_id' belongs to MongoDB"),
    ],
)
def test_a_document_that_cannot_be_stored_is_refused_by_its_row_before_anything_is_written(
    io_manager, database, documents, message
):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, documents, primary_key="id")
    assert database.list_collection_names() == []


def test_one_document_is_kept_and_read_as_one(io_manager):
    for document in ({"threshold": 15, "names": ["a"]}, {"threshold": 16}):
        write_directly(io_manager, document)
        assert read_directly(io_manager, dict) == document
    write_directly(io_manager, [{"a": 1}, {"a": 2}])
    with pytest.raises(UnreadableError, match="is read as one document .dict., but has 2"):
        read_directly(io_manager, dict)


def test_a_frame_is_read_in_chunks_as_often_as_one_likes(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=10)
    frame = pd.DataFrame({"id": range(25), "x": [1.5] * 25, "text": ["a"] * 25})
    for columns in (["id", "x"], ["id", "x", "text"]):
        write_directly(manager, frame[columns], primary_key="id")
        chunks = read_directly(manager, DataFrameChunks, primary_key="id")
        for _ in range(2):
            assert [len(chunk) for chunk in chunks] == [10, 10, 5]
            pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), frame[columns])


def test_chunks_that_are_not_read_to_their_end_leave_no_cursor_open(mongodb_uri, database, client):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=10)
    write_directly(manager, pd.DataFrame({"id": range(100)}), primary_key="id")
    chunks = iter(read_directly(manager, DataFrameChunks, primary_key="id"))
    next(chunks)
    chunks.close()
    cursors = list(client.admin.aggregate([{"$currentOp": {"idleCursors": True}}, {"$match": {"type": "idleCursor"}}]))
    assert [cursor for cursor in cursors if cursor["ns"].startswith(database.name)] == []


POLARS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "float": [1.5, float("nan"), None],
        "small": pl.Series([1, None, -3], dtype=pl.Int8),
        "text": ["a", None, ""],
        "flag": [True, None, False],
        "moment": pl.Series([MOMENT, None, MOMENT], dtype=pl.Datetime("ms", "UTC")),
        "zoned": pl.Series([MOMENT, None, MOMENT], dtype=pl.Datetime("us", "Africa/Abidjan")),
        "date": [datetime.date(2024, 2, 29), None, datetime.date(1970, 1, 1)],
        "duration": pl.Series([datetime.timedelta(hours=1), None, datetime.timedelta(0)], dtype=pl.Duration("ms")),
        "list": [[1, 2], None, []],
        "struct": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 3, "b": None}],
        "bytes": [b"x", None, b""],
        "decimal": pl.Series(["1.10", None, "2.20"]).cast(pl.Decimal(10, 2)),
        "in US$ 1.50": [1.0, 2.0, 3.0],
    }
)


@pytest.mark.parametrize("rows", [3, 0])
@pytest.mark.parametrize("metadata", [{}, {"primary_key": "id"}, {"primary_key": ["id", "in US$ 1.50"]}])
def test_a_polars_frame_comes_back_as_it_was(io_manager, rows, metadata):
    frame = POLARS.head(rows)
    assert counts(write_directly(io_manager, frame, **metadata))[0] == rows
    stored = read_directly(io_manager, pl.DataFrame, **metadata)
    assert stored.schema == frame.schema
    assert stored.equals(frame)
    assert counts(write_directly(io_manager, frame, **metadata)) == (0, 0, rows, 0)


@pytest.mark.parametrize("rows", [3, 0])
def test_an_arrow_table_comes_back_as_it_was(io_manager, rows):
    content = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int16()),
            "dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
            "large": pa.array(["x", None, "y"], pa.large_string()),
            "date64": pa.array([datetime.date(2024, 1, 1), None, None], pa.date64()),
            "nulls": pa.array([None] * 3, pa.null()),
            "nested": pa.array([[{"a": 1}], None, []], pa.list_(pa.struct([("a", pa.int32())]))),
        }
    ).slice(0, rows)
    write_directly(io_manager, content, primary_key="id")
    assert read_directly(io_manager, pa.Table, primary_key="id").equals(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pl.DataFrame({"bad": [datetime.datetime(2024, 1, 1)]}), "'bad' holds dates without a time zone"),
        (pl.DataFrame({"bad": [datetime.time(1)]}), "'bad' is time64"),
        (pl.DataFrame({"bad": pl.Series([1], dtype=pl.UInt64) * 2**63}), "'bad', row 0"),
        (pl.DataFrame({"bad": [object()]}, schema={"bad": pl.Object}), "'bad' holds Python objects"),
        (pa.table({"bad": pa.array([1], pa.timestamp("us", "UTC"))}), "'bad' has values finer than a millisecond"),
    ],
)
def test_what_bson_cannot_hold_of_arrow_types_is_refused_by_column(io_manager, database, content, message):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, content)
    assert database.list_collection_names() == []


def test_what_one_type_wrote_another_reads(io_manager):
    frame = pd.DataFrame({
        "id": [1, 2],
        "x": [1.5, None],
        "when": pd.to_datetime(["2024-01-01", None], utc=True),
        "text": ["a", "b"],
    })  # fmt: skip
    write_directly(io_manager, frame, primary_key="id")
    assert read_directly(io_manager, list, primary_key="id")[1] == {"id": 2, "x": None, "when": None, "text": "b"}
    polars = read_directly(io_manager, pl.DataFrame, primary_key="id")
    assert polars.schema == {
        "id": pl.Int64,
        "x": pl.Float64,
        "when": pl.Datetime(frame["when"].dt.unit, "UTC"),
        "text": pl.String,
    }
    write_directly(io_manager, polars, primary_key="id")
    pd.testing.assert_frame_equal(
        read_directly(io_manager, pd.DataFrame, primary_key="id"), frame.astype({"text": object})
    )
    write_directly(io_manager, [{"id": 1, "x": 2.5}], primary_key="id")
    assert read_directly(io_manager, pl.DataFrame, primary_key="id").to_dicts() == [{"id": 1, "x": 2.5}]


def test_inputs_choose_their_type_by_annotation(io_manager):
    received: dict[str, Any] = {}

    @dg.asset(metadata={"primary_key": "id"})
    def readings() -> pd.DataFrame:
        return pd.DataFrame({"id": [1, 2], "x": [1.5, 2.5]})

    @dg.asset
    def settings_used() -> dict[str, Any]:
        return {"limit": 2}

    @dg.asset
    def notes(readings: list[dict[str, Any]], settings_used: dict[str, Any]) -> list[dict[str, Any]]:
        received["documents"] = readings
        return [{"over": sum(row["x"] > settings_used["limit"] for row in readings)}]

    @dg.asset
    def sums(readings: DataFrameChunks, notes: list) -> None:
        received["sum"] = sum(chunk["x"].sum() for chunk in readings)
        received["notes"] = notes

    @dg.asset
    def frames(context, readings: pl.DataFrame) -> pa.Table:
        received["polars"] = readings
        return readings.to_arrow()

    assets = [readings, settings_used, notes, sums, frames]
    materialize(io_manager, assets)
    assert received["documents"] == [{"id": 1, "x": 1.5}, {"id": 2, "x": 2.5}]
    assert (received["sum"], received["notes"]) == (4.0, [{"over": 1}])
    assert received["polars"].to_dicts() == received["documents"]


def test_documents_of_partitions_are_cut_like_rows(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05")
    spec = table(partitions_def=days, partition_expr="when", primary_key="when")
    write(io_manager, spec, [{"when": MOMENT, "x": 1}], partition_key="2024-01-01")
    with pytest.raises(PartitionError, match="1 of 1 rows lie outside the partition"):
        write(io_manager, spec, [{"when": MOMENT}], partition_key="2024-01-02")


def stored_rows(rows: Rows, *, chunk: int) -> StoredRows:
    """Return rows as they would be stored, without a server, in chunks."""
    rows.check(max_bytes=2**24, batch_size=chunk)
    documents = [bson.decode(document, READING) for document in rows.encoded(range(len(rows)))]
    starts = range(0, len(documents), chunk)
    return StoredRows(
        chunks=lambda: iter([documents[start : start + chunk] for start in starts]),
        columns=rows.columns,
        primary_key=rows.primary_key,
        title="input 'x'",
    )


def test_a_record_batch_reader_has_the_types_that_were_written_a_chunk_at_a_time():
    content = POLARS.to_arrow()
    reader = batch_reader_of(stored_rows(ArrowRows(content, ["id"]), chunk=2))
    assert reader.schema == content.schema
    batches = list(reader)
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert pl.DataFrame(pa.Table.from_batches(batches)).equals(POLARS)


def test_a_record_batch_reader_infers_the_types_of_objects_from_all_chunks():
    frame = pd.DataFrame({"x": pd.Series([None, None, 1, 2.5, None], dtype=object), "y": list("abcde")})
    reader = batch_reader_of(stored_rows(DataFrameRows(frame, ()), chunk=2))
    assert reader.read_all().to_pylist() == [
        {**row, "x": None if pd.isna(row["x"]) else row["x"]} for row in frame.to_dict("records")
    ]
    mixed = DataFrameRows(pd.DataFrame({"x": pd.Series([1, 2, "a"], dtype=object)}), ())
    with pytest.raises(
        UnreadableError, match="input 'x' has values that do not fit into one Arrow type.*DataFrameChunks"
    ):
        batch_reader_of(stored_rows(mixed, chunk=2))


def test_a_record_batch_reader_says_which_column_has_a_value_of_another_type():
    stored = stored_rows(ArrowRows(pa.table({"x": [1, 2, 3]}), ()), chunk=2)
    changed = StoredRows(lambda: iter([[{"x": 1}], [{"x": "a"}]]), stored.columns, (), "input 'x'")
    with pytest.raises(UnreadableError, match="column 'x': string does not fit the column's type int64: read it as a"):
        batch_reader_of(changed).read_all()


def test_fields_of_arrow_keep_their_metadata_and_that_they_have_no_nulls(io_manager, database):
    schema = pa.schema([pa.field("x", pa.int8(), nullable=False, metadata={"unit": "m"}), pa.field("y", pa.int8())])
    content = pa.table({"x": [1, 2], "y": [None, 1]}, schema=schema)
    write_directly(io_manager, content)
    assert read_directly(io_manager, pa.Table).schema.equals(schema, check_metadata=True)
    database["table"].update_many({}, {"$set": {"x": None}})  # by another writer
    assert read_directly(io_manager, pa.Table).field("x").nullable


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table, pl.DataFrame])
def test_rows_give_values_at_a_path_inside_documents_as_columns(kind):
    when = [MOMENT, MOMENT + datetime.timedelta(days=1)]
    frame = pd.DataFrame(
        {"id": [1, 2], "inner": [{"at": {"when": moment}, "city": "Oslo"} for moment in when], "a.b": [3, 4]}
    )
    content = {
        pd.DataFrame: lambda: frame,
        pa.Table: lambda: pa.Table.from_pandas(frame),
        pl.DataFrame: lambda: pl.from_pandas(frame),
    }[kind]()
    rows = handler_of(content).rows(content, ())
    found = rows.frame(["inner.city", "a.b", "inner.at.when", "inner.nothing"])
    assert list(found) == ["inner.city", "a.b", "inner.at.when", "inner.nothing"]
    assert found["inner.city"].tolist() == ["Oslo", "Oslo"]
    assert found["a.b"].tolist() == [3, 4]
    assert isinstance(found["inner.at.when"].dtype, pd.DatetimeTZDtype)
    assert found["inner.at.when"].tolist() == when
    assert found["inner.nothing"].isna().all()
    with pytest.raises(UnstorableError, match="there is no column 'outer.city', but id, inner"):
        rows.frame(["outer.city"])


SCALARS_OF_ARROW = {
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.uint64(): st.integers(0, 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.large_binary(): st.binary(max_size=5),
    pa.date32(): st.dates(),
    pa.timestamp("ms", "Asia/Kolkata"): st.datetimes(
        datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30), timezones=st.just(UTC)
    ).map(lambda moment: moment.replace(microsecond=0)),
    pa.duration("s"): st.integers(-(10**9), 10**9).map(lambda seconds: datetime.timedelta(seconds=seconds)),
    pa.decimal128(20, 3): st.decimals(allow_nan=False, places=3, min_value=-(10**9), max_value=10**9),
    pa.null(): st.none(),
}
# Dates without a time, and durations, can only be columns.
NOT_NESTED = (pa.date32(), pa.duration("s"))


@st.composite
def arrow_columns(draw, length: int) -> pa.Array:
    kind = draw(st.sampled_from(list(SCALARS_OF_ARROW)))
    values = st.none() | SCALARS_OF_ARROW[kind]
    for _ in range(0 if kind in NOT_NESTED else draw(st.integers(0, 2))):
        shape = draw(st.sampled_from(["list", "struct", "map"]))
        if shape == "list":
            kind, values = pa.list_(kind), st.none() | st.lists(values, max_size=3)
        elif shape == "struct":
            kind, values = pa.struct([("a.b", kind)]), st.none() | st.fixed_dictionaries({"a.b": values})
        else:
            pairs = st.dictionaries(st.text("ab.$", max_size=2), values, max_size=2).map(
                lambda pairs: list(pairs.items())
            )
            kind, values = pa.map_(pa.string(), kind), st.none() | pairs
    return pa.array(draw(st.lists(values, min_size=length, max_size=length)), kind)


@st.composite
def arrow_tables(draw) -> pa.Table:
    length = draw(st.integers(0, 6))
    columns = draw(st.lists(arrow_columns(length), min_size=1, max_size=4))
    return pa.table({f"column.{number}": column for number, column in enumerate(columns)})


@settings(max_examples=150, deadline=None)
@given(content=arrow_tables(), chunk=st.integers(1, 4))
def test_any_arrow_table_comes_back_as_it_was_whole_and_in_batches(content, chunk):
    stored = stored_rows(ArrowRows(content, ()), chunk=chunk)
    assert table_of(stored).equals(content)
    assert batch_reader_of(stored).read_all().equals(content)


VALUES = {
    "f": st.none() | st.floats(allow_nan=False),
    "i": st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
    "b": st.none() | st.booleans(),
    "M": st.none()
    | st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)).map(lambda m: m.replace(microsecond=0)),
}


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({}, optional=VALUES), min_size=1, max_size=40),
    asked=st.sets(st.sampled_from("fMb"), min_size=1),
    whole=st.booleans(),
)
def test_batches_taken_apart_by_layout_have_the_values_of_decoded_documents(rows, asked, whole):
    if whole:
        asked = {"i"}
        rows = [{"i": 1, **row} for row in rows]
    arrays = arrays_of(b"".join(map(bson.encode, rows)), {kind: kind for kind in asked})
    if arrays is None:
        layouts = {
            tuple((name, type(value), abs(value) < 2**31 if name == "i" else 0) for name, value in row.items())
            for row in rows
        }
        assert len(layouts) > 16
        return
    for kind in asked:
        expected = [row.get(kind) for row in rows]
        found = [None if value != value else value for value in arrays[kind].tolist()]  # noqa: PLR0124
        assert found == expected
        if kind == "b":
            assert arrays[kind].dtype == (object if None in expected else bool)


@pytest.mark.parametrize("misfit", [{"x": 1}, {"x": "text"}, {"x": [1.5]}, {"x": {"y": 1.5}}])
def test_a_batch_with_a_value_of_another_type_is_left_to_decoding(misfit):
    batch = bson.encode({"x": 1.5}) + bson.encode(misfit)
    assert arrays_of(batch, {"x": "f"}) is None


def test_a_column_that_another_writer_gave_other_types_is_read_with_a_wider_dtype(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=2)
    frame = pd.DataFrame({"id": range(6), "x": [1.5] * 6, "when": pd.to_datetime(["2024-01-01"] * 6, utc=True)})
    write_directly(manager, frame, primary_key="id")
    database["table"].update_one({"_id": 4}, {"$set": {"x": "text", "when": 5}})
    database["table"].update_one({"_id": 3}, {"$unset": {"x": 1}})
    stored = read_directly(manager, pd.DataFrame, primary_key="id")
    assert stored["x"].tolist()[4] == "text"
    assert pd.isna(stored["x"][3])
    assert stored["when"].tolist() == [*frame["when"][:4], 5, frame["when"][5]]


def test_rows_that_were_written_in_another_order_than_their_keys_are_read_by_key(io_manager):
    keys = [3, 1, 2, 5, 4]
    for kind in ("int64", "datetime64[ms, UTC]", "str", "float64"):
        for key in keys:
            one = pd.DataFrame({"id": pd.Series([key]).astype(kind), "value": [key * 1.5]})
            write_directly(io_manager, one, primary_key="id", write_mode="merge", collection=kind)
        found = read_directly(io_manager, pd.DataFrame, primary_key="id", collection=kind)
        assert found["value"].tolist() == [1.5, 3, 4.5, 6, 7.5], kind
        assert found["id"].is_monotonic_increasing
        chunks = pd.concat(read_directly(io_manager, DataFrameChunks, primary_key="id", collection=kind))
        assert chunks["value"].tolist() == [1.5, 3, 4.5, 6, 7.5], kind
