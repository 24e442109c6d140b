"""``airquality health``: check a deployed platform."""

import os
import time
from collections.abc import Callable, Iterator

import requests

from airquality_dagster import settings
from airquality_dagster.automation.instance import dead_daemons
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import AirQualityError
from airquality_dagster.local.services import check_mongodb, dagster_instance

_PAUSE_SECONDS = 1.0
_TIMEOUT = 10.0
_LOCATIONS = """{ workspaceOrError { __typename
  ... on PythonError { message }
  ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename ... on PythonError { message } } } } } }"""


def check_health(ui: str, dashboard: str | None, wait_seconds: float) -> bool:
    """Print the state of each part. Return whether all parts work.

    Args:
        ui: URL of the Dagster UI, without a proxy.
        dashboard: URL of `airquality serve`; None skips it.
        wait_seconds: how long to wait until everything works.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        states = dict(_states(ui, dashboard))
        failed = [part for part, fault in states.items() if fault]
        if not failed or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_SECONDS)
    for part, fault in states.items():
        (err if fault else out).print(f"{part}: {fault or 'ok'}", markup=False)
    return not failed


def _states(ui: str, dashboard: str | None) -> Iterator[tuple[str, str]]:
    yield "MongoDB", _fault_of(_mongodb)
    yield "daemons", _fault_of(_daemons)
    yield "code location", _fault_of(lambda: _code_location(ui))
    if dashboard:
        yield "dashboard", _fault_of(lambda: _dashboard(dashboard))


def _fault_of(check: Callable[[], str]) -> str:
    """Return the result of a check: a fault in one line, or an empty text."""
    try:
        return check()
    except (AirQualityError, requests.RequestException) as error:
        return " ".join(str(error).split())


def _mongodb() -> str:
    uri = os.environ.get(settings.MONGODB_URI)
    if not uri:
        return f"{settings.MONGODB_URI} is not set: set it to that of the platform"
    check_mongodb(uri, settings.mongodb_database())
    return ""


def _daemons() -> str:
    folder = settings.dagster_home()
    if folder is None:
        return f"{settings.DAGSTER_HOME} is not set: set it to that of the platform"
    with dagster_instance(folder) as instance:
        dead = dead_daemons(instance)
    return f"no heartbeat of {', '.join(dead)}: see the log of dagster-daemon" if dead else ""


def _code_location(ui: str) -> str:
    url = f"{ui.rstrip('/')}/graphql"
    response = requests.post(url, json={"query": _LOCATIONS}, timeout=_TIMEOUT)
    response.raise_for_status()
    workspace = (response.json().get("data") or {}).get("workspaceOrError")
    if not workspace:
        return f"{ui} is not a Dagster UI: see --ui"
    if workspace["__typename"] == "PythonError":
        return str(workspace["message"])
    entries = workspace["locationEntries"]
    for entry in entries:
        error = entry["locationOrLoadError"] or {}
        if error.get("__typename") == "PythonError":
            return f"{entry['name']} cannot be loaded: {error['message']}"
        if entry["loadStatus"] != "LOADED":
            return f"{entry['name']} is loading"
    return "" if entries else "the UI has no code location: see its workspace.yaml"


def _dashboard(url: str) -> str:
    response = requests.get(url, timeout=_TIMEOUT)
    # Before the first run there is no page; the server then answers 503 with Retry-After.
    if not (response.ok or (response.status_code == requests.codes.unavailable and "Retry-After" in response.headers)):
        return f"{url} answers {response.status_code}"
    return ""
