"""What users of Dagster's database IO managers reported about storing, types and concurrent runs.

Each test is named after an issue of https://github.com/dagster-io/dagster and does what its author did.
Others are in test_dagster_issues_partitions.py and test_dagster_issues_readers.py.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManager

from dagster_mongodb_tests.mongod import connections, wait_until
from dagster_mongodb_tests.tables import TEXT_DTYPE, counts, materialize, read, table, write

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
FRUITS = dg.StaticPartitionsDefinition(["apple", "pear"])


def day(key: str, **columns) -> pd.DataFrame:
    times = pd.date_range(key, periods=2, freq="h", tz="UTC")
    return pd.DataFrame({"time": times, "value": [1, 2], **columns})


# 13098: DB IO managers: support when a new column is added to an asset.
@pytest.mark.parametrize("key", [{}, {"primary_key": "time"}], ids=["unkeyed", "keyed"])
def test_dagster_issue_13098_a_partition_may_bring_a_new_column(io_manager, key):
    spec = table(partitions_def=DAYS, partition_expr="time", **key)
    write(io_manager, spec, day("2024-01-01"), partition_key="2024-01-01")
    write(io_manager, spec, day("2024-01-02", unit="mm"), partition_key="2024-01-02")

    def of_day(partition: str) -> pd.DataFrame:
        return read(io_manager, spec, partitions_def=DAYS, partition_key=partition)

    assert of_day("2024-01-02")["unit"].tolist() == ["mm", "mm"]
    assert of_day("2024-01-01")["unit"].isna().all()
    both = read(io_manager, spec).sort_values("time")
    assert both["value"].tolist() == [1, 2, 1, 2]
    assert both["unit"].isna().tolist() == [True, True, False, False]


def test_dagster_issue_13098_a_partition_may_lack_a_column_that_others_have(io_manager):
    spec = table(partitions_def=DAYS, partition_expr="time")
    write(io_manager, spec, day("2024-01-01", unit="mm"), partition_key="2024-01-01")
    write(io_manager, spec, day("2024-01-02"), partition_key="2024-01-02")
    both = read(io_manager, spec).sort_values("time")
    assert both["unit"].isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize("missing", [{}, {"id": None}], ids=["absent", "null"])
def test_dagster_issue_13098_integers_keep_their_digits_where_others_lack_the_column(io_manager, missing):
    spec = table(partitions_def=FRUITS, partition_expr="fruit")
    write(io_manager, spec, [{"fruit": "apple", **missing}], partition_key="apple")
    write(io_manager, spec, [{"fruit": "pear", "id": 2**60 + 1}], partition_key="pear")
    (identity,) = read(io_manager, spec)["id"].dropna()
    assert int(identity) == 2**60 + 1


# 17058: dagster-duckdb-polars should drop table first if schema don't match.
FORMER = pd.DataFrame({"id": [1, 2], "name": ["a", "b"], "amount": [1, 2]})
NEW_SCHEMAS = {
    "renamed": pd.DataFrame({"id": [1, 2], "title": ["a", "b"], "amount": [1, 2]}),
    "fewer": pd.DataFrame({"id": [1, 2], "amount": [1, 2]}),
    "more": pd.DataFrame({"id": [1, 2], "name": ["a", "b"], "amount": [1, 2], "unit": ["mm", "mm"]}),
    "other_type": pd.DataFrame({"id": [1, 2], "name": [1.5, 2.5], "amount": ["1", "2"]}),
    "other_order": pd.DataFrame({"amount": [1, 2], "name": ["a", "b"], "id": [1, 2]}),
}


@pytest.mark.parametrize("new", NEW_SCHEMAS.values(), ids=NEW_SCHEMAS)
@pytest.mark.parametrize(
    "options",
    [{}, {"primary_key": "id"}, {"primary_key": "id", "validation_action": "error"}],
    ids=["unkeyed", "keyed", "validated"],
)
def test_dagster_issue_17058_another_materialization_may_have_other_columns(io_manager, database, options, new):
    spec = table(**options)
    write(io_manager, spec, FORMER)
    write(io_manager, spec, new)
    pd.testing.assert_frame_equal(read(io_manager, spec), new)
    key = "id" if options else None
    for document in database["table"].find():
        assert set(document) - {"_id"} == set(new.columns) - {key}
    assert counts(write(io_manager, spec, new)) == (0, 0, 2, 0)


def test_dagster_issue_17058_an_empty_frame_replaces_the_columns_too(io_manager):
    write(io_manager, table(), FORMER)
    empty = pd.DataFrame({"title": pd.Series(dtype=TEXT_DTYPE), "count": pd.Series(dtype="int64")})
    write(io_manager, table(), empty)
    pd.testing.assert_frame_equal(read(io_manager, table()), empty)


# 16248: DuckDBPandasIOManager is not thread safe and is prone to SQL injection.
def test_dagster_issue_16248_partitions_that_are_written_at_the_same_time_are_all_stored(io_manager, database):
    hours = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2024-01-02-00:00")
    spec = table(partitions_def=hours, partition_expr="time", primary_key=["station", "time"])

    def write_hour(key: str) -> tuple[int, int, int, int]:
        start = hours.time_window_for_partition_key(key).start
        times = pd.date_range(start, periods=60, freq="min")
        frame = pd.DataFrame({"station": "s", "time": times, "value": range(60)})
        with dg.DagsterInstance.ephemeral() as own:
            return counts(write(io_manager, spec, frame, partition_key=key, instance=own))

    keys = hours.get_partition_keys()
    assert len(keys) == 24
    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(write_hour, keys)) == {(60, 0, 0, 0)}
    assert database["table"].count_documents({}) == 24 * 60
    stored = read(io_manager, spec)
    assert stored["time"].is_monotonic_increasing
    assert stored["time"].is_unique


HOSTILE = ["'; db.dropDatabase(); '", '{"$ne": null}', "$where", "x' OR '1'='1", "a.b", "/.*/", ""]


@pytest.mark.parametrize("hostile", [key for key in HOSTILE if key])
def test_dagster_issue_16248_a_partition_key_is_text_and_never_a_query(io_manager, database, hostile):
    spec = table(partitions_def=dg.StaticPartitionsDefinition([hostile, "apple"]), partition_expr="fruit")
    for key in (hostile, "apple"):
        write(io_manager, spec, pd.DataFrame({"fruit": [key], "a": [1]}), partition_key=key)
    write(io_manager, spec, pd.DataFrame({"fruit": [hostile], "a": [2]}), partition_key=hostile)
    assert sorted((document["fruit"], document["a"]) for document in database["table"].find()) == sorted(
        [(hostile, 2), ("apple", 1)]
    )
    stored = read(io_manager, spec, partitions_def=spec.partitions_def, partition_key=hostile)
    assert stored.to_dict("records") == [{"fruit": hostile, "a": 2}]


def test_dagster_issue_16248_values_and_names_are_data_and_never_a_query(io_manager, database):
    name = 'x"; db.dropDatabase(); "'
    frame = pd.DataFrame({"id": HOSTILE, name: [json.dumps({"$gt": text}) for text in HOSTILE]})
    spec = table(primary_key="id")
    for _ in range(2):
        write(io_manager, spec, frame)
    assert database["table"].count_documents({}) == len(HOSTILE)
    stored = read(io_manager, spec, columns=["id", name])
    assert dict(stored[["id", name]].to_numpy().tolist()) == dict(frame.to_numpy().tolist())


# 19068: dagster doesn't properly release locked duckdb with partitioned asset.
def test_dagster_issue_19068_readers_that_stay_open_hinder_no_backfill(mongodb_uri, client, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, app_name=database.name, batch_size=1)
    spec = table(partitions_def=DAYS, partition_expr="time", primary_key="time")
    write(manager, spec, day("2024-01-01"), partition_key="2024-01-01")
    with database["table"].find(batch_size=1) as reader:
        next(reader)
        for key in DAYS.get_partition_keys():
            write(manager, spec, day(key, note="again"), partition_key=key)
    assert database["table"].count_documents({"note": "again"}) == 62


def test_dagster_issue_19068_each_run_releases_its_connections_also_if_it_fails(mongodb_uri, client, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, app_name=database.name)
    open_in_run = []

    @dg.asset(partitions_def=DAYS, metadata={"partition_expr": "time"})
    def month(context: dg.AssetExecutionContext) -> pd.DataFrame:
        open_in_run.append(connections(client, database.name))
        return day("2024-01-01")

    for key, is_success in (("2024-01-01", True), ("2024-01-02", False), ("2024-01-01", True)):
        assert materialize(manager, [month], partition_key=key, raise_on_error=False).success is is_success
        wait_until(lambda: connections(client, database.name) == 0, "the server notices the closed connections")
    assert open_in_run == [0, 0, 0]


# 27941: Fix inheritance type check fails on asset outputs.
def test_dagster_issue_27941_a_subclass_is_stored_as_its_base(io_manager):
    class Table(pd.DataFrame):
        pass

    class Documents(list):
        pass

    for content in (Table({"a": [1]}), Documents([{"a": 1}])):
        write(io_manager, table(), content)
        assert read(io_manager, table(), columns=["a"]).to_dict("list") == {"a": [1]}


# 24172: Loading Empty Dataframe crashes Snowflake Pandas IO Manager.
def test_dagster_issue_24172_a_frame_without_columns_is_stored_and_read(io_manager):
    write(io_manager, table(), pd.DataFrame())
    assert read(io_manager, table()).empty


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"primary_key": "time"}, id="keyed"),
        pytest.param({}, id="unkeyed"),
    ],
)
def test_dagster_issue_24172_a_frame_without_columns_empties_a_partition(io_manager, options):
    spec = table(partitions_def=DAYS, partition_expr="time", **options)
    write(io_manager, spec, day("2024-01-01"), partition_key="2024-01-01")
    assert write(io_manager, spec, pd.DataFrame(), partition_key="2024-01-01")["deleted"] == 2


# 20552: dagster-snowflake-pandas no longer quotes identifiers.
def test_dagster_issue_20552_names_of_columns_are_any_text(io_manager):
    frame = pd.DataFrame({"5_stars": [True], "select": [1], "Ünï cødé": ["x"], " lead": [1.5], "A": [1], "a": [2]})
    write(io_manager, table(), frame)
    pd.testing.assert_frame_equal(read(io_manager, table()), frame)


# 19357: Materializing assets that switch between being partitioned and non-partitioned does not work.
def test_dagster_issue_19357_an_asset_may_become_partitioned_and_whole_again(io_manager):
    daily = table(partitions_def=DAYS, partition_expr="time")
    write(io_manager, table(), day("2024-01-01"))
    write(io_manager, daily, day("2024-01-02"), partition_key="2024-01-02")
    assert sorted(read(io_manager, daily)["time"].dt.day) == [1, 1, 2, 2]
    write(io_manager, table(), day("2024-01-03"))
    assert read(io_manager, table())["time"].dt.day.tolist() == [3, 3]


# 10243: Metadata defined via AssetsDefinition.from_graph not accessible in IO Manager.
def test_dagster_issue_10243_the_metadata_of_a_graph_asset_is_obeyed(io_manager, database):
    @dg.op
    def rows() -> list[dict]:
        return [{"id": 1, "a": 2}]

    @dg.graph_asset(metadata={"primary_key": "id", "collection": "elsewhere"})
    def graph():
        return rows()

    materialize(io_manager, [graph])
    assert list(database["elsewhere"].find()) == [{"_id": 1, "a": 2}]


# 25990: Bigquery IO Manager altering table name when dealing with AssetOut from multi_asset.
def test_dagster_issue_25990_only_the_outputs_that_a_multi_asset_yields_are_written(io_manager, database):
    @dg.multi_asset(
        outs={
            "first": dg.AssetOut(metadata={"partition_expr": "fruit"}, is_required=False),
            "second": dg.AssetOut(key=["of", "second"], metadata={"partition_expr": "fruit"}, is_required=False),
        },
        partitions_def=FRUITS,
        can_subset=True,
    )
    def parts(context: dg.AssetExecutionContext):
        yield dg.Output([{"fruit": context.partition_key}], "second")

    materialize(io_manager, [parts], partition_key="apple")
    assert [document["fruit"] for document in database["of.second"].find()] == ["apple"]
    assert "first" not in database.list_collection_names()
