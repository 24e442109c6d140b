"""The sensor that sends alerts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from pydantic import BaseModel

from airquality_dagster import settings
from airquality_dagster.network.stations import Network
from airquality_dagster.watching.alerts import OpenAlert, bundles, due_messages, mark_sent
from airquality_dagster.watching.notify import send
from airquality_dagster.watching.problems import RunHistory, follow_runs, problems

_INTERVAL_SECONDS = 60


class _Cursor(BaseModel):
    runs: RunHistory = RunHistory()
    alerts: dict[str, OpenAlert] = {}


def alert_sensor(network: Network) -> dg.SensorDefinition:
    """Return the sensor that sends alerts.

    It covers runs, checks and the schedule. Dagster's run failure sensor is not enough: one place must know which
    alerts were sent and which problems are over, even while MongoDB does not answer.
    """

    @dg.sensor(
        name=network.named("alert_sensor"),
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Sends failures to the services of {settings.AIRQUALITY_ALERT_URLS}: at once, again after 1, 6 and 24 "
            "hours, and when they are over."
        ),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        urls = settings.alert_urls()
        if not urls:
            return dg.SkipReason(f"{settings.AIRQUALITY_ALERT_URLS} is not set")
        cursor, sent, faults = send_alerts(
            context.instance, network, urls, context.cursor, datetime.now(UTC), settings.ui_url()
        )
        context.update_cursor(cursor)
        for fault in faults:
            context.log.warning(fault)
        return dg.SkipReason(f"{sent} messages sent" if sent else "no new messages")

    return sensor


def send_alerts(
    instance: dg.DagsterInstance, network: Network, urls: Sequence[str], cursor: str | None, now: datetime, ui_url: str
) -> tuple[str, int, list[str]]:
    """Send the due messages.

    Args:
        instance: Dagster's instance.
        network: the network.
        urls: URLs of the alert services.
        cursor: JSON text that the last evaluation returned, None at first.
        now: the present moment, tz-aware.
        ui_url: URL of the Dagster UI, for links.

    Returns:
        the next cursor, the number of sent messages, and one line per failure.
    """
    known = _Cursor.model_validate_json(cursor) if cursor else _Cursor()
    runs = follow_runs(instance, network, known.runs, now)
    messages, alerts = due_messages(problems(instance, network, runs, now), known.alerts, now, ui_url)
    sent, all_faults = 0, []
    for bundle in bundles(messages):
        faults = send(urls, bundle.title, bundle.body)
        all_faults += faults
        # One service is enough. If all fail, the next evaluation tries again.
        if len(faults) < len(urls):
            for message in bundle.messages:
                mark_sent(alerts, message, now)
            sent += 1
    return _Cursor(runs=runs, alerts=alerts).model_dump_json(), sent, all_faults
