"""What an input reads: a part of the rows and columns, the past, and nothing by mistake."""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from dagster_mongodb import DataFrameChunks, MongoDBIOManager, OptionsError, Read, UnstorableError

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

T0 = datetime(2024, 1, 1, tzinfo=timezone.utc)
FRAME = pd.DataFrame(
    {
        "city": ["Oslo", "Rome", "Lima", "Baku"],
        "height": [23, 21, 154, -28],
        "since": pd.date_range(T0, periods=4, freq="D"),
        "in US$ 1.50": [1.0, 2.0, 3.0, 4.0],
    }
)
PEOPLE = [
    {"name": "Ada", "address": {"city": "Oslo", "street": "A"}, "v1.0": 1},
    {"name": "Bo", "address": {"city": "Rome", "street": "B"}, "v1.0": 2},
]
KINDS = [pd.DataFrame, list, DataFrameChunks]


def cities(found: Any) -> list[str]:
    if isinstance(found, DataFrameChunks):
        found = pd.concat(found)
    return list(found["city"]) if isinstance(found, pd.DataFrame) else [row["city"] for row in found]


def read_as(
    io_manager: MongoDBIOManager, spec: dg.AssetSpec, annotation: Any, metadata: dict[str, Any] | None = None
) -> Any:
    """Return what an asset receives whose input has an annotation and metadata."""
    received = []

    def reader(content) -> None:
        received.append(content)

    reader.__annotations__["content"] = annotation
    asset = dg.asset(ins={"content": dg.AssetIn(spec.key, metadata=metadata)})(reader)
    materialize(io_manager, [spec, asset], selection=[asset])
    return received[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filter": {"height": {"$gt": 22}}}, ["Lima", "Oslo"]),
        ({"filter": {"city": "Rome"}}, ["Rome"]),
        ({"filter": {"$or": [{"city": "Rome"}, {"since": {"$lt": T0 + timedelta(hours=1)}}]}}, ["Oslo", "Rome"]),
        ({"filter": {"in US$ 1.50": 3}}, ["Lima"]),
        ({"filter": {"city": {"$regex": "^[OR]", "$ne": "Oslo"}}}, ["Rome"]),
        ({"filter": {"city": {"$regex": "^o", "$options": "i"}}}, ["Oslo"]),
        ({"filter": {"since": {"$lte": T0.date()}}}, ["Oslo"]),
        ({"sort": "height"}, ["Baku", "Rome", "Oslo", "Lima"]),
        ({"sort": {"in US$ 1.50": -1}, "limit": 2}, ["Baku", "Lima"]),
        ({"sort": [("height", -1)], "columns": ["city"]}, ["Lima", "Oslo", "Rome", "Baku"]),
        ({"limit": 1}, ["Baku"]),
    ],
)
def test_an_input_reads_only_the_rows_that_it_asks_for(io_manager, kind, options, expected):
    write_directly(io_manager, FRAME, primary_key="city")
    assert cities(read_directly(io_manager, kind, of_input=Read(**options))) == expected


def test_a_filter_names_columns_of_a_compound_key(io_manager):
    write_directly(io_manager, FRAME, primary_key=["city", "height"])
    assert cities(read_directly(io_manager, pd.DataFrame, of_input=Read(filter={"height": 21}))) == ["Rome"]


def test_a_filter_reads_only_rows_of_the_partition(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")
    spec = table(partitions_def=days, partition_expr="since")
    write(io_manager, spec, FRAME, partition_range=("2024-01-01", "2024-01-04"))
    received = []

    @dg.asset(partitions_def=days, ins={"frame": dg.AssetIn("table", metadata=Read(filter={"height": {"$gt": 22}}))})
    def reader(frame: pd.DataFrame) -> None:
        received.extend(frame["city"])

    for day in ("2024-01-01", "2024-01-02"):
        materialize(io_manager, [spec, reader], selection=[reader], partition_key=day)
    assert received == ["Oslo"]


def test_a_filter_by_a_date_is_shown_in_dagster_and_obeyed(io_manager):
    write_directly(io_manager, FRAME, primary_key="city")
    received = []

    @dg.asset(ins={"frame": dg.AssetIn("table", metadata=Read(filter={"since": {"$gte": T0 + timedelta(days=3)}}))})
    def reader(frame: pd.DataFrame) -> None:
        received.extend(frame["city"])

    materialize(io_manager, [table(), reader], selection=[reader])
    assert received == ["Baku"]


@pytest.mark.parametrize("kind", [pd.DataFrame, list])
def test_a_pipeline_aggregates_in_the_server(io_manager, kind):
    write_directly(io_manager, FRAME, primary_key="city")
    stages = [{"$group": {"_id": {"$gt": ["$height", 0]}, "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    found = read_directly(io_manager, kind, of_input=Read(filter={"city": {"$ne": "Lima"}}, pipeline=stages))
    rows = found.to_dict("records") if isinstance(found, pd.DataFrame) else found
    assert rows == [{"_id": False, "n": 1}, {"_id": True, "n": 2}]


def test_a_pipeline_without_ids_is_a_frame_of_its_fields(io_manager):
    write_directly(io_manager, FRAME)
    stages = [{"$project": {"_id": False, "double": {"$multiply": ["$height", 2]}}}, {"$limit": 1}]
    found = read_directly(io_manager, pd.DataFrame, of_input={"pipeline": stages})
    pd.testing.assert_frame_equal(found, pd.DataFrame({"double": [46]}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pipeline": [{"$out": "x"}]}, r"'\$out' in 'pipeline' would write"),
        ({"pipeline": {"$match": {}}}, "it must be a list of stages"),
        ({"pipeline": [{"$limit": 1}], "columns": ["city"]}, "'columns' cannot be combined with 'pipeline'"),
        ({"filter": "city"}, "'filter' is 'city', it must be a dict"),
        ({"sort": {"city": 2}}, "'sort' is .*it must be a column"),
        ({"limit": -1}, "'limit' is -1"),
        ({"limit": True}, "'limit' is True"),
        ({"limit": 0}, "'limit' is 0"),
        ({"columns": []}, r"'columns' is \[\]"),
        ({"columns": ["city", "city"]}, "list of different column names"),
        ({"filter": {"$where": "1"}}, r"'filter' has \$where"),
        ({"filter": {"since": {"$gt": "2024-01-01"}}}, "the column 'since' holds dates.*compares it with text"),
        ({"filter": {"since": datetime(2024, 1, 1)}}, "the date 2024-01-01 00:00:00 has no time zone"),
        ({"filter": {"city": {"$oid": "nonsense"}}}, "a value of 'filter' or 'pipeline' is not valid"),
        ({"sort": 5}, "'sort' is 5"),
        ({"sort": {"city": -1.0}}, "'sort' is .*-1.0"),
        ({"columns": 5}, "'columns' is 5"),
        ({"filter": {"$expr": {"$gt": ["$height", 1]}}}, r"'filter' has \$expr, which knows stored fields"),
        ({"filter": {"height": {"$gtt": 1}}}, "MongoDB does not accept the 'filter'.*gtt"),
        ({"pipeline": [{"$mach": {}}]}, "MongoDB does not accept .* the 'pipeline'.*mach"),
        ({"as_of": T0.isoformat(), "sort": "city"}, "'sort' cannot be combined with 'as_of'"),
        ({"columns": "city"}, "it must be a list of different column names"),
    ],
)
def test_options_of_an_input_that_make_no_sense_are_refused(io_manager, options, message):
    write_directly(io_manager, FRAME, primary_key="city", keep_revisions=True)
    with pytest.raises(OptionsError, match=message):
        read_directly(io_manager, pd.DataFrame, of_input=options)


@pytest.mark.parametrize("option", ["collection", "primary_key", "write_mode"])
def test_metadata_of_an_asset_is_refused_in_the_metadata_of_an_input(io_manager, option):
    write_directly(io_manager, FRAME)
    with pytest.raises(OptionsError, match=f"'{option}' in the metadata of the input would have no effect"):
        read_directly(io_manager, pd.DataFrame, of_input={option: "merge"})


@pytest.mark.parametrize("content", [FRAME, FRAME.to_dict("records")])
@pytest.mark.parametrize(
    "options",
    [
        {"columns": ["city", "heigth"]},
        {"filter": {"heigth": 1}},
        {"filter": {"$or": [{"heigth": 1}]}},
        {"sort": "heigth"},
    ],
)
@pytest.mark.parametrize("kind", [pd.DataFrame, list])
def test_a_misspelt_column_is_refused_with_the_columns_there_are(io_manager, content, options, kind):
    write_directly(io_manager, content)
    with pytest.raises(
        OptionsError, match=r"has no column heigth, which the metadata '\w+' of the input names.*height"
    ):
        read_directly(io_manager, kind, of_input=options)


def test_a_path_reads_a_part_of_nested_documents(io_manager):
    write_directly(io_manager, PEOPLE, primary_key="name")
    assert read_directly(io_manager, list, of_input={"columns": ["address.city"]}) == [
        {"address": {"city": "Oslo"}},
        {"address": {"city": "Rome"}},
    ]
    found = read_directly(io_manager, pd.DataFrame, of_input={"columns": ["name", "address.city"]})
    assert found.to_dict("records") == [
        {"name": "Ada", "address.city": "Oslo"},
        {"name": "Bo", "address.city": "Rome"},
    ]
    assert cities(
        [row["address"] for row in read_directly(io_manager, list, of_input={"filter": {"address.city": "Rome"}})]
    ) == ["Rome"]


def test_a_name_with_a_dot_is_the_column_of_that_name(io_manager, database):
    write_directly(io_manager, PEOPLE, primary_key="name", indexes=["v1.0", "address.city"])
    keys = [list(index["key"]) for index in database["table"].index_information().values()]
    assert keys == [[("_id", 1)], [("v1\uff0e0", 1)], [("address.city", 1)]]
    assert read_directly(io_manager, list, of_input={"columns": ["v1.0"]}) == [{"v1.0": 1}, {"v1.0": 2}]
    assert read_directly(io_manager, pd.DataFrame)["v1.0"].tolist() == [1, 2]
    assert read_directly(io_manager, list, of_input={"filter": {"v1.0": 2}, "columns": ["name"]}) == [{"name": "Bo"}]


@pytest.mark.parametrize("content", [PEOPLE, pd.DataFrame(PEOPLE)])
def test_a_path_cuts_partitions_and_a_second_write_changes_nothing(io_manager, content):
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["Oslo", "Rome"]), partition_expr="address.city")
    for _ in range(2):
        written = write(io_manager, spec, content[:1], partition_key="Oslo")
    assert written["mongodb/unchanged"] == 1
    found = read(io_manager, spec, partitions_def=spec.partitions_def, partition_key="Oslo")
    assert found["name"].tolist() == ["Ada"]


def test_a_column_with_a_dot_cuts_partitions_and_a_second_write_changes_nothing(io_manager):
    rows = [{"a.b": "x", "n": 1}]
    spec = table(partitions_def=dg.StaticPartitionsDefinition(["x", "y"]), partition_expr="a.b")
    for _ in range(2):
        written = write(io_manager, spec, rows, partition_key="x")
    assert written["mongodb/unchanged"] == 1
    assert read(io_manager, spec, partitions_def=spec.partitions_def, partition_key="x")["a.b"].tolist() == ["x"]


@pytest.mark.parametrize("as_of", [T0.isoformat(), dg.MetadataValue.timestamp(T0), Read(as_of=T0)["as_of"]])
def test_the_past_of_an_asset_without_revisions_is_refused(io_manager, as_of):
    write_directly(io_manager, FRAME, primary_key="city")
    with pytest.raises(OptionsError, match="keeps no former versions.*'keep_revisions'"):
        read_directly(io_manager, pd.DataFrame, of_input={"as_of": as_of})


def test_a_moment_is_given_to_dagster_in_every_form_that_it_takes(io_manager):
    kept = {"primary_key": "city", "keep_revisions": True}
    write_directly(io_manager, FRAME, **kept)
    received = []
    for as_of in (T0.isoformat(), dg.MetadataValue.timestamp(T0), Read(as_of=T0)["as_of"]):

        @dg.asset(ins={"frame": dg.AssetIn("table", metadata={"as_of": as_of})})
        def reader(frame: pd.DataFrame) -> None:
            received.append(len(frame))

        materialize(io_manager, [table(**kept), reader], selection=[reader])
    assert received == [0, 0, 0]


@pytest.mark.parametrize("kind", [pd.DataFrame, list])
def test_the_past_can_be_filtered_limited_and_cut_to_columns(io_manager, kind):
    kept = {"primary_key": "city", "keep_revisions": True}
    write_directly(io_manager, FRAME, **kept)
    moment = datetime.now(timezone.utc)
    write_directly(io_manager, FRAME.assign(height=0), **kept)
    options = Read(as_of=moment, filter={"height": {"$gt": 0}}, columns=["city"], limit=2)
    found = read_directly(io_manager, kind, of_input=options)
    rows = found.to_dict("records") if isinstance(found, pd.DataFrame) else found
    assert rows == [{"city": "Lima"}, {"city": "Oslo"}]


def test_chunks_are_read_when_the_run_is_over_and_as_often_as_one_likes(io_manager):
    write(io_manager, table(primary_key="city"), FRAME)

    @dg.asset(name="table", metadata={"primary_key": "city"})
    def asset() -> pd.DataFrame: ...

    definitions = dg.Definitions([asset], resources={"io_manager": io_manager})
    chunks = definitions.load_asset_value("table", python_type=DataFrameChunks, instance=shared_instance())
    for _ in range(2):
        assert cities(chunks) == ["Baku", "Lima", "Oslo", "Rome"]


def test_an_optional_input_is_none_until_the_asset_is_stored(io_manager):
    assert read_as(io_manager, table(), pd.DataFrame | None) is None
    write_directly(io_manager, FRAME, primary_key="city")
    assert cities(read_as(io_manager, table(), pd.DataFrame | None)) == ["Baku", "Lima", "Oslo", "Rome"]


def test_several_partitions_are_read_as_a_frame_for_each(io_manager):
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05")
    spec = table(partitions_def=days, partition_expr="since")
    write(io_manager, spec, FRAME, partition_range=("2024-01-01", "2024-01-04"))
    frames = read_as(io_manager, spec, dict[str, pd.DataFrame])
    assert {key: cities(frame) for key, frame in frames.items()} == {
        "2024-01-01": ["Oslo"],
        "2024-01-02": ["Rome"],
        "2024-01-03": ["Lima"],
        "2024-01-04": ["Baku"],
    }


def test_an_asset_without_partitions_is_not_read_as_frames_of_partitions(io_manager):
    write_directly(io_manager, FRAME)
    with pytest.raises(OptionsError, match="has no partitions"):
        read_as(io_manager, table(), dict[str, pd.DataFrame])


def test_an_input_manager_reads_any_collection_by_the_metadata_of_the_input(io_manager, database):
    database["theirs"].insert_many([{"_id": "Oslo", "height": 23}])
    received = []

    @dg.op(
        ins={"frame": dg.In(input_manager_key="io_manager", metadata={"collection": "theirs", "primary_key": "city"})}
    )
    def reader(frame: pd.DataFrame) -> None:
        received.extend(frame.to_dict("records"))

    @dg.job(resource_defs={"io_manager": io_manager})
    def job():
        reader()

    job.execute_in_process(instance=shared_instance(), run_config=QUIET)
    assert received == [{"city": "Oslo", "height": 23}]


def test_the_key_of_an_asset_names_it_where_an_output_context_has_no_name(io_manager, database):
    context = dg.build_output_context(asset_key=dg.AssetKey("table"), resources=NO_RESOURCES)
    io_manager.handle_output(context, FRAME)
    assert database["table"].count_documents({}) == 4


def test_an_option_of_nodes_driver_does_not_keep_from_reading(mongodb_uri, database):
    manager = MongoDBIOManager(uri=f"{mongodb_uri}/?useUnifiedTopology=true", database=database.name)
    with pytest.warns(UserWarning, match="Unknown option"):
        write_directly(manager, FRAME, primary_key="city")
    assert len(read_directly(manager, pd.DataFrame)) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_dot_in_a_field_of_another_program_is_read(io_manager, database, kind):
    database["table"].insert_one({"a.b": 1, "c": 2})
    found = read_directly(io_manager, kind)
    rows = (
        found
        if isinstance(found, list)
        else pd.concat(found).to_dict("records")
        if kind is DataFrameChunks
        else found.to_dict("records")
    )
    assert rows == [{"a.b": 1, "c": 2}]


def test_a_misspelt_path_inside_a_column_is_refused(io_manager):
    write_directly(io_manager, pd.DataFrame(PEOPLE), primary_key="name")
    for options in ({"columns": ["address.town"]}, {"filter": {"address.town": "Oslo"}}, {"sort": "address.town"}):
        with pytest.raises(OptionsError, match="has no column address.town"):
            read_directly(io_manager, pd.DataFrame, of_input=options)


def test_a_filter_by_a_whole_document_finds_names_with_dots(io_manager):
    write_directly(io_manager, [{"id": 1, "address": {"zip.x": 5}}], primary_key="id")
    assert len(read_directly(io_manager, list, of_input={"filter": {"address": {"zip.x": 5}}})) == 1


@pytest.mark.parametrize("value", [uuid.UUID(int=5), Decimal("1.5"), np.int64(2**60), T0, T0.date(), b"x"])
def test_values_of_a_filter_are_found_as_they_were_stored(io_manager, value):
    stored = T0 if value == T0.date() else value
    write_directly(io_manager, [{"id": 1, "x": stored}, {"id": 2, "x": 7}], primary_key="id")
    assert [row["id"] for row in read_as(io_manager, table(), list[dict], Read(filter={"x": value}))] == [1]


def test_the_outputs_of_mapped_steps_are_collected_as_documents(io_manager):
    @dg.op(out=dg.DynamicOut())
    def many():
        for key in ("a", "b"):
            yield dg.DynamicOutput({"key": key}, mapping_key=key)

    @dg.op
    def twice(x: dict) -> dict:
        return {"key": x["key"] * 2}

    @dg.op
    def show(found: list[dict]) -> str:
        return " ".join(sorted(row["key"] for row in found))

    @dg.job(resource_defs={"io_manager": io_manager})
    def job():
        show(many().map(twice).collect())

    result = job.execute_in_process(instance=shared_instance(), run_config=QUIET)
    assert result.output_for_node("show") == "aa bb"


def test_documents_without_fields_are_rows_of_a_frame(io_manager):
    write_directly(io_manager, [{}, {}])
    assert len(read_directly(io_manager, pd.DataFrame)) == 2
    with pytest.raises(UnstorableError, match="the frame has 3 rows, but no columns"):
        write_directly(io_manager, pd.DataFrame(index=range(3)))
