"""What one type wrote, every other reads: each type times each other type times kinds of values."""

import datetime
import decimal
import math
import uuid
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from bson import ObjectId
from dagster_mongodb import DataFrameChunks, UnreadableError, UnstorableError

from dagster_mongodb_tests.tables import read_directly, write_directly

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
ID, OTHER_ID = uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)
DECIMAL = decimal.Decimal
NAN = float("nan")
KEYS = {"unkeyed": {}, "keyed": {"primary_key": "key"}, "compound": {"primary_key": ["key", "second"]}}
READERS = (pd.DataFrame, DataFrameChunks, list, pa.Table, pl.DataFrame, pl.LazyFrame)

# Kind → its values in Python. Every type that has the kind writes them.
PLAIN = {
    "numbers": [1.5, -2.25, 1e300],
    "numbers with a gap": [1.5, None, 2.5],
    "integers": [1, -(2**63), 2**63 - 1],
    "integers with a gap": [1, None, 2**53 + 1],
    "booleans": [True, False, True],
    "booleans with a gap": [True, None, False],
    "text": ["a", "", "ü"],
    "text with a gap": ["a", None, "b"],
    "nothing but null": [None, None, None],
    "moments": [MOMENT, None, datetime.datetime(1, 1, 1, tzinfo=UTC)],
    "dates": [datetime.date(2024, 2, 29), None, datetime.date(9999, 12, 31)],
    "decimals": [DECIMAL("1.10"), None, DECIMAL("-2.25")],
    "bytes": [b"x", None, b""],
    "lists": [[1, 2], None, []],
    "lists of text": [["a", None], [], None],
    "documents": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, None],
    "lists of documents": [[{"a": 1.5}], None, []],
    "documents with dots": [{"a.b": 1, "c": {"d.e": "x"}}, {"a.b": 2, "c": {"d.e": None}}, None],
    "moments in lists": [[MOMENT], [], None],
    "UUIDs": [ID, None, OTHER_ID],
}

FRAMES = {
    "text with NaN": (pd.Series(["a", np.nan, "b"], dtype=object), ["a", None, "b"]),
    "text with NaN and None": (pd.Series(["a", np.nan, None], dtype=object), ["a", None, None]),
    "booleans with NaN": (pd.Series([True, np.nan, False], dtype=object), [True, None, False]),
    "decimals with NaN": (pd.Series([DECIMAL("1.5"), np.nan, np.nan], dtype=object), [DECIMAL("1.5"), None, None]),
    "documents with NaN": (pd.Series([{"a": 1}, np.nan, {"a": 2}], dtype=object), [{"a": 1}, None, {"a": 2}]),
    "dates with NaN": (pd.Series([datetime.date(2024, 1, 1), np.nan, np.nan], dtype=object), [datetime.date(2024, 1, 1), None, None]),
    "nothing but NaN": (pd.Series([np.nan] * 3), [None] * 3),
    "nothing but NaN objects": (pd.Series([np.nan] * 3, dtype=object), [None] * 3),
    "nullable text": (pd.Series(["a", None, "b"], dtype="string"), ["a", None, "b"]),
    "nullable integers": (pd.Series([1, None, 2**62], dtype="Int64"), [1, None, 2**62]),
    "categories of text": (pd.Series(["a", None, "b"], dtype="category"), ["a", None, "b"]),
    "categories of numbers": (pd.Series([1, None, 2]).astype("category"), [1, None, 2]),
    "categories of durations": (pd.Series(pd.to_timedelta([1, None, 2], unit="s")).astype("category"), [datetime.timedelta(seconds=1), None, datetime.timedelta(seconds=2)]),
    "categories of dates": (pd.Series([datetime.date(2024, 1, 1), None, datetime.date(2024, 1, 1)]).astype("category"), [datetime.date(2024, 1, 1), None, datetime.date(2024, 1, 1)]),
    "categories without values": (pd.Series([None] * 3).astype("category"), [None] * 3),
    "zoned": (pd.Series([MOMENT, None, MOMENT]).dt.tz_convert("Asia/Kolkata"), [MOMENT, None, MOMENT]),
    "durations": (pd.Series(pd.to_timedelta([1, None, -2], unit="s")), [datetime.timedelta(seconds=1), None, datetime.timedelta(seconds=-2)]),
    "object ids": (pd.Series([ObjectId("0" * 24), None, ObjectId("f" * 24)], dtype=object), [ObjectId("0" * 24), None, ObjectId("f" * 24)]),
    "Arrow text": (pd.Series(["a", None, "b"], dtype=pd.ArrowDtype(pa.string())), ["a", None, "b"]),
    "Arrow lists": (pd.Series([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int8()))), [[1], None, []]),
    "Arrow durations": (pd.Series([1, None, 2], dtype=pd.ArrowDtype(pa.duration("s"))), [datetime.timedelta(seconds=1), None, datetime.timedelta(seconds=2)]),
    "Arrow dates": (pd.Series([datetime.date(2024, 1, 1), None, None], dtype=pd.ArrowDtype(pa.date32())), [datetime.date(2024, 1, 1), None, None]),
    "sparse numbers": (pd.Series([1.5, np.nan, 0], dtype=pd.SparseDtype("float64")), [1.5, None, 0]),
}  # fmt: skip

PAIRS = pa.map_(pa.string(), pa.int64())
ARROWS = {
    "maps": (pa.array([[("a", 1), ("b", None)], None, []], PAIRS), [[{"key": "a", "value": 1}, {"key": "b", "value": None}], None, []]),
    "lists of maps": (pa.array([[[("a", 1)]], None, [None]], pa.list_(PAIRS)), [[[{"key": "a", "value": 1}]], None, [None]]),
    "maps of maps": (pa.array([[("a", [("b", 1)])], None, []], pa.map_(pa.string(), PAIRS)), [[{"key": "a", "value": [{"key": "b", "value": 1}]}], None, []]),
    "maps in documents": (pa.array([{"m": [("a", 1)]}, None, {"m": None}], pa.struct([("m", PAIRS)])), [{"m": [{"key": "a", "value": 1}]}, None, {"m": None}]),
    "dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
    "dictionary of numbers": (pa.array([1, None, 2]).dictionary_encode(), [1, None, 2]),
    "dictionary of dates": (pa.array([datetime.date(2024, 1, 1), None, None]).dictionary_encode(), [datetime.date(2024, 1, 1), None, None]),
    "ordered dictionary": (pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), ["a", "b"], ordered=True), ["a", None, "b"]),
    "large text": (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
    "text views": (pa.array(["a", None, "b"], pa.string_view()), ["a", None, "b"]),
    "large lists": (pa.array([[1], None, []], pa.large_list(pa.int8())), [[1], None, []]),
    "list views": (pa.array([[1], None, []], pa.list_view(pa.int8())), [[1], None, []]),
    "lists of a fixed size": (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)), [[1, 2], None, [3, 4]]),
    "bytes of a fixed size": (pa.array([b"ab", None, b"cd"], pa.binary(2)), [b"ab", None, b"cd"]),
    "large bytes": (pa.array([b"ab", None, b""], pa.large_binary()), [b"ab", None, b""]),
    "runs": (pa.RunEndEncodedArray.from_arrays([2, 3], [1.5, None]), [1.5, 1.5, None]),
    "small numbers": (pa.array([np.float16(1.5), None, np.float16(-1)], pa.float16()), [1.5, None, -1]),
    "small integers": (pa.array([1, None, -128], pa.int8()), [1, None, -128]),
    "unsigned integers": (pa.array([1, None, 2**63 - 1], pa.uint64()), [1, None, 2**63 - 1]),
    "large decimals": (pa.array([DECIMAL("1.10"), None, DECIMAL("1E+20")], pa.decimal256(50, 2)), [DECIMAL("1.10"), None, DECIMAL("1E+20")]),
    "decimals of 38 digits": (pa.array([DECIMAL("1." + "1" * 33), None, None], pa.decimal128(38, 33)), [DECIMAL("1." + "1" * 33), None, None]),
    "dates of 64 bits": (pa.array([datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)], pa.date64()), [datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)]),
    "moments in nanoseconds": (pa.array([MOMENT, None, None], pa.timestamp("ns", "Europe/Rome")), [MOMENT, None, None]),
    "moments in seconds": (pa.array([MOMENT, None, None], pa.timestamp("s", "+02:00")), [MOMENT, None, None]),
    "durations in seconds": (pa.array([datetime.timedelta(days=1), None, datetime.timedelta(0)], pa.duration("s")), [datetime.timedelta(days=1), None, datetime.timedelta(0)]),
    "nulls": (pa.array([None] * 3, pa.null()), [None] * 3),
    "documents without fields": (pa.array([{}, None, {}], pa.struct([])), [{}, None, {}]),
    "UUIDs": (pa.array([ID.bytes, None, OTHER_ID.bytes], pa.uuid()), [ID, None, OTHER_ID]),
    "JSON": (pa.array(['{"a": 1}', None, "2"], pa.json_()), ['{"a": 1}', None, "2"]),
}  # fmt: skip

POLARS = {
    "categorical": (pl.Series(["a", None, "b"], dtype=pl.Categorical), ["a", None, "b"]),
    "enum": (pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"])), ["a", None, "b"]),
    "null": (pl.Series([None] * 3), [None] * 3),
    "arrays": (pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int8, 2)), [[1, 2], None, [3, 4]]),
    "moments": (pl.Series([MOMENT, None, MOMENT], dtype=pl.Datetime("us", "Asia/Kolkata")), [MOMENT, None, MOMENT]),
    "durations": (pl.Series([datetime.timedelta(hours=1), None, datetime.timedelta(0)]), [datetime.timedelta(hours=1), None, datetime.timedelta(0)]),
    "integers of 128 bits": (pl.Series([1, None, 2], dtype=pl.Int8), [1, None, 2]),
}  # fmt: skip


def with_keys(values: Any, kind: type) -> Any:
    """Return a table of two keys and a column of values."""
    if kind is list:
        return [{"key": row, "second": "s", "x": value} for row, value in enumerate(values)]
    if kind is pd.DataFrame:
        return pd.DataFrame({"key": range(3), "second": "s", "x": values})
    if kind is pa.Table:
        return pa.table({"key": pa.array(range(3)), "second": ["s"] * 3, "x": values})
    return pl.DataFrame({"key": range(3), "second": ["s"] * 3, "x": values})


def of_plain(values: list[Any], kind: type) -> Any:
    """Return values as a column of a type."""
    if kind is list:
        return values
    if kind is pd.DataFrame:
        is_nested = any(isinstance(value, (list, dict)) for value in values)
        return pd.Series(values, dtype=object if is_nested or isinstance(values[0], int) else None)
    if kind is pa.Table:
        return pa.array(values)
    if isinstance(values[0], uuid.UUID):
        pytest.skip("polars has no type for UUIDs")
    if isinstance(values[0], datetime.datetime):
        return pl.Series(values, dtype=pl.Datetime("ms", "UTC"))
    return pl.Series(values)


def rows_of(stored: Any) -> list[dict[str, Any]]:
    """Return what was read as rows of plain values."""
    if isinstance(stored, DataFrameChunks):
        stored = pd.concat(stored, ignore_index=True)
    if isinstance(stored, pl.LazyFrame):
        stored = stored.collect()
    if isinstance(stored, pd.DataFrame):
        stored = [{name: stored[name].iloc[row] for name in stored} for row in range(len(stored))]
    elif isinstance(stored, pa.Table):
        stored = stored.to_pylist()
    elif isinstance(stored, pl.DataFrame):
        stored = stored.to_dicts()
    return [{name: plain(value) for name, value in row.items()} for row in stored]


def plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, pl.Series)):
        value = value.tolist() if isinstance(value, np.ndarray) else value.to_list()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple) and len(value) == 2:  # of a map
        return {"key": plain(value[0]), "value": plain(value[1])}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
    ):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timedelta):
        return value.to_pytimedelta()
    return value.astimezone(UTC) if isinstance(value, datetime.datetime) else value


def as_read(value: Any, reader: Any) -> Any:
    """Return how a type that has no such value shows it."""
    if isinstance(value, list):
        return [as_read(inner, reader) for inner in value]
    if isinstance(value, dict):
        return {key: as_read(inner, reader) for key, inner in value.items()}
    if reader is list:  # shows what MongoDB keeps
        if type(value) is datetime.date:
            return datetime.datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime.timedelta):
            return value // datetime.timedelta(milliseconds=1)
    if reader in (pl.DataFrame, pl.LazyFrame) and isinstance(value, uuid.UUID):
        return str(value)
    if reader in (pl.DataFrame, pl.LazyFrame, pa.Table) and isinstance(value, ObjectId):
        return str(value)
    return value


def assert_all_read(io_manager: Any, expected: list[Any], readers: Iterable[Any] = READERS, **metadata: Any) -> None:
    for reader in readers:
        rows = rows_of(read_directly(io_manager, reader, **metadata))
        assert [row["x"] for row in rows] == [as_read(value, reader) for value in expected], reader
        assert [row["key"] for row in rows] == [0, 1, 2]
        assert all(list(row)[:2] == ["key", "second"] and set(row) == {"key", "second", "x"} for row in rows), reader


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("writer", [pd.DataFrame, list, pa.Table, pl.DataFrame])
@pytest.mark.parametrize("kind", PLAIN)
def test_what_one_type_wrote_every_other_reads(io_manager, kind, writer, keys):
    if writer is list and kind == "dates":
        pytest.skip("a document cannot have a date without a time")
    write_directly(io_manager, with_keys(of_plain(PLAIN[kind], writer), writer), **KEYS[keys])
    assert_all_read(io_manager, PLAIN[kind], **KEYS[keys])


@pytest.mark.parametrize("kind", FRAMES)
def test_what_a_frame_wrote_every_other_type_reads(io_manager, kind):
    series, expected = FRAMES[kind]
    write_directly(io_manager, with_keys(series, pd.DataFrame), primary_key="key")
    assert_all_read(io_manager, expected, primary_key="key")
    if "NaN and None" not in kind:  # which pandas does not tell apart: both are None
        stored = read_directly(io_manager, pd.DataFrame, primary_key="key")["x"]
        pd.testing.assert_series_equal(stored, series.rename("x"))


@pytest.mark.parametrize("kind", ARROWS)
def test_what_an_arrow_table_wrote_every_other_type_reads(io_manager, kind):
    array, expected = ARROWS[kind]
    content = with_keys(array, pa.Table)
    write_directly(io_manager, content, primary_key="key")
    if "maps" in kind:
        assert_all_read(io_manager, expected, [pd.DataFrame, list, pa.Table], primary_key="key")
        assert read_directly(io_manager, pl.DataFrame, primary_key="key").equals(pl.from_arrow(content))
    else:
        assert_all_read(io_manager, expected, primary_key="key")
    assert read_directly(io_manager, pa.Table, primary_key="key").equals(content)


@pytest.mark.parametrize("kind", POLARS)
def test_what_a_polars_frame_wrote_every_other_type_reads(io_manager, kind):
    series, expected = POLARS[kind]
    content = with_keys(series, pl.DataFrame)
    write_directly(io_manager, content.lazy() if kind == "null" else content, primary_key="key")
    assert_all_read(io_manager, expected, primary_key="key")
    assert read_directly(io_manager, pl.DataFrame, primary_key="key").equals(content)
    assert read_directly(io_manager, pl.DataFrame, primary_key="key").schema == content.schema


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pa.array([[ID.bytes]], pa.list_(pa.binary(16))).cast(pa.list_(pa.uuid())), "'x' is list<item: extension<arrow.uuid>>, which could not be read back"),
        (pa.array([[datetime.date(2024, 1, 1)]]), "row 0: the date 2024-01-01 has no time"),
        (pa.array([[datetime.timedelta(1)]]), "row 0: BSON has no type for .*timedelta"),
    ],
)  # fmt: skip
def test_an_arrow_type_that_could_not_be_read_back_is_refused_at_the_write(io_manager, database, content, message):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, pa.table({"x": content}))
    assert database.list_collection_names() == []


@pytest.mark.parametrize("reader", [pa.Table, pl.DataFrame])
@pytest.mark.parametrize("values", [[1, "x", 2.5], ["a", b"x", None], [1, True, None], [{"a": 1}, [1], 2]])
def test_only_columns_of_several_types_cannot_be_read_as_arrow_and_the_error_says_what_to_do(
    io_manager, values, reader
):
    write_directly(io_manager, pd.DataFrame({"x": pd.Series(values, dtype=object)}))
    with pytest.raises(UnreadableError, match="column 'x' has values that do not fit into one Arrow type.*DataFrame"):
        read_directly(io_manager, reader)
