"""Outputs that are not assets: each belongs to its run, its step and its name."""

from datetime import datetime, timedelta, timezone

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import CollectionError, MongoDBIOManager, OptionsError
from dagster_mongodb.notes import NOTES

from dagster_mongodb_tests.tables import QUIET, materialize, read, shared_instance, table


@dg.op
def cats() -> pd.DataFrame:
    return pd.DataFrame({"animal": ["cat"]})


@dg.op
def dogs() -> pd.DataFrame:
    return pd.DataFrame({"animal": ["dog"]})


@dg.op
def show(context: dg.OpExecutionContext, first: pd.DataFrame, second: pd.DataFrame) -> str:
    return f"{first['animal'].item()} {second['animal'].item()}"


@dg.job
def animals():
    show(cats(), dogs())


def test_outputs_of_the_same_name_do_not_meet(io_manager):
    result = animals.execute_in_process(resources={"io_manager": io_manager}, instance=shared_instance())
    assert result.output_for_node("show") == "cat dog"


def test_partitions_that_run_at_the_same_time_do_not_mix(io_manager, database):
    """The second run writes its inner output before the first one reads its own."""
    keys = dg.StaticPartitionsDefinition(["a", "b"])

    @dg.op
    def inner(context: dg.OpExecutionContext) -> pd.DataFrame:
        return pd.DataFrame({"key": [context.partition_key]})

    @dg.op
    def outer(context: dg.OpExecutionContext, frame: pd.DataFrame) -> pd.DataFrame:
        if context.partition_key == "a":
            materialize(io_manager, [letters], partition_key="b")
        return frame

    @dg.graph_asset(partitions_def=keys, metadata={"partition_expr": "key"})
    def letters():
        return outer(inner())

    for key in keys.get_partition_keys():
        materialize(io_manager, [letters], partition_key=key)
    assert sorted(document["key"] for document in database["letters"].find()) == ["a", "b"]


def test_an_inner_output_does_not_overwrite_the_asset_of_its_name(io_manager):
    @dg.op(out=dg.Out(dagster_type=pd.DataFrame))
    def result() -> pd.DataFrame:
        return pd.DataFrame({"x": [0]})

    @dg.op
    def last(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(x=1)

    @dg.asset(name="result")
    def asset() -> pd.DataFrame:
        return pd.DataFrame({"x": [5]})

    @dg.graph_asset
    def other():
        return last(result())

    materialize(io_manager, [asset])
    materialize(io_manager, [other])
    assert read(io_manager, table("result"))["x"].tolist() == [5]


@dg.op
def broken_at_first(context: dg.OpExecutionContext, frame: pd.DataFrame) -> str:
    if context.run.parent_run_id is None:
        raise RuntimeError
    return frame["animal"].item()


@dg.job(
    resource_defs={
        "io_manager": MongoDBIOManager(uri=dg.EnvVar("MONGODB_URI"), database=dg.EnvVar("MONGODB_DATABASE"))
    },
    executor_def=dg.in_process_executor,
    config=QUIET,
)
def fails_once():
    broken_at_first(cats())


def test_a_run_that_is_started_again_from_its_failure_reads_the_outputs_of_the_first(
    mongodb_uri, database, instance, monkeypatch
):
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", database.name)
    job = dg.reconstructable(fails_once)
    with dg.execute_job(job, instance=instance) as first:
        assert not first.success
    again = dg.ReexecutionOptions.from_failure(first.run_id, instance)
    with dg.execute_job(job, instance=instance, reexecution_options=again) as second:
        assert second.success
        assert second.output_for_node("broken_at_first") == "cat"


def test_an_output_is_dropped_when_it_has_expired_and_another_one_is_written(mongodb_uri, database):
    manager = MongoDBIOManager(uri=mongodb_uri, database=database.name, keep_intermediates_days=2)

    def names() -> set[str]:
        return {name for name in database.list_collection_names() if name.startswith("dagster_intermediates.")}

    animals.execute_in_process(resources={"io_manager": manager}, instance=shared_instance())
    first = names()
    assert len(first) == 3
    expiry = database[NOTES].find_one({"_id": {"$in": [*first]}})["expires_at"]
    assert timedelta(days=1.9) < expiry - datetime.now(timezone.utc) < timedelta(days=2)
    animals.execute_in_process(resources={"io_manager": manager}, instance=shared_instance())
    assert first < names()
    past = datetime.now(timezone.utc) - timedelta(seconds=1)
    database[NOTES].update_many({"_id": {"$in": [*first]}}, {"$set": {"expires_at": past}})
    animals.execute_in_process(resources={"io_manager": manager}, instance=shared_instance())
    assert len(names()) == 6
    assert not first & names()
    assert database[NOTES].count_documents({}) == 6


def test_an_output_may_name_a_collection_that_it_keeps_for_itself(io_manager, database):
    @dg.op(out=dg.Out(metadata={"collection": "kept", "primary_key": "animal"}))
    def named() -> pd.DataFrame:
        return pd.DataFrame({"animal": ["owl"]})

    @dg.op(out=dg.Out(metadata={"collection": "kept", "primary_key": "animal"}))
    def another() -> pd.DataFrame:
        return pd.DataFrame({"animal": ["bat"]})

    @dg.job
    def one():
        named()

    @dg.job
    def two():
        another()

    for _ in range(2):
        assert one.execute_in_process(resources={"io_manager": io_manager}, instance=shared_instance()).success
    assert list(database["kept"].find()) == [{"_id": "owl"}]
    with pytest.raises(CollectionError, match=r"keeps output 'named.result', so output 'another.result' cannot be"):
        two.execute_in_process(resources={"io_manager": io_manager}, instance=shared_instance())


def test_an_output_of_a_run_keeps_no_former_versions(io_manager):
    @dg.op(out=dg.Out(metadata={"primary_key": "animal", "keep_revisions": True}))
    def kept() -> pd.DataFrame:
        return pd.DataFrame({"animal": ["owl"]})

    @dg.job
    def job():
        kept()

    with pytest.raises(OptionsError, match="is not an asset, so it keeps no revisions"):
        job.execute_in_process(resources={"io_manager": io_manager}, instance=shared_instance())


def test_a_step_with_a_very_long_name_has_a_collection(io_manager):
    @dg.op(name="x" * 180, out={"y" * 80: dg.Out()})
    def long() -> pd.DataFrame:
        return pd.DataFrame({"animal": ["owl"]})

    @dg.op
    def last(frame: pd.DataFrame) -> str:
        return frame["animal"].item()

    @dg.job
    def job():
        last(long())

    result = job.execute_in_process(resources={"io_manager": io_manager}, instance=shared_instance())
    assert result.output_for_node("last") == "owl"
