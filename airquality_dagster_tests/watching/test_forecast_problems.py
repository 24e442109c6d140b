"""What the operator is told of runs that fit models and score forecasts."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from airquality_dagster.definitions import defs
from airquality_dagster.network.stations import load_network
from airquality_dagster.watching.forecasts import forecast_problems
from airquality_dagster.watching.problems import RunHistory, follow_runs, problems
from airquality_dagster_tests.builders import answer, rows
from airquality_dagster_tests.platform import QUIET

MODEL, SCORES, FORECAST = (f"station1_forecast{kind}" for kind in ("_model", "_scores", ""))


@pytest.fixture
def network(platform):
    return load_network(None)


@pytest.fixture
def run(platform, instance):
    """Run the job that fits models."""

    def run(*assets):
        job = defs().resolve_job_def("forecast_job")
        keys = list(map(dg.AssetKey, assets))
        return job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False, asset_selection=keys)

    return run


@pytest.fixture
def broken(monkeypatch):
    """The assets of models and scores are broken."""

    def broken(name):
        monkeypatch.setattr(f"airquality_dagster.assets.{name}", lambda *_, **__: 1 / 0)

    return broken


def told(instance, network, after=timedelta(0)):
    return list(forecast_problems(instance, network, datetime.now(UTC) + after))


@pytest.mark.parametrize(
    ("function", "assets"),
    [("forecast_model.fitted_models", [MODEL, FORECAST]), ("forecast_scores.scored_forecasts", [SCORES])],
)
def test_a_fit_or_a_score_that_fails_is_told(instance, network, run, broken, function, assets):
    broken(function)
    failed = run(*assets)
    (problem,) = told(instance, network)
    assert problem.run_id == failed.run_id
    assert assets[0] in problem.text
    assert "division by zero" in problem.text


def test_it_is_over_when_such_a_run_succeeds(instance, network, run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airquality_dagster.assets.forecast_model.fitted_models", lambda *_: 1 / 0)
        assert not run(MODEL).success
    assert len(told(instance, network)) == 1
    assert run(MODEL).success
    assert told(instance, network) == []


@pytest.mark.parametrize("function", ["forecast_model.fitted_models", "forecast.forecast_station"])
def test_what_fails_in_the_job_of_models_marks_no_month_as_failed(instance, network, run, broken, function):
    broken(function)
    assert not run(MODEL, FORECAST).success
    assert follow_runs(instance, network, RunHistory(), datetime.now(UTC)).failed == {}


def test_a_fit_that_succeeds_ends_no_failure_of_a_month(platform, instance, network, run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airquality_dagster.assets.quality_and_aggregates.flag_hours", lambda *_, **__: 1 / 0)
        assert not platform.run("2023-01", assets=["station1_quality"]).success
    before = follow_runs(instance, network, RunHistory(), datetime.now(UTC))
    assert list(before.failed) == ["station1"]
    assert run(MODEL, FORECAST).success
    assert follow_runs(instance, network, before, datetime.now(UTC)).failed == before.failed


def test_a_forecast_that_fails_in_the_hourly_run_is_a_failure_of_that_run(platform, instance, network, serve, broken):
    broken("forecast.forecast_station")
    serve(answer(*rows(datetime(2023, 1, 1, tzinfo=UTC), 3)))
    assets = ["raw_station1", "station1_quality", "station1_aggregates", FORECAST]
    assert not platform.run("2023-01", assets=assets).success
    failed = follow_runs(instance, network, RunHistory(), datetime.now(UTC)).failed["station1"]
    assert FORECAST in failed.text
    assert told(instance, network) == []


@pytest.mark.parametrize(("asset", "limit"), [(MODEL, timedelta(days=20)), (SCORES, timedelta(hours=50))])
def test_models_and_scores_that_are_no_longer_made_are_told(platform, instance, network, serve, asset, limit):
    serve(answer())
    assert platform.run("2023-01", assets=["raw_station1"]).success
    with time_machine.travel(datetime.now(UTC) - limit + timedelta(minutes=5)):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset))
    assert told(instance, network) == []
    (problem,) = told(instance, network, timedelta(minutes=10))
    assert "forecast_schedule" in problem.text
    assert asset in problem.text
    of_all = problems(instance, network, RunHistory(), datetime.now(UTC) + timedelta(minutes=10))
    assert problem in of_all


@pytest.mark.parametrize(("made", "missing"), [([], MODEL), ([SCORES], MODEL), ([MODEL], SCORES)])
def test_models_and_scores_that_were_never_made_are_told_once_a_station_has_had_hours_for_a_day(
    platform, instance, network, serve, run, made, missing
):
    serve(answer(*rows(datetime(2023, 1, 1, tzinfo=UTC), 3)))
    assert platform.run("2023-01", assets=["raw_station1"]).success
    assert run(FORECAST).success
    for asset in made:
        instance.report_runless_asset_event(dg.AssetMaterialization(asset))
    assert told(instance, network, timedelta(hours=23)) == []
    (problem,) = told(instance, network, timedelta(hours=25))
    assert f"{missing} was never" in problem.text
    assert "forecast_schedule" in problem.text


def test_a_station_without_hours_lacks_no_model(platform, instance, network, serve, run):
    serve(answer())
    assert platform.run("2023-01", assets=["raw_station1"]).success
    assert run(FORECAST).success
    assert told(instance, network, timedelta(hours=25)) == []
