"""The metadata that an asset gives, and the metadata that Dagster shows."""

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import CollectionError, OptionsError, Read, Write

from dagster_mongodb_tests.tables import materialize, table, write, write_directly

FRAME = pd.DataFrame({"id": [1, 2], "email": ["a", "b"]})


def test_typed_metadata_is_the_metadata_of_its_names():
    assert Write(key="id", mode="merge", keep_revisions=True) == {
        "primary_key": "id",
        "write_mode": "merge",
        "keep_revisions": True,
    }
    assert Read(columns=("a", "b"), sort={"a": -1}, limit=3) == {"columns": ["a", "b"], "sort": [("a", -1)], "limit": 3}


@pytest.mark.parametrize("misspelt", [lambda: Write(primary_keys="id"), lambda: Read(filters={})])  # pyright: ignore[reportCallIssue]
def test_a_misspelt_option_of_typed_metadata_is_an_error(misspelt):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        misspelt()


def test_typed_metadata_is_obeyed_beside_metadata_of_the_users_own(io_manager, database):
    @dg.asset(metadata={**Write(key="id", indexes=["email"]), "source": "registry"})
    def people() -> pd.DataFrame:
        return FRAME

    materialize(io_manager, [people])
    assert database["people"].find_one({"_id": 2}) == {"_id": 2, "email": "b"}
    assert "email_1" in database["people"].index_information()


def test_what_an_asset_says_of_itself_is_not_overwritten(io_manager):
    @dg.asset(name="table")
    def asset():
        return dg.Output(FRAME, metadata={"inserted": 17, "bytes": "many"})

    result = materialize(io_manager, [asset])
    (event,) = result.asset_materializations_for_node("table")
    shown = {name: value.value for name, value in event.metadata.items()}
    assert (shown["inserted"], shown["bytes"]) == (17, "many")
    assert shown["mongodb/inserted"] == 2
    assert shown["mongodb/bytes"] > 0
    assert shown["revised"] == shown["mongodb/revised"] == 0


def test_a_write_mode_may_be_given_when_the_asset_runs(io_manager, database):
    def run(frame: pd.DataFrame, **metadata) -> None:
        @dg.asset(name="table", metadata={"primary_key": "id"})
        def asset():
            return dg.Output(frame, metadata=metadata)

        materialize(io_manager, [asset])

    run(FRAME)
    run(FRAME.tail(1).assign(email="c"), write_mode="merge")
    assert [document["email"] for document in database["table"].find()] == ["a", "c"]
    with pytest.raises(OptionsError, match=r"'primary_key' in Output\(metadata=...\) would have no effect"):
        run(FRAME, primary_key="email")


def test_indexes_that_are_taken_out_of_the_metadata_are_dropped_and_those_of_others_stay(io_manager, database):
    def names(**metadata) -> set[str]:
        write_directly(io_manager, FRAME, primary_key="id", **metadata)
        return set(database["table"].index_information()) - {"_id_"}

    assert names(indexes=["email", {"keys": {"email": -1}, "name": "newest", "unique": True}]) == {"email_1", "newest"}
    database["table"].create_index("theirs")
    assert names(indexes=["email"]) == {"email_1", "theirs_1"}
    assert names(indexes=[{"keys": "email", "unique": True}]) == {"email_1", "theirs_1"}
    assert database["table"].index_information()["email_1"]["unique"]
    assert names(indexes=["email"]) == {"email_1", "theirs_1"}
    assert "unique" not in database["table"].index_information()["email_1"]
    assert names() == {"theirs_1"}


def test_an_index_that_was_dropped_by_hand_is_made_again(io_manager, database):
    write_directly(io_manager, FRAME, primary_key="id", indexes=["email"])
    database["table"].drop_index("email_1")
    write_directly(io_manager, FRAME, primary_key="id", indexes=["email"])
    assert "email_1" in database["table"].index_information()


def test_a_schema_that_is_taken_out_of_the_metadata_is_removed_and_that_of_others_stays(io_manager, database):
    def schema() -> dict:
        (found,) = database.list_collections(filter={"name": "table"})
        return found["options"].get("validator", {})

    write_directly(io_manager, FRAME, primary_key="id", validation_action="error")
    assert schema()
    write_directly(io_manager, FRAME.assign(email=[1, 2]), primary_key="id")
    assert not schema()
    database.command("collMod", "table", validator={"email": {"$gt": 0}})
    write_directly(io_manager, FRAME.assign(email=[1, 3]), primary_key="id")
    assert schema() == {"email": {"$gt": 0}}


def test_rows_outside_a_partition_are_named_by_plain_values(io_manager):
    years = dg.StaticPartitionsDefinition(["2024", "2025"])
    spec = table(partitions_def=years, partition_expr="year")
    with pytest.raises(Exception, match=r"'year' is int64: partition keys are text.*astype\(str\)"):
        write(io_manager, spec, pd.DataFrame({"year": [2024, 2025]}), partition_key="2024")
    with pytest.raises(Exception, match="row 1 has year='2025'"):
        write(io_manager, spec, pd.DataFrame({"year": ["2024", "2025"]}), partition_key="2024")


def test_an_index_that_a_person_made_is_never_dropped(io_manager, database):
    database["table"].create_index("email")
    for indexes in (["email"], []):
        write_directly(io_manager, FRAME, primary_key="id", indexes=indexes)
    assert "email_1" in database["table"].index_information()


@pytest.mark.parametrize("metadata", [{"dates": 5}, {"dates": ["utc", 5]}, {"primary_key": 5}, {"primary_key": [5]}])
def test_options_of_a_wrong_type_are_refused_by_their_name(io_manager, metadata):
    (name,) = metadata
    with pytest.raises(OptionsError, match=f"'{name}' is "):
        write_directly(io_manager, FRAME, **metadata)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"indexes": ["emial"]}, "has no column emial, which 'indexes' names: it has"),
        ({"indexes": [{"keys": "email", "name": "a"}, {"keys": "id", "name": "a"}]}, "have the same name"),
        ({"keep_revisions": "false"}, "'keep_revisions' is 'false', it must be true or false"),
        ({"primary_key": ["id", "id"]}, "'primary_key' is"),
        ({"collection": ""}, "'' is not a valid collection name"),
    ],
)
def test_metadata_that_would_have_no_effect_is_refused(io_manager, database, metadata, message):
    with pytest.raises(OptionsError, match=message):
        write_directly(io_manager, FRAME, **{"primary_key": "id", **metadata})
    assert "table" not in database.list_collection_names()


def test_a_schema_needs_columns_and_a_collection_without_one(io_manager, database):
    with pytest.raises(OptionsError, match="'validation_action' needs columns"):
        write_directly(io_manager, [{"a": 1}], validation_action="error")
    database.create_collection("table", validator={"email": {"$type": "string"}})
    with pytest.raises(CollectionError, match="has a schema of another program"):
        write_directly(io_manager, FRAME, primary_key="id", validation_action="error")


def test_the_rows_of_a_partition_are_counted_in_every_mode(io_manager):
    keys = dg.StaticPartitionsDefinition(["x"])
    for mode, key in (("replace", "id"), ("merge", "id"), ("set", "id"), ("append", None)):
        spec = table(mode, partitions_def=keys, partition_expr="p", primary_key=key, write_mode=mode)
        for number in (1, 2):
            shown = write(io_manager, spec, pd.DataFrame({"p": ["x"], "id": [number]}), partition_key="x")
        assert shown["dagster/partition_row_count"] == (1 if mode == "replace" else 2), mode
