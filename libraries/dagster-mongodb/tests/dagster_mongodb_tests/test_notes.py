"""What is kept beside a collection: its owner, its keys and its partitions, which every reader and writer obeys."""

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import (
    CollectionError,
    CollectionNotStoredError,
    OptionsError,
    UnstorableError,
    WriteRefusedError,
    adopt_collection,
    find_revisions,
)
from dagster_mongodb.destination import Destination
from dagster_mongodb.handlers.dataframes import DataFrameHandler
from dagster_mongodb.notes import NOTES, Note, find_note
from dagster_mongodb.options import WriteOptions
from dagster_mongodb.slices import CollectionSlice

from dagster_mongodb_tests.tables import counts, read, read_directly, table, write, write_directly

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
COLORS = dg.StaticPartitionsDefinition(["red", "blue"])
FRAME = pd.DataFrame({"id": [1, 2], "email": ["a", "b"]})


def day(number: int, **columns) -> pd.DataFrame:
    times = pd.date_range(f"2024-01-{number:02}", periods=2, freq="h", tz="UTC")
    return pd.DataFrame({"time": times, "value": [number, number + 0.5], **columns})


@pytest.mark.parametrize("primary_key", ["id", ["email"], ["id", "email"], ["email", "id"]])
@pytest.mark.parametrize("kind", [pd.DataFrame, list])
def test_a_consumer_that_knows_no_metadata_reads_the_key_by_its_name(io_manager, primary_key, kind):
    write_directly(io_manager, FRAME, primary_key=primary_key)
    found = read_directly(io_manager, kind)
    pd.testing.assert_frame_equal(pd.DataFrame(found)[["id", "email"]], FRAME)


def test_a_consumer_that_knows_no_metadata_reads_its_partition(io_manager):
    spec = table(partitions_def=DAYS, partition_expr="time", primary_key="time")
    for number in (1, 2):
        write(io_manager, spec, day(number), partition_key=f"2024-01-{number:02}")
    unknown = table(partitions_def=DAYS)
    assert read(io_manager, unknown, partitions_def=DAYS, partition_key="2024-01-02")["value"].tolist() == [2, 2.5]


def test_a_consumer_that_knows_no_metadata_reads_a_partition_of_several_dimensions(io_manager):
    both = dg.MultiPartitionsDefinition({"the.day": DAYS, "color": COLORS})
    spec = table(partitions_def=both, partition_expr={"the.day": "time", "color": "color"})
    for color in ("red", "blue"):
        key = dg.MultiPartitionKey({"the.day": "2024-01-01", "color": color})
        write(io_manager, spec, day(1, color=color), partition_key=key)
    key = dg.MultiPartitionKey({"the.day": "2024-01-01", "color": "red"})
    found = read(io_manager, table(partitions_def=both), partitions_def=both, partition_key=key)
    assert found["color"].tolist() == ["red", "red"]


def test_calendar_dates_are_read_as_such_by_a_consumer_that_knows_no_metadata(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01", timezone="Asia/Kolkata")
    spec = table(partitions_def=days, partition_expr="date", calendar_dates=True)
    for number in (1, 2):
        dates = pd.to_datetime([f"2024-01-{number:02}"], utc=True)
        write(io_manager, spec, pd.DataFrame({"date": dates, "n": [number]}), partition_key=f"2024-01-{number:02}")
    found = read(io_manager, table(partitions_def=days), partitions_def=days, partition_key="2024-01-02")
    assert found["n"].tolist() == [2]


def test_a_consumer_that_does_not_know_the_collection_finds_the_asset_by_its_key(io_manager):
    write_directly(io_manager, FRAME, primary_key="id", collection="elsewhere")
    assert read_directly(io_manager, pd.DataFrame)["email"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"primary_key": "email"},
            "'primary_key' is 'email', not the primary key 'id', with which collection table was written",
        ),
        ({"primary_key": ["id", "email"]}, "'primary_key' is .*, not the primary key 'id'"),
    ],
)
def test_a_consumer_whose_metadata_contradicts_what_was_written_is_refused(io_manager, metadata, message):
    write_directly(io_manager, FRAME, primary_key="id")
    with pytest.raises(OptionsError, match=message):
        read_directly(io_manager, pd.DataFrame, **metadata)


def test_a_consumer_whose_partition_column_contradicts_what_was_written_is_refused(io_manager):
    spec = table(partitions_def=DAYS, partition_expr="time")
    write(io_manager, spec, day(1), partition_key="2024-01-01")
    other = table(partitions_def=DAYS, partition_expr="measured")
    with pytest.raises(OptionsError, match="'partition_expr' is 'measured', not 'time', with which"):
        read(io_manager, other, partitions_def=DAYS, partition_key="2024-01-01")


@pytest.mark.parametrize(
    ("first", "then"), [("id", ["email", "id"]), ("id", None), (None, "id"), (["id", "email"], ["email", "id"])]
)
def test_a_changed_primary_key_is_refused_and_changes_nothing(io_manager, database, first, then):
    write_directly(io_manager, FRAME, primary_key=first)
    before = list(database["table"].find())
    with pytest.raises(OptionsError, match="change it back; or rename the collection, as in db.*, or drop it"):
        write_directly(io_manager, FRAME, primary_key=then)
    assert list(database["table"].find()) == before
    # What the message says helps.
    database["table"].rename("table_former")
    assert write_directly(io_manager, FRAME, primary_key=then)["mongodb/inserted"] == 2
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame).sort_values("id"), FRAME)


@pytest.mark.parametrize("before", [table(), table(partitions_def=DAYS, partition_expr="time")])
def test_partitions_may_change_if_every_stored_row_has_the_column_of_the_new_ones(io_manager, before):
    key = {"partition_key": "2024-01-01"} if before.partitions_def else {}
    write(io_manager, before, day(1, color="red"), **key)
    after = table(partitions_def=COLORS, partition_expr="color")
    assert counts(write(io_manager, after, day(1, color="red"), partition_key="red")) == (0, 0, 2, 0)
    write(io_manager, after, day(2, color="blue"), partition_key="blue")
    unknown = table(partitions_def=COLORS)
    assert read(io_manager, unknown, partitions_def=COLORS, partition_key="blue")["value"].tolist() == [2, 2.5]


@pytest.mark.parametrize("before", [table(), table(partitions_def=DAYS, partition_expr="time")])
def test_partitions_whose_column_stored_rows_lack_are_refused(io_manager, before):
    key = {"partition_key": "2024-01-01"} if before.partitions_def else {}
    write(io_manager, before, day(1), **key)
    after = table(partitions_def=COLORS, partition_expr="color")
    with pytest.raises(OptionsError, match="was written without that column, so it is in no partition: rename"):
        write(io_manager, after, day(1, color="red"), partition_key="red")
    assert len(read(io_manager, before)) == 2


def test_an_asset_may_lose_its_partitions_because_the_write_replaces_all_rows(io_manager):
    write(io_manager, table(partitions_def=DAYS, partition_expr="time"), day(1), partition_key="2024-01-01")
    write(io_manager, table(), day(3))
    assert read(io_manager, table())["value"].tolist() == [3, 3.5]


@pytest.mark.parametrize("mode", ["replace", "merge", "set"])
def test_a_second_asset_in_a_collection_is_refused_in_every_mode(io_manager, database, mode):
    write(io_manager, table("first", collection="shared", primary_key="id"), FRAME)
    with pytest.raises(CollectionError, match="shared keeps asset 'first', so asset 'second' cannot be written to it"):
        write(io_manager, table("second", collection="shared", primary_key="id", write_mode=mode), FRAME)
    assert database["shared"].count_documents({}) == 2


def test_asset_keys_whose_joined_names_are_equal_do_not_meet(io_manager):
    write(io_manager, table(dg.AssetKey(["a", "b"])), FRAME)
    with pytest.raises(CollectionError, match="keeps asset 'a/b'"):
        write(io_manager, table(dg.AssetKey(["a.b"])), FRAME)
    with pytest.raises(CollectionError, match="keeps asset 'a/b'"):
        read(io_manager, table(dg.AssetKey(["a.b"])))


@pytest.mark.parametrize("primary_key", [None, "id"])
def test_documents_of_another_program_are_not_deleted_by_a_first_write(io_manager, database, primary_key):
    database["table"].insert_many([{"_id": 7, "theirs": True}])
    for _ in range(2):
        with pytest.raises(CollectionError, match="holds documents of another program.*adopt_collection"):
            write_directly(io_manager, FRAME, primary_key=primary_key)
    assert list(database["table"].find()) == [{"_id": 7, "theirs": True}]


def test_rows_may_be_added_to_documents_of_another_program_which_a_later_replacement_does_not_delete(
    io_manager, database
):
    database["table"].insert_many([{"_id": 7, "theirs": True}])
    write_directly(io_manager, FRAME, primary_key="id", write_mode="merge")
    assert read_directly(io_manager, list) == [
        {"id": 1, "email": "a"},
        {"id": 2, "email": "b"},
        {"id": 7, "theirs": True},
    ]
    with pytest.raises(CollectionError, match="holds documents of another program"):
        write_directly(io_manager, FRAME, primary_key="id")
    assert database["table"].count_documents({}) == 3


def test_an_adopted_collection_is_replaced(io_manager, database):
    database["table"].insert_many([{"_id": 1, "email": "a"}, {"_id": 7, "theirs": True}])
    adopt_collection(database, "table", "table", primary_key="id")
    assert read_directly(io_manager, list) == [{"id": 1, "email": "a"}, {"id": 7, "theirs": True}]
    written = write_directly(io_manager, FRAME, primary_key="id")
    assert counts(written) == (1, 0, 1, 1)


def test_a_renamed_asset_keeps_its_rows_and_former_versions_by_adopting_the_collection(io_manager, database):
    kept = {"primary_key": "id", "keep_revisions": True, "collection": "table"}
    write(io_manager, table("before", **kept), FRAME)
    with pytest.raises(CollectionError, match="if the asset was renamed, call dagster_mongodb.adopt_collection"):
        write(io_manager, table("after", **kept), FRAME)
    adopt_collection(database, "table", dg.AssetKey("after"))
    assert counts(write(io_manager, table("after", **kept), FRAME.assign(email=["a", "c"]))) == (0, 1, 1, 0)
    assert [revision.document_id for revision in find_revisions(database, "table")] == [2]


def test_only_a_collection_that_exists_can_be_adopted(database):
    with pytest.raises(CollectionError, match="has no collection tabel"):
        adopt_collection(database, "tabel", "table")


def test_notes_of_the_first_release_are_completed_by_the_next_write(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id")
    columns = database[NOTES].find_one({"_id": "table"})["columns"]
    database[NOTES].replace_one({"_id": "table"}, {"columns": columns})
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame, primary_key="id"), FRAME)
    assert counts(write_directly(io_manager, FRAME, primary_key="id")) == (0, 0, 2, 0)
    assert read_directly(io_manager, pd.DataFrame)["id"].tolist() == [1, 2]


@pytest.mark.parametrize("kind", [pd.DataFrame, list])
@pytest.mark.parametrize("content", [FRAME, FRAME.head(0), []])
def test_a_collection_that_was_dropped_by_hand_is_not_an_empty_asset(io_manager, database, kind, content):
    write_directly(io_manager, content)
    read_directly(io_manager, kind)
    database.drop_collection("table")
    with pytest.raises(CollectionNotStoredError, match="was dropped"):
        read_directly(io_manager, kind)
    # Nothing of the former rows binds the next ones.
    write_directly(io_manager, pd.DataFrame({"id": ["x"]}), primary_key="id")
    assert read_directly(io_manager, pd.DataFrame)["id"].tolist() == ["x"]


@pytest.mark.parametrize("nothing", [[], pd.DataFrame(), day(2).head(0)])
def test_a_partition_without_rows_leaves_the_types_of_the_others(io_manager, nothing):
    spec = table(partitions_def=DAYS, partition_expr="time")
    write(io_manager, spec, day(1), partition_key="2024-01-01")
    write(io_manager, spec, nothing, partition_key="2024-01-02")
    pd.testing.assert_frame_equal(read(io_manager, spec), day(1))
    empty = read(io_manager, spec, partitions_def=DAYS, partition_key="2024-01-02")
    pd.testing.assert_frame_equal(empty, day(2).head(0))


@pytest.mark.parametrize("metadata", [{}, {"primary_key": "id"}])
def test_an_asset_whose_first_write_was_refused_was_never_stored(io_manager, database, metadata):
    unique = {"indexes": [{"keys": "email", "unique": True}], **metadata}
    with pytest.raises(WriteRefusedError):
        write_directly(io_manager, FRAME.assign(email="a"), **unique)
    assert database["table"].count_documents({}) == 0
    with pytest.raises(CollectionNotStoredError):
        read_directly(io_manager, pd.DataFrame)
    write_directly(io_manager, FRAME, **unique)
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame), FRAME)


def destination(database, owner: str, frame: pd.DataFrame, primary_key: str = "id") -> Destination:
    """Return the checked destination of a write of a table, before it begins."""
    rows = DataFrameHandler().rows(frame, (primary_key,))
    where = CollectionSlice(database.name, "table", (primary_key,))
    options = WriteOptions.of({"write_mode": "merge", "primary_key": primary_key}, has_primary_key=True, title=owner)
    note = Note("table", owner, primary_key=where.primary_key, columns=rows.columns)
    return Destination.check(database, where, options, note)


def test_of_two_assets_that_begin_to_write_a_collection_at_the_same_time_one_is_refused(database):
    first, second = destination(database, "asset 'cats'", FRAME), destination(database, "asset 'dogs'", FRAME)
    first.prepare()
    with pytest.raises(CollectionError, match="keeps asset 'cats'"):
        second.prepare()


def test_an_adoption_is_not_undone_by_a_write_that_was_under_way(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id")
    under_way = destination(database, "asset 'table'", FRAME)
    adopt_collection(database, "table", "other")
    with pytest.raises(CollectionError, match="keeps asset 'other'"):
        under_way.prepare()


def test_an_asset_whose_first_write_did_not_end_was_never_stored(io_manager, database):
    destination(database, "asset 'table'", FRAME).prepare()
    with pytest.raises(CollectionNotStoredError):
        read_directly(io_manager, pd.DataFrame)
    write_directly(io_manager, FRAME, primary_key="id")
    assert len(read_directly(io_manager, pd.DataFrame)) == 2


def test_two_writers_after_a_collection_was_dropped_note_the_columns_of_both(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id")
    database.drop_collection("table")
    others = [destination(database, "asset 'table'", FRAME[["id"]].assign(**{name: 1.5})) for name in ("x", "y")]
    for other in others:
        other.prepare()
    note = find_note(database, "table")
    assert note is not None
    assert [column.name for column in note.columns or ()] == ["id", "x", "y"]


@pytest.mark.parametrize(
    ("first", "then"), [("id", ["email", "id"]), ("id", None), (None, "id"), (["id", "email"], ["email", "id"])]
)
def test_a_changed_primary_key_is_refused_also_where_the_note_of_the_first_release_does_not_name_it(
    io_manager, database, first, then
):
    write_directly(io_manager, FRAME, primary_key=first)
    columns = database[NOTES].find_one({"_id": "table"})["columns"]
    database[NOTES].replace_one({"_id": "table"}, {"columns": columns})
    before = list(database["table"].find())
    with pytest.raises(OptionsError, match="was written with another one, as the _id"):
        write_directly(io_manager, FRAME.assign(email=["c", "d"]), primary_key=then)
    assert list(database["table"].find()) == before
    assert counts(write_directly(io_manager, FRAME, primary_key=first))[2 if first else 0] == 2 or not first


def test_a_schema_that_the_first_release_set_is_the_assets_own(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id", validation_action="error")
    columns = database[NOTES].find_one({"_id": "table"})["columns"]
    database[NOTES].replace_one({"_id": "table"}, {"columns": columns})
    for _ in range(2):
        assert counts(write_directly(io_manager, FRAME, primary_key="id", validation_action="error")) == (0, 0, 2, 0)


def test_a_note_of_a_later_release_is_read(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id")
    database[NOTES].update_one({"_id": "table"}, {"$set": {"more": 1, "columns.0.unit": "m"}})
    pd.testing.assert_frame_equal(read_directly(io_manager, pd.DataFrame), FRAME)
    assert counts(write_directly(io_manager, FRAME, primary_key="id")) == (0, 0, 2, 0)


@pytest.mark.long
def test_categories_of_many_megabytes_can_change(io_manager):
    for start in (0, 1):
        text = pd.Categorical([f"{number:0300}" for number in range(start, start + 20_000)])
        write_directly(io_manager, pd.DataFrame({"id": range(20_000), "x": text, "y": text}), primary_key="id")
    assert read_directly(io_manager, pd.DataFrame)["x"].cat.categories[-1] == f"{20_000:0300}"


def test_documents_beside_a_table_whose_types_they_would_take_away_are_refused(io_manager):
    parts = dg.StaticPartitionsDefinition(["a", "b"])
    spec = table(partitions_def=parts, partition_expr="p")
    tables = {
        "duration": pd.DataFrame({"p": ["a"], "x": pd.to_timedelta([1], unit="s")}),
        "plain": pd.DataFrame({"p": ["a"], "x": [1.5]}),
    }
    write(io_manager, spec, tables["duration"], partition_key="a")
    with pytest.raises(UnstorableError, match="column 'x' is timedelta64.*other.* are documents"):
        write(io_manager, spec, [{"p": "b", "x": 1}], partition_key="b")
    other = table("other", partitions_def=parts, partition_expr="p")
    write(io_manager, other, [{"p": "b", "x": 1}], partition_key="b")
    with pytest.raises(UnstorableError, match="column 'x' is timedelta64"):
        write(io_manager, other, tables["duration"], partition_key="a")
    write(io_manager, other, tables["plain"], partition_key="a")
    assert read(io_manager, other)["x"].tolist() == [1, 1.5]


def test_an_adopted_collection_has_the_key_that_it_is_said_to_have(io_manager, database):
    database["cities"].insert_many([{"city": "Oslo"}, {"city": "Rome"}])
    with pytest.raises(OptionsError, match="has city as a field, so it is not its _id. Adopt"):
        adopt_collection(database, "cities", "cities", primary_key="city")
    adopt_collection(database, "cities", "cities", primary_key="_id")
    found = read(io_manager, table("cities"))
    assert list(found.columns) == ["_id", "city"]
    with pytest.raises(OptionsError, match="was written with the primary key '_id': leave it out"):
        adopt_collection(database, "cities", "towns", primary_key="city")


@pytest.mark.parametrize("metadata", [{}, {"primary_key": "id"}, {"primary_key": "id", "keep_revisions": True}])
def test_a_second_write_of_the_same_rows_changes_no_byte_of_the_note(io_manager, database, metadata):
    frame = FRAME.assign(gap=[1.5, None], when=pd.Timestamp("2024-01-01", tz="UTC"), kind=pd.Categorical(["a", "b"]))
    spec = table(partitions_def=DAYS, partition_expr="when", **metadata)
    notes = []
    for _ in range(3):
        write(io_manager, spec, frame, partition_key="2024-01-01")
        notes.append(database[NOTES].find_one({"_id": "table"}))
    assert notes[0] == notes[1] == notes[2]
