"""What a write changes: the difference, and nothing else."""

import datetime

import bson
import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import (
    ABSENT,
    ConcurrentWriteError,
    MongoDBIOManager,
    OptionsError,
    PartitionError,
    UnstorableError,
    connection,
)
from dagster_mongodb.writing import persisting
from dagster_mongodb.writing.refusals import OvertakenError

from dagster_mongodb_tests.tables import TEXT_DTYPE, counts, read_directly, table, write, write_directly

KEYED = {"primary_key": "id"}


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "text"])


def stored_bytes(database) -> dict[str, list[bytes]]:
    """Return every document of every collection as BSON."""
    return {
        name: sorted(bson.encode(document) for document in database[name].find())
        for name in sorted(database.list_collection_names())
    }


def documents(database, name="table"):
    return {document["_id"]: document["text"] for document in database[name].find()}


def test_replace_makes_the_collection_the_frame_and_counts_what_it_did(io_manager, database):
    assert counts(write_directly(io_manager, frame((1, "a"), (2, "b"), (3, "c")), **KEYED)) == (3, 0, 0, 0)
    assert counts(write_directly(io_manager, frame((1, "a"), (2, "B"), (4, "d")), **KEYED)) == (1, 1, 1, 1)
    assert documents(database) == {1: "a", 2: "B", 4: "d"}


def test_merge_adds_and_changes_and_deletes_nothing(io_manager, database):
    merging = {"primary_key": "id", "write_mode": "merge"}
    write_directly(io_manager, frame((1, "a"), (2, "b")), **merging)
    assert counts(write_directly(io_manager, frame((2, "B"), (3, "c")), **merging)) == (1, 1, 0, 0)
    assert counts(write_directly(io_manager, frame(), **merging)) == (0, 0, 0, 0)
    assert documents(database) == {1: "a", 2: "B", 3: "c"}


@pytest.mark.parametrize("metadata", [KEYED, {}], ids=["with primary key", "without"])
def test_a_second_write_of_the_same_frame_changes_no_byte(io_manager, database, metadata):
    data = frame(*((number, str(number)) for number in range(500)))
    write_directly(io_manager, data, **metadata)
    before = stored_bytes(database)
    assert counts(write_directly(io_manager, data, **metadata)) == (0, 0, 500, 0)
    assert stored_bytes(database) == before


def test_another_order_of_columns_or_rows_is_no_change_of_keyed_rows(io_manager):
    data = pd.DataFrame({"id": [1, 2], "a": [1.0, 2.0], "b": ["x", "y"]})
    write_directly(io_manager, data, **KEYED)
    assert counts(write_directly(io_manager, data[["b", "id", "a"]].iloc[::-1], **KEYED)) == (0, 0, 2, 0)


def test_without_a_primary_key_the_slice_is_rewritten_in_its_order(io_manager, database):
    write_directly(io_manager, frame((3, "c"), (1, "a")))
    assert counts(write_directly(io_manager, frame((2, "b"), (1, "a"), (1, "a")))) == (3, 0, 0, 2)
    assert rows(read_directly(io_manager, pd.DataFrame)) == [(2, "b"), (1, "a"), (1, "a")]


def rows(data: pd.DataFrame) -> list[tuple]:
    return list(data.itertuples(index=False, name=None))


def test_a_row_that_is_stored_in_another_partition_is_refused(io_manager, database):
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["x", "y"]), partition_expr="part", primary_key="id")
    write(io_manager, spec, pd.DataFrame({"id": [1], "part": ["x"]}), partition_key="x")
    with pytest.raises(PartitionError, match="primary key 1 is stored already, in another partition.*add part"):
        write(io_manager, spec, pd.DataFrame({"id": [2, 1], "part": ["y", "y"]}), partition_key="y")
    assert [document["_id"] for document in database["table"].find()] == [1]


def test_absent_values_are_no_field_and_nulls_are_null(io_manager, database):
    data = pd.DataFrame({"id": [1, 2, 3], "x": pd.Series([1.5, None, ABSENT], dtype=object)})
    write_directly(io_manager, data, **KEYED)
    assert list(database["table"].find()) == [{"_id": 1, "x": 1.5}, {"_id": 2, "x": None}, {"_id": 3}]
    stored = read_directly(io_manager, pd.DataFrame, **KEYED)
    assert stored["x"].dtype == "float64"
    assert stored["x"].isna().tolist() == [False, True, True]


def test_a_row_that_another_writer_adds_meanwhile_is_compared_again(io_manager, database, monkeypatch):
    apply = persisting._apply
    attempts = []

    def interfering(*args):
        attempts.append(True)
        if len(attempts) == 1:
            database["table"].insert_one({"_id": 1, "text": "theirs"})
        return apply(*args)

    monkeypatch.setattr(persisting, "_apply", interfering)
    metadata = write_directly(io_manager, frame((1, "ours"), (2, "b")), **KEYED)
    assert len(attempts) == 2
    assert documents(database) == {1: "ours", 2: "b"}
    assert counts(metadata) == (2, 0, 0, 0)


def test_writers_that_never_let_it_end_are_an_error_that_says_so(io_manager, database, monkeypatch):
    def interfering(*args):
        raise OvertakenError

    monkeypatch.setattr(persisting, "_apply", interfering)
    with pytest.raises(ConcurrentWriteError, match="5 times.*let only one run at a time write it"):
        write_directly(io_manager, frame((1, "ours")), primary_key="id")


def test_a_merge_reads_only_the_stored_rows_between_its_keys(io_manager, database):
    merging = {"primary_key": "id", "write_mode": "merge"}
    write_directly(io_manager, frame(*((number, "a") for number in range(1000))), **merging)
    database.command("profile", 2)
    try:
        write_directly(io_manager, frame((500, "b"), (503, "a")), **merging)
    finally:
        database.command("profile", 0)
    queries = database["system.profile"].find({"op": "query", "ns": f"{database.name}.table"})
    # The first asks whether there is any document.
    assert [query["nreturned"] for query in queries] == [1, 4]


def test_rows_of_several_batches_are_compared_in_any_order(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, batch_size=7)
    rows = [(number, str(number)) for number in range(100)]
    assert counts(write_directly(manager, frame(*rows[:60]), primary_key="id")) == (60, 0, 0, 0)
    changed = [(number, "new" if number % 10 == 0 else text) for number, text in rows[20:]]
    assert counts(write_directly(manager, frame(*changed[::-1]), primary_key="id")) == (40, 4, 36, 20)
    assert documents(database) == dict(changed)


def test_numbers_of_another_type_with_the_same_key_are_the_same_row(io_manager, database):
    write_directly(io_manager, frame((1, "a")), **KEYED)
    floats = frame((1, "b")).astype({"id": "float64"})
    assert counts(write_directly(io_manager, floats, **KEYED)) == (0, 1, 0, 0)
    assert documents(database) == {1: "b"}


def test_a_document_that_is_too_large_is_refused_by_its_row_and_key(io_manager, database):
    data = frame((1, "a"), (2, "x" * (16 * 2**20)))
    with pytest.raises(UnstorableError, match=r"row 1 \(primary key 2, 16.0 MiB\) is larger than"):
        write_directly(io_manager, data, primary_key="id")
    assert database.list_collection_names() == []


@pytest.mark.parametrize("metadata", [{}, {"primary_key": "id"}, {"primary_key": "id", "keep_revisions": True}])
def test_a_document_as_large_as_may_be_is_written_and_its_former_version_fits_into_a_revision(io_manager, metadata):
    for text in ("y", "z"):
        write_directly(io_manager, frame((2, text * (16 * 2**20 - 4200))), **metadata)


def test_rows_that_together_exceed_a_message_are_written_in_several(io_manager):
    data = frame(*((number, f"{number:02}" * 2**19) for number in range(60)))
    assert counts(write_directly(io_manager, data, primary_key="id")) == (60, 0, 0, 0)
    assert counts(write_directly(io_manager, data.assign(text=data["text"] + "x"), primary_key="id")) == (0, 60, 0, 0)


def test_nothing_is_written_where_the_last_row_cannot_be_stored(io_manager, database):
    data = frame(*((number, "a") for number in range(5000))).astype(object)
    data.loc[4999, "text"] = datetime.date(2024, 1, 1)
    with pytest.raises(UnstorableError, match="column 'text', row 4999"):
        write_directly(io_manager, data, primary_key="id")
    assert database.list_collection_names() == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"write_mode": "upsert"}, "'upsert'"),
        ({"write_mode": "append", "primary_key": "id"}, "'write_mode: append' is for rows without a 'primary_key'"),
        ({"write_mode": "merge"}, "primary_key"),
        ({"keep_revisions": True}, "primary_key"),
    ],
)
def test_metadata_that_contradict_each_other_are_refused(io_manager, metadata, message):
    with pytest.raises(OptionsError, match=message):
        write_directly(io_manager, frame((1, "a")), **metadata)


def test_the_materialization_tells_rows_collection_and_columns(io_manager, database):
    metadata = write(io_manager, table(**KEYED), frame((1, "a"), (2, "b")))
    assert metadata["dagster/row_count"] == 2
    assert metadata["dagster/table_name"] == f"{database.name}.table"
    assert [(column.name, column.type) for column in metadata["dagster/column_schema"].columns] == [
        ("id", "int64"),
        ("text", TEXT_DTYPE),
    ]


def test_the_materialization_tells_bytes_seconds_and_how_to_look_without_a_password(mongodb_uri, database):
    uri = mongodb_uri.replace("mongodb://", "mongodb://user:hunter2@")
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name)
    metadata = write_directly(manager, frame((1, "a")), **KEYED)
    assert metadata["bytes"] == len(bson.encode({"_id": 1, "text": "a"}))
    assert 0 < metadata["seconds"] < 60
    assert metadata["look"] == (
        f"`mongosh '{mongodb_uri}/{database.name}'`, then `db.getCollection(\"table\").find().sort({{_id: -1}}).limit(10)`"
    )
    assert connection.shown(uri, database.name) == f"{mongodb_uri}/{database.name}"
