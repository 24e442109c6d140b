"""Where partitions are kept, and which of them an input reads."""

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import MongoDBIOManagerError, OptionsError, PartitionError

from dagster_mongodb_tests.tables import materialize, read, shared_instance, table, write

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")


def hours(first: str, periods: int, zone: str = "UTC", **columns) -> pd.DataFrame:
    times = pd.date_range(first, periods=periods, freq="h", tz=zone)
    return pd.DataFrame({"time": times, "value": range(periods), **columns})


def rows_of(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    return list(frame[list(columns)].itertuples(index=False, name=None))


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York", "Asia/Kolkata"])
def test_a_day_of_any_time_zone_holds_its_own_hours_also_when_clocks_change(io_manager, zone):
    days = dg.DailyPartitionsDefinition("2024-03-01", timezone=zone, end_date="2024-04-05")
    spec = table(partitions_def=days, partition_expr="time", primary_key="time")
    everything = hours("2024-03-08", 24 * 26, zone)
    for key in ("2024-03-10", "2024-03-11", "2024-03-31", "2024-04-01"):
        window = days.time_window_for_partition_key(key)
        day = everything[(everything["time"] >= window.start) & (everything["time"] < window.end)]
        assert len(day) in (23, 24)
        write(io_manager, spec, day, partition_key=key)
        stored = read(io_manager, spec, partitions_def=days, partition_key=key)
        assert stored["value"].tolist() == day["value"].tolist()
        assert stored["time"].tolist() == day["time"].tolist()


def test_a_range_is_one_write_and_one_read(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    frame = hours("2024-01-02", 24 * 3)
    metadata = write(io_manager, spec, frame, partition_range=("2024-01-02", "2024-01-04"))
    assert (metadata["inserted"], metadata["dagster/partition_row_count"]) == (72, 72)
    stored = read(io_manager, spec, partitions_def=DAILY, partition_key="2024-01-03")
    assert stored["value"].tolist() == list(range(24, 48))


def test_a_write_leaves_other_partitions_alone(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    write(io_manager, spec, hours("2024-01-01", 48), partition_range=("2024-01-01", "2024-01-02"))
    assert write(io_manager, spec, hours("2024-01-02", 1), partition_key="2024-01-02")["deleted"] == 23
    assert len(read(io_manager, spec)) == 25


MULTI = dg.MultiPartitionsDefinition({"day": DAILY, "color": dg.StaticPartitionsDefinition(["red", "blue"])})
MULTI_TABLE = table(
    partitions_def=MULTI, partition_expr={"day": "time", "color": "color"}, primary_key=["color", "time"]
)


def write_multi(manager, *days: str) -> None:
    for day in days:
        for color in ("red", "blue"):
            frame = hours(day, 2, color=color)
            write(manager, MULTI_TABLE, frame, partition_key=dg.MultiPartitionKey({"day": day, "color": color}))


def test_multi_dimensional_partitions_are_told_apart_by_both_dimensions(io_manager, database):
    write_multi(io_manager, "2024-01-01", "2024-01-02")
    assert database["table"].count_documents({}) == 8
    key = dg.MultiPartitionKey({"day": "2024-01-02", "color": "red"})
    stored = read(io_manager, MULTI_TABLE, partitions_def=MULTI, partition_key=key)
    assert rows_of(stored, "color", "value") == [("red", 0), ("red", 1)]
    assert stored["time"].dt.day.tolist() == [2, 2]


def test_several_columns_of_a_primary_key_are_a_subdocument_in_their_order(io_manager, database):
    write_multi(io_manager, "2024-01-01")
    assert [list(document["_id"]) for document in database["table"].find()] == [["color", "time"]] * 4
    assert "color" not in database["table"].find_one()


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_the_previous_window_of_a_multi_dimensional_asset_is_read(io_manager):
    write_multi(io_manager, "2024-01-01", "2024-01-02")
    mapping = dg.MultiPartitionMapping(
        {
            "day": dg.DimensionPartitionMapping("day", dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)),
            "color": dg.DimensionPartitionMapping("color", dg.IdentityPartitionMapping()),
        }
    )
    key = dg.MultiPartitionKey({"day": "2024-01-02", "color": "red"})
    stored = read(io_manager, MULTI_TABLE, partitions_def=MULTI, mapping=mapping, partition_key=key)
    assert rows_of(stored, "color", "value") == [("red", 0), ("red", 1)]
    assert set(stored["time"].dt.day) == {1}


def test_a_window_of_several_days_is_read_by_offset(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    write(io_manager, spec, hours("2024-01-01", 96), partition_range=("2024-01-01", "2024-01-04"))
    mapping = dg.TimeWindowPartitionMapping(start_offset=-2, end_offset=0)
    stored = read(io_manager, spec, partitions_def=DAILY, mapping=mapping, partition_key="2024-01-04")
    assert stored["time"].dt.day.unique().tolist() == [2, 3, 4]


def test_partitions_that_are_not_next_to_each_other_are_read_alone(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    write(io_manager, spec, hours("2024-01-01", 96), partition_range=("2024-01-01", "2024-01-04"))
    mapping = dg.SpecificPartitionsPartitionMapping(["2024-01-01", "2024-01-03"])
    assert read(io_manager, spec, mapping=mapping)["time"].dt.day.unique().tolist() == [1, 3]


def test_a_month_reads_its_days(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    write(io_manager, spec, hours("2024-01-30", 48), partition_range=("2024-01-30", "2024-01-31"))
    months = dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2024-03-01")
    assert len(read(io_manager, spec, partitions_def=months, partition_key="2024-01-01")) == 48


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Bogota"])
def test_calendar_dates_belong_to_the_local_window_whatever_its_offset(io_manager, zone):
    months = dg.MonthlyPartitionsDefinition("2024-01-01", timezone=zone, end_date="2024-04-01")
    spec = table(partitions_def=months, partition_expr="date", primary_key="date", calendar_dates=True)
    for key, days in (("2024-01-01", 31), ("2024-02-01", 29)):
        frame = pd.DataFrame({"date": pd.date_range(key, periods=days, tz="UTC"), "value": 1})
        assert write(io_manager, spec, frame, partition_key=key)["inserted"] == days
    stored = read(io_manager, spec, partitions_def=months, partition_key="2024-02-01")
    assert (stored["date"].min(), len(stored)) == (pd.Timestamp("2024-02-01", tz="UTC"), 29)


def test_rows_of_another_partition_are_refused_before_anything_is_written(io_manager, database):
    spec = table(partitions_def=DAILY, partition_expr="time", primary_key="time")
    with pytest.raises(PartitionError, match=r"1 of 25 rows lie outside the partition.*row 24 has time=.*2024-01-02"):
        write(io_manager, spec, hours("2024-01-01", 25), partition_key="2024-01-01")
    assert database.list_collection_names() == []


def test_a_partition_column_of_another_type_is_refused_with_what_to_do(io_manager):
    spec = table(partitions_def=DAILY, partition_expr="time")
    with pytest.raises(PartitionError, match="tz-aware"):
        write(io_manager, spec, pd.DataFrame({"time": ["2024-01-01"]}), partition_key="2024-01-01")


def test_partitions_without_a_partition_expr_are_refused_with_an_example(io_manager):
    with pytest.raises(OptionsError, match=r"partition_expr.*metadata="):
        write(io_manager, table(partitions_def=DAILY), hours("2024-01-01", 1), partition_key="2024-01-01")


@pytest.mark.parametrize("expression", [{"day": "time"}, "time"])
def test_a_dimension_without_a_column_is_named(io_manager, expression):
    spec = table(partitions_def=MULTI, partition_expr=expression)
    with pytest.raises(OptionsError, match="dimension .*color"):
        write(
            io_manager,
            spec,
            hours("2024-01-01", 1),
            partition_key=dg.MultiPartitionKey({"day": "2024-01-01", "color": "red"}),
        )


def test_no_two_asset_keys_meet_in_one_collection(io_manager, database):
    for key in (["both"], ["one", "both"], ["other", "both"]):
        write(io_manager, dg.AssetSpec(dg.AssetKey(key)), pd.DataFrame({"key": [".".join(key)]}))
    for name in ("both", "one.both", "other.both"):
        assert [document["key"] for document in database[name].find()] == [name]


def test_database_and_collection_of_the_metadata_win(io_manager, client, database):
    other = f"{database.name}_other"
    try:
        write(io_manager, table(database=other, collection="elsewhere"), pd.DataFrame({"a": [1]}))
        assert client[other]["elsewhere"].count_documents({}) == 1
        assert read(io_manager, table(database=other, collection="elsewhere"))["a"].tolist() == [1]
    finally:
        client.drop_database(other)


def test_an_input_reads_only_the_columns_it_names(io_manager):
    spec = table(primary_key="id")
    write(io_manager, spec, pd.DataFrame({"id": [1], "a": ["x"], "b": [2.5]}))
    assert read(io_manager, spec, columns=["b"]).to_dict("list") == {"b": [2.5]}
    assert list(read(io_manager, spec, columns=["b", "id"]).columns) == ["b", "id"]
    with pytest.raises(OptionsError, match="no column c"):
        read(io_manager, spec, columns=["c"])


def test_each_output_of_a_multi_asset_has_its_own_collection(io_manager, database):
    @dg.multi_asset(
        outs={
            "first": dg.AssetOut(metadata={"primary_key": "id"}),
            "second": dg.AssetOut(metadata={"collection": "elsewhere"}),
        }
    )
    def both():
        return pd.DataFrame({"id": [1]}), pd.DataFrame({"id": [2]})

    materialize(io_manager, [both])
    assert list(database["first"].find()) == [{"_id": 1}]
    assert [document["id"] for document in database["elsewhere"].find()] == [2]


def test_an_asset_that_returns_nothing_is_not_stored(io_manager, database):
    @dg.asset
    def nothing() -> None: ...

    assert materialize(io_manager, [nothing]).success
    assert database.list_collection_names() == []


def test_each_key_of_a_dynamic_output_and_of_the_steps_mapped_over_it_has_its_own_collection(io_manager, database):
    received = []

    @dg.op(out=dg.DynamicOut())
    def parts():
        for key in ("a", "b"):
            yield dg.DynamicOutput(pd.DataFrame({"key": [key]}), mapping_key=key)

    @dg.op(out={"marked": dg.Out(metadata={"primary_key": "key"})})
    def marked(part: pd.DataFrame):
        return part.assign(mark="x")

    @dg.op
    def together(parts: list[pd.DataFrame]) -> None:
        received.extend(part["key"].item() for part in parts)

    @dg.job(resource_defs={"io_manager": io_manager})
    def fan_out():
        together(parts().map(marked).collect())

    assert fan_out.execute_in_process(instance=shared_instance()).success
    assert sorted(received) == ["a", "b"]
    names = [name for name in database.list_collection_names() if name.startswith("dagster_intermediates.")]
    (of_a,) = (name for name in names if name.endswith(".marked[a].marked"))
    assert list(database[of_a].find()) == [{"_id": "a", "mark": "x"}]
    assert len(names) == 4


def test_an_input_of_another_type_is_refused_by_its_name(io_manager):
    write(io_manager, table(), pd.DataFrame({"a": [1]}))

    @dg.asset(ins={"frame": dg.AssetIn("table")})
    def reader(frame: complex) -> None: ...

    with pytest.raises(MongoDBIOManagerError, match="'table' cannot be read as .*complex.*pandas.DataFrame"):
        materialize(io_manager, [table(), reader], selection=[reader])
