"""What a tick asks for, with a real instance that remembers real runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import yaml

from airquality_dagster import settings
from airquality_dagster.automation.due import StationRun
from airquality_dagster.automation.instance import due_runs, network_months
from airquality_dagster.automation.jobs import HOURLY_JOB, asset_selection, run_tags
from airquality_dagster.definitions import defs
from airquality_dagster.network.partitions import RANGE_END, RANGE_START, month
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster_tests.builders import answer, rows
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.scripted_server import Reply, scripted_server

NOW = datetime(2026, 6, 15, 12, 5, tzinfo=UTC)


def tick(instance, name="hourly_schedule", now=NOW):
    """Evaluate a schedule, whose context wants an instance that another process could open."""
    repository = defs().get_repository_def()
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=now, repository_def=repository, resources={}
    )
    return repository.get_schedule_def(name).evaluate_tick(context)


def requested(data) -> list[tuple[str, str, list[str]]]:
    return [
        (
            request.tags[RANGE_START],
            request.tags[RANGE_END],
            sorted(key.to_user_string() for key in request.asset_selection),
        )
        for request in data.run_requests
    ]


STATION1 = ["raw_station1", "station1_aggregates", "station1_forecast", "station1_quality", "station1_summaries"]
DERIVED = [asset for asset in STATION1 if asset not in ("raw_station1", "station1_forecast")]
STATIONS = sorted([*STATION1, *(asset.replace("station1", "station2") for asset in STATION1)])
# The last run of a tick draws the dashboard.
BOTH = sorted([*STATIONS, "air_quality_dashboard"])


def test_a_fresh_installation_asks_for_its_last_year_in_one_run(instance_on_disk):
    assert requested(tick(instance_on_disk)) == [("2025-06-01", "2026-06-01", BOTH)]


def test_a_run_says_in_its_tags_which_stations_and_months_it_takes_on(instance_on_disk):
    (request,) = tick(instance_on_disk).run_requests
    assert request.tags["airquality/stations"] == "station1, station2"
    assert request.tags["airquality/months"] == "2025-06 to 2026-06"
    many = StationRun(tuple(f"station{number}" for number in range(1, 101)), "2026-06-01", "2026-06-01")
    assert run_tags(many)["airquality/stations"] == "station1 to station100 (100)"
    assert run_tags(many)["airquality/months"] == "2026-06"


def test_only_the_last_run_of_a_tick_draws_the_dashboard():
    network = load_network()
    runs = [
        StationRun(("station1",), "2026-05-01", "2026-05-01"),
        StationRun(("station2",), "2026-06-01", "2026-06-01"),
    ]
    dashboard = dg.AssetKey("air_quality_dashboard")
    drawn = [dashboard in asset_selection(network, run, is_last=run is runs[-1]) for run in runs]
    assert drawn == [False, True]


def test_a_run_of_stored_hours_comes_first_and_evaluates_no_checks(instance_on_disk, monkeypatch):
    former = StationRun(("station1",), "2025-06-01", "2026-05-01", fetches=False)
    current = StationRun(("station1",), "2026-06-01", "2026-06-01")
    monkeypatch.setattr("airquality_dagster.automation.schedules.due_runs", lambda *_, **__: [former, current])
    data = tick(instance_on_disk)
    assert requested(data) == [
        ("2025-06-01", "2026-05-01", DERIVED),
        ("2026-06-01", "2026-06-01", sorted(["air_quality_dashboard", *STATION1])),
    ]
    assert [request.asset_check_keys for request in data.run_requests] == [[], None]


def test_a_network_whose_first_month_has_not_begun_is_skipped_with_the_reason(instance_on_disk):
    data = tick(instance_on_disk, now=datetime(2022, 11, 1, 0, 5, tzinfo=UTC))
    assert data.run_requests == []
    assert "2022-12" in data.skip_message


def test_the_weekly_schedule_asks_for_every_month(instance_on_disk):
    assert requested(tick(instance_on_disk, "reconcile_schedule")) == [("2022-12-01", "2026-06-01", BOTH)]


def unfinished_run(instance, status):
    return instance.create_run_for_job(defs().resolve_job_def(HOURLY_JOB), status=status)


@pytest.mark.parametrize("status", [long(dg.DagsterRunStatus.STARTING), dg.DagsterRunStatus.STARTED])
def test_a_tick_is_skipped_while_the_former_run_goes_on_and_says_which(instance_on_disk, status):
    run = unfinished_run(instance_on_disk, status)
    data = tick(instance_on_disk, now=datetime.now(UTC))
    assert data.run_requests == []
    assert run.run_id in data.skip_message


def test_a_run_that_never_ended_blocks_no_tick_for_ever(instance_on_disk):
    unfinished_run(instance_on_disk, dg.DagsterRunStatus.STARTED)
    assert tick(instance_on_disk, now=datetime.now(UTC) + timedelta(hours=3)).run_requests


def test_a_run_that_ended_blocks_nothing(instance_on_disk):
    unfinished_run(instance_on_disk, dg.DagsterRunStatus.FAILURE)
    assert tick(instance_on_disk, now=datetime.now(UTC)).run_requests


@pytest.fixture
def network(tmp_path, monkeypatch) -> Network:
    """The network with its last five months only: a year of runs shows no more than they do."""
    content = load_network().model_dump(mode="json", exclude_none=True)
    content["network"]["first_month"] = month(network_months(load_network(), datetime.now(UTC))[-5].key)
    stations = tmp_path / "stations.yaml"
    stations.write_text(yaml.safe_dump(content))
    monkeypatch.setenv(settings.AIRQUALITY_STATIONS, str(stations))
    return load_network(stations)


def assets_of(run: StationRun) -> list[str]:
    """Return what a run makes, without the dashboard."""
    return [asset for asset in STATIONS if any(name in asset for name in run.stations)]


def test_after_a_full_pass_only_the_current_month_is_due(platform, instance, network):
    with scripted_server(lambda request, number: Reply(body=answer())) as server:
        platform.use(server.url)
        now = datetime.now(UTC)
        (everything,) = due_runs(instance, network, now)
        assert platform.run(everything.first[:7], everything.last[:7]).success
        current = f"{now:%Y-%m-01}"
        (again,) = due_runs(instance, network, now)
        assert again.stations == ("station1", "station2")
        assert again.last == current
        # Early in a month the month before has not settled yet.
        assert again.first == current or now.day <= 3


def test_a_month_that_failed_is_asked_for_in_a_run_of_its_own_and_only_for_its_station(platform, instance, network):
    now = datetime.now(UTC)
    poisoned = network_months(network, now)[2].key

    def answer_or_fail(request, number):
        is_poisoned = "283164601" in request.path and request.query["start_date"] == f"{poisoned.replace('-', '')}-0000"
        return Reply(status=400) if is_poisoned else Reply(body=answer())

    with scripted_server(answer_or_fail) as server:
        platform.use(server.url)
        (everything,) = due_runs(instance, network, now)
        assert not platform.run(everything.first[:7], everything.last[:7], assets_of(everything)).success

        runs = due_runs(instance, network, now)
        assert StationRun(("station1",), poisoned, poisoned) in runs
        # Each of station1's months is asked for, and none of them together with the poisoned one.
        assert len([run for run in runs if run.stations == ("station1",)]) >= 4
        for run in runs:
            platform.run(run.first[:7], run.last[:7], assets_of(run))

        left = due_runs(instance, network, now)
        assert {run.first for run in left if run.first != f"{now:%Y-%m-01}" and now.day > 3} <= {poisoned}


def test_months_that_were_loaded_alone_are_due_once_more_together_and_then_no_more(platform, instance, network):
    now = datetime.now(UTC)
    keys = [one.key for one in network_months(network, now)][-4:-1]
    hours = [datetime.fromisoformat(key).replace(tzinfo=UTC) for key in keys]
    with scripted_server(lambda request, number: Reply(body=answer(*(rows(hour, 1)[0] for hour in hours)))) as server:
        platform.use(server.url)
        platform.run(network.first_month, f"{now:%Y-%m}", STATION1)
        # Again from nothing, each alone: what the first knew of the second was nothing.
        platform.database.client.drop_database(platform.database.name)
        for key in keys:
            platform.run(key[:7], assets=STATION1)
        assert due_of_station1(instance, network, now) >= set(keys[:2])
        for run in due_runs(instance, network, now):
            if "station1" in run.stations:
                assert platform.run(run.first[:7], run.last[:7], STATION1).success
        assert not due_of_station1(instance, network, now) & set(keys[:2])


def test_days_that_a_killed_run_left_without_summaries_are_summarised_by_the_next_run(platform, instance, network):
    now = datetime.now(UTC)
    killed_in = network_months(network, now)[2].key
    with scripted_server(lambda request, number: Reply(body=answer())) as server:
        platform.use(server.url)
        (everything,) = due_runs(instance, network, now)
        platform.run(everything.first[:7], everything.last[:7], assets_of(everything))
        platform.run(killed_in[:7], assets=[asset for asset in STATION1 if "summaries" not in asset])
        heal, _ = due_runs(instance, network, now)
        assert heal == StationRun(("station1",), killed_in, killed_in, fetches=False)
        platform.run(killed_in[:7], assets=DERIVED)
        assert len(due_runs(instance, network, now)) == 1


def due_of_station1(instance, network, now) -> set[str]:
    """Return the months of station1 that are due."""
    keys = [one.key for one in network_months(network, now)]
    runs = [run for run in due_runs(instance, network, now) if "station1" in run.stations]
    return {key for key in keys for run in runs if run.first <= key <= run.last}
