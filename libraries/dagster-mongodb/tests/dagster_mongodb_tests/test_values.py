"""Which values make the round trip, and what is refused before anything is written."""

import copy
import datetime
import decimal
import enum
import pathlib
import pickle
import uuid

import bson
import dateutil.tz
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from bson import Binary, ObjectId
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from bson.datetime_ms import DatetimeMS
from dagster_mongodb import (
    ABSENT,
    CollectionNotStoredError,
    MongoDBIOManager,
    UnreadableError,
    UnstorableError,
)
from dagster_mongodb.handlers.arrow import ArrowHandler
from dagster_mongodb.handlers.dataframes import DataFrameHandler
from dagster_mongodb.handlers.polars import PolarsHandler
from dagster_mongodb.values import READING, DatePolicy, bson_value, python_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_mongodb_tests.tables import (
    TEXT_DTYPE,
    counts,
    read_directly,
    write_directly,
)

UTC = datetime.timezone.utc
KOLKATA = "Asia/Kolkata"
Color = enum.Enum("Color", ["RED"])

COLUMNS = {
    "float": pd.Series([1.5, np.nan, np.inf, -np.inf]),
    "float32": pd.Series([1.5, np.nan, 3.25, -1.0], dtype="float32"),
    "int": pd.Series([1, -(2**63), 2**63 - 1, 0]),
    "uint8": pd.Series([0, 255, 1, 2], dtype="uint8"),
    "nullable int": pd.Series([1, None, 2**62, 0], dtype="Int64"),
    "bool": pd.Series([True, False, True, False]),
    "nullable bool": pd.Series([True, None, False, True], dtype="boolean"),
    "text": pd.Series(["a", "", "ü\n€", "0"]),
    "text and none": pd.Series(["a", None, "b", None], dtype=object),
    "nullable text": pd.Series(["a", None, "b", ""], dtype="string"),
    "none": pd.Series([None] * 4, dtype=object),
    "utc": pd.Series(
        pd.to_datetime(["2024-01-01", None, "1969-12-31 23:59:59.999", "2200-01-01"], format="ISO8601", utc=True)
    ),
    "zoned": pd.Series(pd.to_datetime(["2024-03-31", "2024-10-27", None, "1999-01-01"])).dt.tz_localize(KOLKATA),
    "milliseconds": pd.Series(pd.to_datetime(["2024-01-01"] * 4, utc=True)).astype("datetime64[ms, UTC]"),
    "category": pd.Series(["x", "y", "x", None], dtype="category"),
    "nested": pd.Series([{"a": [1, {"b": None}]}, [1, "x", 2.5], None, {}], dtype=object),
    "mixed": pd.Series([1, "x", 2.5, True], dtype=object),
    "object nan": pd.Series(["x", float("nan"), None, 1.5], dtype=object),
    "dates in objects": pd.Series(
        [datetime.datetime(2024, 1, 1, tzinfo=UTC), {"a": [datetime.datetime(2024, 1, 1, tzinfo=UTC)]}, None, "x"],
        dtype=object,
    ),
    "far dates": pd.Series(np.array(["0001-01-01", "9999-12-31", "NaT", "1970-01-01"], "M8[ms]")).dt.tz_localize("UTC"),
    "offset": pd.Series(pd.to_datetime(["2024-01-01T00:00+05:30", None, "2024-01-02T00:00+05:30", None])),
    "calendar dates": pd.Series(
        [datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]
    ),
    "durations": pd.Series(pd.to_timedelta(["1h", None, "-3ms", "400D"])),
    "durations in seconds": pd.Series(pd.to_timedelta(["1h", None, "-3s", "4D"])).astype("timedelta64[s]"),
    "decimals": pd.Series([decimal.Decimal("1.10"), None, decimal.Decimal("-1E-30"), decimal.Decimal("Infinity")]),
    "ordered category": pd.Series(pd.Categorical(["b", None, "b", "b"], categories=["b", "unused", "a"], ordered=True)),
    "category of numbers": pd.Series(pd.Categorical([3, 1, None, 1], categories=[1, 2, 3])),
    "category of dates": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-02", "2024-01-01"], utc=True)).astype(
        "category"
    ),
    "arrow numbers": pd.Series([1, None, 2, 3], dtype="int64[pyarrow]"),
    "arrow text": pd.Series(["a", None, "", "b"], dtype=pd.ArrowDtype(pa.string())),
    "arrow lists": pd.Series([[1], None, [], [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow dates": pd.Series(
        pd.to_datetime(["2024-01-01", None, "2024-01-02", None], utc=True),
        dtype=pd.ArrowDtype(pa.timestamp("ms", "UTC")),
    ),
    "uint64": pd.Series([0, 2**63 - 1, 1, 2], dtype="uint64"),
    "large and small integers": pd.Series([1, 2**40, -1, 2**31]),
    "in US$ 1.50": pd.Series([1.5, 2.5, None, 3.5]),
    "bytes": pd.Series([b"", b"\x00\xff", None, b"x"], dtype=object),
    "object id": pd.Series([ObjectId(), None, ObjectId(), ObjectId()], dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("metadata", [{}, {"primary_key": "key"}], ids=["without key", "with key"])
def test_a_column_comes_back_as_it_was_also_without_rows(io_manager, name, metadata):
    frame = pd.DataFrame({"key": range(4), name: COLUMNS[name]})
    for rows in (frame, frame.iloc[:0]):
        write_directly(io_manager, rows, **metadata)
        pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame, **metadata), rows)


STRINGS = {
    "nullable, kept by Python": lambda: pd.StringDtype("python"),
    "nullable, kept by Arrow": lambda: pd.StringDtype("pyarrow"),
    "with NaN, kept by Python": lambda: pd.StringDtype("python", na_value=np.nan),
    "with NaN, kept by Arrow": lambda: pd.StringDtype("pyarrow", na_value=np.nan),
    "Arrow": lambda: pd.ArrowDtype(pa.string()),
    "large Arrow": lambda: pd.ArrowDtype(pa.large_string()),
    "the default of this pandas": lambda: TEXT_DTYPE,
}


@pytest.mark.parametrize("kind", STRINGS)
def test_text_comes_back_with_the_same_storage_and_missing_value(io_manager, kind):
    dtype = STRINGS[kind]()
    text = pd.Series(["b", None, "", "a"], dtype=dtype)
    frame = pd.DataFrame({"text": text, "category": text.astype("category")})
    for rows in (frame, frame.iloc[:0]):
        write_directly(io_manager, rows)
        stored = read_directly(io_manager, pd.DataFrame)
        pd.testing.assert_frame_equal(stored, rows, check_column_type="exact")
        for name, former in (("text", text), ("category", frame["category"].cat.categories)):
            found = stored[name] if name == "text" else stored[name].cat.categories
            assert (found.dtype, repr(found.dtype)) == (former.dtype, repr(former.dtype))


def test_nan_among_text_is_null_and_comes_back_as_nan(io_manager, database):
    text = pd.Series(["a", np.nan, "b"], dtype=object)
    both = pd.Series(["a", np.nan, None], dtype=object)
    numbers = pd.Series([1, np.nan, None], dtype=object)
    write_directly(io_manager, pd.DataFrame({"text": text, "both": both, "numbers": numbers}))
    documents = list(database["table"].find({}, {"_id": False}))
    assert [document["text"] for document in documents] == ["a", None, "b"]
    assert [document["both"] for document in documents] == ["a", None, None]
    stored = read_directly(io_manager, pd.DataFrame)
    assert stored["text"].dtype == object
    assert isinstance(stored["text"][1], float)
    assert stored["both"].tolist() == ["a", None, None]
    assert stored["numbers"][2] is None
    assert isinstance(stored["numbers"][1], float)


def test_nulls_of_every_kind_are_nulls_to_other_clients(io_manager, database):
    frame = pd.DataFrame({
        "a": [np.nan],
        "b": pd.Series([None], dtype="Int64"),
        "c": pd.to_datetime([None], utc=True),
        "d": pd.Series([None], dtype=object),
    })  # fmt: skip
    write_directly(io_manager, frame)
    (document,) = database["table"].find({}, {"_id": False})
    assert document == {"a": None, "b": None, "c": None, "d": None}


def test_columns_keep_their_order_also_where_the_primary_key_is_not_the_first(io_manager):
    frame = pd.DataFrame({"z": [1], "key": [2], "a": [3]})
    write_directly(io_manager, frame, primary_key="key")
    assert list(read_directly(io_manager, pd.DataFrame, primary_key="key").columns) == ["z", "key", "a"]


def test_an_index_of_row_numbers_is_dropped_and_another_refused(io_manager):
    frame = pd.DataFrame({"a": [1, 2, 3]})
    write_directly(io_manager, frame[frame["a"] > 1])
    assert read_directly(io_manager, pd.DataFrame).index.tolist() == [0, 1]
    with pytest.raises(UnstorableError, match=r"reset_index\(\)"):
        write_directly(io_manager, frame.set_index(pd.Index(["x", "y", "z"], name="label")))


REFUSED = {
    "naive dates": (pd.Series(pd.to_datetime(["2024-01-01"])), "tz_localize"),
    "nanoseconds": (
        pd.Series(pd.to_datetime(["2024-01-01 00:00:00.000001"], utc=True)),
        "row 0.*finer than a millisecond",
    ),
    "a naive date in an object": (
        pd.Series([datetime.datetime(2024, 1, 1)], dtype=object),
        "row 0.*no time zone",
    ),
    "a naive date in a list": (
        pd.Series([[datetime.datetime(2024, 1, 1)]], dtype=object),
        "row 0.*no time zone",
    ),
    "a date among other objects": (pd.Series([datetime.date(2024, 1, 1), "x"], dtype=object), "row 0.*midnight"),
    "an integer beyond 64 bits": (pd.Series([2**63], dtype=object), "row 0"),
    "an unsigned integer beyond 63 bits": (pd.Series([2**63], dtype="uint64"), "row 0"),
    "durations of microseconds": (pd.Series(pd.to_timedelta(["1us"])), "row 0.*finer than a millisecond"),
    "a decimal of 35 digits": (pd.Series([decimal.Decimal("1." + "1" * 34)], dtype=object), "row 0.*34 digits"),
    "a time zone without a name": (
        pd.Series([datetime.datetime(2024, 1, 1, tzinfo=dateutil.tz.tzlocal())]).dt.tz_convert(
            dateutil.tz.gettz("Europe/Rome")
        ),
        "time zone without a name",
    ),
    "a year beyond 9999": (
        pd.Series(np.array(["20000-01-01"], "M8[ms]")).dt.tz_localize("UTC"),
        "row 0.*years 1 to 9999",
    ),
    "a period": (pd.Series([pd.Period("2024-01")], dtype="period[M]"), "convert|BSON has no type"),
    "an object of Python's": (pd.Series([object()]), "row 0.*BSON has no type.*object"),
    "an enumeration": (pd.Series([Color.RED], dtype=object), "row 0.*BSON has no type.*Color.*member.value"),
    "absent within a list": (pd.Series([[ABSENT]], dtype=object), "row 0"),
    "complex numbers": (pd.Series([1j]), "two columns"),
    "a set": (pd.Series([{1}], dtype=object), "row 0.*set"),
    "a dollar key": (pd.Series([{"$set": 1}], dtype=object), r"row 0.*\$set"),
    "a key that is no text": (pd.Series([{1: 1}], dtype=object), "row 0.*1"),
    "a lone surrogate": (pd.Series(["\ud800"], dtype=object), "row 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_bson_cannot_hold_is_refused_by_column_and_row_and_nothing_is_written(io_manager, database, name):
    series, message = REFUSED[name]
    with pytest.raises(UnstorableError, match=f"'bad'.*{message}|{message}.*'bad'"):
        write_directly(io_manager, pd.DataFrame({"bad": series}))
    assert database.list_collection_names() == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["$a"], r"'\$a'"),
        (["a.b", "a\uff0eb"], r"contains '\uff0e' .*read back with a dot"),
        ([""], "''"),
        (["a\0"], "a"),
        ([1], "1 is not text"),
        (["_id"], "belongs to MongoDB"),
        (["a", "a"], "'a' is used twice"),
    ],
)
def test_a_column_name_that_cannot_be_queried_is_refused(io_manager, columns, message):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, pd.DataFrame([[1] * len(columns)], columns=columns))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1, 1], "rows 0 and 1 have the same primary key .key=1"),
        ([1, None], "row 1 has no primary key"),
        ([[1], [2]], "one value, not a list"),
    ],
)
def test_a_primary_key_that_is_none_is_refused(io_manager, database, keys, message):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, pd.DataFrame({"key": pd.Series(keys, dtype=object), "a": 1}), primary_key="key")
    assert database.list_collection_names() == []


def test_a_primary_key_that_the_frame_does_not_have_is_named(io_manager):
    with pytest.raises(UnstorableError, match="'primary_key' names other, but the columns are a"):
        write_directly(io_manager, pd.DataFrame({"a": [1]}), primary_key=["a", "other"])


def test_what_was_never_stored_says_so(io_manager):
    with pytest.raises(CollectionNotStoredError, match=r"'table' was never stored.*materialize it first"):
        read_directly(io_manager, pd.DataFrame)


def test_documents_that_something_else_wrote_are_read_with_the_types_that_pandas_finds(io_manager, database):
    database["table"].insert_many([{"_id": 1, "a": 1.5, "b": "x"}, {"_id": 2, "a": None}])
    frame = read_directly(io_manager, pd.DataFrame, primary_key="id")
    assert frame.dtypes.astype(str).to_dict() == {"id": "int64", "a": "float64", "b": TEXT_DTYPE}


def test_dots_in_data_are_dots_again_at_any_depth(io_manager, database):
    value = {"a.b": [{"c.d": 1}], ".": {"": {".": None}}}
    write_directly(io_manager, pd.DataFrame({"x.y": [value]}))
    assert database["table"].find_one({}, {"_id": False}) == {
        "x\uff0ey": {"a\uff0eb": [{"c\uff0ed": 1}], "\uff0e": {"": {"\uff0e": None}}}
    }
    assert read_directly(io_manager, pd.DataFrame)["x.y"].tolist() == [value]
    assert read_directly(io_manager, list) == [{"x.y": value}]
    with pytest.raises(UnstorableError, match=r"'x', row 0: 'a\uff0eb' contains .* read back as a dot"):
        write_directly(io_manager, pd.DataFrame({"x": [{"a\uff0eb": 1}]}))


def test_uuids_are_binaries_of_subtype_4_and_come_back_as_uuids_also_in_keys(io_manager, database):
    ids = [uuid.UUID(int=number) for number in range(3)]
    frame = pd.DataFrame({"id": ids, "inner": [{"id": [one]} for one in ids]})
    write_directly(io_manager, frame, primary_key="id")
    assert counts(write_directly(io_manager, frame, primary_key="id")) == (0, 0, 3, 0)
    assert [document["_id"] for document in database["table"].find()] == [Binary.from_uuid(one) for one in ids]
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame, primary_key="id"), frame)
    assert read_directly(io_manager, list, primary_key="id") == frame.to_dict("records")


def test_members_of_text_and_integer_enumerations_are_stored_as_their_values_which_equal_them(io_manager):
    members = [enum.Enum("Color", {"RED": "red"}, type=str).RED, enum.IntEnum("Size", ["BIG"]).BIG]  # pyright: ignore
    write_directly(io_manager, pd.DataFrame({"x": [members]}))
    (stored,) = read_directly(io_manager, pd.DataFrame)["x"]
    assert stored == members == ["red", 1]
    assert list(map(type, stored)) == [str, int]


DAY = np.datetime64("2024-01-01")
NAIVE = datetime.datetime(2024, 1, 1)
FINE = datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)
FLOORED = datetime.datetime(1969, 12, 31, 23, 59, 59, 999000)
UTC_POLICY, FLOOR, LENIENT = DatePolicy(naive_as_utc=True), DatePolicy(floor=True), DatePolicy(True, True)
INNER_DATES = {
    "naive": (NAIVE, UTC_POLICY, NAIVE, "no time zone: add one, or .*'dates' to 'utc'"),
    "naive of pandas": (pd.Timestamp(NAIVE), UTC_POLICY, NAIVE, "no time zone"),
    **{
        f"naive of numpy, {unit}": (DAY.astype(f"M8[{unit}]"), UTC_POLICY, NAIVE, "no time zone")
        for unit in ("Y", "M", "D", "h", "m", "s", "ms", "us", "ns")
    },
    "microseconds": (FINE, FLOOR, FLOORED, "finer than a millisecond.*'dates' to 'floor'"),
    "nanoseconds of pandas": (pd.Timestamp(FINE) + pd.Timedelta(1), FLOOR, FLOORED, "finer than a millisecond"),
    "naive microseconds of numpy": (
        np.datetime64("1969-12-31T23:59:59.999999"),
        LENIENT,
        FLOORED,
        "no time zone",
    ),
    "a list of numpy dates": (np.array([DAY, "NaT"], "M8[ns]"), UTC_POLICY, [NAIVE, None], "no time zone"),
    "a zone": (pd.Timestamp(FINE).tz_convert(KOLKATA), FLOOR, FLOORED, "finer than"),
}


@pytest.mark.parametrize("name", INNER_DATES)
def test_dates_inside_documents_follow_the_policy_and_are_refused_without_one(name):
    value, policy, expected, message = INNER_DATES[name]
    for place, stored in ((value, expected), ({"a": [value]}, {"a": [expected]})):
        assert bson_value(place, "row 0", policy) == stored
        with pytest.raises(UnstorableError, match=f"row 0: .*{message}"):
            bson_value(place, "row 0")


def test_a_fine_date_of_numpy_is_refused_unless_it_may_be_floored():
    with pytest.raises(UnstorableError, match="finer than a millisecond"):
        bson_value(np.datetime64("2024-01-01T00:00:00.0001"), "row 0", UTC_POLICY)


@pytest.mark.parametrize(
    "nothing", [None, pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT"), np.array("NaT", "M8[s]")]
)
def test_missing_values_inside_documents_are_null(nothing):
    assert bson_value({"a": [nothing]}, "row 0") == {"a": [None]}


@pytest.mark.parametrize(
    "duration",
    [datetime.timedelta(1), pd.Timedelta(1), np.timedelta64(1, "ns"), np.timedelta64(1, "D"), np.array([1], "m8[s]")],
)
def test_a_duration_inside_a_document_is_refused_because_it_would_be_read_as_a_number(duration):
    with pytest.raises(UnstorableError, match=r"row 0: BSON has no type for .*duration / timedelta\(milliseconds=1\)"):
        bson_value({"a": duration}, "row 0")


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (pathlib.Path("/a"), r"str\(path\)"),
        (datetime.time(1), "isoformat"),
        (1j, "imaginary"),
        (frozenset(), "list"),
        (np.zeros(1, dtype=[("a", "i4")]), "lose their names"),
        (np.longdouble(1), "number"),
        (range(3), "make it"),
    ],
)
def test_the_refusal_of_a_python_object_says_what_to_store_instead(value, advice):
    with pytest.raises(UnstorableError, match=f"row 0: .*{advice}"):
        bson_value([value], "row 0")


DATE_COLUMNS = {
    "naive": pd.Series(np.array(["2024-01-01T00:00:00.001", "NaT"], "M8[ms]")),
    "microseconds": pd.Series(np.array(["1969-12-31T23:59:59.9999", "2024-01-01"], "M8[us]")),
    "zoned nanoseconds": pd.Series(pd.to_datetime(["2024-01-01T00:00:00.000000001"], utc=True)).dt.tz_convert(KOLKATA),
    "durations": pd.Series(np.array([-1, 1500], "m8[us]")),
    "Arrow, naive": pd.Series([NAIVE, None], dtype=pd.ArrowDtype(pa.timestamp("us"))),
    "Arrow, microseconds": pd.Series([FINE, None], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    "Arrow durations": pd.Series(np.array([-1, 1500], "m8[us]")).astype(pd.ArrowDtype(pa.duration("us"))),
    "categories": pd.Series(pd.to_datetime(["2024-01-01"])).astype("category"),
}


@pytest.mark.parametrize("name", DATE_COLUMNS)
def test_columns_of_dates_follow_the_policy_in_frames_arrow_and_polars(name):
    series = DATE_COLUMNS[name]
    zoned = "zoned" in name or name == "Arrow, microseconds"
    expected = (
        (series.astype(series.cat.categories.dtype) if name == "categories" else series)
        .astype(f"{'m' if 'durations' in name else 'M'}8[ns]" if not zoned else "M8[ns, UTC]")
        .dt.floor("ms")
    )
    expected = [
        None
        if pd.isna(value)
        else value // pd.Timedelta(1, "ms")
        if "durations" in name
        else value.tz_localize(None).to_pydatetime()
        for value in expected
    ]
    frame = pd.DataFrame({"x": series})
    tables = [(DataFrameHandler(), frame)]
    if name != "categories":
        table = pa.Table.from_pandas(frame, preserve_index=False)
        tables += [(ArrowHandler(), table), (PolarsHandler(), pl.from_arrow(table))]
    for handler, content in tables:
        rows = handler.rows(content, (), LENIENT)
        assert [
            row["x"].replace(tzinfo=None) if isinstance(row["x"], datetime.datetime) else row["x"]
            for row in rows.documents(range(len(rows)))
        ] == expected
        (column,) = rows.columns
        assert "datetime64[ns]" not in column.dtype
        with pytest.raises(UnstorableError, match="'x'.*(utc|floor)"):
            handler.rows(content, ()).check(max_bytes=2**20, batch_size=10)


def test_a_policy_changes_the_rows_of_a_filtered_frame_and_times_that_occur_twice():
    twice = pd.Series(np.array(["2024-10-27T00:30:00.0001", "2024-10-27T01:30:00.0001"], "M8[us]"))
    frame = pd.DataFrame({"id": [0, 1], "x": twice.dt.tz_localize("UTC").dt.tz_convert("Europe/Rome")})
    frame["arrow"] = twice.astype(pd.ArrowDtype(pa.timestamp("us")))
    rows = DataFrameHandler().rows(frame[frame["id"] == 1], (), LENIENT)
    moment = datetime.datetime(2024, 10, 27, 1, 30)
    assert list(rows.documents(range(1))) == [{"id": 1, "x": moment, "arrow": moment}]
    found = rows.frame(["id", "x", "arrow"])
    assert found["id"].tolist() == [1]
    # As instants: for Python, a time that occurs twice equals none of another time zone.
    assert found["x"].dt.tz_convert("UTC").tolist() == [moment.replace(tzinfo=UTC)]
    assert found["arrow"].tolist() == [moment.replace(tzinfo=UTC)]


def test_an_arrow_column_of_several_chunks_is_one_column(io_manager):
    series = pd.Series([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int8())))
    frame = pd.DataFrame({"x": pd.concat([series, series], ignore_index=True)})
    write_directly(io_manager, frame)
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame), frame)


def test_keys_that_become_one_by_rounding_are_refused():
    times = pd.to_datetime(["2024-01-01T00:00:00.0001", "2024-01-01T00:00:00.0002"], utc=True)
    with pytest.raises(UnstorableError, match="same primary key"):
        DataFrameHandler().rows(pd.DataFrame({"x": times}), ["x"], FLOOR).check(max_bytes=2**20, batch_size=10)


FAR = 253_402_300_800_000  # 10000-01-01


@pytest.mark.parametrize("text", [False, True], ids=["from the bytes", "decoded"])
def test_a_stored_date_that_python_cannot_hold_is_named_by_column_and_row(io_manager, database, text):
    moments = pd.to_datetime(["2024-01-01"] * 3, utc=True)
    frame = pd.DataFrame({"x": moments, **({"text": "a"} if text else {}), "any": pd.Series([None] * 3, dtype=object)})
    frame = frame if text else frame[["x"]]
    write_directly(io_manager, frame.assign(key=range(3)), primary_key="key")
    database["table"].update_one({"_id": 1}, {"$set": {"x": DatetimeMS(FAR)}})
    with pytest.raises(UnreadableError, match="column 'x', row 1: the stored date 10000-01-01.*correct the document"):
        read_directly(io_manager, pd.DataFrame, primary_key="key")
    with pytest.raises(UnreadableError, match="10000-01-01"):
        read_directly(io_manager, list, primary_key="key")


@pytest.mark.parametrize("zone", ["UTC", KOLKATA])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31T23:59:59.999"])
def test_the_first_and_the_last_date_are_those_of_python_in_utc(io_manager, day, zone):
    frame = pd.DataFrame({"x": pd.Series(np.array([day], "M8[ms]")).dt.tz_localize("UTC").dt.tz_convert(zone)})
    write_directly(io_manager, frame)
    stored = read_directly(io_manager, pd.DataFrame)["x"]
    assert stored.dtype == frame["x"].dtype
    assert (stored == frame["x"]).all()
    for outside in (datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),):
        with pytest.raises(UnstorableError, match="row 0.*outside the years 1 to 9999"):
            write_directly(io_manager, pd.DataFrame({"x": pd.Series([outside], dtype=object)}))
        array = pa.array([FAR], pa.int64()).cast(pa.timestamp("ms", zone))
        with pytest.raises(UnstorableError, match="'x', row 0: 10000-01-01.*outside the years"):
            write_directly(io_manager, pa.table({"x": array}))


def test_absent_is_one_nan_wherever_it_goes():
    assert pd.isna(ABSENT)
    assert copy.deepcopy([ABSENT])[0] is ABSENT
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
    assert repr(ABSENT) == "ABSENT"


def moments(zone) -> st.SearchStrategy:
    return st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: pd.Timestamp(moment.replace(microsecond=moment.microsecond // 1000 * 1000)).tz_convert(zone)
    )


def optional(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SIMPLE = st.booleans() | INTEGERS | st.floats(allow_nan=False) | TEXT | st.binary(max_size=5)
SCALARS = {
    "float64": st.floats(allow_nan=True),
    "float32": st.floats(width=32, allow_nan=True),
    "int64": INTEGERS,
    "int8": st.integers(-128, 127),
    "uint32": st.integers(0, 2**32 - 1),
    "bool": st.booleans(),
    "Int64": optional(INTEGERS),
    "UInt8": optional(st.integers(0, 255)),
    "Float64": optional(st.floats(allow_nan=False)),
    "boolean": optional(st.booleans()),
    "string": optional(TEXT),
    "text": TEXT | st.just(float("nan")),
    "category": optional(st.sampled_from(["a", "b", "\u00fc"])),
    "datetime64[ns, UTC]": optional(moments("UTC")),
    "datetime64[ns, America/St_Johns]": optional(moments("America/St_Johns")),
    "datetime64[ms, Asia/Kolkata]": optional(moments("Asia/Kolkata")),
    "timedelta64[ns]": optional(st.integers(-(10**12), 10**12).map(lambda number: pd.Timedelta(number, "ms"))),
    "int64[pyarrow]": optional(INTEGERS),
    "date": optional(st.dates()),
    "decimal": optional(st.decimals(allow_nan=False, places=3, min_value=-(10**9), max_value=10**9)),
    "object": optional(
        st.recursive(
            SIMPLE | st.builds(ObjectId) | st.uuids(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text("abc._", min_size=1, max_size=4), inner, max_size=3)
            ),
            max_leaves=6,
        )
    ),
}
INNER = st.recursive(
    st.none()
    | SIMPLE
    | st.uuids()
    | st.builds(ObjectId)
    | st.decimals(allow_nan=False, places=3, min_value=-(10**9), max_value=10**9)
    | moments(KOLKATA).map(lambda moment: moment.to_pydatetime(warn=False)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab._\u00fc", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(value=INNER)
def test_any_value_inside_a_document_comes_back_as_it_was(value):
    encoded = bson.encode({"": bson_value(value, "row 0")})
    for options in (READING, DEFAULT_CODEC_OPTIONS):
        assert python_value(bson.decode(encoded, options)[""]) == value


NAMES = st.text("aZ_.$ \u00fc", min_size=1, max_size=6).filter(lambda name: not name.startswith("$"))


@st.composite
def frames(draw) -> pd.DataFrame:
    dtypes = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=6))
    names = draw(st.lists(NAMES, min_size=len(dtypes), max_size=len(dtypes), unique=True))
    length = draw(st.integers(0, 8))
    columns = {}
    for name, dtype in zip(names, dtypes, strict=True):
        values = draw(st.lists(SCALARS[dtype], min_size=length, max_size=length))
        columns[name] = pd.Series(values, dtype="object" if dtype in ("date", "decimal", "text") else dtype)
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def tables_of_module(mongodb_uri):
    """An IO manager and a database of many tables, dropped at the end."""
    manager = MongoDBIOManager(uri=mongodb_uri, database=f"test_{uuid.uuid4().hex}", batch_size=3)
    yield manager
    manager._client().drop_database(manager.database)
    manager.teardown_after_execution(None)  # pyright: ignore[reportArgumentType]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frame=frames(), key=st.sampled_from([None, "one", "two"]))
def test_any_frame_comes_back_as_it_was_and_a_second_write_changes_nothing(tables_of_module, frame, key):
    manager, metadata = tables_of_module, {"collection": "any"}
    if key == "one":
        frame, metadata = frame.assign(key=range(len(frame))), {**metadata, "primary_key": "key"}
    elif key == "two":
        frame = frame.assign(first=np.arange(len(frame)) // 2, second=(np.arange(len(frame)) % 2).astype(str))
        metadata = {**metadata, "primary_key": ["first", "second"]}
    manager._client()[manager.database]["any"].delete_many({})
    write_directly(manager, frame, **metadata)
    pd.testing.assert_frame_equal(read_directly(manager, pd.DataFrame, **metadata), frame)
    assert counts(write_directly(manager, frame, **metadata)) == (0, 0, len(frame), 0)
