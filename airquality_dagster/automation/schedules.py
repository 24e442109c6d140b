"""The schedules: what is due each hour, models and scores of forecasts, neighbours and files nightly, all weekly."""

import dagster as dg
from dagster_mongodb import MongoDBIOManagerError
from pymongo.errors import PyMongoError

from airquality_dagster.automation.due import StationRun
from airquality_dagster.automation.due_forecasts import MOST_FITS, due_forecasts
from airquality_dagster.automation.instance import all_runs, due_runs, run_in_progress
from airquality_dagster.automation.jobs import (
    FORECAST_JOB,
    HOURLY_JOB,
    NEIGHBOURS_JOB,
    OPEN_DATA_JOB,
    asset_selection,
    forecast_selections,
    run_tags,
)
from airquality_dagster.errors import MongoDBUnavailableError
from airquality_dagster.network.keys import asset_name
from airquality_dagster.network.stations import Network
from airquality_dagster.storage.mongodb import MongoDBResource

HOURLY_SCHEDULE = "hourly_schedule"


def hourly_schedule(network: Network, mongodb: MongoDBResource) -> dg.ScheduleDefinition:
    """Return the schedule that materializes what is due, at minute 5 of every hour.

    Args:
        network: the network.
        mongodb: the database of the assets; what it has lost is due, too.
    """

    @dg.schedule(
        name=network.named(HOURLY_SCHEDULE),
        job_name=network.named(HOURLY_JOB),
        cron_schedule="5 * * * *",
        execution_timezone=network.network.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Each hour: the current month, the month before until it has settled, missed months of the last year, and "
            "what MongoDB has lost. "
            "After a change of the quality rules, flags and aggregates are computed again from stored hours."
        ),
    )
    def hourly(context: dg.ScheduleEvaluationContext):
        now = context.scheduled_execution_time
        former = run_in_progress(context.instance, network, now)
        if former is not None:
            return dg.SkipReason(f"run {former.run_id} of {former.job_name} has not ended yet")
        return _requests(context, network, _due_runs(context, network, mongodb))

    return hourly


def _due_runs(context: dg.ScheduleEvaluationContext, network: Network, mongodb: MongoDBResource) -> list[StationRun]:
    now = context.scheduled_execution_time
    try:
        with dg.build_resources({"mongodb": mongodb}) as resources, resources.mongodb.open_database() as database:
            return due_runs(context.instance, network, now, database, warn=context.log.warning)
    except (MongoDBUnavailableError, MongoDBIOManagerError, PyMongoError) as error:
        # The runs fail and say so. A tick that fails would send no alert.
        context.log.warning(f"What MongoDB has lost is not known: {error}")
        return due_runs(context.instance, network, now)


def reconcile_schedule(network: Network) -> dg.ScheduleDefinition:
    """Return the schedule that materializes every month again, once a week."""

    @dg.schedule(
        name=network.named("reconcile_schedule"),
        job_name=network.named(HOURLY_JOB),
        cron_schedule="35 3 * * 0",
        execution_timezone=network.network.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Each Sunday: every month again, because the source restates its history. Corrections become revisions."
        ),
    )
    def reconcile(context: dg.ScheduleEvaluationContext):
        return _requests(context, network, all_runs(network, context.scheduled_execution_time))

    return reconcile


def neighbours_schedule(network: Network) -> dg.ScheduleDefinition:
    """Return the schedule that compares neighbouring stations, once a night."""
    return _nightly(
        network,
        "neighbours_schedule",
        NEIGHBOURS_JOB,
        "25 4 * * *",
        "Each night: neighbouring stations are compared, day by day, with each other and with their past, and the "
        "pairs of the stations file over all of their time.",
    )


def open_data_schedule(network: Network) -> dg.ScheduleDefinition:
    """Return the schedule that writes the files of open data, once a night, after the comparisons."""
    return _nightly(
        network,
        "open_data_schedule",
        OPEN_DATA_JOB,
        "55 4 * * *",
        "Each night: the files of open data whose content has changed.",
    )


def _nightly(network: Network, name: str, job: str, cron: str, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=network.named(name),
        job_name=network.named(job),
        cron_schedule=cron,
        execution_timezone=network.network.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def run_once(context: dg.ScheduleEvaluationContext):
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return run_once


def forecast_schedule(network: Network, mongodb: MongoDBResource) -> dg.ScheduleDefinition:
    """Return the schedule that fits models and scores forecasts when they are due.

    Args:
        network: the network.
        mongodb: the database of the assets.
    """

    @dg.schedule(
        name=network.named("forecast_schedule"),
        job_name=network.named(FORECAST_JOB),
        cron_schedule="40 * * * *",
        execution_timezone=network.network.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Each hour, if something is due: models of forecasts are fitted on the 1st and the 15th of a month, those "
            f"of at most {MOST_FITS} stations an hour; forecasts are scored once a day."
        ),
    )
    def forecast(context: dg.ScheduleEvaluationContext):
        now = context.scheduled_execution_time
        try:
            with dg.build_resources({"mongodb": mongodb}) as resources, resources.mongodb.open_database() as database:
                due = due_forecasts(database, network, now, most=MOST_FITS)
        except (MongoDBUnavailableError, MongoDBIOManagerError, PyMongoError) as error:
            return dg.SkipReason(f"MongoDB does not say which models are due: {error}")
        selections = forecast_selections(due.fitted, due.scored)
        if not selections:
            return dg.SkipReason("no model and no score is due")
        return [
            dg.RunRequest(run_key=f"{now.isoformat()} {asset_name(selection[0])}", asset_selection=selection)
            for selection in selections
        ]

    return forecast


def _requests(
    context: dg.ScheduleEvaluationContext, network: Network, runs: list[StationRun]
) -> list[dg.RunRequest] | dg.SkipReason:
    if not runs:
        return dg.SkipReason(f"the first month of the network, {network.first_month}, has not begun")
    tick = context.scheduled_execution_time.isoformat()
    return [
        dg.RunRequest(
            # Evaluating a tick twice launches each run once.
            run_key=f"{tick} {run.stations[0]} {run.first}{'' if run.fetches else ' derived'}",
            asset_selection=asset_selection(network, run, is_last=run is runs[-1]),
            # Checks show the present state. A run of former months must not replace it.
            asset_check_keys=None if run.fetches else [],
            tags=run_tags(run),
        )
        for run in runs
    ]
