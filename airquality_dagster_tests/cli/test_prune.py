"""``airquality prune``: old runs go, and the schedule still knows what was made when."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from airquality_dagster import definitions
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.automation.instance import due_runs, superseded_runs
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.faults.published import MONTH
from airquality_dagster_tests.platform import QUIET, Platform

NOW = datetime.now(UTC)


@pytest.fixture
def platform(monkeypatch, mongodb_uri, database, instance):
    with running(create_app(SimulatedSource())) as url:
        platform = Platform(monkeypatch, mongodb_uri, database, instance)
        platform.use(url)
        yield platform


def test_a_run_whose_months_were_made_again_is_superseded_and_one_that_made_a_month_last_is_not(platform):
    station1 = ["raw_station1", "station1_quality", "station1_aggregates", "station1_summaries"]
    first = platform.run("2026-01", "2026-02", station1)
    again = platform.run("2026-02", assets=station1)
    last = platform.run("2026-02", assets=station1)
    assert first.success
    assert again.success
    assert last.success
    network = load_network()
    later = NOW + timedelta(hours=1)
    assert list(superseded_runs(platform.instance, network, later)) == [again.run_id]
    assert list(superseded_runs(platform.instance, network, NOW - timedelta(days=1))) == []


def test_the_newest_run_that_fitted_models_is_needed_and_former_ones_are_not(platform):
    job = definitions.defs().resolve_job_def("forecast_job")
    assets = [dg.AssetKey(f"station1_forecast{kind}") for kind in ("", "_model", "_scores")]
    runs = [
        job.execute_in_process(instance=platform.instance, run_config=QUIET, asset_selection=assets) for _ in range(2)
    ]
    later = NOW + timedelta(hours=1)
    assert list(superseded_runs(platform.instance, load_network(), later)) == [runs[0].run_id]


def test_runs_of_other_networks_and_projects_are_not_superseded(instance):
    @dg.asset(key=dg.AssetKey(["bouake", "raw_station1"]))
    def of_another_network():
        pass

    @dg.asset
    def of_somebody_else():
        pass

    job = dg.define_asset_job("bouake_hourly_job", selection=[of_another_network])
    others = dg.Definitions(assets=[of_another_network, of_somebody_else], jobs=[job])
    for _ in range(2):
        assert dg.materialize([of_somebody_else], instance=instance).success
        assert others.resolve_job_def(job.name).execute_in_process(instance=instance).success
    network, later = load_network(), datetime.now(UTC) + timedelta(hours=1)
    bouake = Network.model_validate({**network.model_dump(), "key_prefix": "bouake"})
    assert list(superseded_runs(instance, network, later)) == []
    assert len(list(superseded_runs(instance, bouake, later))) == 2  # without months, no run is needed


def test_a_run_of_no_job_belongs_to_the_network_if_it_selected_only_its_assets(instance):
    own, foreign = dg.AssetKey("raw_station1"), dg.AssetKey("of_somebody_else")

    @dg.multi_asset(specs=[dg.AssetSpec(own), dg.AssetSpec(foreign)], can_subset=True)
    def made():
        pass

    job = dg.Definitions(assets=[made]).resolve_implicit_global_asset_job_def()
    runs = [
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS, asset_selection=selection).run_id
        for selection in ({own}, {own, foreign}, {foreign})
    ]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert list(superseded_runs(instance, load_network(), later)) == runs[:1]


def test_what_is_due_stays_the_same_without_the_superseded_runs(platform):
    for month in ("2026-01", "2026-02", "2026-02"):
        assert platform.run(month, assets=["raw_station1", "station1_quality", "station1_aggregates"]).success
    network, moment = load_network(), datetime.now(UTC)
    before = due_runs(platform.instance, network, moment)
    runs = list(superseded_runs(platform.instance, network, moment + timedelta(hours=1)))
    assert len(runs) == 1
    for run_id in runs:
        platform.instance.delete_run(run_id)
    assert due_runs(platform.instance, network, moment) == before
    assert platform.instance.get_runs_count() == 2


def test_the_command_forgets_what_is_older_than_it_keeps(home, mongodb_uri, database):
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name}
    for _ in range(2):
        load = airquality("backfill", "--from", MONTH, "--to", MONTH, "--station", "station1", home=home, **variables)
        assert load.returncode == 0, load.stderr
    young = airquality("prune", home=home, **variables)
    assert young.returncode == 0, young.stderr
    assert young.stdout.startswith("0 runs")
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as runs, runs:
        runs.execute("UPDATE runs SET update_timestamp = datetime(update_timestamp, '-100 days')")
    done = airquality("prune", "--keep-days", "99", home=home, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 runs")
