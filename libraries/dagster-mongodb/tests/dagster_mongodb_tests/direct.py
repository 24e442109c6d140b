"""Writes without the IO manager, to databases of a single server and of a replica set."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from dagster_mongodb.handlers.handler import Rows
from dagster_mongodb.handlers.registry import handler_of
from dagster_mongodb.slices import CollectionSlice
from dagster_mongodb.writing import writes
from dagster_mongodb.writing.revision_log import RevisionLog
from pymongo.database import Database

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


def checked(
    content: pd.DataFrame | list[dict[str, Any]], primary_key: Sequence[str] = (), batch_size: int = 50
) -> Rows:
    """Return a frame or documents as rows that can be written."""
    handler = handler_of(content)
    assert handler is not None
    rows = handler.rows(content, primary_key)
    rows.check(max_bytes=16 * 2**20 - 4096, batch_size=batch_size)
    return rows


def write_table(
    database: Database[Any],
    content: pd.DataFrame | list[dict[str, Any]],
    mode: str = "replace",
    *,
    primary_key: str | None = "id",
    keep_revisions: bool = False,
    run: str = "run",
    batch_size: int = 50,
) -> tuple[int, int, int, int]:
    """Write content to the collection ``table`` and return how many were inserted, revised, unchanged, deleted."""
    collection = database.get_collection("table", codec_options=RAW)
    where = CollectionSlice(database.name, "table", primary_key=(primary_key,) if primary_key else ())
    rows = checked(content, where.primary_key, batch_size)
    if mode == "append":
        counts = writes.append(collection, where, rows, begin=do_nothing, identity=run)
    elif primary_key:
        log = RevisionLog(database, "table", run_id=run, partition=None) if keep_revisions else None
        counts = writes.write_keyed(collection, where, rows, mode=mode, begin=do_nothing, log=log)  # pyright: ignore[reportArgumentType]
    else:
        counts = writes.write_unkeyed(collection, where, rows, begin=do_nothing)
    return counts.inserted, counts.revised, counts.unchanged, counts.deleted


def do_nothing() -> None:
    """Prepare nothing before a write."""
