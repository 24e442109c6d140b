"""What users of Dagster's database IO managers reported about checks, ops, graphs and assets that read themselves.

Each test is named after an issue of https://github.com/dagster-io/dagster and does what its author did.
Others are in test_dagster_issues.py and test_dagster_issues_partitions.py.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dagster_mongodb import CollectionNotStoredError, MongoDBIOManagerError

from dagster_mongodb_tests.tables import QUIET, materialize, shared_instance, table, write

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
    pytest.mark.filterwarnings("ignore:Class `SourceAsset` is deprecated"),
]

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
COLORS = dg.StaticPartitionsDefinition(["red", "blue"])
DAYS_AND_COLORS = dg.MultiPartitionsDefinition({"day": DAYS, "color": COLORS})
DAILY = table(partitions_def=DAYS, partition_expr="time", primary_key="time")


def day(key: str, **columns: Any) -> pd.DataFrame:
    times = pd.date_range(key, periods=2, freq="h", tz="UTC")
    return pd.DataFrame({"time": times, "value": [1, 2], **columns})


# 30178: Asset Checks on partitioned assets using MultiPartitionsDefinition fail to load the data in the check.
def test_dagster_issue_30178_a_check_of_an_asset_with_two_dimensions_receives_its_rows(io_manager):
    received: dict[str, list] = {"whole": [], "partition": []}

    @dg.asset(
        name="table", partitions_def=DAYS_AND_COLORS, metadata={"partition_expr": {"day": "time", "color": "color"}}
    )
    def checked(context: dg.AssetExecutionContext) -> pd.DataFrame:
        key = DAYS_AND_COLORS.get_partition_key_from_str(context.partition_key).keys_by_dimension
        return day(key["day"], color=key["color"])

    @dg.asset_check(asset=checked)
    def whole(table: pd.DataFrame) -> dg.AssetCheckResult:
        received["whole"].append(set(table["color"]))
        return dg.AssetCheckResult(passed=True)

    @dg.asset_check(asset=checked, partitions_def=DAYS_AND_COLORS)
    def partition(table: pd.DataFrame) -> dg.AssetCheckResult:
        received["partition"].append(set(table["color"]))
        return dg.AssetCheckResult(passed=True)

    for color in ("red", "blue"):
        key = dg.MultiPartitionKey({"day": "2024-01-01", "color": color})
        assert materialize(io_manager, [checked, whole, partition], partition_key=key).success
    assert received == {
        "whole": [{"red"}, {"red", "blue"}],
        "partition": [{"red"}, {"blue"}],
    }


# 17005: Partitioned asset checks. With `ins`, the check received all partitions instead of its own.
@pytest.mark.parametrize("kind", [pd.DataFrame, list[dict]], ids=["frame", "documents"])
def test_dagster_issue_17005_a_check_with_partitions_receives_only_its_own(io_manager, kind):
    received = []

    @dg.asset(partitions_def=COLORS, metadata={"partition_expr": "color"})
    def paints(context: dg.AssetExecutionContext) -> pd.DataFrame:
        return pd.DataFrame({"color": [context.partition_key]})

    @dg.asset_check(asset=paints, partitions_def=COLORS)
    def by_argument(paints: kind) -> dg.AssetCheckResult:
        received.append(pd.DataFrame(paints)["color"].tolist())
        return dg.AssetCheckResult(passed=True)

    @dg.multi_asset_check(
        specs=[dg.AssetCheckSpec("by_ins", asset=paints, partitions_def=COLORS)], ins={"rows": dg.AssetIn("paints")}
    )
    def by_ins(rows: kind):
        received.append(pd.DataFrame(rows)["color"].tolist())
        yield dg.AssetCheckResult(passed=True, asset_key="paints", check_name="by_ins")

    for color in ("red", "blue"):
        received.clear()
        assert materialize(io_manager, [paints, by_argument, by_ins], partition_key=color).success
        assert received == [[color], [color]]


# 17038: IOManager Context has incorrect partition time window when loading in partitioned job.
def days_of_an_op(io_manager, partitions_def: dg.PartitionsDefinition | None, **run: Any) -> list[int]:
    """Return which days an op of a job receives of an asset with days."""
    for key in ("2024-01-01", "2024-01-02"):
        write(io_manager, DAILY, day(key), partition_key=key)
    received: list[int] = []

    @dg.op
    def email(table: pd.DataFrame) -> None:
        received.extend(table["time"].dt.day.unique())

    @dg.job(partitions_def=partitions_def, resource_defs={"io_manager": io_manager})
    def email_job() -> None:
        email(dg.SourceAsset("table", partitions_def=DAYS, metadata=DAILY.metadata))

    email_job.execute_in_process(run_config=QUIET, instance=shared_instance(), **run)
    return received


@pytest.mark.xfail(strict=True, reason="Dagster maps the input of an op to all partitions of the asset")
def test_dagster_issue_17038_an_op_of_a_partitioned_job_reads_the_partition_of_its_run(io_manager):
    assert days_of_an_op(io_manager, DAYS, partition_key="2024-01-02") == [2]


def test_dagster_issue_17038_an_op_of_a_job_with_other_partitions_or_none_reads_all(io_manager):
    assert days_of_an_op(io_manager, None) == [1, 2]
    assert days_of_an_op(io_manager, COLORS, partition_key="red") == [1, 2]


# 11845: DBIOManager doesn't work with self-dependent assets.
KINDS = {"pandas": pd.DataFrame, "documents": list[dict], "polars": pl.DataFrame, "arrow": pa.Table}


def running_total(kind: Any, received: list[int]) -> dg.AssetsDefinition:
    """Return an asset that reads its own previous day as a type."""

    @dg.asset(
        name="total",
        partitions_def=DAYS,
        metadata=DAILY.metadata,
        ins={"before": dg.AssetIn("total", partition_mapping=dg.TimeWindowPartitionMapping(-1, -1))},
    )
    def total(context: dg.AssetExecutionContext, before: kind):
        received.append(len(before))
        return day(context.partition_key)

    return total


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_dagster_issue_11845_the_first_partition_of_a_self_dependent_asset_reads_no_rows(io_manager, kind):
    received: list[int] = []
    total = running_total(kind, received)
    for key in ("2024-01-01", "2024-01-02", "2024-01-03"):
        assert materialize(io_manager, [total], partition_key=key).success
    assert received == [0, 2, 2]


def test_dagster_issue_11845_a_self_dependent_asset_that_starts_in_the_middle_says_what_is_missing(io_manager):
    total = running_total(pd.DataFrame, [])
    with pytest.raises(CollectionNotStoredError, match="'total' was never stored.*materialize it first"):
        materialize(io_manager, [total], partition_key="2024-01-15")


def test_dagster_issue_11845_the_first_partition_of_a_self_dependent_document_reads_none(io_manager):
    received = []

    @dg.asset(
        partitions_def=DAYS,
        metadata={"partition_expr": "time"},
        ins={"state": dg.AssetIn(partition_mapping=dg.TimeWindowPartitionMapping(-1, -1))},
    )
    def state(context: dg.AssetExecutionContext, state: dict | None) -> dict:
        received.append(state and state["count"])
        count = 1 if state is None else state["count"] + 1
        return {"time": pd.Timestamp(context.partition_key, tz="UTC"), "count": count}

    for key in ("2024-01-01", "2024-01-02"):
        assert materialize(io_manager, [state], partition_key=key).success
    assert received == [None, 1]


# 15239: InputContext has wrong asset key with fan-in.
def together(received: list) -> dg.AssetsDefinition:
    """Return a graph asset with an op that reads two assets as one list."""

    @dg.op
    def collect(frames: list[pd.DataFrame]) -> pd.DataFrame:
        received.extend(frame["a"].item() for frame in frames)
        return frames[0]

    @dg.graph_asset
    def both(cats, dogs):
        return collect([cats, dogs])

    return both


def animals() -> list[dg.AssetsDefinition]:
    def asset_of(name: str) -> Callable[[], pd.DataFrame]:
        return lambda: pd.DataFrame({"a": [name]})

    return [dg.asset(name=name)(asset_of(name)) for name in ("cats", "dogs")]


def test_dagster_issue_15239_a_list_of_two_assets_of_the_same_run_receives_both(io_manager):
    received: list[str] = []
    materialize(io_manager, [*animals(), together(received)])
    assert received == ["cats", "dogs"]


@pytest.mark.xfail(strict=True, reason="both read 'cats': nothing in Dagster's context tells the second from the first")
def test_dagster_issue_15239_a_list_of_two_assets_of_another_run_is_read_right_or_refused(io_manager):
    received: list[str] = []
    both = together(received)
    materialize(io_manager, animals())
    try:
        materialize(io_manager, [*animals(), both], selection=[both])
    except MongoDBIOManagerError:
        return
    assert received == ["cats", "dogs"]


# 19405: `Definitions.load_asset_value()` missing `step_context` with `db_io_manager`.
def test_dagster_issue_19405_definitions_load_the_value_of_an_asset_and_of_a_partition(io_manager):
    @dg.asset(partitions_def=DAYS, metadata=DAILY.metadata)
    def hours(context: dg.AssetExecutionContext) -> pd.DataFrame:
        return day(context.partition_key)

    for key in ("2024-01-01", "2024-01-02"):
        materialize(io_manager, [hours], partition_key=key)
    defs = dg.Definitions(assets=[hours], resources={"io_manager": io_manager})
    assert len(defs.load_asset_value("hours", python_type=pd.DataFrame)) == 4
    documents = defs.load_asset_value("hours", python_type=list[dict], partition_key="2024-01-02")
    assert [document["time"].day for document in documents] == [2, 2]
    frame = defs.load_asset_value("hours", metadata={"columns": ["value"]}, partition_key="2024-01-02")
    assert frame.to_dict("list") == {"value": [1, 2]}
