"""Collections that can refuse documents: each valid state is reached, and a refused write changes nothing."""

import bson
import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManager, WriteRefusedError, find_as_of, find_revisions
from dagster_mongodb.writing import transactions
from pymongo.collation import Collation

from dagster_mongodb_tests.direct import write_table
from dagster_mongodb_tests.tables import table, write
from dagster_mongodb_tests.test_revisions import now

MODES = ["replace", "merge", "set"]


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "text"])


def texts(database) -> dict:
    return {document["_id"]: document["text"] for document in database["table"].find()}


def stored_bytes(database) -> dict[str, list[bytes]]:
    return {
        name: sorted(bson.encode(document) for document in database[name].find())
        for name in sorted(database.list_collection_names())
        if database[name].find_one() is not None
    }


@pytest.fixture(params=["in one transaction", "too large for one"])
def unique_texts(request, each_database, monkeypatch):
    """A database whose table has unique texts; its differences fit into a transaction, or none does."""
    if request.param == "too large for one":
        monkeypatch.setattr(transactions, "_MOST_BYTES", 0)
    each_database["table"].create_index("text", unique=True)
    return each_database


@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
@pytest.mark.parametrize("mode", MODES)
def test_unique_values_are_swapped(unique_texts, mode, keep_revisions):
    write_table(unique_texts, frame((1, "a"), (2, "b"), (3, "c")), keep_revisions=keep_revisions)
    swapped = frame((1, "b"), (2, "a"), (3, "c"))
    assert write_table(unique_texts, swapped, mode, keep_revisions=keep_revisions) == (0, 2, 1, 0)
    assert texts(unique_texts) == {1: "b", 2: "a", 3: "c"}
    kept = [revision.document for revision in find_revisions(unique_texts, "table")]
    assert kept == ([{"_id": 1, "text": "a"}, {"_id": 2, "text": "b"}] if keep_revisions else [])


@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
def test_a_unique_value_moves_from_a_vanished_row_to_a_new_and_to_a_changed_one(unique_texts, keep_revisions):
    write_table(unique_texts, frame((1, "a"), (2, "b"), (3, "c")), keep_revisions=keep_revisions)
    moved = frame((3, "b"), (4, "a"))
    assert write_table(unique_texts, moved, keep_revisions=keep_revisions) == (1, 1, 0, 2)
    assert texts(unique_texts) == {3: "b", 4: "a"}


def test_unique_values_move_along_more_rows_than_a_chunk_has(unique_texts):
    rows = [(number, f"text {number}") for number in range(300)]
    write_table(unique_texts, frame(*rows))
    moved = [(number, f"text {(number + 1) % 300}") for number in range(300)]
    assert write_table(unique_texts, frame(*moved)) == (0, 300, 0, 0)
    assert texts(unique_texts) == dict(moved)


def test_unkeyed_rows_with_unique_values_change(unique_texts):
    write_table(unique_texts, frame((1, "a"), (2, "b")), primary_key=None)
    assert write_table(unique_texts, frame((1, "b"), (2, "a"), (3, "c")), primary_key=None) == (3, 0, 0, 2)
    stored = unique_texts["table"].find(sort=[("_id", 1)])
    assert sorted((document["id"], document["text"]) for document in stored) == [(1, "b"), (2, "a"), (3, "c")]


REFUSED = [
    ({"mode": "replace"}, [(number, f"text {number % 299}") for number in range(100, 500)]),
    ({"mode": "replace", "keep_revisions": True}, [(number, f"text {number % 299}") for number in range(100, 500)]),
    ({"mode": "merge"}, [(500, "text 3"), (501, "new")]),
    ({"mode": "set", "keep_revisions": True}, [(1, "new"), (2, "text 3"), (501, "new too")]),
    ({"mode": "replace", "primary_key": None}, [(1, "new"), (2, "text 3"), (3, "text 3")]),
    ({"mode": "append", "primary_key": None}, [(500, "new"), (501, "text 3")]),
]


@pytest.mark.parametrize(("options", "rows"), REFUSED)
def test_a_write_that_a_unique_index_refuses_changes_nothing(unique_texts, options, rows):
    first = {name: value for name, value in options.items() if name != "mode"}
    write_table(unique_texts, frame(*((number, f"text {number}") for number in range(200))), **first)
    unique_texts["dagster_appends"].insert_one({})  # what an append notes is no row
    before = stored_bytes(unique_texts)
    with pytest.raises(WriteRefusedError, match=r"same values of text as others.*text .*\(nothing was written\)"):
        write_table(unique_texts, frame(*rows), **options)
    after = stored_bytes(unique_texts)
    assert {**after, "dagster_appends": []} == {**before, "dagster_appends": []}


@pytest.mark.parametrize("is_small", [True, False])
@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
def test_a_write_that_a_validator_refuses_changes_nothing(each_database, monkeypatch, keep_revisions, is_small):
    if not is_small:
        monkeypatch.setattr(transactions, "_MOST_BYTES", 0)
    each_database.create_collection("table", validator={"text": {"$ne": "bad"}})
    rows = [(number, f"text {number}") for number in range(200)]
    write_table(each_database, frame(*rows), keep_revisions=keep_revisions)
    before = stored_bytes(each_database)
    changed = [(number, "bad" if number == 250 else "new") for number in range(100, 300)]
    with pytest.raises(WriteRefusedError, match=r"MongoDB refuses 1 documents: .*\(nothing was written\)"):
        write_table(each_database, frame(*changed), keep_revisions=keep_revisions)
    assert stored_bytes(each_database) == before
    assert list(find_revisions(each_database, "table")) == []


def test_a_point_that_is_none_is_refused_and_nothing_is_written(each_database):
    each_database["table"].create_index([("place", "2dsphere")])
    with pytest.raises(WriteRefusedError, match="nothing was written"):
        write_table(each_database, [{"id": 1, "place": [10, 60]}, {"id": 2, "place": [10, 160]}])
    assert list(each_database["table"].find()) == []


def test_fields_that_would_make_a_document_too_large_are_refused_and_nothing_is_written(each_database):
    large = "x" * (9 * 2**20)
    write_table(each_database, [{"id": 1, "a": large}, {"id": 2}], "set")
    with pytest.raises(WriteRefusedError, match="nothing was written"):
        write_table(each_database, [{"id": 2, "b": 1}, {"id": 1, "b": large}, {"id": 3, "b": 1}], "set")
    assert [list(document) for document in each_database["table"].find()] == [["_id", "a"], ["_id"]]


@pytest.fixture
def caseless(each_database):
    each_database.create_collection("table", collation=Collation("en", strength=2))
    return each_database


def texted(*keys: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(keys), "text": list(keys)})


@pytest.mark.parametrize(
    "keys", [["Oslo", "OSLO", "Rome"], ["Rome", "oslo"]], ids=["among the rows", "with a stored one"]
)
def test_keys_that_a_collation_holds_equal_are_named_and_nothing_is_written(caseless, keys):
    write_table(caseless, texted("Oslo"))
    before = stored_bytes(caseless)
    with pytest.raises(WriteRefusedError, match=r"'(OSLO|oslo)' and 'Oslo' are the same in the collation.*nothing was"):
        write_table(caseless, texted(*keys), "merge")
    assert stored_bytes(caseless) == before


@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
def test_a_key_changes_its_case_in_a_collection_that_holds_both_equal(caseless, keep_revisions):
    write_table(caseless, texted("Oslo", "Rome"), keep_revisions=keep_revisions)
    assert write_table(caseless, texted("oslo", "Rome"), keep_revisions=keep_revisions) == (1, 0, 1, 1)
    assert texts(caseless) == {"oslo": "oslo", "Rome": "Rome"}


def test_after_a_refused_write_the_past_is_read_as_it_was(unique_texts):
    write_table(unique_texts, frame((1, "a"), (2, "b")), keep_revisions=True)
    moment = now()
    with pytest.raises(WriteRefusedError):
        write_table(unique_texts, frame((1, "c"), (2, "c"), (3, "d")), keep_revisions=True)
    assert list(find_revisions(unique_texts, "table")) == []
    between = now()
    write_table(unique_texts, frame((1, "c"), (2, "b"), (3, "d")), keep_revisions=True)
    for then in (moment, between):
        assert [document["text"] for document in find_as_of(unique_texts, "table", then)] == ["a", "b"]


@pytest.mark.parametrize("rows", [3, 12])
def test_a_refused_rewrite_without_keys_that_is_larger_than_a_batch_changes_nothing(mongodb_uri, database, rows):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=3)
    parts = dg.StaticPartitionsDefinition(["a", "b"])
    spec = table(partitions_def=parts, partition_expr="p", indexes=[{"keys": ["u"], "unique": True}])
    write(manager, spec, pd.DataFrame({"p": ["a"], "u": [1]}), partition_key="a")
    write(manager, spec, pd.DataFrame({"p": "b", "u": [-1, -2, -3]}), partition_key="b")
    before = list(database["table"].find())
    with pytest.raises(WriteRefusedError, match="nothing was written"):
        write(manager, spec, pd.DataFrame({"p": "b", "u": range(1, rows + 1)}), partition_key="b")
    assert list(database["table"].find()) == before
