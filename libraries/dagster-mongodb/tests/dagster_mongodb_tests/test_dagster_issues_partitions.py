"""What users of Dagster's database IO managers reported about partitions and their mappings.

Each test is named after an issue of https://github.com/dagster-io/dagster and does what its author did.
Others are in test_dagster_issues.py and test_dagster_issues_readers.py.
"""

from typing import Any

import dagster as dg
import pandas as pd
import pytest

from dagster_mongodb_tests.tables import QUIET, materialize, read, table, write

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
MONTHS = dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2024-04-01")
COLORS = dg.StaticPartitionsDefinition(["red", "blue"])
DAYS_AND_COLORS = dg.MultiPartitionsDefinition({"day": DAYS, "color": COLORS})
DAILY = table(partitions_def=DAYS, partition_expr="time", primary_key="time")
OF_BOTH = {"partition_expr": {"day": "time", "color": "color"}}


def day(key: str, **columns: Any) -> pd.DataFrame:
    times = pd.date_range(key, periods=2, freq="h", tz="UTC")
    return pd.DataFrame({"time": times, "value": [1, 2], **columns})


def both(day: str, color: str) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"day": day, "color": color})


def write_days_and_colors(io_manager, *days: str) -> dg.AssetSpec:
    spec = table(partitions_def=DAYS_AND_COLORS, **OF_BOTH)
    for key in days:
        for color in ("red", "blue"):
            write(io_manager, spec, day(key, color=color), partition_key=both(key, color))
    return spec


def parts(frame: pd.DataFrame, column: str = "color") -> set[tuple[int, str]]:
    """Return the days and colors of a frame."""
    return set(zip(frame["time"].dt.day, frame[column], strict=True))


# 17838: DB IO Managers can't handle multi partition mappings.
def test_dagster_issue_17838_one_dimension_of_an_asset_with_two_is_read_whole(io_manager):
    statements = dg.MultiPartitionsDefinition({"date": MONTHS, "account": COLORS})
    spec = table(partitions_def=statements, partition_expr={"date": "time", "account": "color"})
    for month in ("2024-01-01", "2024-02-01"):
        for account in ("red", "blue"):
            key = dg.MultiPartitionKey({"date": month, "account": account})
            write(io_manager, spec, day(month, color=account), partition_key=key)
    mapping = dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name="date")
    stored = read(io_manager, spec, partitions_def=MONTHS, mapping=mapping, partition_key="2024-02-01")
    assert stored["time"].dt.month.tolist() == [2, 2, 2, 2]
    assert set(stored["color"]) == {"red", "blue"}


def test_dagster_issue_17838_the_window_before_is_read_in_one_dimension_and_the_same_key_in_the_other(io_manager):
    spec = write_days_and_colors(io_manager, "2024-01-01", "2024-01-02", "2024-01-03")
    mapping = dg.MultiPartitionMapping(
        {
            "day": dg.DimensionPartitionMapping("day", dg.TimeWindowPartitionMapping(start_offset=-1)),
            "color": dg.DimensionPartitionMapping("color", dg.IdentityPartitionMapping()),
        }
    )
    key = both("2024-01-03", "red")
    stored = read(io_manager, spec, partitions_def=DAYS_AND_COLORS, mapping=mapping, partition_key=key)
    assert parts(stored) == {(2, "red"), (3, "red")}


def test_dagster_issue_17838_other_names_of_a_dimension_are_mapped(io_manager):
    spec = write_days_and_colors(io_manager, "2024-01-01", "2024-01-02")
    letters = dg.StaticPartitionsDefinition(["a", "b"])
    mapping = dg.MultiPartitionMapping(
        {
            "day": dg.DimensionPartitionMapping("day", dg.IdentityPartitionMapping()),
            "color": dg.DimensionPartitionMapping(
                "letter", dg.StaticPartitionMapping({"red": ["a", "b"], "blue": "b"})
            ),
        }
    )
    downstream = dg.MultiPartitionsDefinition({"day": DAYS, "letter": letters})
    for letter, expected in (("a", {(2, "red")}), ("b", {(2, "red"), (2, "blue")})):
        key = dg.MultiPartitionKey({"day": "2024-01-02", "letter": letter})
        stored = read(io_manager, spec, partitions_def=downstream, mapping=mapping, partition_key=key)
        assert parts(stored) == expected


def test_dagster_issue_17838_keys_that_are_no_product_of_their_dimensions_are_read_alone(io_manager):
    spec = write_days_and_colors(io_manager, "2024-01-01", "2024-01-02")
    mapping = dg.SpecificPartitionsPartitionMapping([both("2024-01-01", "red"), both("2024-01-02", "blue")])
    assert parts(read(io_manager, spec, mapping=mapping)) == {(1, "red"), (2, "blue")}


# 12502: Enable DB IO managers to load inputs that include multiple string partitions.
def test_dagster_issue_12502_an_asset_without_partitions_reads_all_static_partitions(io_manager):
    spec = table(partitions_def=COLORS, partition_expr="color")
    for color in ("red", "blue"):
        write(io_manager, spec, day("2024-01-01", color=color), partition_key=color)
    assert read(io_manager, spec)["color"].value_counts().to_dict() == {"red": 2, "blue": 2}


def test_dagster_issue_12502_a_static_mapping_reads_the_keys_it_names(io_manager):
    sizes = dg.StaticPartitionsDefinition(["small", "large", "huge"])
    spec = table(partitions_def=sizes, partition_expr="size")
    for size in ("small", "large", "huge"):
        write(io_manager, spec, pd.DataFrame({"size": [size]}), partition_key=size)
    mapping = dg.StaticPartitionMapping({"small": "red", "huge": "red", "large": "blue"})
    stored = read(io_manager, spec, partitions_def=COLORS, mapping=mapping, partition_key="red")
    assert sorted(stored["size"]) == ["huge", "small"]


def test_dagster_issue_12502_all_dynamic_partitions_are_read(io_manager, instance):
    spec = table(partitions_def=dg.DynamicPartitionsDefinition(name="fruits"), partition_expr="fruit")
    for fruit in ("apple", "pear", "fig"):
        instance.add_dynamic_partitions("fruits", [fruit])
        write(io_manager, spec, pd.DataFrame({"fruit": [fruit]}), partition_key=fruit, instance=instance)
    stored = read(
        io_manager,
        spec,
        partitions_def=COLORS,
        mapping=dg.AllPartitionMapping(),
        partition_key="red",
        instance=instance,
    )
    assert sorted(stored["fruit"]) == ["apple", "fig", "pear"]


# 32631: Multipartitioning with Dynamic partitions emits error.
# 33815: Time+Dynamic Multipartition job failing after 1.12.20 regression.
DAYS_AND_CLIENTS = dg.MultiPartitionsDefinition({"day": DAYS, "client": dg.DynamicPartitionsDefinition(name="clients")})
OF_CLIENTS = {"partition_expr": {"day": "time", "client": "client"}}


def of_client(day: str, client: str) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"day": day, "client": client})


def test_dagster_issue_32631_time_and_dynamic_partitions_are_written_and_read_together(io_manager, instance):
    spec = table(partitions_def=DAYS_AND_CLIENTS, **OF_CLIENTS)
    for client in ("acme", "umbrella"):
        instance.add_dynamic_partitions("clients", [client])
        for key in ("2024-01-01", "2024-01-02"):
            frame = day(key, client=client)
            write(io_manager, spec, frame, partition_key=of_client(key, client), instance=instance)
    one = read(
        io_manager,
        spec,
        partitions_def=DAYS_AND_CLIENTS,
        partition_key=of_client("2024-01-02", "acme"),
        instance=instance,
    )
    assert parts(one, "client") == {(2, "acme")}
    assert len(read(io_manager, spec, instance=instance)) == 8
    of_a_day = dg.MultiToSingleDimensionPartitionMapping("day")
    stored = read(
        io_manager, spec, partitions_def=DAYS, mapping=of_a_day, partition_key="2024-01-01", instance=instance
    )
    assert parts(stored, "client") == {(1, "acme"), (1, "umbrella")}


@pytest.mark.parametrize("is_range", [False, True], ids=["key", "range"])
def test_dagster_issue_33815_a_job_over_time_and_dynamic_partitions_ends_well(io_manager, database, instance, is_range):
    instance.add_dynamic_partitions("clients", ["acme", "umbrella"])

    @dg.asset(partitions_def=DAYS_AND_CLIENTS, metadata=OF_CLIENTS, backfill_policy=dg.BackfillPolicy.single_run())
    def orders(context: dg.AssetExecutionContext) -> list[dict]:
        keys = [DAYS_AND_CLIENTS.get_partition_key_from_str(key).keys_by_dimension for key in context.partition_keys]
        return [row for key in keys for row in day(key["day"], client=key["client"]).to_dict("records")]

    job = dg.define_asset_job("orders_job", [orders])
    defs = dg.Definitions(assets=[orders], jobs=[job], resources={"io_manager": io_manager})
    run: dict[str, Any] = {"partition_key": of_client("2024-01-01", "acme")}
    if is_range:
        ends = {"start": of_client("2024-01-01", "acme"), "end": of_client("2024-01-02", "umbrella")}
        run = {"tags": {f"dagster/asset_partition_range_{end}": str(key) for end, key in ends.items()}}
    result = defs.resolve_job_def("orders_job").execute_in_process(instance=instance, run_config=QUIET, **run)
    materialized = [
        instance.get_materialized_partitions(dg.AssetKey("orders")),
        database["orders"].count_documents({}),
    ]
    assert result.success
    expected = {of_client(key, client) for key in ("2024-01-01", "2024-01-02") for client in ("acme", "umbrella")}
    assert materialized == [expected if is_range else {of_client("2024-01-01", "acme")}, 8 if is_range else 2]


# 29747: Requesting upstream asset with different partitions as separate inputs fail. Dagster itself still refuses
# two inputs of one asset key, so the reader names the collection by a second spec, or reads both windows as one.
def test_dagster_issue_29747_two_windows_of_an_asset_are_two_inputs(io_manager):
    for key in ("2024-01-01", "2024-01-02", "2024-01-08"):
        write(io_manager, DAILY, day(key), partition_key=key)
    before = dg.AssetSpec("table_before", partitions_def=DAYS, metadata={**DAILY.metadata, "collection": "table"})
    received = {}

    @dg.asset(
        partitions_def=dg.DailyPartitionsDefinition("2024-01-08", end_date="2024-02-01"),
        ins={
            "current": dg.AssetIn("table"),
            "previous": dg.AssetIn(
                "table_before", partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-7, end_offset=-7)
            ),
        },
    )
    def compared(current: pd.DataFrame, previous: pd.DataFrame) -> None:
        received.update(current=current, previous=previous)

    materialize(io_manager, [DAILY, before, compared], selection=[compared], partition_key="2024-01-08")
    assert {name: set(frame["time"].dt.day) for name, frame in received.items()} == {"current": {8}, "previous": {1}}
