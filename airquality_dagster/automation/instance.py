"""Queries to Dagster's instance about earlier runs.

Only this module uses methods of the instance that Dagster does not document. The public methods query one partition,
check or run at a time: with a thousand stations, a tick or an alert would take minutes. Each call has a comment with
the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
from pymongo.database import Database

from airquality_dagster.automation.due import (
    Month,
    StationRun,
    contiguous_ranges,
    due_months,
    outdated_months,
    station_runs,
    unconfirmed_months,
)
from airquality_dagster.automation.jobs import (
    DASHBOARD_JOB,
    FORECAST_JOB,
    HOURLY_JOB,
    IN_PROGRESS,
    NEIGHBOURS_JOB,
    OPEN_DATA_JOB,
)
from airquality_dagster.automation.lost import LostMonths, lost_months, recorded_documents, time_zone_of
from airquality_dagster.checks.keys import check_keys
from airquality_dagster.network.keys import asset_key, asset_name
from airquality_dagster.network.partitions import KNOWN_UNTIL, NEWEST_HOUR, monthly_partitions
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.judgement import is_of_present_rules, judgement_version

# Run monitoring ends a run after this time (local/dagster.yaml). An older run counts as dead.
RUN_LIMIT = timedelta(hours=2)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_RUNS_AT_ONCE = 500
_CODE_VERSION = "dagster/code_version"


@dataclass(frozen=True)
class FailedCheck:
    """A check whose last evaluation did not pass.

    Args:
        name: of the station or pair that the check is about.
        key: key of the check.
        evaluation: its last evaluation.
        run_id: id of the run that evaluated it.
    """

    name: str
    key: dg.AssetCheckKey
    evaluation: dg.AssetCheckEvaluation
    run_id: str

    @property
    def must_act(self) -> bool:
        """Whether the severity is ERROR: a person must act."""
        return self.evaluation.severity == dg.AssetCheckSeverity.ERROR


def open_instance(folder: Path) -> dg.DagsterInstance:
    """Return the instance of a folder with a dagster.yaml."""
    # The public `DagsterInstance.get()` reads the folder from the process's environment only.
    return dg.DagsterInstance.from_config(str(folder))


def network_months(network: Network, now: datetime) -> list[Month]:
    """Return the months of the network, from its first to the current one."""
    partitions_def = monthly_partitions(network)
    windows = {
        key: partitions_def.time_window_for_partition_key(key)
        for key in partitions_def.get_partition_keys(current_time=now)
    }
    return [Month(key, window.end) for key, window in windows.items() if window.start <= now]


def run_in_progress(instance: dg.DagsterInstance, network: Network, now: datetime) -> dg.DagsterRun | None:
    """Return a run of the hourly job that has not ended, None if there is none."""
    job = network.named(HOURLY_JOB)
    unfinished = dg.RunsFilter(job_name=job, statuses=IN_PROGRESS, created_after=now - RUN_LIMIT)
    return next((record.dagster_run for record in instance.get_run_records(unfinished, limit=1)), None)


def due_runs(
    instance: dg.DagsterInstance,
    network: Network,
    now: datetime,
    database: Database[dict[str, Any]] | None = None,
    *,
    warn: Callable[[str], None] = lambda message: None,
) -> list[StationRun]:
    """Return the runs of a tick, as few as possible: runs that only use stored hours, then runs that fetch.

    The last run fetches the current month, so that checks and dashboard show the present state at the end.

    Args:
        instance: Dagster's instance.
        network: the network.
        now: the present moment, tz-aware.
        database: database of the assets, to find what it has lost; None: the instance's record alone counts.
        warn: called with a message if something is fetched or computed again that had been stored.
    """
    months, zone = network_months(network, now), network.network.time_zone
    summarised = last_materializations(instance, [station.summaries_asset for station in network.stations])
    fetched, judged = {}, {}
    for station in network.stations:
        raw, quality, days = (
            _latest_materializations(instance, asset, months)
            for asset in (station.raw_asset, station.quality_asset, station.aggregates_asset)
        )
        changed_at = {key: _moment(record) for key, record in raw.items() if _changed(record)}
        lost = LostMonths()
        if database is not None and raw:
            lost = lost_months(database, station, months, raw, quality, days)
        due = {*due_months(months, _earliest(raw, quality, days), now), *lost.hours}
        # The first hours of the network may be others in another time zone.
        due |= _in_other_zone(raw, zone) & {first.key for first in months[:1]}
        in_other_zone = _in_other_zone(days, zone)
        version = judgement_version(station.siting(network.time_zone))
        judged_by = [(key, _code_version(record)) for records in (quality, days) for key, record in records.items()]
        resited = {key for key, other in judged_by if other != version and is_of_present_rules(other)}
        former = ({key for key, other in judged_by if other != version} | in_other_zone).difference(due)
        # Days that no summary has: a run ended between the two.
        last = summarised.get(station.summaries_asset)
        unsummarised = {key for key, record in days.items() if last is None or record.timestamp > last.timestamp}
        again = {*lost.derived, *unsummarised}.difference(due)
        # If only the current month is due, its failure affects no other month.
        is_only_current = len(due) + len(former | again) <= 1
        failed = set() if is_only_current else _failed_months(instance, network, station, [*due, *former, *again])
        empty = _without_hours(months, raw)
        judged_at, newest = _earliest(quality, days), max(_times(raw, NEWEST_HOUR).values(), default=None)
        again.update(outdated_months(months, judged_at, changed_at, former, now, empty=empty, failed=failed))
        again.update(unconfirmed_months(months, _times(quality, KNOWN_UNTIL), newest, empty))
        fetched[station.name] = contiguous_ranges(months, due, failed)
        judged[station.name] = contiguous_ranges(months, again.difference(due), failed)
        if lost.hours or lost.derived:
            warn(f"{station.name}: {lost}")
        if resited:
            warn(
                f"{station.name}: {len(resited)} months were judged when the stations file said otherwise of its place "
                "or its channels: they are computed again"
            )
        if in_other_zone:
            warn(f"{station.name}: days of {len(in_other_zone)} months are not of {zone}: they are computed again")
    size = network.network.stations_per_run
    return [*station_runs(judged, size, fetches=False), *station_runs(fetched, size)]


def all_runs(network: Network, now: datetime) -> list[StationRun]:
    """Return the runs that materialize every month of every station again."""
    months = network_months(network, now)
    ranges = contiguous_ranges(months, {month.key for month in months})
    return station_runs({station.name: ranges for station in network.stations}, network.network.stations_per_run)


def superseded_runs(instance: dg.DagsterInstance, network: Network, before: datetime) -> Iterator[str]:
    """Yield the ids of ended runs of the network that are no longer needed.

    The runs with the newest materialization of a month of an asset are needed, however old they are: a tick queries
    the instance for these. Other networks and projects may use the same instance: their runs are not yielded.

    Args:
        instance: Dagster's instance.
        network: the network.
        before: only runs that ended before this moment, tz-aware.
    """
    months = network_months(network, datetime.now(UTC))
    needed = {
        record.run_id
        for station in network.stations
        for asset in (station.raw_asset, station.quality_asset, station.aggregates_asset)
        for record in _latest_materializations(instance, asset, months).values()
    }
    of_network = [
        network.neighbours_asset,
        *network.comparison_assets,
        network.dashboard_asset,
        network.open_data_asset,
    ]
    unpartitioned = [
        *(
            asset
            for station in network.stations
            for asset in (station.summaries_asset, station.forecast_asset, *station.forecast_model_assets)
        ),
        *of_network,
    ]
    needed |= {entry.run_id for entry in last_materializations(instance, unpartitioned).values()}
    jobs = {network.named(job) for job in (HOURLY_JOB, DASHBOARD_JOB, NEIGHBOURS_JOB, FORECAST_JOB, OPEN_DATA_JOB)}
    stations = [asset for station in network.stations for asset in (*station.assets, *station.forecast_model_assets)]
    own_keys = {*map(asset_key, [*stations, *of_network])}

    def belongs(run: dg.DagsterRun) -> bool:
        return run.job_name in jobs or (bool(run.asset_selection) and own_keys.issuperset(run.asset_selection))

    ended = dg.RunsFilter(statuses=_ENDED, updated_before=before)
    cursor = None
    while records := instance.get_run_records(ended, cursor=cursor, limit=_RUNS_AT_ONCE):
        cursor = records[-1].dagster_run.run_id
        runs = [record.dagster_run for record in records]
        yield from [run.run_id for run in runs if run.run_id not in needed and belongs(run)]


def failed_checks(instance: dg.DagsterInstance, network: Network) -> list[FailedCheck]:
    """Return the checks of all stations and pairs whose last evaluation did not pass."""
    names = check_keys(network)
    # The public method queries the database for each check separately.
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(names))
    failed = []
    for key, name in names.items():
        record = records.get(key)
        evaluation = record.event.asset_check_evaluation if record and record.event else None
        if record and evaluation and not evaluation.passed:
            failed.append(FailedCheck(name, key, evaluation, record.run_id))
    return failed


def last_runs(instance: dg.DagsterInstance, network: Network) -> dict[str, dg.RunRecord]:
    """Return station → the newest run that selected its hourly readings, among the newest runs of the instance."""
    names = {asset_key(station.raw_asset): station.name for station in network.stations}
    newest: dict[str, dg.RunRecord] = {}
    for record in instance.get_run_records(limit=_RUNS_AT_ONCE):
        run = record.dagster_run
        # Without a selection, a run of the hourly job selects all assets.
        selection = run.asset_selection or (names.keys() if run.job_name == network.named(HOURLY_JOB) else ())
        for key in names.keys() & selection:
            newest.setdefault(names[key], record)
    return newest


def last_materializations(instance: dg.DagsterInstance, assets: Sequence[str]) -> dict[str, dg.EventLogEntry]:
    """Return asset → its last materialization, in one query; the public way queries one asset at a time."""
    entries = (record.asset_entry for record in instance.get_asset_records(list(map(asset_key, assets))))
    return {asset_name(entry.asset_key): entry.last_materialization for entry in entries if entry.last_materialization}


def run_count(instance: dg.DagsterInstance, runs: dg.RunsFilter | None = None) -> int:
    """Return how many runs the instance keeps."""
    return instance.get_runs_count(runs)  # the public way reads all of their records


def run_events(instance: dg.DagsterInstance, run_id: str, kinds: set[dg.DagsterEventType]) -> list[dg.DagsterEvent]:
    """Return a run's events of some types."""
    # No public method returns a run's events.
    return [entry.dagster_event for entry in instance.all_logs(run_id, kinds) if entry.dagster_event]


def listen_to(
    instance: dg.DagsterInstance,
    run_id: str,
    on_message: Callable[[str, int], None],
    on_wait: Callable[[], None],
) -> None:
    """Call functions while a run goes on. Reading its events afterwards takes as long as the run.

    Args:
        instance: Dagster's instance.
        run_id: id of the run.
        on_message: called with each log line and its level.
        on_wait: called when a step waits for a place in a pool: first at once, then every five minutes.
    """

    def on_entry(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            on_message(entry.user_message, int(entry.level))
        elif event.is_engine_event and "pool" in event.engine_event_data.metadata:
            on_wait()

    instance.add_event_listener(run_id, on_entry)


def daemon_heartbeats(instance: dg.DagsterInstance) -> Mapping[str, float | None]:
    """Return daemon → timestamp of its last heartbeat, None if it had none."""
    return {
        name.lower(): status.last_heartbeat.timestamp if status.last_heartbeat else None
        for name, status in instance.get_daemon_statuses().items()
    }


def dead_daemons(instance: dg.DagsterInstance) -> list[str]:
    """Return the daemons that the instance needs but that have no recent heartbeat."""
    states = instance.get_daemon_statuses()
    return sorted(name.lower() for name, state in states.items() if state.required and not state.healthy)


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    """Mark a run whose process has ended as failed, and free its places in pools. Otherwise only a daemon does this."""
    instance.report_run_failed(run, reason)
    free_places(instance, run.run_id)


def free_places(instance: dg.DagsterInstance, run_id: str) -> None:
    """Free the places of a run in all pools. No public method does, and a run that is killed keeps its places."""
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def users_of_pool(instance: dg.DagsterInstance, pool: str) -> dict[str, set[str]]:
    """Return run id → its steps that have a place in a pool, or will get the next one; none if the run only waits."""
    # Only the command `dagster instance concurrency` and the UI show this.
    info = instance.event_log_storage.get_concurrency_info(pool)
    users: dict[str, set[str]] = {step.run_id: set() for step in info.pending_steps}
    for step in (*info.claimed_slots, *(step for step in info.pending_steps if step.assigned_timestamp)):
        users.setdefault(step.run_id, set()).add(step.step_key)
    return users


def is_silent(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """Return whether a run has written no event for `RUN_LIMIT`."""
    # No public method returns a run's newest event.
    events = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    last = events[0].timestamp if events else record.create_timestamp.replace(tzinfo=UTC).timestamp()
    return last < (now - RUN_LIMIT).timestamp()


def _latest_materializations(
    instance: dg.DagsterInstance, asset: str, months: Sequence[Month]
) -> dict[str, dg.EventLogRecord]:
    keys = {month.key for month in months}
    # Two queries per asset, however often its months were materialized: first the id of each month's newest record,
    # then these records. The public `fetch_materializations` alone would read all records of these months.
    storage_ids = instance.get_latest_storage_id_by_partition(
        asset_key(asset), dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=keys
    )
    if not storage_ids:
        return {}
    newest = dg.AssetRecordsFilter(asset_key=asset_key(asset), storage_ids=list(storage_ids.values()))
    records = instance.fetch_materializations(newest, limit=len(storage_ids)).records
    return {record.partition_key: record for record in records if record.partition_key is not None}


def _earliest(*newest: Mapping[str, dg.EventLogRecord]) -> dict[str, datetime]:
    """Return for each month that all assets have the earliest of their newest materializations."""
    in_all = set.intersection(*map(set, newest))
    return {key: min(_moment(of_asset[key]) for of_asset in newest) for key in in_all}


def _in_other_zone(records: Mapping[str, dg.EventLogRecord], zone: str) -> set[str]:
    """Return the months that were last materialized in another time zone."""
    return {key for key, record in records.items() if time_zone_of(record) not in (None, zone)}


def _without_hours(months: Sequence[Month], raw: Mapping[str, dg.EventLogRecord]) -> set[str]:
    """Return the months of which no hour is stored."""
    return {key for key in (month.key for month in months) if key not in raw or not recorded_documents(key, raw[key])}


def _times(records: Mapping[str, dg.EventLogRecord], name: str) -> dict[str, datetime]:
    """Return the months whose materialization has a timestamp with this name as metadata, with the timestamp."""
    metadata = {
        key: record.asset_materialization.metadata.get(name)
        for key, record in records.items()
        if record.asset_materialization
    }
    return {
        key: datetime.fromtimestamp(cast("float", value.value), UTC)
        for key, value in metadata.items()
        if value is not None
    }


def _moment(record: dg.EventLogRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp, UTC)


def _changed(record: dg.EventLogRecord) -> bool:
    """Return whether a write changed hours; for a range of months, the counts are those of the whole range."""
    metadata = record.asset_materialization.metadata if record.asset_materialization else {}
    # Runs of former releases noted the counts without a prefix.
    counts = (prefix + count for prefix in ("mongodb/", "") for count in ("inserted", "revised"))
    return any(metadata[count].value for count in counts if count in metadata)


def _code_version(record: dg.EventLogRecord) -> str | None:
    tags = (record.asset_materialization.tags if record.asset_materialization else None) or {}
    return tags.get(_CODE_VERSION)


def _failed_months(instance: dg.DagsterInstance, network: Network, station: Station, keys: Sequence[str]) -> set[str]:
    failed: set[str] = set()
    for asset in (station.raw_asset, station.quality_asset, station.aggregates_asset):
        status = instance.get_status_by_partition(asset_key(asset), keys, monthly_partitions(network))
        failed |= {key for key, state in (status or {}).items() if state is not None and state.value == "FAILED"}
    return failed
