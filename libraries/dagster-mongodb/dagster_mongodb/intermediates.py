"""Outputs that are not assets: each belongs to its run, its step and its name, and is dropped after some days."""

import hashlib
from datetime import datetime, timezone
from typing import Any

import dagster as dg
from pymongo.database import Database

from dagster_mongodb.notes import NOTES
from dagster_mongodb.values import ID

_PREFIX = "dagster_intermediates"
_MOST_BYTES = 150  # MongoDB allows 255 for the names of database and collection


def name_of_output(context: dg.OutputContext) -> str:
    """Return the collection of an output that is not an asset, which no other output of any run has.

    The context of a run that was executed again names the former run for the steps that were skipped.
    """
    try:
        identifier = ".".join(context.get_identifier())
    except dg.DagsterInvariantViolationError:
        return context.name  # a context that was built without a run
    if len(identifier.encode()) > _MOST_BYTES:
        identifier = f"{context.run_id}.{hashlib.sha256(identifier.encode()).hexdigest()}"
    return f"{_PREFIX}.{identifier}"


def owner_of_output(context: dg.OutputContext) -> str:
    """Return the step, name and mapping key of an output, which are the same in every run."""
    try:
        _, *step_and_name = context.get_identifier()
    except dg.DagsterInvariantViolationError:
        return context.name
    return ".".join(step_and_name)


def drop_expired(database: Database[Any]) -> None:
    """Drop the outputs that have expired."""
    notes = database[NOTES]
    notes.create_index("expires_at", sparse=True)
    for note in notes.find({"expires_at": {"$lt": datetime.now(timezone.utc)}}, {"expires_at": True}):
        # Not if it was written again in the meantime.
        if notes.delete_one({ID: note[ID], "expires_at": note["expires_at"]}).deleted_count:
            database.drop_collection(note[ID])
