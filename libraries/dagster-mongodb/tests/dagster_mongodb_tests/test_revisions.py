"""Former versions: kept before they are gone, and found again as of any moment."""

import copy
import datetime
from decimal import Decimal

import bson
import dagster as dg
import pandas as pd
import pytest
from bson.raw_bson import RawBSONDocument
from dagster_mongodb import (
    ABSENT,
    OptionsError,
    Read,
    Revision,
    UnstorableError,
    find_as_of,
    find_revisions,
    revisions_collection,
)
from dagster_mongodb.writing import applying, changing
from dagster_mongodb.writing.revision_log import RevisionLog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.monitoring import CommandStartedEvent

from dagster_mongodb_tests.commands import Listener
from dagster_mongodb_tests.tables import (
    counts,
    materialize,
    read_directly,
    table,
    write,
    write_directly,
)

UTC = datetime.timezone.utc
KEPT = {"primary_key": "id", "keep_revisions": True}
REVISED = {**KEPT, "write_mode": "merge", "provisional_column": "draft"}


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "text"])


def texts(database):
    return {document["_id"]: document["text"] for document in database["table"].find()}


def revisions(database):
    return list(database["table_revisions"].find(sort=[("_id", 1)]))


def now() -> datetime.datetime:
    """Return a moment that no stored date equals: they are of whole milliseconds."""
    moment = datetime.datetime.now(UTC)
    while datetime.datetime.now(UTC) - moment < datetime.timedelta(milliseconds=2):
        pass
    return moment + datetime.timedelta(milliseconds=1)


def test_the_former_version_of_a_changed_row_is_kept_with_when_and_by_which_run(io_manager, database):
    for number, text in enumerate(["a", "A", "a"]):
        write_directly(io_manager, frame((1, text), (2, "b")), run_id=f"run{number}", **REVISED)
    first, second = revisions(database)
    assert first["_id"] == {"document_id": 1, "revision": 1}
    assert (first["document"], second["document"]) == ({"_id": 1, "text": "a"}, {"_id": 1, "text": "A"})
    assert first["kind"] == "revised"
    assert first["valid_until"] <= second["valid_until"]
    assert (first["run_id"], second["run_id"]) == ("run1", "run2")


def test_a_revision_names_the_partition_that_was_written(io_manager, database):
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["x", "y"]), partition_expr="part", **KEPT)
    for text in ("a", "b"):
        write(io_manager, spec, pd.DataFrame({"id": [1], "part": ["x"], "text": [text]}), partition_key="x")
    assert [revision["partition"] for revision in revisions(database)] == ["x"]


def test_a_deleted_row_is_kept_as_a_revision(io_manager, database):
    write_directly(io_manager, frame((1, "a"), (2, "b")), **KEPT)
    write_directly(io_manager, frame((1, "a")), **KEPT)
    (revision,) = revisions(database)
    assert (revision["kind"], revision["document"]) == ("deleted", {"_id": 2, "text": "b"})


def test_a_row_that_is_deleted_twice_is_kept_twice(io_manager, database):
    for _ in range(2):
        write_directly(io_manager, frame((1, "a"), (2, "b")), **KEPT)
        write_directly(io_manager, frame((1, "a")), **KEPT)
    assert [(revision["kind"], revision["document"]["_id"]) for revision in revisions(database)] == [("deleted", 2)] * 2


def test_a_provisional_version_is_not_kept(io_manager, database):
    draft = frame((1, "a"), (2, "b")).assign(draft=pd.Series([True, ABSENT], dtype=object))
    write_directly(io_manager, draft, **REVISED)
    write_directly(io_manager, frame((1, "A"), (2, "B")), **REVISED)
    (revision,) = revisions(database)
    assert revision["document"] == {"_id": 2, "text": "b"}


def test_an_unchanged_write_keeps_no_revision_and_notes_no_insertion(io_manager, database):
    for _ in range(3):
        write_directly(io_manager, frame((1, "a")), **REVISED)
    assert "table_revisions" not in database.list_collection_names()
    assert database["table_insertions"].count_documents({}) == 1


def test_a_version_that_a_killed_writer_kept_but_did_not_replace_is_kept_once(io_manager, database, monkeypatch):
    write_directly(io_manager, frame((1, "a")), **REVISED)

    class Killed(Exception):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(changing, "ReplaceOne", killed)
        with pytest.raises(Killed):
            write_directly(io_manager, frame((1, "A")), **REVISED)
    assert texts(database) == {1: "a"}
    assert len(revisions(database)) == 1
    write_directly(io_manager, frame((1, "A")), **REVISED)
    assert texts(database) == {1: "A"}
    assert [revision["document"]["text"] for revision in revisions(database)] == ["a"]


def test_rows_that_another_writer_deletes_at_the_same_time_are_gone_and_no_error(io_manager, database, monkeypatch):
    write_directly(io_manager, frame((1, "a"), (2, "b")), **KEPT)
    former = applying.find_by_ids

    def after_the_other_writer(collection, ids):
        monkeypatch.setattr(applying, "find_by_ids", former)
        write_directly(io_manager, frame((1, "a")), **KEPT)
        return former(collection, ids)

    monkeypatch.setattr(applying, "find_by_ids", after_the_other_writer)
    write_directly(io_manager, frame((1, "a")), **KEPT)
    assert texts(database) == {1: "a"}
    assert [(r["document"]["text"], r["kind"]) for r in revisions(database)] == [("b", "deleted")]


def test_a_version_that_another_writer_wrote_meanwhile_is_kept_too(io_manager, database, monkeypatch):
    write_directly(io_manager, frame((1, "a"), (2, "b")), **KEPT)
    change, delete, overtaken = applying.change, applying.DeleteOne, []

    def overtaken_change(*args):
        if "change" not in overtaken:
            overtaken.append("change")
            database["table"].replace_one({"_id": 1}, {"text": "theirs"})
        return change(*args)

    def overtaken_delete(condition):
        if "delete" not in overtaken:
            overtaken.append("delete")
            database["table"].replace_one({"_id": 2}, {"text": "theirs, too"})
        return delete(condition)

    monkeypatch.setattr(applying, "change", overtaken_change)
    monkeypatch.setattr(applying, "DeleteOne", overtaken_delete)
    write_directly(io_manager, frame((1, "ours")), **KEPT)
    assert overtaken == ["change", "delete"]
    assert texts(database) == {1: "ours"}
    assert [(r["document"]["_id"], r["document"]["text"], r["kind"]) for r in revisions(database)] == [
        (1, "a", "revised"),
        (1, "theirs", "revised"),
        (2, "b", "deleted"),
        (2, "theirs, too", "deleted"),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["replace", "merge"]),
            st.dictionaries(st.integers(1, 4), st.sampled_from("abc"), max_size=4),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_as_of_any_moment_one_reads_what_stood_then(io_manager, database, writes):
    for name in database.list_collection_names():
        database[name].delete_many({})  # to drop and create collections would take most of the time
    stood: dict[int, str] = {}
    known = [(now(), copy.copy(stood))]
    for mode, rows in writes:
        write_directly(io_manager, frame(*rows.items()), write_mode=mode, **KEPT)
        stood = {**stood, **rows} if mode == "merge" else dict(rows)
        known.append((now(), copy.copy(stood)))
    for moment, expected in known:
        found = find_as_of(database, "table", moment)
        assert {document["_id"]: document["text"] for document in found} == expected
        chosen = find_as_of(database, "table", moment, {"text": "a"})
        assert [document["_id"] for document in chosen] == sorted(key for key, text in expected.items() if text == "a")
        read = read_directly(io_manager, pd.DataFrame, of_input={"as_of": moment}, **KEPT)
        assert dict(zip(read["id"], read["text"], strict=True)) == expected


def test_an_input_is_read_as_of_a_moment_within_its_partition(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-03")
    spec = table(partitions_def=days, partition_expr="time", primary_key="time", keep_revisions=True)
    for value, key in ((1, "2024-01-01"), (1, "2024-01-02")):
        write(io_manager, spec, pd.DataFrame({"time": [pd.Timestamp(key, tz="UTC")], "x": value}), partition_key=key)
    moment, received = now(), []
    write(
        io_manager,
        spec,
        pd.DataFrame({"time": [pd.Timestamp("2024-01-02", tz="UTC")], "x": 2}),
        partition_key="2024-01-02",
    )

    @dg.asset(partitions_def=days, ins={"then": dg.AssetIn("table", metadata={"as_of": moment.isoformat()})})
    def compare(then: pd.DataFrame) -> None:
        received.append(then)

    upstream = dg.AssetSpec(spec.key, partitions_def=days, metadata=spec.metadata)
    materialize(io_manager, [upstream, compare], selection=[compare], partition_key="2024-01-02")
    assert received[0].to_dict("list") == {"time": [pd.Timestamp("2024-01-02", tz="UTC")], "x": [1]}


def test_a_version_that_was_provisional_then_is_not_known_as_of_then(io_manager, database):
    write_directly(
        io_manager, frame((1, "a"), (2, "b")).assign(draft=pd.Series([True, ABSENT], dtype=object)), **REVISED
    )
    moment = now()
    write_directly(io_manager, frame((1, "A"), (2, "b")), **REVISED)
    assert [document["_id"] for document in find_as_of(database, "table", moment)] == [2]
    assert [document["text"] for document in find_as_of(database, "table", now())] == ["A", "b"]


@pytest.mark.parametrize(
    ("moment", "message"), [("yesterday", "'as_of' is 'yesterday'"), ("2024-01-01", "has no time zone")]
)
def test_a_moment_that_is_none_is_refused(io_manager, moment, message):
    counts(write_directly(io_manager, frame((1, "a")), **KEPT))
    with pytest.raises(OptionsError, match=message):
        read_directly(io_manager, pd.DataFrame, of_input={"as_of": moment}, **KEPT)


def test_an_operator_that_looks_beyond_fields_is_refused_of_the_past(io_manager, database):
    write_directly(io_manager, frame((1, "a")), **KEPT)
    with pytest.raises(OptionsError, match=r"cannot use \$where"):
        find_as_of(database, "table", now(), {"$where": "true"})


def test_revisions_are_found_in_the_order_of_key_and_number_as_they_are_stored(io_manager, database):
    for number, text in enumerate("aAa"):
        write_directly(io_manager, frame((2, text), (1, text), (3, "c")), run_id=f"run{number}", **KEPT)
    found = list(find_revisions(database, "table"))
    assert [(revision.document_id, revision.number, revision.run_id) for revision in found] == [
        (1, 1, "run1"),
        (1, 2, "run2"),
        (2, 1, "run1"),
        (2, 2, "run2"),
    ]
    # The client of the fixture knows nothing of the library.
    stored = database[revisions_collection("table")].find_one({"_id.document_id": 2, "_id.revision": 1})
    assert found[2] == Revision(
        document_id=2,
        number=1,
        document={"_id": 2, "text": "a"},
        valid_until=stored["valid_until"],
        kind="revised",
        run_id="run1",
        partition=None,
    )
    assert found[2].valid_until.tzinfo is not None


def test_revisions_of_some_keys_are_found_without_their_documents(io_manager, database):
    for text in "ab":
        write_directly(io_manager, frame(*((number, text) for number in range(5))), **KEPT)
    found = list(find_revisions(database, "table", {"$gte": 1, "$lt": 3}, with_documents=False))
    assert [(revision.document_id, revision.document) for revision in found] == [(1, None), (2, None)]


def test_the_dates_of_revisions_are_tz_aware_whatever_the_client(mongodb_uri, io_manager, database):
    moment = pd.Timestamp("2024-01-01", tz="UTC")
    for value in (1, 2):
        write_directly(io_manager, pd.DataFrame({"id": [moment], "x": value}), **KEPT)
    with MongoClient(mongodb_uri) as naive:
        (revision,) = find_revisions(naive[database.name], "table")
    assert revision.document == {"_id": moment, "x": 1}
    assert revision.document_id == moment


def test_a_collection_without_revisions_has_none(database):
    assert list(find_revisions(database, "table")) == []


class TakesTheNumber(Listener):
    """Another writer, who keeps a version under the number that was just found to be free."""

    def __init__(self, uri: str, revision: dict) -> None:
        self.uri, self.revision = uri, revision

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "update" and self.revision:
            with MongoClient(self.uri) as client:
                client[event.database_name]["table_revisions"].insert_one(self.revision)
            self.revision = {}


@pytest.mark.parametrize("text", ["theirs", "ours"])
def test_a_version_is_kept_though_another_writer_takes_its_number_meanwhile(mongodb_uri, database, text):
    theirs = {
        "_id": {"document_id": 1, "revision": 1},
        "document": {"_id": 1, "text": text},
        "valid_until": now(),
        "kind": "revised",
    }
    ours = RawBSONDocument(bson.encode({"_id": 1, "text": "ours"}))
    with MongoClient(mongodb_uri, event_listeners=[TakesTheNumber(mongodb_uri, theirs)]) as client:
        RevisionLog(client[database.name], "table", run_id="", partition=None).keep([ours], "revised")
    assert [revision["document"]["text"] for revision in revisions(database)] == sorted({"ours", text}, reverse=True)


def test_a_version_that_a_killed_writer_kept_is_known_until_another_write_replaces_it(io_manager, database):
    write_directly(io_manager, frame((1, "a"), (2, "b")), **KEPT)
    RevisionLog(database.client[database.name], "table", run_id="killed", partition=None).keep(
        [RawBSONDocument(bson.encode(document)) for document in database["table"].find()], "revised"
    )
    between = now()
    write_directly(io_manager, frame((1, "A")), run_id="next", **KEPT)
    assert [document["text"] for document in find_as_of(database, "table", between)] == ["a", "b"]
    assert [(revision["run_id"], revision["kind"]) for revision in revisions(database)] == [
        ("next", "revised"),
        ("next", "deleted"),
    ]


def test_the_past_is_found_by_an_index(io_manager, database):
    for text in "ab":
        write_directly(io_manager, frame((1, text)), **KEPT)
    assert [("valid_until", 1)] in [index["key"] for index in database["table_revisions"].index_information().values()]


@pytest.mark.parametrize("keys", [([1, 2], [1.0, 2.0], [1, 2]), ([1.0], [Decimal(1)], [1])])
def test_a_key_whose_type_of_number_changes_is_the_same_key(io_manager, database, keys):
    kept = {"primary_key": "id", "keep_revisions": True}
    moments = []
    for number, some in enumerate(keys):
        write_directly(io_manager, [{"id": key, "v": number} for key in some], **kept)
        moments.append(datetime.datetime.now(datetime.timezone.utc))
    for number, moment in enumerate(moments):
        assert [document["v"] for document in find_as_of(database, "table", moment)] == [number] * len(keys[0])


def test_the_past_is_in_the_order_of_mongodb(io_manager, database):
    keys = [
        Decimal("2.5"),
        4,
        "a",
        "B",
        b"b",
        b"aaa",
        True,
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
        3,
    ]
    kept = {"primary_key": "id", "keep_revisions": True}
    write_directly(io_manager, [{"id": key, "v": 1} for key in keys], **kept)
    now = datetime.datetime.now(datetime.timezone.utc)
    expected = [document["_id"] for document in database["table"].find(sort=[("_id", 1)])]
    assert [document["_id"] for document in find_as_of(database, "table", now)] == expected


def test_the_past_is_read_with_the_types_and_the_columns_that_it_had(io_manager):
    kept = {"primary_key": "id", "keep_revisions": True}
    write_directly(io_manager, pd.DataFrame({"id": [1], "w": ["x"], "d": pd.to_timedelta([1], unit="s")}), **kept)
    moment = datetime.datetime.now(datetime.timezone.utc)
    write_directly(io_manager, pd.DataFrame({"id": [1], "d": pd.to_timedelta([2], unit="s")}), **kept)
    assert list(read_directly(io_manager, pd.DataFrame).columns) == ["id", "d"]
    past = read_directly(io_manager, pd.DataFrame, of_input=Read(as_of=moment, filter={"w": "x"}))
    assert past.to_dict("records") == [{"id": 1, "d": pd.Timedelta(seconds=1), "w": "x"}]
    with pytest.raises(UnstorableError, match="column 'd' is int64, but timedelta64"):
        write_directly(io_manager, pd.DataFrame({"id": [1], "d": [5]}), **kept)
