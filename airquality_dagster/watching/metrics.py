"""The state of the network as Prometheus metrics, read from MongoDB and Dagster at each scrape."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster_mongodb import revisions_collection
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.database import Database
from pymongo.errors import PyMongoError

from airquality_dagster.automation.instance import daemon_heartbeats, failed_checks, last_materializations, run_count
from airquality_dagster.automation.jobs import HOURLY_JOB
from airquality_dagster.errors import storage_errors
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS
from airquality_dagster.storage.forecasts import newest_scores
from airquality_dagster.storage.hours import newest_hour
from airquality_dagster.storage.rejected import rejected_collection

_PREFIX = "airquality"
# Metadata of a fetch → name and description of its metric.
_FETCHES = {
    "fetch_seconds": ("api_fetch_seconds", "Seconds of the last fetch of a station, all requests together."),
    "bytes_received": ("api_received_bytes", "Bytes that the API sent for the last fetch of a station."),
    "hours_rejected": ("rejected_rows_of_fetch", "Rows of the last fetch of a station that could not be stored."),
}
_ENDED = {"success": dg.DagsterRunStatus.SUCCESS, "failure": dg.DagsterRunStatus.FAILURE}


def metrics_registry(
    network: Network, database: Database[dict[str, Any]], instance: dg.DagsterInstance
) -> CollectorRegistry:
    """Return the registry of the network's metrics.

    Args:
        network: the network.
        database: database of the readings; read access is enough.
        instance: Dagster's instance.
    """
    registry = CollectorRegistry()
    registry.register(_NetworkCollector(network, database, instance))
    return registry


class _NetworkCollector(Collector):
    def __init__(self, network: Network, database: Database[dict[str, Any]], instance: dg.DagsterInstance) -> None:
        self._network, self._database, self._instance = network, database, instance

    def describe(self) -> Iterable[Metric]:
        # Called at registration; without this, the registry would call `collect`.
        return []

    def collect(self) -> Iterator[Metric]:
        up = _gauge("up", "1 if a part that the platform needs answers, else 0.", ["part"])
        now = datetime.now(UTC)
        for part, metrics_of, error in (
            ("mongodb", self._stored, PyMongoError),
            ("dagster", self._dagster, storage_errors()),
        ):
            try:
                yield from list(metrics_of(now))
                up.add_metric([part], 1)
            except error:
                # The other metrics are still returned, and an alert can use this one.
                up.add_metric([part], 0)
        yield up

    def _stored(self, now: datetime) -> Iterator[Metric]:
        age = _gauge("newest_hour_age_seconds", "Age of the newest stored hour of a station.", ["station"])
        hours = _gauge("stored_hours", "Stored hours of a station.", ["station"])
        revisions = _gauge("revisions", "Stored former versions of hours of a station.", ["station"])
        rejected = _gauge("rejected_rows", "Rejected rows of a station, which could not be stored.", ["station"])
        for station in self._network.stations:
            newest = newest_hour(self._database, station.raw_asset)
            # Without hours there is no age; `stored_hours` is 0.
            if newest is not None:
                age.add_metric([station.name], (now - newest).total_seconds())
            for metric, collection in (
                (hours, station.raw_asset),
                (revisions, revisions_collection(station.raw_asset)),
                (rejected, rejected_collection(station.raw_asset)),
            ):
                metric.add_metric([station.name], self._database[collection].estimated_document_count())
        yield from (age, hours, revisions, rejected)
        yield from _forecasts(self._database, self._network.stations)

    def _dagster(self, now: datetime) -> Iterator[Metric]:
        yield from self._runs(now)
        yield from _fetches(self._instance, self._network.stations)
        yield _failed_checks(self._instance, self._network)
        heartbeat = _gauge(
            "daemon_heartbeat_age_seconds", "Age of the last heartbeat of a daemon of Dagster.", ["daemon"]
        )
        for daemon, last in daemon_heartbeats(self._instance).items():
            if last is not None:
                heartbeat.add_metric([daemon], now.timestamp() - last)
        yield heartbeat

    def _runs(self, now: datetime) -> Iterator[Metric]:
        job = self._network.named(HOURLY_JOB)
        count = _gauge("runs", f"Stored runs of {job}, by status.", ["status"])
        age = _gauge("last_run_age_seconds", f"Time since the last run of {job} with this status ended.", ["status"])
        for name, status in _ENDED.items():
            runs = dg.RunsFilter(job_name=job, statuses=[status])
            count.add_metric([name], run_count(self._instance, runs))
            for record in self._instance.get_run_records(runs, limit=1):
                age.add_metric([name], now.timestamp() - (record.end_time or 0))
        yield from (count, age)


def _forecasts(database: Database[dict[str, Any]], stations: Sequence[Station]) -> Iterator[Metric]:
    labels = ["station", "pollutant", "hours_ahead"]
    skill = _gauge(
        "forecast_mae_skill_28_days",
        "1 minus the mean absolute error of a station's forecasts of 28 days, divided by that of persistence.",
        labels,
    )
    withheld = _gauge("forecast_withheld", "1 if the model of a station's forecasts is withheld, else 0.", labels)
    for station in stations:
        for hours_ahead, row in newest_scores(database, station.forecast_scores_asset).items():
            for field in FORECAST_FIELDS:
                values = [station.name, field, str(hours_ahead)]
                score = row[f"{field}_28_days"]
                if score is not None:
                    skill.add_metric(values, score["mae_skill"])
                withheld.add_metric(values, float(row[f"{field}_is_withheld"]))
    yield from (skill, withheld)


def _fetches(instance: dg.DagsterInstance, stations: Sequence[Station]) -> Iterator[Metric]:
    names = {station.raw_asset: station.name for station in stations}
    gauges = {key: _gauge(name, text, ["station"]) for key, (name, text) in _FETCHES.items()}
    for asset, entry in last_materializations(instance, list(names)).items():
        for key, gauge in gauges.items():
            value = entry.asset_materialization.metadata.get(key) if entry.asset_materialization else None
            if value is not None and isinstance(value.value, (int, float)):
                gauge.add_metric([names[asset]], value.value)
    yield from gauges.values()


def _failed_checks(instance: dg.DagsterInstance, network: Network) -> Metric:
    counts = Counter(
        # A check of the neighbours is named after its station; the metric counts stations.
        (check.key.name.removeprefix(f"{check.name}_"), check.evaluation.severity.value.lower())
        for check in failed_checks(instance, network)
    )
    gauge = _gauge(
        "failed_checks", "Checks of stations and pairs whose last evaluation did not pass.", ["check", "severity"]
    )
    for labels, count in sorted(counts.items()):
        gauge.add_metric(labels, count)
    return gauge


def _gauge(name: str, text: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)
