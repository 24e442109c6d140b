"""The state of the network as Prometheus metrics, asked of MongoDB and Dagster at each scrape."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.database import Database
from pymongo.errors import PyMongoError

from airquality_dagster.automation.jobs import HOURLY_JOB
from airquality_dagster.checks.station import check_keys
from airquality_dagster.errors import storage_errors
from airquality_dagster.network.stations import Network, Station

_PREFIX = "airquality"
# Metadata of a fetch → its metric and what it is.
_FETCHES = {
    "fetch_seconds": ("api_fetch_seconds", "Seconds that the last fetch of a station took, all its requests."),
    "bytes_received": ("api_received_bytes", "Bytes that the API sent for the last fetch of a station."),
    "hours_rejected": ("rejected_rows_of_fetch", "Rows of the last fetch of a station that are no readings."),
}
_ENDED = {"success": dg.DagsterRunStatus.SUCCESS, "failure": dg.DagsterRunStatus.FAILURE}


def metrics_registry(
    network: Network, database: Database[dict[str, Any]], instance: dg.DagsterInstance
) -> CollectorRegistry:
    """Return the registry whose metrics are asked for at each scrape.

    Args:
        network: whose stations are told.
        database: of the readings; a user who may read is enough.
        instance: Dagster's, whose runs, checks and daemons are told.
    """
    registry = CollectorRegistry()
    registry.register(_NetworkCollector(network, database, instance))
    return registry


class _NetworkCollector(Collector):
    def __init__(self, network: Network, database: Database[dict[str, Any]], instance: dg.DagsterInstance) -> None:
        self._network, self._database, self._instance = network, database, instance

    def describe(self) -> Iterable[Metric]:
        # Asked when it is registered: the answer would take a look at everything.
        return []

    def collect(self) -> Iterator[Metric]:
        up = _gauge("up", "1 where what the platform stands on answers, else 0.", ["part"])
        now = datetime.now(UTC)
        for part, metrics_of, error in (
            ("mongodb", self._stored, PyMongoError),
            ("dagster", self._dagster, storage_errors()),
        ):
            try:
                yield from list(metrics_of(now))
                up.add_metric([part], 1)
            except error:
                # The others are told all the same, and an alert can be made of this.
                up.add_metric([part], 0)
        yield up

    def _stored(self, now: datetime) -> Iterator[Metric]:
        age = _gauge("newest_hour_age_seconds", "Age of the newest stored hour of a station.", ["station"])
        hours = _gauge("stored_hours", "Hours of a station that are stored.", ["station"])
        revisions = _gauge("revisions", "Former versions of hours of a station that are kept.", ["station"])
        rejected = _gauge("rejected_rows", "Rows of a station that are no readings, kept apart.", ["station"])
        for station in self._network.stations:
            newest = self._database[station.raw_asset].find_one({}, {"_id": True}, sort=[("_id", -1)])
            # No hour at all is told by `stored_hours`: it has no age.
            if newest is not None:
                age.add_metric([station.name], (now - newest["_id"]).total_seconds())
            for metric, ending in ((hours, ""), (revisions, "_revisions"), (rejected, "_rejected")):
                count = self._database[f"{station.raw_asset}{ending}"].estimated_document_count()
                metric.add_metric([station.name], count)
        yield from (age, hours, revisions, rejected)

    def _dagster(self, now: datetime) -> Iterator[Metric]:
        yield from self._runs(now)
        yield from _fetches(self._instance, self._network.stations)
        yield _failed_checks(self._instance, self._network.stations)
        heartbeat = _gauge("daemon_heartbeat_age_seconds", "Since a daemon of Dagster gave a sign of life.", ["daemon"])
        for daemon, status in self._instance.get_daemon_statuses().items():
            if status.last_heartbeat is not None:
                heartbeat.add_metric([daemon.lower()], now.timestamp() - status.last_heartbeat.timestamp)
        yield heartbeat

    def _runs(self, now: datetime) -> Iterator[Metric]:
        count = _gauge("runs", f"Runs of {HOURLY_JOB} that Dagster keeps, by how they ended.", ["status"])
        age = _gauge("last_run_age_seconds", f"Since a run of {HOURLY_JOB} ended so.", ["status"])
        for name, status in _ENDED.items():
            runs = dg.RunsFilter(job_name=HOURLY_JOB, statuses=[status])
            count.add_metric([name], self._instance.get_runs_count(runs))
            for record in self._instance.get_run_records(runs, limit=1):
                age.add_metric([name], now.timestamp() - (record.end_time or 0))
        yield from (count, age)


def _fetches(instance: dg.DagsterInstance, stations: Sequence[Station]) -> Iterator[Metric]:
    by_asset = {dg.AssetKey(station.raw_asset): station for station in stations}
    gauges = {key: _gauge(name, text, ["station"]) for key, (name, text) in _FETCHES.items()}
    for record in instance.get_asset_records(list(by_asset)):
        entry = record.asset_entry
        materialization = entry.last_materialization.asset_materialization if entry.last_materialization else None
        for key, gauge in gauges.items():
            value = materialization.metadata.get(key) if materialization else None
            if value is not None and isinstance(value.value, (int, float)):
                gauge.add_metric([by_asset[entry.asset_key].name], value.value)
    yield from gauges.values()


def _failed_checks(instance: dg.DagsterInstance, stations: Sequence[Station]) -> Metric:
    keys = [key for station in stations for key in check_keys(station)]
    counts: Counter[tuple[str, str]] = Counter()
    for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(keys).items():
        found = record.event.asset_check_evaluation if record.event else None
        if found and not found.passed:
            counts[key.name, found.severity.value.lower()] += 1
    gauge = _gauge("failed_checks", "Checks of stations that did not pass when last made.", ["check", "severity"])
    for labels, count in sorted(counts.items()):
        gauge.add_metric(labels, count)
    return gauge


def _gauge(name: str, text: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)
