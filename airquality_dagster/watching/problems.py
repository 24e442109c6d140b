"""Present problems, read from Dagster's instance."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import BaseModel

from airquality_dagster.automation.failures import run_failure, step_failure
from airquality_dagster.automation.instance import failed_checks, last_materializations, network_months, run_events
from airquality_dagster.automation.jobs import HOURLY_JOB, NEIGHBOURS_JOB, OPEN_DATA_JOB
from airquality_dagster.network.freshness import STALLED_AFTER
from airquality_dagster.network.keys import asset_name, step_key
from airquality_dagster.network.partitions import PARTITION, RANGE_END, RANGE_START, month
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.watching.alerts import Problem
from airquality_dagster.watching.forecasts import forecast_problems

# The first evaluation reads the runs of this time, each later one the runs since the evaluation before.
_FIRST_PERIOD = timedelta(hours=2)
# Neighbours are compared and files written every night: two nights were missed.
_NIGHTLY_STALLED_AFTER = timedelta(hours=50)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


class FailedStation(BaseModel):
    """Months of a station whose last run failed.

    Args:
        months: partition keys.
        text: message of the last failure.
        run_id: id of the last failed run.
        count: number of failed runs so far.
        fetched: whether one of these runs fetched hours.
    """

    months: list[str]
    text: str
    run_id: str
    count: int
    fetched: bool = True


class RunHistory(BaseModel):
    """The state that results from the runs that have ended.

    Args:
        seen_until: when the last of these runs ended.
        failed: station → months that failed and have not succeeded since.
    """

    seen_until: datetime | None = None
    failed: dict[str, FailedStation] = {}


def follow_runs(instance: dg.DagsterInstance, network: Network, known: RunHistory, now: datetime) -> RunHistory:
    """Return the state after the runs that have ended since the last evaluation.

    Args:
        instance: Dagster's instance.
        network: the network.
        known: state of the last evaluation.
        now: the present moment, tz-aware.
    """
    failed = dict(known.failed)
    seen_until = known.seen_until or now - _FIRST_PERIOD
    months = [known_month.key for known_month in network_months(network, now)]
    # Assets by months: a forecast has none, and the run that fits its models is no run of months.
    stations = {
        asset: station for station in network.stations for asset in (station.raw_asset, *station.derived_assets)
    }
    ended = dg.RunsFilter(statuses=_ENDED, updated_after=seen_until)
    for record in instance.get_run_records(ended, order_by="update_timestamp", ascending=True):
        run = record.dagster_run
        selected = set(map(asset_name, run.asset_selection or ())) & stations.keys()
        if run.job_name == network.named(HOURLY_JOB) and not run.asset_selection:
            selected = stations.keys()
        first = run.tags.get(RANGE_START) or run.tags.get(PARTITION) or ""
        last = run.tags.get(RANGE_END) or run.tags.get(PARTITION) or "9999"
        run_months = [key for key in months if first <= key <= last]
        for station in {stations[asset].name: stations[asset] for asset in selected}.values():
            text = next(_failures(instance, run, station), None)
            former = failed.pop(station.name, None)
            failed_months = set(former.months if former else ())
            fetched = station.raw_asset in selected
            if text is not None:
                count = (former.count if former else 0) + 1
                failed[station.name] = FailedStation(
                    months=sorted(failed_months | set(run_months)),
                    text=text,
                    run_id=run.run_id,
                    count=count,
                    fetched=fetched or (former is not None and former.fetched),
                )
            elif former:
                # A run that only computes stored hours again does not prove that fetching works.
                failed_months -= set(run_months) if fetched or not former.fetched else set()
                if failed_months:
                    failed[station.name] = former.model_copy(update={"months": sorted(failed_months)})
        seen_until = max(seen_until, record.update_timestamp.replace(tzinfo=UTC))
    return RunHistory(seen_until=seen_until, failed=failed)


def problems(instance: dg.DagsterInstance, network: Network, runs: RunHistory, now: datetime) -> list[Problem]:
    """Return the present problems: failed stations, failed checks on which a person must act, a stalled schedule."""
    current = [
        Problem(
            f"run:{name}",
            f"{name}: {', '.join(map(month, station.months[:3]))}{' …' if len(station.months) > 3 else ''} failed",
            station.text,
            station.run_id,
            station.count,
        )
        for name, station in runs.failed.items()
    ]
    for check in failed_checks(instance, network):
        if check.must_act:
            title = f"{check.name}: the check {check.key.name} failed"
            text = check.evaluation.description or title
            current.append(Problem(f"check:{check.key.to_user_string()}", title, text, check.run_id))
    job = network.named(HOURLY_JOB)
    ended = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
    last = datetime.fromtimestamp(ended[0].end_time or 0, UTC) if ended else None
    if last is not None and last < now - STALLED_AFTER:
        current.append(
            Problem(
                "schedule",
                "the hourly job does not run",
                f"no run of {job} has ended since {_minute(last)}: check whether "
                f"{network.named('hourly_schedule')} is on and whether a run hangs",
            )
        )
    elif last is not None:
        current += [*_old_assets(instance, network, now), *forecast_problems(instance, network, now)]
    return current


def _old_assets(instance: dg.DagsterInstance, network: Network, now: datetime) -> Iterator[Problem]:
    """Yield a problem for each asset of the network that was made once and no longer is, although runs end."""
    pairs = {network.comparison_asset(pair): pair.name for pair in network.pairs}
    made = last_materializations(
        instance, [network.dashboard_asset, network.open_data_asset, network.neighbours_asset, *pairs]
    )
    moments = {asset: datetime.fromtimestamp(entry.timestamp, UTC) for asset, entry in made.items()}

    def is_old(asset: str, limit: timedelta) -> bool:
        return asset in moments and moments[asset] < now - limit

    if is_old(network.dashboard_asset, STALLED_AFTER):
        yield Problem(
            "dashboard",
            "the dashboard is not drawn",
            f"the page was last drawn at {_minute(moments[network.dashboard_asset])}: read the errors of the step "
            f"{network.dashboard_asset} in the last runs",
        )
    if is_old(network.open_data_asset, _NIGHTLY_STALLED_AFTER):
        yield Problem(
            "open_data",
            "the files of open data are not written",
            f"they were last written at {_minute(moments[network.open_data_asset])}: check whether "
            f"{network.named('open_data_schedule')} is on, and read the errors of the last runs of "
            f"{network.named(OPEN_DATA_JOB)}",
        )
    what_to_do = (
        f"check whether {network.named('neighbours_schedule')} is on, and read the errors of the last runs of "
        f"{network.named(NEIGHBOURS_JOB)}"
    )
    if is_old(network.neighbours_asset, _NIGHTLY_STALLED_AFTER):
        yield Problem(
            "neighbours",
            "neighbouring stations are not compared",
            f"they were last compared at {_minute(moments[network.neighbours_asset])}: {what_to_do}",
        )
        return  # pairs are compared after them
    for asset, pair in pairs.items():
        if is_old(asset, _NIGHTLY_STALLED_AFTER):
            yield Problem(
                f"comparison:{pair}",
                f"{pair}: the stations of the pair are not compared",
                f"they were last compared at {_minute(moments[asset])}: {what_to_do}",
            )


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, station: Station) -> Iterator[str]:
    """Yield the messages of what failed for a station in a run."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = run_events(instance, run.run_id, kinds)
    steps = [event for event in events if event.is_step_failure]
    own = set(map(step_key, station.steps))
    yield from (step_failure(event) for event in steps if event.step_key in own)
    if not steps:  # a resource, the definitions, or the process failed
        yield from (run_failure(run.run_id, event) for event in events)
