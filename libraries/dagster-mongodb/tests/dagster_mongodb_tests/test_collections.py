"""What stands around the documents: indexes, schema, note of columns, and which collections are refused."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import CollectionError, MongoDBIOManager, OptionsError, WriteRefusedError, collection, notes
from dagster_mongodb.slices import CollectionSlice
from pymongo.errors import WriteError
from pymongo.monitoring import CommandStartedEvent

from dagster_mongodb_tests.commands import Listener, listen
from dagster_mongodb_tests.tables import read_directly, table, write, write_directly

FRAME = pd.DataFrame({"id": [1, 2], "color": ["red", "red"], "x": [1.5, None]})
MULTI = dg.MultiPartitionsDefinition(
    {
        "day": dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05"),
        "color": dg.StaticPartitionsDefinition(["red", "blue"]),
    }
)


class Commands(Listener):
    """The names of the commands that were sent, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)


def indexes(database, name="table") -> list[dict[str, int]]:
    return [dict(index["key"]) for index in database[name].index_information().values()]


def test_partitions_get_one_index_with_keys_before_times(io_manager, database):
    spec = table(partitions_def=MULTI, partition_expr={"day": "time", "color": "color"}, primary_key="id")
    frame = FRAME.assign(time=pd.Timestamp("2024-01-01", tz="UTC"))
    write(io_manager, spec, frame, partition_key=dg.MultiPartitionKey({"day": "2024-01-01", "color": "red"}))
    assert indexes(database) == [{"_id": 1}, {"color": 1, "time": 1}]


def test_the_index_of_the_key_is_enough_where_it_is_the_partition(io_manager, database):
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["red"]), partition_expr="color", primary_key="color")
    write(io_manager, spec, FRAME.iloc[:1], partition_key="red")
    assert indexes(database) == [{"_id": 1}]


def test_an_index_that_is_there_is_not_made_again(mongodb_uri, database, monkeypatch):
    commands = Commands()
    listen(monkeypatch, commands)
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, app_name="listened to")
    for _ in range(2):
        write_directly(manager, FRAME, primary_key="id", indexes=["x", {"keys": ["color", "x"]}])
    assert commands.names.count("createIndexes") == 2


def test_indexes_of_the_metadata_are_made_with_their_options(io_manager, database):
    asked = ["x", ["color", "x"], {"keys": {"x": -1}, "name": "newest"}, {"keys": "color", "sparse": True}]
    write_directly(io_manager, FRAME, primary_key="id", indexes=asked)
    found = database["table"].index_information()
    assert [dict(index["key"]) for index in found.values()] == [
        {"_id": 1},
        {"x": 1},
        {"color": 1, "x": 1},
        {"x": -1},
        {"color": 1},
    ]
    assert found["newest"]["key"] == [("x", -1)]
    assert found["color_1"]["sparse"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("x", "'indexes' is 'x', it must be a list"),
        ([5], r"'indexes' is \[5\]"),
        ([{"unique": True}], "'indexes' is"),
        ([{"keys": "x", "nonsense": True}], "the index on x .*nonsense"),
        ([{"keys": {"x": "no such type"}}], "the index on x cannot be created"),
    ],
)
def test_an_index_that_cannot_be_made_is_named(io_manager, asked, message):
    with pytest.raises(OptionsError, match=message):
        write_directly(io_manager, FRAME, primary_key="id", indexes=asked)


def test_documents_that_a_unique_index_forbids_are_refused(io_manager):
    with pytest.raises(
        WriteRefusedError, match="1 documents have the same values of color as others, which a unique index forbids"
    ):
        write_directly(io_manager, FRAME, primary_key="id", indexes=[{"keys": "color", "unique": True}])


def test_an_index_that_is_there_with_other_options_is_left_and_named(io_manager, database):
    database["table"].create_index("x", sparse=True)
    with pytest.raises(OptionsError, match="the index on x exists with other options"):
        write_directly(io_manager, FRAME, primary_key="id", indexes=[{"keys": "x", "unique": True}])


def test_a_schema_made_of_the_columns_refuses_what_other_writers_get_wrong(io_manager, database):
    frame = FRAME.assign(when=pd.Timestamp("2024-01-01", tz="UTC"), any=pd.Series([[1], {}], dtype=object))
    frame["kind"] = frame["color"].astype("category")
    frame["n"] = pd.Series([1, None], dtype="Int64")
    write_directly(io_manager, frame, primary_key="id", validation_action="error")
    good = {"_id": 3, "x": 1, "when": None, "any": "x", "new": 1}
    database["table"].insert_one(good)
    for wrong in ({"_id": "text"}, {"x": "1.5"}, {"when": "2024-01-01"}, {"n": 1.5}):
        with pytest.raises(WriteError, match="failed validation"):
            database["table"].insert_one({"_id": 4, **wrong})
    # The schema follows the columns, and a write that changes nothing leaves it.
    write_directly(io_manager, frame.assign(x="text"), primary_key="id", validation_action="error")
    database["table"].insert_one({"_id": 5, "x": "text"})


def test_a_schema_that_warns_lets_everything_in(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id", validation_action="warn")
    database["table"].insert_one({"_id": 4, "x": "text"})
    assert database["table"].options()["validationAction"] == "warn"


def test_an_unknown_validation_action_is_refused(io_manager):
    with pytest.raises(OptionsError, match="'validation_action' is 'yes', it must be one of 'error', 'warn'"):
        write_directly(io_manager, FRAME, validation_action="yes")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"timeseries": {"timeField": "when"}}, "timeseries"),
        ({"capped": True, "size": 4096}, "capped collection"),
        ({"viewOn": "other"}, "view"),
    ],
)
def test_collections_in_which_documents_cannot_be_replaced_are_refused(io_manager, database, options, kind):
    database.create_collection("table", **options)
    with pytest.raises(CollectionError, match=f"is a {kind}, in which MongoDB cannot replace"):
        write_directly(io_manager, FRAME, primary_key="id")


@pytest.mark.parametrize(("key", "is_refused"), [({"_id": "hashed"}, False), ({"_id": 1}, False), ({"x": 1}, True)])
def test_a_collection_sharded_by_another_key_than_its_id_is_refused(database, monkeypatch, key, is_refused):
    """No sharded cluster is at hand: its catalogue is written into a plain server, of which config is a database."""
    namespace = f"{database.name}.table"
    database.client["config"]["collections"].insert_one({"_id": namespace, "key": key})
    shard_key, client = collection._shard_key, database.client

    class Router:
        """A client that says that it is connected to a mongos."""

        admin = type("Admin", (), {"command": staticmethod(lambda name: {"msg": "isdbgrid"})})

        def __getitem__(self, name):
            return client[name]

    routed = type("Routed", (), {"client": Router(), "name": database.name})()
    monkeypatch.setattr(collection, "_shard_key", lambda _, name: shard_key(routed, name))
    try:
        if is_refused:
            with pytest.raises(CollectionError, match="is sharded by x.*shard it by '_id'"):
                collection.check_collection(database, "table", {}, keep_revisions=False)
        else:
            collection.check_collection(database, "table", {}, keep_revisions=False)
    finally:
        database.client["config"]["collections"].delete_one({"_id": namespace})


def test_an_asset_never_meets_the_revisions_of_another(io_manager):
    kept = {"primary_key": "id", "keep_revisions": True}
    write_directly(io_manager, FRAME, **kept)
    with pytest.raises(CollectionError, match="keeps the revisions of table"):
        write_directly(io_manager, FRAME, collection="table_revisions")
    write_directly(io_manager, FRAME, collection="other_revisions")
    with pytest.raises(CollectionError, match="other_revisions is an asset"):
        write_directly(io_manager, FRAME, collection="other", **kept)


@pytest.mark.parametrize("name", ["a$b", "system.users", "a\0b", "dagster_columns", "x" * 250])
def test_a_name_that_a_collection_cannot_have_is_refused_with_what_to_do(io_manager, name):
    with pytest.raises(OptionsError, match="is not a valid collection name.*'collection'"):
        write_directly(io_manager, FRAME, collection=name)


def test_columns_that_writers_of_partitions_add_at_the_same_time_are_all_noted(database):
    def note(number: int) -> None:
        columns = (collection.Column("id", "int64"), collection.Column(f"column{number}", "float64"))
        note = notes.Note("table", "asset 'table'", columns=columns)
        notes.write_note(database, note, is_whole=False, dropped=None, has_documents=lambda: True)

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(note, range(40)))
    noted = notes.find_note(database, "table")
    assert noted is not None
    assert noted.columns is not None
    assert {column.name for column in noted.columns} == {"id", *(f"column{number}" for number in range(40))}


def test_a_replaced_collection_forgets_the_columns_it_had(io_manager):
    for frame in (FRAME, FRAME[["id"]]):
        write_directly(io_manager, frame, primary_key="id")
    assert list(read_directly(io_manager, pd.DataFrame, primary_key="id").columns) == ["id"]


def test_the_schema_of_a_key_of_two_columns_names_both():
    where = CollectionSlice("database", "table", ("a", "b.c"))
    schema = collection.json_schema(where, [collection.Column("a", "int64"), collection.Column("b.c", "string")])
    assert schema["properties"]["_id"] == {
        "bsonType": "object",
        "required": ["a", "b\uff0ec"],
        "properties": {"a": {"bsonType": ["int", "long"]}, "b\uff0ec": {"bsonType": ["string"]}},
    }
