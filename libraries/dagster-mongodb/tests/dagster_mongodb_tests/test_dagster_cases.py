"""The test cases of Dagster's own database IO managers, for MongoDB.

Each test has the name of its model: those of `dagster-duckdb-pandas` (test_type_handler.py) run here as they
do there, but that a time window needs dates with a time zone; those of Dagster's `DbIOManager`
(test_db_io_manager.py) read MongoDB where the model asks a mock.
"""

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManager, MongoDBIOManagerError

from dagster_mongodb_tests.tables import (
    NO_RESOURCES,
    QUIET,
    materialize,
    read,
    read_directly,
    shared_instance,
    table,
    write,
    write_directly,
)

DAYS = dg.DailyPartitionsDefinition("2022-01-01", end_date="2022-01-10")
DAYS_AND_COLORS = dg.MultiPartitionsDefinition(
    {"time": DAYS, "color": dg.StaticPartitionsDefinition(["red", "yellow", "blue"])}
)
MULTI = {"partition_expr": {"time": "time", "color": "color"}}


def a_df() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})


def midnight(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def values(database, name: str) -> list:
    return sorted(document["a"] for document in database[name].find())


def run(io_manager, assets, **options) -> dg.ExecuteInProcessResult:
    return materialize(io_manager, assets, **options)


def test_io_manager_with_ops(io_manager, database):
    @dg.op(out=dg.Out(metadata={"collection": "a_df.result"}))
    def first() -> pd.DataFrame:
        return a_df()

    @dg.op(out=dg.Out(metadata={"collection": "add_one.result"}))
    def add_one(df: pd.DataFrame):
        return df + 1

    @dg.graph
    def add_one_to_dataframe():
        add_one(first())

    job = add_one_to_dataframe.to_job(resource_defs={"io_manager": io_manager})
    for _ in range(2):
        assert job.execute_in_process(instance=shared_instance()).success
        assert values(database, "a_df.result") == [1, 2, 3]
        assert values(database, "add_one.result") == [2, 3, 4]


@dg.asset(key_prefix=["my_schema"])
def b_df() -> pd.DataFrame:
    return a_df()


@dg.asset(key_prefix=["my_schema"])
def b_plus_one(b_df: pd.DataFrame) -> pd.DataFrame:
    return b_df + 1


def test_io_manager_with_assets(io_manager, database):
    for _ in range(2):
        assert run(io_manager, [b_df, b_plus_one]).success
        assert values(database, "my_schema.b_df") == [1, 2, 3]
        assert values(database, "my_schema.b_plus_one") == [2, 3, 4]


def test_io_manager_with_schema(mongodb_uri, client, database):
    """What is a schema there is the database here."""
    manager = MongoDBIOManager(uri=mongodb_uri, database=f"{database.name}_custom")
    try:
        assert run(manager, [b_df, b_plus_one]).success
        assert values(client[f"{database.name}_custom"], "my_schema.b_plus_one") == [2, 3, 4]
    finally:
        client.drop_database(f"{database.name}_custom")


def test_loading_columns(io_manager, database):
    @dg.asset(key_prefix=["my_schema"], ins={"b_df": dg.AssetIn("b_df", metadata={"columns": ["a"]})})
    def b_plus_one_columns(b_df: pd.DataFrame) -> pd.DataFrame:
        return b_df + 1

    for _ in range(2):
        assert run(io_manager, [b_df, b_plus_one_columns]).success
        assert values(database, "my_schema.b_plus_one_columns") == [2, 3, 4]
        assert list(database["my_schema.b_plus_one_columns"].find_one()) == ["_id", "a"]


def test_not_supported_type(io_manager):
    @dg.op
    def non_supported_type() -> complex:
        return 1j

    @dg.job(resource_defs={"io_manager": io_manager})
    def not_supported():
        non_supported_type()

    with pytest.raises(MongoDBIOManagerError, match="returned complex, but MongoDBIOManager stores"):
        not_supported.execute_in_process(run_config=QUIET, instance=shared_instance())


@pytest.mark.parametrize(
    ("partitions_def", "column", "first", "second"),
    [
        (DAYS, "time", "2022-01-01", "2022-01-02"),
        (dg.StaticPartitionsDefinition(["red", "yellow", "blue"]), "color", "red", "blue"),
    ],
    ids=["time_window", "static"],
)
def test_time_window_and_static_partitioned_asset(io_manager, database, partitions_def, column, first, second):
    spec = table(partitions_def=partitions_def, partition_expr=column)
    expected: dict[str, list[str]] = {}
    for key, value in ((first, "1"), (second, "2"), (first, "3")):
        of_partition = midnight(key) if column == "time" else key
        write(
            io_manager, spec, pd.DataFrame({column: [of_partition] * 3, "a": value, "b": [4, 5, 6]}), partition_key=key
        )
        expected[key] = [value] * 3
        assert values(database, "table") == sorted(value for stored in expected.values() for value in stored)


def multi_frame(day: str, color: str, value: str) -> pd.DataFrame:
    return pd.DataFrame({"color": [color] * 3, "time": midnight(day), "a": value})


def test_multi_partitioned_asset(io_manager, database):
    spec = table(partitions_def=DAYS_AND_COLORS, **MULTI)
    expected: dict[tuple[str, str], list[str]] = {}
    for day, color, value in (
        ("2022-01-01", "red", "1"),
        ("2022-01-01", "blue", "2"),
        ("2022-01-02", "red", "3"),
        ("2022-01-01", "red", "4"),
    ):
        key = dg.MultiPartitionKey({"time": day, "color": color})
        write(io_manager, spec, multi_frame(day, color, value), partition_key=key)
        expected[day, color] = [value] * 3
        assert values(database, "table") == sorted(value for stored in expected.values() for value in stored)


def test_dynamic_partition(io_manager, database, instance):
    fruits = dg.DynamicPartitionsDefinition(name="dynamic_fruits")
    spec = table(partitions_def=fruits, partition_expr="fruit")
    for fruit, value, expected in (("apple", "1", "111"), ("orange", "2", "111222"), ("apple", "3", "222333")):
        instance.add_dynamic_partitions("dynamic_fruits", [fruit])
        frame = pd.DataFrame({"fruit": [fruit] * 3, "a": value})
        write(io_manager, spec, frame, partition_key=fruit, instance=instance)
        assert values(database, "table") == list(expected)
    assert sorted(read(io_manager, spec, instance=instance)["a"]) == list("222333")


def test_self_dependent_asset(io_manager, database):
    received = {}

    @dg.asset(
        partitions_def=DAYS,
        key_prefix=["my_schema"],
        ins={
            "self_dependent_asset": dg.AssetIn(
                key=dg.AssetKey(["my_schema", "self_dependent_asset"]),
                partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1),
            )
        },
        metadata={"partition_expr": "time"},
    )
    def self_dependent_asset(context, self_dependent_asset: pd.DataFrame) -> pd.DataFrame:
        received[context.partition_key] = self_dependent_asset
        return pd.DataFrame({"time": [midnight(context.partition_key)] * 3, "a": context.partition_key})

    for key in ("2022-01-01", "2022-01-02"):
        assert run(io_manager, [self_dependent_asset], partition_key=key).success
    assert received["2022-01-01"].empty
    assert received["2022-01-02"]["a"].tolist() == ["2022-01-01"] * 3
    assert values(database, "my_schema.self_dependent_asset") == ["2022-01-01"] * 3 + ["2022-01-02"] * 3


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_multi_partitioned_asset_with_downstream_mapping(io_manager):
    received = []

    @dg.asset(
        ins={"table": dg.AssetIn(partition_mapping=dg.MultiToSingleDimensionPartitionMapping("time"))},
        partitions_def=DAYS,
    )
    def downstream_of_multi_partitioned(table: pd.DataFrame) -> None:
        received.append(table)

    spec = table(partitions_def=DAYS_AND_COLORS, **MULTI)
    for day, color in (("2022-01-01", "red"), ("2022-01-01", "blue"), ("2022-01-02", "red")):
        key = dg.MultiPartitionKey({"time": day, "color": color})
        write(io_manager, spec, multi_frame(day, color, "1"), partition_key=key)
    run(
        io_manager,
        [spec, downstream_of_multi_partitioned],
        selection=[downstream_of_multi_partitioned],
        partition_key="2022-01-01",
    )
    assert sorted(received[0]["color"].unique()) == ["blue", "red"]
    assert set(received[0]["time"]) == {midnight("2022-01-01")}


def test_single_run_backfill_of_a_multi_partitioned_asset(io_manager, database):
    """Of dagster's pull 17914: several keys in one run, which its IO managers took for one."""
    spec = table(partitions_def=DAYS_AND_COLORS, **MULTI)
    frame = pd.concat(
        [multi_frame(day, color, "1") for day in ("2022-01-01", "2022-01-02") for color in ("blue", "red")]
    )
    keys = "blue|2022-01-01", "red|2022-01-02"
    metadata = write(io_manager, spec, frame.reset_index(drop=True), partition_range=keys)
    assert metadata["dagster/partition_row_count"] == 12
    assert len(values(database, "table")) == 12


def test_asset_out_and_columns(io_manager):
    write_directly(io_manager, a_df())
    assert read_directly(io_manager, pd.DataFrame)["a"].tolist() == [1, 2, 3]
    assert read_directly(io_manager, pd.DataFrame, of_input={"columns": ["b"]}).to_dict("list") == {"b": [4, 5, 6]}


def test_different_output_and_input_types(io_manager):
    write_directly(io_manager, a_df())
    assert read_directly(io_manager, list) == a_df().to_dict("records")


def test_non_asset_out(io_manager, database):
    context = dg.build_output_context(
        name="table1", definition_metadata={"database": database.name}, resources=NO_RESOURCES
    )
    io_manager.handle_output(context, a_df())
    assert values(database, "table1") == [1, 2, 3]


def test_handle_none_output(io_manager):
    with pytest.raises(MongoDBIOManagerError, match="returned NoneType.*pandas.DataFrame.*'-> None'"):
        write_directly(io_manager, None)


def test_default_load_type(io_manager):
    received = []

    @dg.asset
    def without_annotation(b_df) -> None:
        received.append(b_df)

    assert run(io_manager, [b_df, without_annotation]).success
    assert isinstance(received[0], pd.DataFrame)
