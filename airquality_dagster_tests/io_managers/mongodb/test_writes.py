"""What a write changes: the difference, and nothing else."""

import bson
import dagster as dg
import pandas as pd
import pytest

from airquality_dagster.io_managers.mongodb import (
    ABSENT,
    MongoDBIOManager,
    MongoDBIOManagerError,
    SliceError,
    connection,
)
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.io_managers.mongodb.tables import counts, read, table, write

KEYED = table(primary_key="id")


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "text"])


def documents(database, name="table"):
    return {document["_id"]: document["text"] for document in database[name].find()}


def test_replace_makes_the_collection_the_frame_and_counts_what_it_did(io_manager, database):
    assert counts(write(io_manager, KEYED, frame((1, "a"), (2, "b"), (3, "c")))) == (3, 0, 0, 0)
    assert counts(write(io_manager, KEYED, frame((1, "a"), (2, "B"), (4, "d")))) == (1, 1, 1, 1)
    assert documents(database) == {1: "a", 2: "B", 4: "d"}


def test_merge_adds_and_changes_and_deletes_nothing(io_manager, database):
    spec = table(primary_key="id", write_mode="merge")
    write(io_manager, spec, frame((1, "a"), (2, "b")))
    assert counts(write(io_manager, spec, frame((2, "B"), (3, "c")))) == (1, 1, 0, 0)
    assert counts(write(io_manager, spec, frame())) == (0, 0, 0, 0)
    assert documents(database) == {1: "a", 2: "B", 3: "c"}


@pytest.mark.parametrize("spec", [KEYED, table()], ids=["with primary key", "without"])
def test_a_second_write_of_the_same_frame_changes_no_byte(io_manager, database, spec):
    data = frame(*((number, str(number)) for number in range(500)))
    write(io_manager, spec, data)
    before = stored_bytes(database)
    assert counts(write(io_manager, spec, data)) == (0, 0, 500, 0)
    assert stored_bytes(database) == before


def test_another_order_of_columns_or_rows_is_no_change_of_keyed_rows(io_manager):
    data = pd.DataFrame({"id": [1, 2], "a": [1.0, 2.0], "b": ["x", "y"]})
    write(io_manager, KEYED, data)
    assert counts(write(io_manager, KEYED, data[["b", "id", "a"]].iloc[::-1])) == (0, 0, 2, 0)


def test_without_a_primary_key_the_slice_is_rewritten_in_its_order(io_manager, database):
    write(io_manager, table(), frame((3, "c"), (1, "a")))
    assert counts(write(io_manager, table(), frame((2, "b"), (1, "a"), (1, "a")))) == (3, 0, 0, 2)
    assert rows(read(io_manager, table())) == [(2, "b"), (1, "a"), (1, "a")]


def rows(data: pd.DataFrame) -> list[tuple]:
    return list(data.itertuples(index=False, name=None))


def test_a_row_that_is_stored_in_another_partition_is_refused(io_manager, database):
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["x", "y"]), partition_expr="part", primary_key="id")
    write(io_manager, spec, pd.DataFrame({"id": [1], "part": ["x"]}), partition_key="x")
    with pytest.raises(SliceError, match="primary key 1 is stored already, in another partition.*add part"):
        write(io_manager, spec, pd.DataFrame({"id": [2, 1], "part": ["y", "y"]}), partition_key="y")
    assert [document["_id"] for document in database["table"].find()] == [1]


def test_absent_values_are_no_field_and_nulls_are_null(io_manager, database):
    data = pd.DataFrame({"id": [1, 2, 3], "x": pd.Series([1.5, None, ABSENT], dtype=object)})
    write(io_manager, KEYED, data)
    assert list(database["table"].find()) == [{"_id": 1, "x": 1.5}, {"_id": 2, "x": None}, {"_id": 3}]
    stored = read(io_manager, KEYED)
    assert stored["x"].dtype == "float64"
    assert stored["x"].isna().tolist() == [False, True, True]


REVISED = table(primary_key="id", write_mode="merge", keep_revisions=True, provisional_column="draft")


def revisions(database, name="table_revisions"):
    return list(database[name].find(sort=[("_id", 1)]))


def test_the_former_version_of_a_changed_row_is_kept_with_when_and_by_which_run(io_manager, database):
    write(io_manager, REVISED, frame((1, "a"), (2, "b")))
    write(io_manager, REVISED, frame((1, "A"), (2, "b")))
    write(io_manager, REVISED, frame((1, "a"), (2, "b")))
    first, second = revisions(database)
    assert first["_id"] == {"document_id": 1, "revision": 1}
    assert (first["document"], second["document"]) == ({"_id": 1, "text": "a"}, {"_id": 1, "text": "A"})
    assert first["kind"] == "revised"
    assert first["valid_until"] < second["valid_until"]
    assert first["run_id"] != second["run_id"]


def test_a_deleted_row_is_kept_as_a_revision(io_manager, database):
    spec = table(primary_key="id", keep_revisions=True)
    write(io_manager, spec, frame((1, "a"), (2, "b")))
    write(io_manager, spec, frame((1, "a")))
    (revision,) = revisions(database)
    assert (revision["kind"], revision["document"]) == ("deleted", {"_id": 2, "text": "b"})


def test_a_provisional_version_is_not_kept(io_manager, database):
    draft = frame((1, "a"), (2, "b")).assign(draft=pd.Series([True, ABSENT], dtype=object))
    write(io_manager, REVISED, draft)
    write(io_manager, REVISED, frame((1, "A"), (2, "B")))
    (revision,) = revisions(database)
    assert revision["document"] == {"_id": 2, "text": "b"}


def test_an_unchanged_write_keeps_no_revision(io_manager, database):
    for _ in range(3):
        write(io_manager, REVISED, frame((1, "a")))
    assert "table_revisions" not in database.list_collection_names()


def test_a_version_that_a_killed_writer_kept_but_did_not_replace_is_kept_once(io_manager, database, monkeypatch):
    from airquality_dagster.io_managers.mongodb import difference

    write(io_manager, REVISED, frame((1, "a")))

    class Killed(Exception):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(difference, "ReplaceOne", killed)
        with pytest.raises(Killed):
            write(io_manager, REVISED, frame((1, "A")))
    assert documents(database) == {1: "a"}
    assert len(revisions(database)) == 1
    write(io_manager, REVISED, frame((1, "A")))
    assert documents(database) == {1: "A"}
    assert [revision["document"]["text"] for revision in revisions(database)] == ["a"]


def test_a_row_that_another_writer_adds_meanwhile_is_compared_again(io_manager, database, monkeypatch):
    from airquality_dagster.io_managers.mongodb import difference

    once = difference._write_keyed_once
    interfered = []

    def interfering(collection, *args):
        if not interfered:
            interfered.append(True)
            real_insert = collection.insert_many

            def insert_many(new, **options):
                database["table"].insert_one({"_id": 1, "text": "theirs"})
                return real_insert(new, **options)

            collection.insert_many = insert_many
            try:
                return once(collection, *args)
            finally:
                del collection.insert_many
        return once(collection, *args)

    monkeypatch.setattr(difference, "_write_keyed_once", interfering)
    write(io_manager, KEYED, frame((1, "ours"), (2, "b")))
    assert documents(database) == {1: "ours", 2: "b"}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"write_mode": "append"}, "'append'"),
        ({"write_mode": "merge"}, "primary_key"),
        ({"keep_revisions": True}, "primary_key"),
        ({"collection": "a$b"}, "'a\\$b' is no name"),
        ({"collection": "system.users"}, "is no name"),
    ],
)
def test_metadata_that_contradict_each_other_are_refused(io_manager, metadata, message):
    with pytest.raises(SliceError, match=message):
        write(io_manager, table(**metadata), frame((1, "a")))


@pytest.mark.parametrize("value", [[1], "text", {"a": 1}])
def test_an_output_that_is_no_frame_is_refused_by_its_type(io_manager, value):
    with pytest.raises(MongoDBIOManagerError, match=type(value).__name__):
        write(io_manager, table(), value)


def test_the_materialization_tells_rows_collection_and_columns(io_manager, database):
    metadata = write(io_manager, KEYED, frame((1, "a"), (2, "b")))
    assert metadata["dagster/row_count"] == 2
    assert metadata["dagster/table_name"] == f"{database.name}.table"
    assert [(column.name, column.type) for column in metadata["dagster/column_schema"].columns] == [
        ("id", "int64"),
        ("text", "object"),
    ]


def test_the_materialization_tells_bytes_seconds_and_how_to_look_without_a_password(mongodb_uri, database):
    uri = mongodb_uri.replace("mongodb://", "mongodb://user:hunter2@")
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name)
    metadata = write(manager, KEYED, frame((1, "a")))
    assert metadata["bytes"] == len(bson.encode({"_id": 1, "text": "a"}))
    assert 0 < metadata["seconds"] < 60
    assert metadata["look"] == (
        f"`mongosh '{mongodb_uri}/{database.name}'`, then `db.getCollection(\"table\").find().sort({{_id: -1}}).limit(10)`"
    )
    assert connection.shown(uri, database.name) == f"{mongodb_uri}/{database.name}"
