"""The real command for the month that the fault suite compares, and the comparison."""

import subprocess
from pathlib import Path

from airquality_dagster_tests.faults.published import IN_MONTH, MONTH, lost_values, published_hours, stored_hours
from airquality_dagster_tests.processes import COMMAND, environment

STATIONS = {"station1": 283164601, "station2": 283181971}
BACKFILL = [*COMMAND, "backfill", "--from", MONTH, "--to", MONTH]


def lost_and_doubled(database) -> tuple[int, int]:
    """Return how many published readings are not stored as published, and how many hours are stored besides."""
    lost = besides = 0
    for station, airqino_id in STATIONS.items():
        published, stored = published_hours(airqino_id), stored_hours(database, station)
        lost += lost_values(published, stored)
        besides += len(stored.keys() - published.keys())
        days = database[f"{station}_aggregates"].count_documents(IN_MONTH)
        lost += len({hour.date() for hour in published}) - days
    return lost, besides


def backfill(home: Path, uri: str | None, database: str, api: str, **variables: str) -> subprocess.Popen[str]:
    """Start `airquality backfill` of the month; without a URI with the embedded MongoDB."""
    if uri:
        variables["MONGODB_URI"] = uri
    variables = environment(home, MONGODB_DATABASE=database, AIRQINO_BASE_URL=api, **variables)
    return subprocess.Popen(BACKFILL, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for its end; return exit code and output."""
    output, _ = process.communicate(timeout=300)
    return process.returncode, output
