"""What is wrong now, as Dagster's instance knows it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import BaseModel

from airquality_dagster.automation.failures import run_failure, step_failure
from airquality_dagster.automation.instance import failed_checks, network_months, run_events
from airquality_dagster.automation.jobs import HOURLY_JOB
from airquality_dagster.network.freshness import STALLED_AFTER
from airquality_dagster.network.keys import asset_key, asset_name, step_key
from airquality_dagster.network.partitions import PARTITION, RANGE_END, RANGE_START, month
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.watching.alerts import Problem

# What a first look takes into account; later ones, what ended since the one before.
_FIRST_LOOK = timedelta(hours=2)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


class FailedStation(BaseModel):
    """Months of a station of which the last run failed.

    Args:
        months: partition keys.
        text: what the last failure said.
        run_id: of it.
        count: how many runs failed until now.
    """

    months: list[str]
    text: str
    run_id: str
    count: int


class RunHistory(BaseModel):
    """What is known of the runs that have ended.

    Args:
        seen_until: when the last of them ended.
        failed: station → its months that failed and did not succeed since.
    """

    seen_until: datetime | None = None
    failed: dict[str, FailedStation] = {}


def follow_runs(instance: dg.DagsterInstance, network: Network, known: RunHistory, now: datetime) -> RunHistory:
    """Return what is known after the runs that have ended since.

    Args:
        known: what was known before.
        now: the present moment.
    """
    failed = dict(known.failed)
    seen_until = known.seen_until or now - _FIRST_LOOK
    months = [known_month.key for known_month in network_months(network, now)]
    stations = {asset: station for station in network.stations for asset in station.assets}
    ended = dg.RunsFilter(statuses=_ENDED, updated_after=seen_until)
    for record in instance.get_run_records(ended, order_by="update_timestamp", ascending=True):
        run = record.dagster_run
        selected = set(map(asset_name, run.asset_selection or ())) & stations.keys()
        if run.job_name == network.named(HOURLY_JOB) and not run.asset_selection:
            selected = stations.keys()
        concerned = {stations[asset].name: stations[asset] for asset in selected}
        asked = [key for key in months if _first(run) <= key <= _last(run)]
        for station in concerned.values():
            text = next(_failures(instance, run, station), None)
            former = failed.pop(station.name, None)
            left = set(former.months if former else ())
            if text is not None:
                count = (former.count if former else 0) + 1
                failed[station.name] = FailedStation(
                    months=sorted(left | set(asked)), text=text, run_id=run.run_id, count=count
                )
            elif former:
                # What was made of stored hours alone says nothing of their fetching.
                left -= set(asked) if station.raw_asset in selected else set()
                if left:
                    failed[station.name] = former.model_copy(update={"months": sorted(left)})
        seen_until = max(seen_until, record.update_timestamp.replace(tzinfo=UTC))
    return RunHistory(seen_until=seen_until, failed=failed)


def problems(instance: dg.DagsterInstance, network: Network, runs: RunHistory, now: datetime) -> list[Problem]:
    """Return what is wrong now: failed stations, checks on which a person must act, a schedule that stands still."""
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
            title = f"{check.station.name}: the check {check.key.name} failed"
            text = check.evaluation.description or title
            current.append(Problem(f"check:{check.key.to_user_string()}", title, text, check.run_id))
    job = network.named(HOURLY_JOB)
    ended = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
    last = datetime.fromtimestamp(ended[0].end_time or 0, UTC) if ended else None
    if last is not None and last < now - STALLED_AFTER:
        current.append(
            Problem(
                "schedule",
                "the hourly job stands still",
                f"no run of {job} has ended since {last:%Y-%m-%d %H:%M} UTC: see whether hourly_schedule is on "
                "and whether a run hangs",
            )
        )
    elif last is not None:
        current += _old_dashboard(instance, network, now)
    return current


def _old_dashboard(instance: dg.DagsterInstance, network: Network, now: datetime) -> Iterator[Problem]:
    """Tell of a page that is not drawn though runs end."""
    drawn = instance.get_latest_materialization_event(asset_key(network.dashboard_asset))
    moment = datetime.fromtimestamp(drawn.timestamp, UTC) if drawn else None
    if moment is not None and moment < now - STALLED_AFTER:
        yield Problem(
            "dashboard",
            "the dashboard is not drawn",
            f"the page is that of {moment:%Y-%m-%d %H:%M} UTC: see what the step {network.dashboard_asset} of the last "
            "runs says",
        )


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, station: Station) -> Iterator[str]:
    """Return what failed of a station in a run."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = run_events(instance, run.run_id, kinds)
    steps = [event for event in events if event.is_step_failure]
    own = set(map(step_key, station.steps))
    yield from (step_failure(event) for event in steps if event.step_key in own)
    if not steps:  # a resource, the definitions, or the process itself
        yield from (run_failure(run.run_id, event) for event in events)


def _first(run: dg.DagsterRun) -> str:
    return run.tags.get(RANGE_START) or run.tags.get(PARTITION) or ""


def _last(run: dg.DagsterRun) -> str:
    return run.tags.get(RANGE_END) or run.tags.get(PARTITION) or "9999"
