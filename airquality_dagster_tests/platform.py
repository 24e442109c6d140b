"""Runs of the platform's own job, in the test's process, against a server and a database of the test."""

import functools
import os
from typing import Any

import dagster as dg
import pytest

from airquality_dagster.definitions import defs
from airquality_dagster.network.partitions import RANGE_END, RANGE_START
from airquality_dagster.settings import stations_file

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def definitions() -> dg.Definitions:
    """Return the definitions of the stations file in the environment; made once for each content."""
    file = stations_file()
    # What variables are set decides which fields the resources have; their values are read in each run.
    names = frozenset(name for name, value in os.environ.items() if value and name.startswith(("AIRQINO_", "MONGODB_")))
    return _definitions(file.read_text(encoding="utf-8") if file else None, names)


@functools.lru_cache(maxsize=8)
def _definitions(_content: str | None, _names: frozenset[str]) -> dg.Definitions:
    return defs()


class Platform:
    """The platform's definitions with the environment of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database: Any, instance: dg.DagsterInstance):
        self.monkeypatch, self.database, self.instance = monkeypatch, database, instance
        monkeypatch.setenv("MONGODB_URI", mongodb_uri)
        monkeypatch.setenv("MONGODB_DATABASE", database.name)

    def use(self, url: str) -> None:
        """Ask this server from now on."""
        self.monkeypatch.setenv("AIRQINO_BASE_URL", url)

    def run(self, first: str, last: str | None = None, assets: list[str] | None = None) -> dg.ExecuteInProcessResult:
        """Execute the hourly job for months of some assets, or all."""
        return (
            definitions()
            .resolve_job_def("hourly_job")
            .execute_in_process(
                instance=self.instance,
                run_config=QUIET,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(asset) for asset in assets] if assets else None,
                tags={RANGE_START: f"{first}-01", RANGE_END: f"{last or first}-01"},
            )
        )


def metadata(result: dg.ExecuteInProcessResult, step: str, asset: str | None = None) -> dict[str, Any]:
    """Return the plain metadata of an asset's first materialization, of a step that is named as it or otherwise."""
    events = result.asset_materializations_for_node(step)
    event = next(event for event in events if event.asset_key.path[-1] == (asset or step))
    return {name: value.value for name, value in event.metadata.items()}


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return asset → what its failure says, with all causes."""
    return {
        event.step_key: f"{event.step_failure_data.error_display_string} {event.step_failure_data.user_failure_data}"
        for event in result.filter_events(lambda event: event.is_step_failure)
    }


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return name → evaluation of the checks of a run of one station."""
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
