"""A check that fails is seen wherever an operator looks."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from airquality_dagster.cli.status import show_status
from airquality_dagster.local.services import dagster_instance
from airquality_dagster.network.stations import load_network
from airquality_dagster.watching.metrics import metrics_registry
from airquality_dagster.watching.sensor import send_alerts
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.scripted_server import Reply, scripted_server

COMPARISON = ("paving_comparison", "comparison_can_be_told")
NEIGHBOURS = ("neighbours", "station1_agrees_with_neighbours")
FORECAST = ("station1_forecast_scores", "forecast_has_skill")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
NETWORK = load_network(None)


def report(instance: dg.DagsterInstance, asset: str, check: str, severity: dg.AssetCheckSeverity | None) -> None:
    """Store an evaluation of a check; without a severity, it passed."""
    passed = {"passed": severity is None, "severity": severity or WARN}
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(dg.AssetKey(asset), check, **passed, description="what it says")
    )


@pytest.mark.parametrize(("asset", "check"), [long(*COMPARISON), long(*NEIGHBOURS), FORECAST])
def test_it_is_in_the_status(asset, check, home, mongodb_uri, database, monkeypatch, capsys):
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", database.name)
    for severity, kind in ((WARN, "warning"), (ERROR, "act"), (None, None)):
        with dagster_instance(home / "dagster") as instance:
            report(instance, asset, check, severity)
        show_status()
        told = [line for line in capsys.readouterr().out.splitlines() if check in line]
        assert told == ([f"{kind} {check}: what it says"] if kind else [])


@pytest.mark.parametrize(
    ("asset", "check", "label"),
    [(*COMPARISON, COMPARISON[1]), (*NEIGHBOURS, "agrees_with_neighbours"), (*FORECAST, FORECAST[1])],
)
def test_it_is_in_the_metrics(asset, check, label, database, instance):
    registry = metrics_registry(NETWORK, database, instance)
    report(instance, asset, check, ERROR)
    labels = {"check": label, "severity": "error"}
    assert registry.get_sample_value("airquality_failed_checks", labels) == 1
    report(instance, asset, check, None)
    assert registry.get_sample_value("airquality_failed_checks", labels) is None


@pytest.mark.parametrize(
    ("asset", "check", "name"), [(*COMPARISON, "paving"), (*NEIGHBOURS, "station1"), (*FORECAST, "station1")]
)
def test_it_is_told_once_and_once_more_when_it_is_over_and_a_warning_is_not(asset, check, name, instance):
    cursor, now = None, datetime.now(UTC)
    with scripted_server(lambda request, number: Reply(status=200)) as webhook:
        url = f"json://{webhook.url.removeprefix('http://')}/hook"
        for minutes, severity in enumerate((WARN, ERROR, ERROR, None, None)):
            report(instance, asset, check, severity)
            at = now + timedelta(minutes=minutes)
            cursor, _, faults = send_alerts(instance, NETWORK, (url,), cursor, at, "http://ui")
            assert not faults
        title = f"{name}: the check {check} failed"
        assert [request.json["title"] for request in webhook.received] == [title, f"over: {title}"]
        assert "what it says" in webhook.received[0].json["message"]
