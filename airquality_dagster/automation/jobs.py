"""The jobs of a network, and the assets and tags of their runs."""

from collections.abc import Mapping, Sequence

import dagster as dg

from airquality_dagster.automation.due import StationRun
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.partitions import RANGE_END, RANGE_START, month
from airquality_dagster.network.stations import Network, Station

HOURLY_JOB = "hourly_job"
DASHBOARD_JOB = "dashboard_job"
NEIGHBOURS_JOB = "neighbours_job"
FORECAST_JOB = "forecast_job"
OPEN_DATA_JOB = "open_data_job"
_MAX_NAMES = 4

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def network_jobs(network: Network, assets: Sequence[dg.AssetsDefinition]) -> dg.Definitions:
    """Return the jobs of a network, and the sensor that draws the dashboard after a failed run.

    All steps of a run share one process: a station's month takes seconds, less than the start of a process.

    Args:
        network: the network.
        assets: all assets of the network.
    """
    compared = dg.AssetSelection.assets(*map(asset_key, (network.neighbours_asset, *network.comparison_assets)))
    learned = dg.AssetSelection.assets(
        *(asset_key(asset) for station in network.stations for asset in station.forecast_model_assets)
    )
    files = dg.AssetSelection.assets(asset_key(network.open_data_asset))
    hourly = dg.define_asset_job(
        network.named(HOURLY_JOB),
        selection=dg.AssetSelection.assets(*assets) - compared - learned - files,
        executor_def=dg.in_process_executor,
        description=(
            "Fetches hourly readings, stores what is new or corrected, flags them, aggregates the days, forecasts the "
            "next hours, and draws the dashboard. `hourly_schedule` selects months and stations; the tags of a run "
            "name them."
        ),
    )
    dashboard = dg.define_asset_job(
        network.named(DASHBOARD_JOB),
        selection=dg.AssetSelection.assets(asset_key(network.dashboard_asset)),
        executor_def=dg.in_process_executor,
        description="Draws the dashboard from stored data, without fetching.",
    )

    # Weeks are compared: once a day is enough, and a tick of the hourly job is not kept waiting.
    daily = dg.define_asset_job(
        network.named(NEIGHBOURS_JOB),
        selection=compared,
        executor_def=dg.in_process_executor,
        description=(
            "Compares neighbouring stations: the days that were not compared yet, and the recent ones again. Then the "
            "pairs of the stations file, over all of their time."
        ),
    )

    # A fit takes a second: a tick of the hourly job is not kept waiting.
    forecast = dg.define_asset_job(
        network.named(FORECAST_JOB),
        selection=learned | dg.AssetSelection.assets(*(asset_key(one.forecast_asset) for one in network.stations)),
        executor_def=dg.in_process_executor,
        description=(
            "Fits the models of the forecasts, twice a month, and scores the forecasts of the last weeks, once a day. "
            "`forecast_schedule` selects the stations."
        ),
    )

    # Files of a year have all of its hours: to write them each hour would cost more than it tells.
    open_data = dg.define_asset_job(
        network.named(OPEN_DATA_JOB),
        selection=files,
        executor_def=dg.in_process_executor,
        description="Writes the files of open data whose content has changed, from stored data.",
    )

    # Dagster skips the dashboard after a failed step. Without this sensor, the page would show neither the failure of
    # one station nor the new readings of the others.
    @dg.run_failure_sensor(
        name=network.named("dashboard_sensor"),
        monitored_jobs=[hourly],
        request_job=dashboard,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Draws the dashboard after a failed run, in which Dagster skips it.",
    )
    def dashboard_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return dg.Definitions(jobs=[hourly, dashboard, daily, forecast, open_data], sensors=[dashboard_sensor])


def asset_selection(network: Network, run: StationRun, *, is_last: bool) -> list[dg.AssetKey]:
    """Return the assets of a run: those of its stations and, in the last run of a pass, the dashboard."""
    stations = map(network.station, run.stations)
    assets = [asset for station in stations for asset in (station.assets if run.fetches else station.derived_assets)]
    return [asset_key(asset) for asset in (*assets, *([network.dashboard_asset] if is_last else []))]


def forecast_selections(fitted: Sequence[Station], scored: Sequence[Station]) -> list[list[dg.AssetKey]]:
    """Return the assets of each run that scores forecasts or fits models; who has a new model forecasts anew.

    Scores have a run of their own: a fit that fails keeps no forecast from being scored.

    Args:
        fitted: stations whose models are fitted.
        scored: stations whose forecasts are scored.
    """
    scores = [station.forecast_scores_asset for station in scored]
    models = [asset for station in fitted for asset in (station.forecast_model_asset, station.forecast_asset)]
    return [list(map(asset_key, assets)) for assets in (scores, models) if assets]


def run_tags(run: StationRun) -> Mapping[str, str]:
    """Return the tags with a run's range of partitions, and with its stations and months for people."""
    first, last = month(run.first), month(run.last)
    names = run.stations
    shown = ", ".join(names) if len(names) <= _MAX_NAMES else f"{names[0]} to {names[-1]} ({len(names)})"
    return {
        RANGE_START: run.first,
        RANGE_END: run.last,
        "airquality/stations": shown,
        "airquality/months": first if first == last else f"{first} to {last}",
    }
