"""Alerts from real runs on a real instance, received by a real webhook."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from airquality_dagster.definitions import defs
from airquality_dagster.network.stations import load_network
from airquality_dagster.watching.sensor import send_alerts
from airquality_dagster_tests.builders import answer, rows
from airquality_dagster_tests.scripted_server import Reply, scripted_server

NETWORK = load_network(None)
MONTH = f"{datetime.now(UTC):%Y-%m}"
JANUARY = datetime(2023, 1, 1, tzinfo=UTC)
SECRET = "hunter2"
RAW = ["raw_station1", "raw_station2"]


@pytest.fixture
def webhook():
    with scripted_server(lambda request, number: Reply(status=200)) as server:
        yield server


@pytest.fixture
def api(platform):
    """An API that refuses station1 while ``api["is_broken"]``; both stations were fresh before."""
    state = {"is_broken": False}

    def respond(request, number):
        if state["is_broken"] and "283164601" in request.path:
            return Reply(status=400, body={"error": "no"})
        return Reply(body=answer(*rows(datetime.now(UTC).replace(minute=0, second=0, microsecond=0), 1)))

    with scripted_server(respond) as server:
        platform.use(server.url)
        assert platform.run(MONTH, assets=RAW).success
        state["is_broken"] = True
        yield state


class Watcher:
    """Evaluates like the sensor, at any time."""

    def __init__(self, instance, *urls):
        self.instance, self.urls, self.cursor = instance, urls, None

    def look(self, after: timedelta = timedelta(0)):
        now = datetime.now(UTC) + after
        self.cursor, sent, faults = send_alerts(self.instance, NETWORK, self.urls, self.cursor, now, "http://ui:3000")
        return sent, faults


def titles(webhook) -> list[str]:
    return [request.json["title"] for request in webhook.received]


def test_exactly_the_expected_messages_arrive_in_order(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://user:{SECRET}@{webhook.url.removeprefix('http://')}/hook")
    assert watcher.look() == (0, [])
    first = platform.run(MONTH, assets=RAW)
    assert not first.success
    assert watcher.look() == (1, [])
    assert watcher.look(timedelta(minutes=10)) == (0, [])
    platform.run(MONTH, assets=RAW)
    assert watcher.look(timedelta(minutes=20)) == (0, [])
    assert watcher.look(timedelta(minutes=70)) == (1, [])
    api["is_broken"] = False
    assert platform.run(MONTH, assets=RAW).success
    assert watcher.look(timedelta(minutes=75)) == (1, [])
    assert watcher.look(timedelta(minutes=80)) == (0, [])

    broken = f"station1: {MONTH} failed"
    assert titles(webhook) == [broken, broken, f"over: {broken}"]
    told, again, over = (request.json["message"] for request in webhook.received)
    assert f"station1 (AirQino SMART188 283164601), {MONTH}" in told
    assert "HTTP 400" in told
    assert f"http://ui:3000/runs/{first.run_id}" in told
    assert "2 times so far" in again
    assert "It lasted from" in over


def test_a_month_that_failed_is_over_only_when_that_month_succeeds(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    platform.run("2023-01", assets=RAW)
    watcher.look()
    platform.run("2023-01", assets=["station1_summaries"])
    api["is_broken"] = False
    platform.run("2023-02", assets=RAW)
    watcher.look()
    assert titles(webhook) == ["station1: 2023-01 failed"]
    platform.run("2022-12", "2023-03", assets=RAW)
    watcher.look()
    assert titles(webhook)[1:] == ["over: station1: 2023-01 failed"]


def test_a_run_of_stored_hours_that_failed_is_over_when_such_a_run_succeeds(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    derived = ["station1_quality", "station1_aggregates"]
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("airquality_dagster.assets.quality_and_aggregates.flag_hours", lambda *_, **__: 1 / 0)
        assert not platform.run("2023-01", assets=derived).success
    watcher.look()
    assert platform.run("2023-01", assets=derived).success
    watcher.look()
    assert titles(webhook) == ["station1: 2023-01 failed", "over: station1: 2023-01 failed"]


def test_a_station_that_is_silent_counts_as_a_failure_though_its_runs_succeed(platform, instance, webhook):
    with scripted_server(lambda request, number: Reply(body=answer(*rows(JANUARY, 24)))) as server:
        platform.use(server.url)
        assert platform.run("2023-01", assets=["raw_station1"]).success
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    assert watcher.look() == (1, [])
    assert titles(webhook) == ["station1: the check hours_complete_and_fresh failed"]
    assert "the newest hour is 2023-01-01 23:00 UTC" in webhook.received[0].json["message"]


def test_a_job_that_stands_still_is_told(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    assert watcher.look(timedelta(hours=2.9)) == (0, [])
    assert watcher.look(timedelta(hours=3.1)) == (1, [])
    assert titles(webhook) == ["the hourly job does not run"]


def test_a_dashboard_that_is_not_drawn_though_runs_end_is_told(platform, instance, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    drawn = dg.AssetMaterialization("air_quality_dashboard")
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=4)):
        instance.report_runless_asset_event(drawn)
    with scripted_server(lambda request, number: Reply(status=400, body={"error": "no"})) as server:
        platform.use(server.url)
        assert not platform.run(MONTH).success
    watcher.look()
    assert "the dashboard is not drawn" in titles(webhook)
    instance.report_runless_asset_event(drawn)
    told = len(webhook.received)
    assert watcher.look() == (1, [])
    assert "dashboard" in titles(webhook)[told]


def test_files_of_open_data_that_are_no_longer_written_are_told(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=51)):
        instance.report_runless_asset_event(dg.AssetMaterialization("open_data"))
    assert watcher.look() == (1, [])
    assert titles(webhook) == ["the files of open data are not written"]


def test_neighbours_that_are_no_longer_compared_are_told(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=51)):
        instance.report_runless_asset_event(dg.AssetMaterialization("neighbours"))
    assert watcher.look() == (1, [])
    assert titles(webhook) == ["neighbouring stations are not compared"]
    assert "neighbours_schedule" in webhook.received[0].json["message"]
    instance.report_runless_asset_event(dg.AssetMaterialization("neighbours"))
    assert watcher.look() == (1, [])


def test_a_pair_that_is_no_longer_compared_is_told(platform, instance, api, webhook):
    watcher = Watcher(instance, f"json://{webhook.url.removeprefix('http://')}/hook")
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=51)):
        instance.report_runless_asset_event(dg.AssetMaterialization("paving_comparison"))
    instance.report_runless_asset_event(dg.AssetMaterialization("neighbours"))
    assert watcher.look() == (1, [])
    assert titles(webhook) == ["paving: the stations of the pair are not compared"]
    instance.report_runless_asset_event(dg.AssetMaterialization("paving_comparison"))
    assert watcher.look() == (1, [])


def test_a_service_that_cannot_be_reached_is_named_without_its_secret_and_told_later(platform, instance, api, webhook):
    platform.run("2023-01", assets=RAW)
    watcher = Watcher(instance, f"json://user:{SECRET}@127.0.0.1:9/hook", "nonsense://")
    sent, faults = watcher.look()
    assert sent == 0
    assert len(faults) == 2
    assert not any(SECRET in fault for fault in faults)
    assert "alert service 1 (json)" in faults[0]
    watcher.urls = (f"json://{webhook.url.removeprefix('http://')}/hook",)
    assert watcher.look() == (1, [])


def test_the_sensor_is_on_and_skips_while_there_is_nobody_to_tell(instance, monkeypatch, webhook, platform, api):
    repository = defs().get_repository_def()
    sensor = repository.get_sensor_def("alert_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    context = dg.build_sensor_context(instance=instance, repository_def=repository)
    assert "AIRQUALITY_ALERT_URLS is not set" in sensor.evaluate_tick(context).skip_message
    platform.run("2023-01", assets=RAW)
    monkeypatch.setenv("AIRQUALITY_ALERT_URLS", f"json://{webhook.url.removeprefix('http://')}/a, json://127.0.0.1:9/b")
    assert sensor.evaluate_tick(context).skip_message == "1 messages sent"
    assert titles(webhook) == ["station1: 2023-01 failed"]
