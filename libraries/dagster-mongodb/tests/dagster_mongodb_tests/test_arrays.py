"""Fields of a collection as arrays."""

import datetime
from decimal import Decimal

import numpy as np
import pytest
from bson import Decimal128, Int64
from dagster_mongodb import OptionsError, UnreadableError, read_arrays

MOMENT = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
HOURS = [MOMENT + datetime.timedelta(hours=hour) for hour in range(5)]
TYPED = {"_id": "datetime64[ms]", "x": "float64", "n": "int64", "b": "bool"}


def assert_equal(arrays: dict[str, np.ndarray], **expected: np.ndarray) -> None:
    assert list(arrays) == list(expected)
    for field, array in expected.items():
        np.testing.assert_array_equal(arrays[field], array, strict=True)


@pytest.fixture
def collection(database):
    database["readings"].insert_many(
        [{"_id": hour, "x": number / 2, "n": number, "b": number % 2 == 0} for number, hour in enumerate(HOURS)]
    )
    return database["readings"]


@pytest.mark.parametrize("other", [None, "text"], ids=["taken from the bytes", "decoded"])
def test_each_field_is_an_array_of_its_dtype_in_the_order_of_the_keys(collection, other):
    if other:
        collection.update_many({}, {"$set": {"other": other}})
    assert_equal(
        read_arrays(collection, TYPED if not other else {**TYPED, "other": "object"}),
        _id=np.array([hour.replace(tzinfo=None) for hour in HOURS], "datetime64[ms]"),
        x=np.array([0, 0.5, 1, 1.5, 2]),
        n=np.arange(5),
        b=np.array([True, False, True, False, True]),
        **({"other": np.array([other] * 5, dtype=object)} if other else {}),
    )


def test_query_sort_and_limit_are_those_of_mongodb(collection):
    arrays = read_arrays(collection, {"n": "int64"}, {"_id": {"$gte": HOURS[1]}}, sort=[("x", -1)], limit=2)
    assert_equal(arrays, n=np.array([4, 3]))


def test_null_and_absent_are_nan_and_nat_and_none(collection):
    collection.update_one({"n": 1}, {"$set": {"x": None, "when": None, "any": None}})
    collection.update_one({"n": 2}, {"$unset": {"x": True}, "$set": {"when": MOMENT, "any": MOMENT}})
    fields = {"x": "float64", "when": "datetime64[ms]"}
    x = np.array([0, np.nan, np.nan, 1.5, 2])
    when = np.array(["NaT", "NaT", "2024-01-01", "NaT", "NaT"], "datetime64[ms]")
    assert_equal(read_arrays(collection, fields), x=x, when=when)
    objects = np.array([None, None, MOMENT, None, None], dtype=object)
    assert_equal(read_arrays(collection, {**fields, "any": "object"}), x=x, when=when, any=objects)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
@pytest.mark.parametrize("change", [{"$set": {"value": None}}, {"$unset": {"value": True}}], ids=["null", "absent"])
def test_null_and_absent_are_refused_where_the_dtype_has_no_missing_value(collection, dtype, change):
    collection.update_many({}, {"$set": {"value": {"int64": 1, "bool": True}[dtype]}})
    collection.update_one({"n": 3}, change)
    with pytest.raises(UnreadableError, match=f"readings, field 'value': a document has null or no.*fit {dtype}"):
        read_arrays(collection, {"value": dtype})


def test_numbers_of_all_types_are_floats(database):
    database["readings"].insert_many([{"x": 1}, {"x": Int64(2**40)}, {"x": 2.5}])
    expected = np.array([1, 2**40, 2.5])
    assert_equal(read_arrays(database["readings"], {"x": "float64"}), x=expected)
    database["readings"].update_many({}, {"$set": {"other": "text"}})
    assert_equal(read_arrays(database["readings"], {"x": "float64"}), x=expected)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [("1.5", "float64"), (True, "float64"), (1.0, "int64"), (1, "bool"), (1, "datetime64[ms]"), ([1], "float64")],
)
def test_a_value_that_does_not_fit_is_refused(database, value, dtype):
    database["readings"].insert_one({"x": value})
    with pytest.raises(UnreadableError, match=f"field 'x': a document has .* does not fit {dtype.split('[')[0]}"):
        read_arrays(database["readings"], {"x": dtype})


def test_objects_are_python_values(database):
    database["readings"].insert_one({"x": {"when": [MOMENT], "much": Decimal128("1.10")}})
    (value,) = read_arrays(database["readings"], {"x": "object"})["x"]
    assert value == {"when": [MOMENT], "much": Decimal("1.10")}


def test_an_empty_collection_gives_empty_arrays_of_the_dtypes(database):
    fields = {**TYPED, "other": "object"}
    assert {field: str(array.dtype) for field, array in read_arrays(database["nothing"], fields).items()} == fields


def test_more_documents_than_one_batch_are_one_array(database):
    database["readings"].insert_many([{"_id": number} for number in range(25_000)])
    assert_equal(read_arrays(database["readings"], {"_id": "int64"}), _id=np.arange(25_000))


def test_an_unknown_dtype_is_refused(database):
    with pytest.raises(OptionsError, match="field 'x': 'float32' is not one of float64, .*object"):
        read_arrays(database["readings"], {"x": "float32"})
