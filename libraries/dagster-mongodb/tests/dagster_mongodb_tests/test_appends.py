"""Modes ``append`` and ``set``, and the order of rows without a primary key."""

from collections.abc import Sequence

import pandas as pd
import pytest
from bson import ObjectId
from dagster_mongodb import OptionsError
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.slices import CollectionSlice, Keys
from dagster_mongodb.writing import object_ids, persisting, writes

from dagster_mongodb_tests.direct import RAW, checked, do_nothing, write_table


def rows(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"text": list(texts)})


def append(database, *texts: str, run: str) -> tuple[int, int, int, int]:
    return write_table(database, rows(*texts), "append", primary_key=None, run=run)


def texts(database) -> list[str]:
    return [document["text"] for document in database["table"].find(sort=[("_id", 1)])]


def test_an_append_adds_rows_and_changes_nothing(each_database):
    assert append(each_database, "a", "b", run="1") == (2, 0, 0, 0)
    assert append(each_database, "b", "c", run="2") == (2, 0, 0, 0)
    assert texts(each_database) == ["a", "b", "b", "c"]


def test_an_append_that_is_repeated_doubles_nothing_and_counts_what_its_former_attempt_left(each_database):
    append(each_database, "a", run="1")
    append(each_database, "b", "c", "d", run="2")
    append(each_database, "e", run="3")
    assert append(each_database, "b", "c", "d", run="2") == (0, 0, 3, 0)
    assert append(each_database, "b", "C", run="2") == (0, 1, 1, 1)
    assert append(each_database, "b", "C", "D", "E", run="2") == (2, 0, 2, 0)
    assert texts(each_database) == ["a", "b", "C", "D", "E", "e"]


def test_an_append_of_no_rows_takes_back_what_its_former_attempt_left(each_database):
    append(each_database, "a", run="1")
    append(each_database, "b", run="2")
    assert append(each_database, run="2") == (0, 0, 0, 1)
    assert texts(each_database) == ["a"]


def test_an_append_is_forgotten_after_its_time(database):
    append(database, "a", run="1")
    (index,) = [index for index in database["dagster_appends"].list_indexes() if "expireAfterSeconds" in index]
    assert index["expireAfterSeconds"] == writes.APPENDS_KEPT.total_seconds()
    assert list(index["key"]) == ["begun_at"]


class ManyRows(Rows):
    """As many rows as an append cannot have."""

    def __init__(self) -> None:
        super().__init__((), ())

    def __len__(self) -> int:
        return object_ids.MOST_ROWS + 1

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        return pd.DataFrame()

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        return []

    def _most_row_bytes(self, max_bytes: int) -> int:
        return 0


def test_an_append_whose_ids_would_reach_those_of_others_is_refused(database):
    with pytest.raises(OptionsError, match="at most 268,435,456 rows"):
        writes.append(database["table"], CollectionSlice("db", "table"), ManyRows(), begin=do_nothing, identity="1")


def partition(database, number: int, *texts: str) -> None:
    where = CollectionSlice(database.name, "table", boxes=((Keys("part", (str(number),)),),))
    content = pd.DataFrame({"part": str(number), "text": list(texts)})
    writes.write_unkeyed(database.get_collection("table", codec_options=RAW), where, checked(content), begin=do_nothing)


def test_rows_without_a_key_are_read_in_the_order_of_their_writes(each_database):
    for number in range(20):
        partition(each_database, number, *(f"{number} {row}" for row in range(3)))
    assert texts(each_database) == [f"{number} {row}" for number in range(20) for row in range(3)]


def test_a_host_whose_clock_is_behind_writes_after_what_is_stored(each_database, monkeypatch):
    each_database["table"].insert_one({"_id": ObjectId("f" * 10 + "0" * 14), "text": "of another host"})
    partition(each_database, 1, "a", "b")
    monkeypatch.setattr(object_ids.time, "time_ns", lambda: 0)
    partition(each_database, 2, "c")
    append(each_database, "d", run="1")
    assert texts(each_database) == ["of another host", "a", "b", "c", "d"]


def test_the_greatest_id_of_all_is_no_error(database):
    database["table"].insert_many([{"_id": ObjectId("f" * 24), "text": "last"}, {"_id": "text", "text": "other"}])
    append(database, "a", run="1")
    assert sorted(texts(database)) == ["a", "last", "other"]


def documents(database) -> dict:
    return {document.pop("_id"): document for document in database["table"].find()}


def test_set_changes_the_fields_of_the_rows_and_no_others(each_database):
    each_database["table"].insert_many([{"_id": 1, "a": 1, "b": 1}, {"_id": 2, "a": 2, "b": 2}, {"_id": 3, "b": 3}])
    changed = pd.DataFrame({"id": [1, 2, 3, 4], "a": [1, 20, 30, 40]})
    assert write_table(each_database, changed, "set") == (1, 2, 1, 0)
    assert documents(each_database) == {1: {"a": 1, "b": 1}, 2: {"a": 20, "b": 2}, 3: {"a": 30, "b": 3}, 4: {"a": 40}}
    assert write_table(each_database, changed, "set") == (0, 0, 4, 0)


def test_set_takes_documents_whose_fields_differ(each_database):
    each_database["table"].insert_many([{"_id": 1, "a": {"x": 1, "y": 2}, "b": 1}, {"_id": 2, "a": 2}])
    assert write_table(each_database, [{"id": 1, "a": {"x": 2}}, {"id": 2}, {"id": 3}], "set") == (1, 1, 1, 0)
    assert documents(each_database) == {1: {"a": {"x": 2}, "b": 1}, 2: {"a": 2}, 3: {}}


@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
def test_set_loses_no_field_that_another_program_changes_meanwhile(each_database, monkeypatch, keep_revisions):
    each_database["table"].insert_one({"_id": 1, "a": 1, "b": 1})
    apply, others = persisting._apply, [{"b": 2}, {"c": 3}]

    def interfering(*args):
        if others:
            each_database["table"].update_one({"_id": 1}, {"$set": others.pop()})
        apply(*args)

    monkeypatch.setattr(persisting, "_apply", interfering)
    write_table(each_database, pd.DataFrame({"id": [1], "a": [10]}), "set", keep_revisions=keep_revisions)
    write_table(each_database, pd.DataFrame({"id": [1], "a": [11]}), "set", keep_revisions=keep_revisions)
    assert documents(each_database) == {1: {"a": 11, "b": 2, "c": 3}}
    if keep_revisions:
        kept = [revision["document"] for revision in each_database["table_revisions"].find(sort=[("_id", 1)])]
        assert kept == [{"_id": 1, "a": 1, "b": 1, "c": 3}, {"_id": 1, "a": 10, "b": 2, "c": 3}]
