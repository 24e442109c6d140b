"""Pins what others rely on: asset keys, resources, job, schedules."""

from datetime import timedelta

import dagster as dg
import pytest

from airquality_dagster.assets.lineage import daily_lineage, quality_lineage, summary_lineage
from airquality_dagster.assets.schemas import DAILY_COLUMNS, HOURLY_COLUMNS, QUALITY_COLUMNS, SUMMARY_COLUMNS
from airquality_dagster.definitions import defs
from airquality_dagster.network.stations import Station

THREE_STATIONS = """
network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: "2022-12"}
stations:
  - {name: station1, airqino_id: 283164601}
  - {name: station2, airqino_id: 283181971}
  - {name: station3, airqino_id: 283181972}
"""
FORECASTS = {
    f"{station}_{kind}"
    for station in ("station1", "station2")
    for kind in ("forecast", "forecast_model", "forecast_scores")
}


def asset_names(loaded: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in loaded.resolve_asset_graph().get_all_asset_keys()}


def test_assets_resources_job_and_schedules_have_the_names_that_others_rely_on():
    loaded = defs()
    assert asset_names(loaded) == {
        "raw_station1",
        "raw_station2",
        "station1_quality",
        "station2_quality",
        "station1_aggregates",
        "station2_aggregates",
        "station1_summaries",
        "station2_summaries",
        *FORECASTS,
        "neighbours",
        "paving_comparison",
        "air_quality_dashboard",
        "open_data",
        "airqino_api",
    }
    assert set(loaded.resources or {}) == {"airqino", "mongodb", "io_manager"}
    assert loaded.resolve_job_def("hourly_job").name == "hourly_job"
    schedules = {schedule.name: schedule for schedule in loaded.get_repository_def().schedule_defs}
    assert {name: schedule.cron_schedule for name, schedule in schedules.items()} == {
        "forecast_schedule": "40 * * * *",
        "hourly_schedule": "5 * * * *",
        "neighbours_schedule": "25 4 * * *",
        "open_data_schedule": "55 4 * * *",
        "reconcile_schedule": "35 3 * * 0",
    }
    assert [sensor.name for sensor in loaded.get_repository_def().sensor_defs] == [
        "alert_sensor",
        "dashboard_sensor",
    ]
    assert {name: schedule.job_name for name, schedule in schedules.items()} == {
        "forecast_schedule": "forecast_job",
        "hourly_schedule": "hourly_job",
        "neighbours_schedule": "neighbours_job",
        "open_data_schedule": "open_data_job",
        "reconcile_schedule": "hourly_job",
    }
    for schedule in schedules.values():
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        assert schedule.execution_timezone == "Africa/Abidjan"


def test_the_freshness_of_the_page_is_that_of_the_hourly_job():
    node = defs().resolve_asset_graph().get(dg.AssetKey("air_quality_dashboard"))
    assert node.freshness_policy == dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=2), fail_window=timedelta(hours=3)
    )


def test_all_station_assets_share_one_monthly_partitions_definition_with_the_current_month():
    graph = defs().resolve_asset_graph()
    partitions = {key.path[-1]: graph.get(key).partitions_def for key in graph.get_all_asset_keys()}
    # A year is made of all its months, a forecast of the newest hours, neighbours are compared by weeks, pairs over all of
    # their time, and page and files are of everything: they have no partitions.
    assert {name for name, of_asset in partitions.items() if of_asset is None} == {
        "station1_summaries",
        "station2_summaries",
        *FORECASTS,
        "neighbours",
        "paving_comparison",
        "air_quality_dashboard",
        "open_data",
        "airqino_api",
    }
    (partitions_def,) = {of_asset for of_asset in partitions.values() if of_asset}
    assert isinstance(partitions_def, dg.TimeWindowPartitionsDefinition)
    assert partitions_def.timezone == "Africa/Abidjan"
    assert partitions_def.get_first_partition_key() == "2022-12-01"
    assert partitions_def.end_offset == 1


def test_assets_tell_the_ui_what_they_are():
    graph = defs().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert "Abidjan" in node.description
        assert node.owners == ["team:air-quality"]
    of_network = {
        dg.AssetKey(name) for name in ("air_quality_dashboard", "neighbours", "paving_comparison", "open_data")
    }
    forecasts = {dg.AssetKey(name) for name in FORECASTS}
    for key in forecasts:
        node = graph.get(key)
        assert node.kinds == {"mongodb", "numpy"}
        assert "docs/forecast.md" in node.description
        assert node.group_name == "forecast"
        assert node.tags["station"] in key.path[-1]
        assert node.metadata["dagster/column_schema"].columns
    for key in graph.materializable_asset_keys - of_network - forecasts:
        node = graph.get(key)
        assert node.kinds >= {"mongodb"}
        assert "docs/data.md" in node.description
        kind = "raw" if key.path[-1].startswith("raw_") else key.path[-1].split("_")[-1]
        assert node.group_name == kind
        # A backfill of an old month would make a station fresh whose newest hours are late: a check says how old these are.
        assert node.freshness_policy is None
        assert node.tags["station"] in key.path[-1]
        if node.is_partitioned:
            assert node.backfill_policy == dg.BackfillPolicy.single_run()
        columns = {column.name: column for column in node.metadata["dagster/column_schema"].columns}
        field = {"raw": "pm2_5", "quality": "pm2_5_nowcast"}.get(kind, "pm2_5_valid_mean")
        assert "µg/m³" in columns[field].description


def test_the_checks_of_a_station_have_the_names_that_others_rely_on():
    checks = defs().resolve_asset_graph().asset_check_keys
    assert {
        (key.asset_key.to_user_string(), key.name)
        for key in checks
        if "station1" in key.asset_key.path[-1] or "station1" in key.name
    } == {
        ("raw_station1", "hours_complete_and_fresh"),
        ("raw_station1", "source_consistent"),
        ("station1_quality", "sensors_sound"),
        ("station1_aggregates", "data_capture"),
        ("station1_forecast_scores", "forecast_has_skill"),
        ("neighbours", "station1_agrees_with_neighbours"),
    }


def test_a_pair_of_the_stations_file_is_compared_in_the_nightly_job_with_one_check():
    loaded = defs()
    checks = loaded.resolve_asset_graph().asset_check_keys
    assert [key.name for key in checks if key.asset_key == dg.AssetKey("paving_comparison")] == [
        "comparison_can_be_told"
    ]
    nightly = loaded.resolve_job_def("neighbours_job").asset_layer.executable_asset_keys
    assert {key.to_user_string() for key in nightly} == {"neighbours", "paving_comparison"}
    hourly = loaded.resolve_job_def("hourly_job").asset_layer.executable_asset_keys
    assert dg.AssetKey("paving_comparison") not in hourly


def test_files_are_written_in_a_job_of_their_own_from_all_that_is_stored():
    loaded = defs()
    of_job = {
        name: {key.path[-1] for key in loaded.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in ("open_data_job", "hourly_job")
    }
    assert of_job["open_data_job"] == {"open_data"}
    assert "open_data" not in of_job["hourly_job"]
    parents = {key.path[-1] for key in loaded.resolve_asset_graph().get(dg.AssetKey("open_data")).parent_keys}
    kinds = ("raw_{}", "{}_quality", "{}_aggregates", "{}_summaries")
    assert parents == {
        *(kind.format(station) for station in ("station1", "station2") for kind in kinds),
        "paving_comparison",
    }


def test_models_are_fitted_and_forecasts_scored_in_a_job_of_their_own_and_forecasts_made_in_both():
    loaded = defs()
    of_job = {
        name: {key.path[-1] for key in loaded.resolve_job_def(name).asset_layer.executable_asset_keys} & FORECASTS
        for name in ("forecast_job", "hourly_job")
    }
    assert of_job == {"forecast_job": FORECASTS, "hourly_job": {"station1_forecast", "station2_forecast"}}


def test_aggregates_depend_on_their_own_station_only():
    graph = defs().resolve_asset_graph()
    parents = {
        key.to_user_string(): [parent.to_user_string() for parent in graph.get(key).parent_keys]
        for key in graph.get_all_asset_keys()
    }
    for station in ("station1", "station2"):
        assert set(parents[f"{station}_aggregates"]) == {f"raw_{station}", f"{station}_quality"}


def test_a_third_station_in_the_file_is_all_it_takes(tmp_path, monkeypatch):
    path = tmp_path / "stations.yaml"
    path.write_text(THREE_STATIONS)
    monkeypatch.setenv("AIRQUALITY_STATIONS", str(path))
    assert asset_names(defs()) >= {"raw_station3", "station3_aggregates"}


@pytest.mark.parametrize("variable", ["MONGODB_URI", "AIRQINO_PASSWORD", "AIRQINO_REFRESH_TOKEN"])
def test_no_secret_of_the_environment_is_part_of_the_definitions(monkeypatch, variable):
    monkeypatch.setenv(variable, "mongodb://user:hunter2@localhost")
    assert "hunter2" not in repr(defs().resources)


def test_lineage_reads_from_the_api_over_raw_quality_and_aggregates_to_the_dashboard():
    graph = defs().resolve_asset_graph()
    parents = {
        key.path[-1]: {parent.path[-1] for parent in graph.get(key).parent_keys} for key in graph.get_all_asset_keys()
    }
    assert parents["airqino_api"] == set()
    assert not graph.get(dg.AssetKey("airqino_api")).is_materializable
    for station in ("station1", "station2"):
        assert parents[f"raw_{station}"] == {"airqino_api"}
        assert parents[f"{station}_quality"] == {f"raw_{station}"}
        assert parents[f"{station}_aggregates"] == {f"raw_{station}", f"{station}_quality"}
        assert parents[f"{station}_summaries"] == {f"{station}_aggregates"}
        assert {f"{station}_{kind}" for kind in ("quality", "aggregates", "summaries")} <= parents[
            "air_quality_dashboard"
        ]
        judged = {f"raw_{station}", f"{station}_quality"}
        assert parents[f"{station}_forecast_model"] == judged
        assert parents[f"{station}_forecast"] == {*judged, f"{station}_forecast_model"}
        assert parents[f"{station}_forecast_scores"] == {*judged, f"{station}_forecast"}
    of_both = {"raw_station1", "station1_quality", "raw_station2", "station2_quality"}
    assert parents["neighbours"] == of_both
    assert parents["paving_comparison"] == {*of_both, "neighbours"}
    groups = {key.path[-1]: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups["airqino_api"] == "source"
    assert groups["air_quality_dashboard"] == "dashboard"


def test_every_asset_leads_to_its_code():
    graph = defs().resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        (reference,) = graph.get(key).metadata["dagster/code_references"].code_references
        assert "airquality_dagster/assets/" in reference.file_path
        assert reference.line_number > 1


def test_descriptions_lead_to_the_data_page_where_it_is_served(monkeypatch):
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_URL", "https://air.example.org/")
    node = defs().resolve_asset_graph().get(dg.AssetKey("station1_aggregates"))
    assert "(https://air.example.org/data)" in node.description


@pytest.mark.parametrize(
    ("lineage", "schema", "sources"),
    [
        (quality_lineage, QUALITY_COLUMNS, HOURLY_COLUMNS),
        (daily_lineage, DAILY_COLUMNS, HOURLY_COLUMNS),
        (summary_lineage, SUMMARY_COLUMNS, DAILY_COLUMNS),
    ],
)
def test_every_column_is_made_of_columns_that_are_there(lineage, schema, sources):
    station = Station(name="station1", airqino_id=1)
    found = lineage(station).deps_by_column
    assert list(found) == [column.name for column in schema.columns]
    known = {column.name for column in sources.columns}
    for dependencies in found.values():
        assert dependencies
        assert {dependency.column_name for dependency in dependencies} <= known


def test_the_assets_have_their_column_lineage():
    graph = defs().resolve_asset_graph()
    for kind, lineage in (("quality", quality_lineage), ("aggregates", daily_lineage), ("summaries", summary_lineage)):
        found = graph.get(dg.AssetKey(f"station2_{kind}")).metadata["dagster/column_lineage"]
        assert found == lineage(Station(name="station2", airqino_id=1))


def test_column_lineage_names_what_a_value_is_made_of():
    deps = daily_lineage(Station(name="station1", airqino_id=1)).deps_by_column
    assert [(dep.asset_key.path[-1], dep.column_name) for dep in deps["co_mean"]] == [("raw_station1", "co")]
    assert {dep.column_name for dep in deps["aqi"]} == {"pm2_5", "pm10", "co", "no2", "o3"}
    assert [dep.column_name for dep in deps["temperature_max"]] == ["temperature"]


def test_what_quality_control_says_of_a_particle_column_is_made_of_both():
    station = Station(name="station1", airqino_id=1)
    deps = {**quality_lineage(station).deps_by_column, **daily_lineage(station).deps_by_column}
    made_of = {name: {dep.column_name for dep in deps[name]} for name in deps if name.startswith("pm2_5_")}
    as_published = {f"pm2_5_{statistic}" for statistic in ("mean", "min", "max", "hours")}
    assert {name for name, fields in made_of.items() if fields == {"pm2_5"}} == as_published
    assert {"pm2_5_qc", "pm2_5_flags", "pm2_5_nowcast", "pm2_5_aqi", "pm2_5_who"} <= made_of.keys() - as_published
    assert all(made_of[name] == {"pm2_5", "pm10"} for name in made_of.keys() - as_published)
