"""Runs of the hourly job in this process, and reports of their results."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from airquality_dagster.automation.due import StationRun
from airquality_dagster.automation.due_forecasts import DueForecasts
from airquality_dagster.automation.failures import run_failure, step_failure
from airquality_dagster.automation.instance import listen_to
from airquality_dagster.automation.jobs import (
    DASHBOARD_JOB,
    FORECAST_JOB,
    HOURLY_JOB,
    NEIGHBOURS_JOB,
    OPEN_DATA_JOB,
    asset_selection,
    forecast_selections,
    run_tags,
)
from airquality_dagster.local.runs import PoolWait, executing, run_tags_of_host
from airquality_dagster.local.services import Services
from airquality_dagster.network.keys import asset_key, asset_name, step_key
from airquality_dagster.network.stations import Network

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Events = defaultdict[str | None, list[dg.DagsterEvent]]
_COUNTS = (
    "hours_fetched",
    "mongodb/inserted",
    "mongodb/revised",
    "mongodb/unchanged",
    "mongodb/deleted",
    "hours_rejected",
)


@dataclass
class StationReport:
    """The result of a pass for a station's hours, for the comparison of neighbours, or for the dashboard."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    faults: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)


@dataclass
class PassReport:
    """The result of a pass: by station, for neighbours, for models and scores, for the dashboard, for the files."""

    stations: dict[str, StationReport]
    dashboard: StationReport = field(default_factory=StationReport)
    neighbours: StationReport = field(default_factory=StationReport)
    forecasts: StationReport = field(default_factory=StationReport)
    open_data: StationReport = field(default_factory=StationReport)

    @property
    def parts(self) -> list[StationReport]:
        """The reports of all stations, of neighbours, of models and scores, of the dashboard, and of the files."""
        return [*self.stations.values(), self.neighbours, self.forecasts, self.dashboard, self.open_data]

    @property
    def faults(self) -> list[str]:
        """All failures, one line each."""
        return [fault for part in self.parts for fault in part.faults]


def execute(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    runs: Sequence[StationRun],
    on_message: Callable[[str, int], None] = lambda message, level: None,
    on_wait: Callable[[str], None] = lambda line: None,
) -> PassReport:
    """Execute runs of the hourly job one after the other.

    Args:
        services: services that the runs use.
        instance: Dagster's instance.
        network: the network.
        runs: stations and months.
        on_message: called with each log line and its level.
        on_wait: called with a line while a run waits for other runs.
    """
    execute_job = _jobs(services, instance, network, on_message, on_wait)
    report = PassReport({station: StationReport() for run in runs for station in run.stations})
    for run in runs:
        is_last = run is runs[-1]
        selection = asset_selection(network, run, is_last=is_last)
        result = execute_job(HOURLY_JOB, asset_selection=selection, tags=run_tags(run))
        events = _by_step(result)
        for station in () if run.fetches else run.stations:
            # Runs that fetch log such a line themselves.
            on_message(f"{station}: flags and days computed again", logging.INFO)
        _add(report, network, run, result, events)
        dashboard = step_key(network.dashboard_asset)
        if is_last and _was_skipped(events, dashboard) and services.has_mongodb():
            events = _by_step(execute_job(DASHBOARD_JOB))
        _add_failures(report.dashboard, events[dashboard])
    return report


def execute_neighbours(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    on_wait: Callable[[str], None] = lambda line: None,
) -> StationReport:
    """Compare neighbouring stations and the pairs of the stations file, and return what failed.

    Args:
        services: services that the run uses.
        instance: Dagster's instance.
        network: the network.
        on_wait: called with a line while the run waits for other runs.
    """
    selection = [asset_key(name) for name in (network.neighbours_asset, *network.comparison_assets)]
    return _execute_assets(services, instance, network, NEIGHBOURS_JOB, [selection], on_wait)


def execute_forecasts(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    due: DueForecasts,
    on_wait: Callable[[str], None] = lambda line: None,
) -> StationReport:
    """Fit models, forecast by the new ones, and score forecasts. Return what failed.

    Args:
        services: services that the run uses.
        instance: Dagster's instance.
        network: the network.
        due: what is due; nothing runs if nothing is.
        on_wait: called with a line while the run waits for other runs.
    """
    selections = forecast_selections(due.fitted, due.scored)
    return _execute_assets(services, instance, network, FORECAST_JOB, selections, on_wait)


def draw_dashboard(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    on_wait: Callable[[str], None] = lambda line: None,
) -> StationReport:
    """Draw the dashboard of what is stored, and return what failed."""
    return _execute_assets(services, instance, network, DASHBOARD_JOB, [[asset_key(network.dashboard_asset)]], on_wait)


def execute_open_data(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    on_wait: Callable[[str], None] = lambda line: None,
) -> StationReport:
    """Write the files of open data, and return what failed."""
    return _execute_assets(services, instance, network, OPEN_DATA_JOB, [[asset_key(network.open_data_asset)]], on_wait)


def _execute_assets(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    job: str,
    selections: Sequence[Sequence[dg.AssetKey]],
    on_wait: Callable[[str], None],
) -> StationReport:
    """Execute a job for some selections of its assets, one after the other, and return what failed."""
    report = StationReport()
    execute_job = _jobs(services, instance, network, lambda message, level: None, on_wait)
    for selection in selections:
        _add_assets(report, execute_job(job, asset_selection=list(selection)), map(asset_name, selection))
    return report


def _jobs(
    services: Services,
    instance: dg.DagsterInstance,
    network: Network,
    on_message: Callable[[str, int], None],
    on_wait: Callable[[str], None],
) -> Callable[..., dg.ExecuteInProcessResult]:
    """Return a function that executes a job of the network in this process."""
    from airquality_dagster.component import network_definitions

    definitions = network_definitions(network, services.started)

    def execute_job(name: str, tags: Mapping[str, str] = {}, **options: Any) -> dg.ExecuteInProcessResult:
        run_id = str(uuid.uuid4())
        wait = PoolWait(instance, run_id, on_wait)
        listen_to(instance, run_id, on_message, wait.go_on)
        with executing(run_id):
            return definitions.resolve_job_def(network.named(name)).execute_in_process(
                run_config=_QUIET,
                instance=instance,
                raise_on_error=False,
                run_id=run_id,
                tags={**tags, **run_tags_of_host()},
                **options,
            )

    return execute_job


def _by_step(result: dg.ExecuteInProcessResult) -> Events:
    """Return step → its events. The result's own methods would search all events for each step."""
    events: Events = defaultdict(list)
    for event in result.all_events:
        events[event.step_key].append(event)
    return events


def _has_failed_step(events: Events) -> bool:
    return any(event.is_step_failure for of_step in events.values() for event in of_step)


def _was_skipped(events: Events, step: str) -> bool:
    """Return whether a step was skipped because an earlier step failed."""
    has_ended = any(event.is_step_success or event.is_step_failure for event in events[step])
    return _has_failed_step(events) and not has_ended


def _add(
    report: PassReport, network: Network, run: StationRun, result: dg.ExecuteInProcessResult, events: Events
) -> None:
    for station in map(network.station, run.stations):
        entry = report.stations[station.name]
        for step in map(step_key, station.steps):
            _add_failures(entry, events[step])
        _add_run_failure(entry, result, events)
        # A run writes an asset once: the events of all months have the same counts.
        written = [
            event.materialization for event in events[step_key(station.raw_asset)] if event.is_step_materialization
        ]
        for count in _COUNTS if written else ():
            value = written[0].metadata[count].value
            entry.counts[count] += value if isinstance(value, int) else 0


def _add_assets(report: StationReport, result: dg.ExecuteInProcessResult, assets: Iterable[str]) -> None:
    """Add what failed of a run of unpartitioned assets, each of which is a step."""
    events = _by_step(result)
    for asset in assets:
        _add_failures(report, events[step_key(asset)])
    _add_run_failure(report, result, events)


def _add_run_failure(entry: StationReport, result: dg.ExecuteInProcessResult, events: Events) -> None:
    """Add the failure of a run whose steps did not begin: a resource or the definitions failed."""
    if not result.success and not _has_failed_step(events):
        (event,) = result.filter_events(lambda event: event.event_type == dg.DagsterEventType.RUN_FAILURE)
        entry.faults.append(run_failure(result.run_id, event))


def _add_failures(entry: StationReport, events: Sequence[dg.DagsterEvent]) -> None:
    for event in filter(lambda event: event.is_step_failure, events):
        error = event.step_failure_data.error
        entry.faults.append(step_failure(event))
        entry.traces.append(error.to_string() if error else "")
