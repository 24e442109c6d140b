"""``airquality prune``: delete runs of Dagster that are no longer needed."""

from datetime import UTC, datetime, timedelta

from rich.progress import Progress

from airquality_dagster import settings
from airquality_dagster.automation.instance import run_count, superseded_runs
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.local.services import dagster_instance, instance_folder, make_home
from airquality_dagster.network.stations import load_network


def prune(keep_days: int) -> None:
    """Delete the records of superseded runs, and print their number.

    Args:
        keep_days: keep all runs that ended in the last ``keep_days`` days.

    Raises:
        LocalServiceError: the instance cannot be used.
    """
    network = load_network(settings.stations_file())
    before = datetime.now(UTC) - timedelta(days=keep_days)
    with dagster_instance(instance_folder(make_home())) as instance:
        # List all runs before the first deletion: pages of runs depend on each other.
        runs = list(superseded_runs(instance, network, before))
        with Progress(console=err, transient=True) as progress:
            for run_id in progress.track(runs, description="runs"):
                instance.delete_run(run_id)
        left = run_count(instance)
    out.print(f"{len(runs)} runs that ended before {before:%Y-%m-%d %H:%M} UTC are deleted, {left} are kept.")
