"""Problems of the runs that fit models and score forecasts, read from Dagster's instance."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from airquality_dagster.automation.failures import run_failure, step_failure
from airquality_dagster.automation.instance import last_materializations, run_events
from airquality_dagster.automation.jobs import FORECAST_JOB
from airquality_dagster.network.keys import asset_key, step_key
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.watching.alerts import Problem

# Models are fitted twice a month, at most 17 days apart; forecasts are scored once a day: two days were missed.
_MODELS_OLD_AFTER, _SCORES_OLD_AFTER = timedelta(days=20), timedelta(hours=50)
# The first of both are due with the first hour of a station.
_MISSING_AFTER = timedelta(days=1)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def forecast_problems(instance: dg.DagsterInstance, network: Network, now: datetime) -> Iterator[Problem]:
    """Yield why models of forecasts are not fitted, or forecasts not scored.

    That forecasts are not made is a failure of the hourly run, told with it.

    Args:
        instance: Dagster's instance.
        network: the network.
        now: the present moment, tz-aware.
    """
    job = network.named(FORECAST_JOB)
    for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1):
        text = _failure(instance, network, record.dagster_run)
        if text is not None:
            yield Problem(
                "forecasts",
                "models of forecasts are not fitted, or forecasts not scored",
                f"{text}; {job} tries again every hour, and until then the former models forecast",
                record.dagster_run.run_id,
            )
            return
    limits = {
        **{station.forecast_model_asset: (_MODELS_OLD_AFTER, "fitted") for station in network.stations},
        **{station.forecast_scores_asset: (_SCORES_OLD_AFTER, "scored") for station in network.stations},
    }
    made = last_materializations(instance, list(limits))
    moments = {asset: datetime.fromtimestamp(entry.timestamp, UTC) for asset, entry in made.items()}
    old = sorted((moment, asset) for asset, moment in moments.items() if moment < now - limits[asset][0])
    faults = [
        *(f"{asset} was last {limits[asset][1]} at {moment:%Y-%m-%d %H:%M} UTC" for moment, asset in old),
        *(f"{asset} was never {limits[asset][1]}" for asset in _missing(instance, network, made, now)),
    ]
    if faults:
        yield Problem(
            "forecasts",
            "models of forecasts are not fitted, or forecasts not scored",
            f"{faults[0]}: check whether {network.named('forecast_schedule')} is on, and read the errors of the last "
            f"runs of {job}",
        )


def _missing(instance: dg.DagsterInstance, network: Network, made: Collection[str], now: datetime) -> Iterator[str]:
    """Yield the models and scores that were never made, of stations that had hours a day ago already."""
    for station in network.stations:
        missing = [asset for asset in station.forecast_model_assets if asset not in made]
        if missing and _had_hours(instance, station, now - _MISSING_AFTER):
            yield from missing


def _had_hours(instance: dg.DagsterInstance, station: Station, moment: datetime) -> bool:
    """Return whether the last forecast before a moment had an hour to start from."""
    before = dg.AssetRecordsFilter(asset_key(station.forecast_asset), before_timestamp=moment.timestamp())
    events = [record.asset_materialization for record in instance.fetch_materializations(before, limit=1).records]
    return any(event is not None and "origin" in event.metadata for event in events)


def _failure(instance: dg.DagsterInstance, network: Network, run: dg.DagsterRun) -> str | None:
    """Return the first failure of a fit or a score in a run, or of the run outside its steps; None if there is none."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return None
    events = run_events(instance, run.run_id, {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    steps = [event for event in events if event.is_step_failure]
    own = {step_key(asset) for station in network.stations for asset in station.forecast_model_assets}
    texts = [step_failure(event) for event in steps if event.step_key in own]
    if not steps:
        texts = [run_failure(run.run_id, event) for event in events]
    return next(iter(texts), None)
