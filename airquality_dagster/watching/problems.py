"""What is wrong now, as Dagster's instance knows it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import BaseModel

from airquality_dagster.automation.failures import run_failure, step_failure
from airquality_dagster.automation.instance import network_months
from airquality_dagster.automation.jobs import DASHBOARD, HOURLY_JOB, RANGE_END, RANGE_START
from airquality_dagster.checks.station import check_keys
from airquality_dagster.network.partitions import month
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.watching.alerts import Problem

# What a first look takes into account; later ones, what ended since the one before.
_FIRST_LOOK = timedelta(hours=2)
# A tick an hour: two that are missed are no chance.
_STALLED = timedelta(hours=3)
_PARTITION = "dagster/partition"
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
        selected = {key.path[-1] for key in run.asset_selection or ()} & stations.keys()
        if run.job_name == HOURLY_JOB and not run.asset_selection:
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
    found = [
        Problem(
            f"run:{name}",
            f"{name}: {', '.join(map(month, station.months[:3]))}{' …' if len(station.months) > 3 else ''} failed",
            station.text,
            station.run_id,
            station.count,
        )
        for name, station in runs.failed.items()
    ]
    found += _red_checks(instance, network)
    ended = instance.get_run_records(dg.RunsFilter(job_name=HOURLY_JOB, statuses=_ENDED), limit=1)
    last = datetime.fromtimestamp(ended[0].end_time or 0, UTC) if ended else None
    if last is not None and last < now - _STALLED:
        found.append(
            Problem(
                "schedule",
                "the hourly job stands still",
                f"no run of {HOURLY_JOB} has ended since {last:%Y-%m-%d %H:%M} UTC: see whether hourly_schedule is on "
                "and whether a run hangs",
            )
        )
    elif last is not None:
        found += _old_dashboard(instance, now)
    return found


def _old_dashboard(instance: dg.DagsterInstance, now: datetime) -> Iterator[Problem]:
    """Tell of a page that is not drawn though runs end."""
    drawn = instance.get_latest_materialization_event(dg.AssetKey(DASHBOARD))
    moment = datetime.fromtimestamp(drawn.timestamp, UTC) if drawn else None
    if moment is not None and moment < now - _STALLED:
        yield Problem(
            "dashboard",
            "the dashboard is not drawn",
            f"the page is that of {moment:%Y-%m-%d %H:%M} UTC: see what the step {DASHBOARD} of the last runs says",
        )


def _red_checks(instance: dg.DagsterInstance, network: Network) -> list[Problem]:
    keys = {key: station for station in network.stations for key in check_keys(station)}
    found = []
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    for key, station in keys.items():
        record = records.get(key)
        check = record.event.asset_check_evaluation if record and record.event else None
        if record and check and not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            title = f"{station.name}: {key.name.replace('_', ' ')} failed"
            found.append(Problem(f"check:{key.to_user_string()}", title, check.description or title, record.run_id))
    return found


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, station: Station) -> Iterator[str]:
    """Return what failed of a station in a run."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return
    entries = instance.all_logs(run.run_id, {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    steps = [event for event in events if event.is_step_failure]
    yield from (step_failure(event) for event in steps if event.step_key in station.assets)
    if not steps:  # a resource, the definitions, or the process itself
        yield from (run_failure(run.run_id, event) for event in events)


def _first(run: dg.DagsterRun) -> str:
    return run.tags.get(RANGE_START) or run.tags.get(_PARTITION) or ""


def _last(run: dg.DagsterRun) -> str:
    return run.tags.get(RANGE_END) or run.tags.get(_PARTITION) or "9999"
