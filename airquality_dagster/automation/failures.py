"""Messages of failed steps and runs, in one line."""

from collections.abc import Iterator
from typing import Protocol

import dagster as dg
from dagster_mongodb import MongoDBIOManagerError

from airquality_dagster.errors import AirQualityError


class _Error(Protocol):
    """The error of an event; Dagster does not export its type."""

    @property
    def message(self) -> str: ...
    @property
    def cls_name(self) -> str | None: ...
    @property
    def cause(self) -> "_Error | None": ...
    @property
    def context(self) -> "_Error | None": ...


def step_failure(event: dg.DagsterEvent) -> str:
    """Return the message of a failed step in one line."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return f"{event.step_key}: {_message(data.error)}"


def run_failure(run_id: str, event: dg.DagsterEvent) -> str:
    """Return the message of a run that failed outside its steps, in one line."""
    error = event.job_failure_data.error
    return f"run {run_id}: {_message(error) if error else event.message or 'failed'}"


def _message(error: _Error | None) -> str:
    """Return the message of the first error of this package or the IO manager in the chain of causes."""
    explained = None
    names = {kind.__name__ for base in (AirQualityError, MongoDBIOManagerError) for kind in _with_subclasses(base)}
    while error is not None:
        # If the chain has none, use the first error that is not Dagster's own.
        if explained is None or error.cls_name in names or (explained.cls_name or "").startswith("Dagster"):
            explained = error
        if error.cls_name in names:
            break
        error = error.cause or error.context
    message = " ".join(explained.message.split()) if explained else "failed"
    # Dagster adds the name of the exception's class at the start.
    return message.partition(": ")[2] or message


def _with_subclasses(kind: type) -> Iterator[type]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _with_subclasses(subclass)
