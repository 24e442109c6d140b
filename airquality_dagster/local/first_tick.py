"""The last tick of the hourly schedule, made when the UI starts instead of an hour later.

It does what the buttons "Test schedule" and "Launch all" of the UI do, through GraphQL. The runs have the tags of the
tick: so the daemon does not launch them again if it finds that it has missed this tick.
"""

import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from airquality_dagster.automation.jobs import HOURLY_JOB
from airquality_dagster.automation.schedules import HOURLY_SCHEDULE
from airquality_dagster.errors import LocalServiceError
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network

_TIMEOUT = 120.0
_LAST_TICK = """
query ($schedule: ScheduleSelector!, $now: Float!) { scheduleOrError(scheduleSelector: $schedule) { __typename
  ... on Schedule { potentialTickTimestamps(startTimestamp: $now, lowerLimit: 1, upperLimit: 1) } } }"""
_REQUESTS = """
mutation ($schedule: ScheduleSelector!, $tick: Float!) { scheduleDryRun(selectorData: $schedule, timestamp: $tick) {
  __typename ... on DryRunInstigationTick { evaluationResult { error { message }
    runRequests { runKey tags { key value } assetSelection { path } } } } } }"""
_RUNS = """
query ($tags: [ExecutionTag!]!) { runsOrError(filter: {tags: $tags}) { __typename
  ... on Runs { results { status tags { key value } } } } }"""
_LAUNCH = """
mutation ($runs: [ExecutionParams!]!) { launchMultipleRuns(executionParamsList: $runs) { __typename
  ... on LaunchMultipleRunsResult { launchMultipleRunsResult { __typename } } } }"""
# Of Dagster's scheduler, which looks for them before it launches a run of a tick.
_SCHEDULE_TAG, _TIME_TAG, _KEY_TAG = "dagster/schedule_name", "dagster/scheduled_execution_time", "dagster/run_key"


def launch_last_tick(ui: str, location: str, network: Network) -> int:
    """Launch the runs of the last tick that were not launched or failed, and return their number.

    It launches none while another run of the hourly job goes on.

    Args:
        ui: URL of the Dagster UI.
        location: name of the code location.
        network: the network.

    Raises:
        LocalServiceError: the UI does not answer, or answers with an error or in another form.
    """
    try:
        return _launch(ui, location, network)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Dagster may change its GraphQL. The schedule loads the same at its next tick.
        raise LocalServiceError(f"the Dagster UI answers in a form that is not known ({error!r})") from error


def _launch(ui: str, location: str, network: Network) -> int:
    repository = {"repositoryName": "__repository__", "repositoryLocationName": location}
    name = network.named(HOURLY_SCHEDULE)
    schedule = {**repository, "scheduleName": name}
    found = _ask(ui, _LAST_TICK, schedule=schedule, now=time.time())
    tick = min(found["scheduleOrError"]["potentialTickTimestamps"])
    evaluation = _ask(ui, _REQUESTS, schedule=schedule, tick=tick)["scheduleDryRun"]["evaluationResult"]
    if evaluation["error"]:
        raise LocalServiceError(evaluation["error"]["message"])
    tick_tags = {_SCHEDULE_TAG: name, _TIME_TAG: datetime.fromtimestamp(tick, UTC).isoformat()}
    runs = _ask(ui, _RUNS, tags=_tag_list(tick_tags))["runsOrError"]["results"]
    launched = {_tags(run)[_KEY_TAG] for run in runs if run["status"] not in ("FAILURE", "CANCELED")}
    fetched = [list(asset_key(station.raw_asset).path) for station in network.stations]
    new = [
        _parameters({**repository, "jobName": network.named(HOURLY_JOB)}, request, tick_tags, fetched)
        for request in evaluation["runRequests"] or ()
        if request["runKey"] not in launched
    ]
    if new:
        results = _ask(ui, _LAUNCH, runs=new)["launchMultipleRuns"]["launchMultipleRunsResult"]
        for result in results:
            if result["__typename"] != "LaunchRunSuccess":
                raise LocalServiceError(f"Dagster did not launch a run: {result['__typename']}")
    return len(new)


def _parameters(
    job: Mapping[str, str], request: Mapping[str, Any], tick_tags: Mapping[str, str], fetched: Collection[list[str]]
) -> dict[str, Any]:
    keys = request["assetSelection"]
    selector: dict[str, Any] = {**job, "assetSelection": keys}
    # As in the schedule: checks show the present state, so a run that does not fetch makes none.
    if not any(key["path"] in fetched for key in keys):
        selector["assetCheckSelection"] = []
    tags = {**_tags(request), **tick_tags, _KEY_TAG: request["runKey"]}
    return {"selector": selector, "executionMetadata": {"tags": _tag_list(tags)}}


def _tags(thing: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in thing["tags"]}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _ask(ui: str, query: str, **variables: object) -> dict[str, Any]:
    try:
        url = f"{ui}/graphql"
        asked = {"query": query, "variables": variables}
        response = requests.post(url, json=asked, timeout=_TIMEOUT)
        answer = response.json()
    except (requests.RequestException, ValueError) as error:
        raise LocalServiceError(f"the Dagster UI on {ui} does not answer: {error}") from error
    if answer.get("errors"):
        raise LocalServiceError(f"the Dagster UI answers: {answer['errors'][0]['message']}")
    (result,) = answer["data"].values()
    if "message" in result or result["__typename"].endswith("Error"):
        raise LocalServiceError(f"the Dagster UI answers: {result}")
    return answer["data"]
