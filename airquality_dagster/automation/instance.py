"""What Dagster's instance knows of earlier runs, asked once a tick."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from airquality_dagster.automation.due import (
    Month,
    StationRun,
    contiguous_ranges,
    due_months,
    outdated_months,
    station_runs,
)
from airquality_dagster.automation.jobs import DASHBOARD, HOURLY_JOB, IN_PROGRESS
from airquality_dagster.network.partitions import monthly_partitions
from airquality_dagster.network.stations import Network, Station

# Run monitoring ends a run after this long (local/dagster.yaml); one that is older is taken for dead.
RUN_LIMIT = timedelta(hours=2)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_RUNS_AT_ONCE = 500


def network_months(network: Network, now: datetime) -> list[Month]:
    """Return the months of the network, from its first to the current one."""
    partitions_def = monthly_partitions(network)
    windows = {
        key: partitions_def.time_window_for_partition_key(key)
        for key in partitions_def.get_partition_keys(current_time=now)
    }
    return [Month(key, window.end) for key, window in windows.items() if window.start <= now]


def run_in_progress(instance: dg.DagsterInstance, now: datetime) -> dg.DagsterRun | None:
    """Return a run of the hourly job that has not ended, if there is one."""
    unfinished = dg.RunsFilter(job_name=HOURLY_JOB, statuses=IN_PROGRESS, created_after=now - RUN_LIMIT)
    return next(iter(instance.get_runs(unfinished, limit=1)), None)


def due_runs(instance: dg.DagsterInstance, network: Network, now: datetime) -> list[StationRun]:
    """Return the runs of a tick: what `due_months` says of each station, in as few runs as possible."""
    months = network_months(network, now)
    ranges = {}
    for station in network.stations:
        raw, *derived = (
            _latest_materializations(instance, dg.AssetKey(asset), months) for asset in station.monthly_assets
        )
        changed_at = {key: _moment(record) for key, record in raw.items() if _changed(record)}
        wanted = {
            *due_months(months, _earliest(raw, *derived), now),
            *outdated_months(months, _earliest(*derived), changed_at, now),
        }
        due = [month.key for month in months if month.key in wanted]
        # The current month alone cannot keep another from being stored.
        alone = _failed_months(instance, network, station, due) if len(due) > 1 else set()
        ranges[station.name] = contiguous_ranges(months, due, alone)
    return station_runs(ranges, network.network.stations_per_run)


def superseded_runs(instance: dg.DagsterInstance, network: Network, before: datetime) -> Iterator[str]:
    """Return the runs whose record nothing stands on any more: what they made was made again since.

    Kept are, however old, the runs that last made a month of an asset: a tick asks the instance when that was.

    Args:
        before: only runs that ended before this moment.
    """
    months = network_months(network, datetime.now(UTC))
    needed = {
        record.run_id
        for station in network.stations
        for asset in station.monthly_assets
        for record in _latest_materializations(instance, dg.AssetKey(asset), months).values()
    }
    keys = [dg.AssetKey(station.summaries_asset) for station in network.stations] + [dg.AssetKey(DASHBOARD)]
    newest = (record.asset_entry.last_materialization for record in instance.get_asset_records(keys))
    needed |= {entry.run_id for entry in newest if entry is not None}
    ended = dg.RunsFilter(statuses=_ENDED, updated_before=before)
    cursor = None
    while runs := instance.get_runs(ended, cursor=cursor, limit=_RUNS_AT_ONCE):
        cursor = runs[-1].run_id
        yield from [run.run_id for run in runs if run.run_id not in needed]


def all_runs(network: Network, now: datetime) -> list[StationRun]:
    """Return the runs that materialize every month of every station again."""
    months = network_months(network, now)
    ranges = contiguous_ranges(months, {month.key for month in months})
    return station_runs({station.name: ranges for station in network.stations}, network.network.stations_per_run)


def _latest_materializations(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, months: Sequence[Month]
) -> dict[str, dg.EventLogRecord]:
    keys = {month.key for month in months}
    # Two queries an asset, however often its months were materialized: the newest record of each
    # month, then the records.
    storage_ids = instance.get_latest_storage_id_by_partition(
        asset_key, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=keys
    )
    if not storage_ids:
        return {}
    newest = dg.AssetRecordsFilter(asset_key=asset_key, storage_ids=list(storage_ids.values()))
    records = instance.fetch_materializations(newest, limit=len(storage_ids)).records
    return {record.partition_key: record for record in records if record.partition_key is not None}


def _earliest(*newest: Mapping[str, dg.EventLogRecord]) -> dict[str, datetime]:
    """Return the earlier of the moments at which each month was last made of several assets, if of all of them."""
    in_all = set.intersection(*map(set, newest))
    return {key: min(_moment(of_asset[key]) for of_asset in newest) for key in in_all}


def _moment(record: dg.EventLogRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp, UTC)


def _changed(record: dg.EventLogRecord) -> bool:
    """Return whether a write of hours changed any; of a range, it is said of the whole."""
    metadata = record.asset_materialization.metadata if record.asset_materialization else {}
    return any(metadata[count].value for count in ("inserted", "revised") if count in metadata)


def _failed_months(instance: dg.DagsterInstance, network: Network, station: Station, keys: Sequence[str]) -> set[str]:
    failed: set[str] = set()
    for asset in station.monthly_assets:
        status = instance.get_status_by_partition(dg.AssetKey(asset), keys, monthly_partitions(network))
        failed |= {key for key, state in (status or {}).items() if state is not None and state.value == "FAILED"}
    return failed
