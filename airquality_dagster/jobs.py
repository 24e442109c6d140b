"""The job that fetches, stores, flags and aggregates, and its runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from airquality_dagster.due import StationRun
from airquality_dagster.stations import Network

if TYPE_CHECKING:  # the type of `dg.define_asset_job`, which Dagster does not export
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

HOURLY_JOB = "hourly_job"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def hourly_job(assets: Sequence[dg.AssetsDefinition]) -> "UnresolvedAssetJobDefinition":
    """Return the job of all station assets, each run in one process."""
    return dg.define_asset_job(
        HOURLY_JOB,
        selection=dg.AssetSelection.assets(*assets),
        executor_def=dg.in_process_executor,
        description="Fetches hourly readings, stores what is new or corrected, flags them, and aggregates the days.",
    )


def asset_selection(network: Network, run: StationRun) -> list[dg.AssetKey]:
    """Return the assets of a run."""
    return [dg.AssetKey(asset) for station in map(network.station, run.stations) for asset in station.assets]


def run_tags(run: StationRun) -> Mapping[str, str]:
    """Return the tags that give a run its range of months."""
    return {RANGE_START: run.first, RANGE_END: run.last}
