"""Which values make the round trip, and what is refused before anything is written."""

import copy
import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from airquality_dagster.io_managers.mongodb import (
    ABSENT,
    CollectionNotStoredError,
    MongoDBIOManager,
    UnstorableFrameError,
)
from airquality_dagster_tests.io_managers.mongodb.tables import read, table, write

UTC = datetime.timezone.utc
KOLKATA = "Asia/Kolkata"

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
    "bytes": pd.Series([b"", b"\x00\xff", None, b"x"], dtype=object),
    "object id": pd.Series([ObjectId(), None, ObjectId(), ObjectId()], dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [4, 0])
@pytest.mark.parametrize("spec", [table(), table(primary_key="key")], ids=["without key", "with key"])
def test_a_column_comes_back_as_it_was(io_manager, name, rows, spec):
    if (name, rows) == ("category", 0):
        pytest.skip("the categories of a column are those that its rows have: an empty one has none")
    frame = pd.DataFrame({"key": range(4), name: COLUMNS[name]}).iloc[:rows]
    write(io_manager, spec, frame)
    pd.testing.assert_frame_equal(read(io_manager, spec), frame)


def test_nulls_of_every_kind_are_nulls_to_other_clients(io_manager, database):
    frame = pd.DataFrame({
        "a": [np.nan],
        "b": pd.Series([None], dtype="Int64"),
        "c": pd.to_datetime([None], utc=True),
        "d": pd.Series([None], dtype=object),
    })  # fmt: skip
    write(io_manager, table(), frame)
    (document,) = database["table"].find({}, {"_id": False})
    assert document == {"a": None, "b": None, "c": None, "d": None}


def test_columns_keep_their_order_also_where_the_primary_key_is_not_the_first(io_manager):
    frame = pd.DataFrame({"z": [1], "key": [2], "a": [3]})
    write(io_manager, table(primary_key="key"), frame)
    assert list(read(io_manager, table(primary_key="key")).columns) == ["z", "key", "a"]


def test_an_index_of_row_numbers_is_dropped_and_another_refused(io_manager):
    frame = pd.DataFrame({"a": [1, 2, 3]})
    write(io_manager, table(), frame[frame["a"] > 1])
    assert read(io_manager, table()).index.tolist() == [0, 1]
    with pytest.raises(UnstorableFrameError, match=r"reset_index\(\)"):
        write(io_manager, table(), frame.set_index(pd.Index(["x", "y", "z"], name="label")))


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
    "a date without a time": (pd.Series([datetime.date(2024, 1, 1)], dtype=object), "row 0.*midnight"),
    "an integer beyond 64 bits": (pd.Series([2**63], dtype=object), "row 0"),
    "an unsigned integer beyond 63 bits": (pd.Series([2**63], dtype="uint64"), "row 0"),
    "durations": (pd.Series(pd.to_timedelta(["1h"])), "total_seconds"),
    "complex numbers": (pd.Series([1j]), "two columns"),
    "a set": (pd.Series([{1}], dtype=object), "row 0.*set"),
    "a dollar key": (pd.Series([{"$set": 1}], dtype=object), r"row 0.*\$set"),
    "a key that is no text": (pd.Series([{1: 1}], dtype=object), "row 0.*1"),
    "a lone surrogate": (pd.Series(["\ud800"], dtype=object), "row 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_bson_cannot_hold_is_refused_by_column_and_row_and_nothing_is_written(io_manager, database, name):
    series, message = REFUSED[name]
    with pytest.raises(UnstorableFrameError, match=f"'bad'.*{message}|{message}.*'bad'"):
        write(io_manager, table(), pd.DataFrame({"bad": series}))
    assert database.list_collection_names() == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["$a"], r"'\$a'"),
        (["a.b"], r"'a\.b'"),
        ([""], "''"),
        (["a\0"], "a"),
        ([1], "1 is no text"),
        (["_id"], "MongoDB's own"),
        (["a", "a"], "'a' stands 2 times"),
    ],
)
def test_a_column_name_that_cannot_be_queried_is_refused(io_manager, columns, message):
    with pytest.raises(UnstorableFrameError, match=message):
        write(io_manager, table(), pd.DataFrame([[1] * len(columns)], columns=columns))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1, 1], "rows 0 and 1 have the same primary key .key=1"),
        ([1, None], "row 1 has no primary key"),
        ([[1], [2]], "one value, not a list"),
    ],
)
def test_a_primary_key_that_is_none_is_refused(io_manager, database, keys, message):
    with pytest.raises(UnstorableFrameError, match=message):
        write(io_manager, table(primary_key="key"), pd.DataFrame({"key": pd.Series(keys, dtype=object), "a": 1}))
    assert database.list_collection_names() == []


def test_a_primary_key_that_the_frame_does_not_have_is_named(io_manager):
    with pytest.raises(UnstorableFrameError, match="primary_key names other, but the columns are a"):
        write(io_manager, table(primary_key=["a", "other"]), pd.DataFrame({"a": [1]}))


def test_what_was_never_stored_says_so(io_manager):
    with pytest.raises(CollectionNotStoredError, match=r"'table' was never stored.*materialize it first"):
        read(io_manager, table())


def test_documents_that_something_else_wrote_are_read_with_the_types_that_pandas_finds(io_manager, database):
    database["table"].insert_many([{"_id": 1, "a": 1.5, "b": "x"}, {"_id": 2, "a": None}])
    frame = read(io_manager, table(primary_key="id"))
    assert frame.dtypes.astype(str).to_dict() == {"id": "int64", "a": "float64", "b": "object"}


def test_absent_is_one_nan_wherever_it_goes():
    assert pd.isna(ABSENT)
    assert copy.deepcopy([ABSENT])[0] is ABSENT
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
    assert repr(ABSENT) == "ABSENT"


scalars = {
    "float64": st.floats(allow_nan=True),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "Int64": st.none() | st.integers(-(2**63), 2**63 - 1),
    "boolean": st.none() | st.booleans(),
    "datetime64[ns, UTC]": st.none()
    | st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
    "object": st.none()
    | st.recursive(
        st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
        | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=4), inner, max_size=3)
        ),
        max_leaves=6,
    ),
}


@st.composite
def frames(draw) -> pd.DataFrame:
    dtypes = draw(st.lists(st.sampled_from(sorted(scalars)), min_size=1, max_size=5))
    length = draw(st.integers(0, 6))
    return pd.DataFrame({
        f"column{number}": pd.Series(draw(st.lists(scalars[dtype], min_size=length, max_size=length)), dtype=dtype)
        for number, dtype in enumerate(dtypes)
    })  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(frame=frames(), with_key=st.booleans())
def test_any_frame_comes_back_as_it_was(mongodb_uri, frame, with_key):
    manager = MongoDBIOManager(uri=mongodb_uri, database="test_values")
    spec = table(collection="any", **({"primary_key": "key"} if with_key else {}))
    if with_key:
        frame = frame.assign(key=range(len(frame)))
    try:
        write(manager, spec, frame)
        pd.testing.assert_frame_equal(read(manager, spec), frame)
    finally:
        manager._connected().drop_database("test_values")
        manager.teardown_after_execution(None)  # pyright: ignore[reportArgumentType]
