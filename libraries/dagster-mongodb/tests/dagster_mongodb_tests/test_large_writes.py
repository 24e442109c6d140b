"""Writes whose commands, transactions or documents would be larger than MongoDB takes."""

import pandas as pd
import pytest
from dagster_mongodb import UnstorableError, find_as_of, find_revisions
from dagster_mongodb.writing import transactions
from pymongo import MongoClient
from pymongo.monitoring import CommandStartedEvent, CommandSucceededEvent

from dagster_mongodb_tests.commands import Listener
from dagster_mongodb_tests.direct import checked, write_table
from dagster_mongodb_tests.test_revisions import now

pytestmark = pytest.mark.long


def keyed(*keys: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(keys), "x": 1})


@pytest.mark.parametrize("keep_revisions", [False, True], ids=["plain", "revisions"])
def test_keys_that_together_exceed_a_command_are_inserted_and_vanish(each_database, keep_revisions):
    keys = [f"{number:05}" + "k" * 2000 for number in range(10_000)]
    assert write_table(each_database, keyed(*keys), keep_revisions=keep_revisions, batch_size=10_000) == (
        10_000,
        0,
        0,
        0,
    )
    moment = now()
    assert write_table(each_database, keyed("one"), keep_revisions=keep_revisions, batch_size=10_000) == (
        1,
        0,
        0,
        10_000,
    )
    assert [document["_id"] for document in each_database["table"].find()] == ["one"]
    if keep_revisions:
        assert sum(1 for _ in find_revisions(each_database, "table", with_documents=False)) == 10_000
        assert [document["_id"] for document in find_as_of(each_database, "table", moment)] == keys


def test_keys_of_megabytes_are_revised_and_vanish(each_database):
    keys = [f"{number}" + "k" * 3 * 2**20 for number in range(8)]
    write_table(each_database, keyed(*keys), keep_revisions=True)
    assert write_table(each_database, keyed(*keys).assign(x=2), keep_revisions=True) == (0, 8, 0, 0)
    assert write_table(each_database, keyed(), keep_revisions=True) == (0, 0, 0, 8)
    assert each_database["table_revisions"].count_documents({}) == 16


class Transactions(Listener):
    """Counts the commits, and after each the rows of the table."""

    def __init__(self) -> None:
        self.commits = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.commits += event.command_name == "commitTransaction"


@pytest.mark.parametrize(("old", "new"), [(3000, 2000), (2000, 3000), (3000, 10), (10, 3000)])
def test_rows_too_many_for_a_transaction_are_rewritten_in_several_and_never_too_few(replica_set, monkeypatch, old, new):
    monkeypatch.setattr(transactions, "_MOST_BYTES", 50_000)
    counted: list[int] = []

    class Counting(Transactions):
        def succeeded(self, event: CommandSucceededEvent) -> None:
            if event.command_name == "commitTransaction":
                counted.append(other["large"]["table"].count_documents({}))

    transacting = Counting()
    with MongoClient(replica_set) as other, MongoClient(replica_set, event_listeners=[transacting]) as client:
        client.drop_database("large")
        write_table(client["large"], pd.DataFrame({"x": range(old)}), primary_key=None)
        counted.clear()
        frame = pd.DataFrame({"x": range(10, new + 10)})
        assert write_table(client["large"], frame, primary_key=None) == (new, 0, 0, old)
        stored = [document["x"] for document in client["large"]["table"].find(sort=[("_id", 1)])]
        assert stored == frame["x"].tolist()
    assert len(counted) > 3
    assert all(min(old, new) <= count <= max(old, new) for count in counted)


@pytest.mark.long
def test_300_000_rows_without_keys_are_rewritten_on_a_replica_set(replica_set):
    with MongoClient(replica_set) as client:
        client.drop_database("large")
        for shift in (0, 1):
            frame = pd.DataFrame({name: range(shift, 300_000 + shift) for name in "abc"})
            counts = write_table(client["large"], frame, primary_key=None)
        assert counts == (300_000, 0, 0, 300_000)
        assert client["large"]["table"].count_documents({}) == 300_000
        client.drop_database("large")


def nested(levels: int) -> dict:
    document: dict = {"id": 1}
    inner = document
    for number in range(levels - 1):
        value: dict = {}
        inner["a"] = [value] if number % 50 == 49 and number < levels - 2 else value
        inner = value
    return document


def levels_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels_of, value.values()), default=0)
    return 1 + max(map(levels_of, value), default=0) if isinstance(value, list) else 0


def test_documents_as_deep_as_may_be_are_written_and_revised_in_each_mode(each_database):
    document = nested(176)
    assert levels_of(document) == 179
    for mode in ("replace", "merge", "set"):
        write_table(each_database, [{**document, "x": mode}], mode, keep_revisions=True)
    (stored,) = each_database["table"].find()
    assert levels_of(stored) == 179
    assert each_database["table_revisions"].count_documents({}) == 2


@pytest.mark.parametrize("levels", [177, 250, 3000])
def test_a_document_that_is_too_deep_is_refused_before_anything_is_written(each_database, levels):
    with pytest.raises(UnstorableError, match="row 1: documents and lists lie more than 179 levels deep"):
        write_table(each_database, [{"id": 0}, nested(levels)])
    with pytest.raises(UnstorableError, match="column 'x', row 1: documents and lists lie more than"):
        checked(pd.DataFrame({"id": [1, 2], "x": [{}, nested(levels)]}))
    assert each_database.list_collection_names() == []
