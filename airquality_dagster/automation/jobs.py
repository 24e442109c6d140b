"""The job that fetches, stores, flags and aggregates, and its runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from airquality_dagster.automation.due import StationRun
from airquality_dagster.network.partitions import month
from airquality_dagster.network.stations import Network

if TYPE_CHECKING:  # the type of `dg.define_asset_job`, which Dagster does not export
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

HOURLY_JOB = "hourly_job"
# The asset of the whole network, made when its stations are.
DASHBOARD = "air_quality_dashboard"
DASHBOARD_JOB = "dashboard_job"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
_MOST_NAMES = 4

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def hourly_job(assets: Sequence[dg.AssetsDefinition]) -> "UnresolvedAssetJobDefinition":
    """Return the job of all assets, each run in one process."""
    return dg.define_asset_job(
        HOURLY_JOB,
        selection=dg.AssetSelection.assets(*assets),
        executor_def=dg.in_process_executor,
        description=(
            "Fetches hourly readings, stores what is new or corrected, flags them, aggregates the days, and draws the "
            "dashboard. `hourly_schedule` chooses months and stations; the tags of a run name them."
        ),
    )


def dashboard_job() -> "UnresolvedAssetJobDefinition":
    """Return the job of the dashboard alone."""
    return dg.define_asset_job(
        DASHBOARD_JOB,
        selection=dg.AssetSelection.assets(DASHBOARD),
        executor_def=dg.in_process_executor,
        description="Draws the dashboard of what is stored, without fetching anything.",
    )


def asset_selection(network: Network, run: StationRun, *, is_last: bool) -> list[dg.AssetKey]:
    """Return the assets of a run: those of its stations, and the dashboard in the last run of a pass."""
    assets = [asset for station in map(network.station, run.stations) for asset in station.assets]
    return [dg.AssetKey(asset) for asset in (*assets, *([DASHBOARD] if is_last else []))]


def run_tags(run: StationRun) -> Mapping[str, str]:
    """Return the tags that give a run its range of months, and tell people which it is."""
    first, last = month(run.first), month(run.last)
    names = run.stations
    shown = ", ".join(names) if len(names) <= _MOST_NAMES else f"{names[0]} to {names[-1]} ({len(names)})"
    return {
        RANGE_START: run.first,
        RANGE_END: run.last,
        "airquality/stations": shown,
        "airquality/months": first if first == last else f"{first} to {last}",
    }
