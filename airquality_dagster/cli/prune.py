"""``airquality prune``: forget runs of Dagster that nothing stands on any more."""

from datetime import UTC, datetime, timedelta

from rich.progress import Progress

from airquality_dagster import settings
from airquality_dagster.automation.instance import run_count, superseded_runs
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.local.services import dagster_instance, instance_folder, make_home
from airquality_dagster.network.stations import load_network


def prune(keep_days: int) -> None:
    """Delete the records of superseded runs, and say how many.

    Args:
        keep_days: runs that ended in so many days are kept in any case.

    Raises:
        LocalServiceError: the instance cannot be used.
    """
    network = load_network(settings.stations_file())
    before = datetime.now(UTC) - timedelta(days=keep_days)
    with dagster_instance(instance_folder(make_home())) as instance:
        # First all of them, then the deletions: a page of runs begins after the last run of the one before.
        runs = list(superseded_runs(instance, network, before))
        with Progress(console=err, transient=True) as progress:
            for run_id in progress.track(runs, description="runs"):
                instance.delete_run(run_id)
        left = run_count(instance)
    out.print(f"{len(runs)} runs that ended before {before:%Y-%m-%d %H:%M} UTC are forgotten, {left} are kept.")
