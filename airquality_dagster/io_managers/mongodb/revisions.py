"""Former versions of documents, kept beside their collection in ``<collection>_revisions``.

One document a superseded version: ``_id`` = (``document_id``, ``revision``: 1, 2, …), ``document``
(the former version), ``valid_until``, ``kind`` (``revised`` or ``deleted``), ``run_id``, ``partition``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.collection import Collection

from airquality_dagster.io_managers.mongodb.values import ID


def keep_revisions(
    revisions: Collection[RawBSONDocument],
    former: Sequence[RawBSONDocument],
    *,
    kind: str,
    valid_until: datetime,
    run_id: str,
    partition: str | None,
    provisional_column: str | None = None,
) -> None:
    """Keep former versions before they are replaced or deleted.

    A version that a killed writer kept but did not replace any more is not kept twice.

    Args:
        revisions: the collection for them.
        former: the documents as they are stored.
        kind: ``revised`` or ``deleted``.
        valid_until: when they stopped to hold.
        run_id, partition: by which run and for which partition.
        provisional_column: versions in which this field is true were never final, and are not kept.
    """
    final = [document for document in former if not (provisional_column and document.get(provisional_column) is True)]
    if not final:
        return
    latest: dict[bytes, RawBSONDocument] = {}
    for revision in revisions.find({f"{ID}.document_id": {"$in": [document[ID] for document in final]}}):
        key = bson.encode({ID: revision[ID]["document_id"]})
        if key not in latest or latest[key][ID]["revision"] < revision[ID]["revision"]:
            latest[key] = revision
    writes: list[Any] = []
    for document in final:
        last = latest.get(bson.encode({ID: document[ID]}))
        if last is not None and last["document"].raw == document.raw:
            continue
        number = last[ID]["revision"] + 1 if last is not None else 1
        revision_id = {"document_id": document[ID], "revision": number}
        content = {
            "document": document,
            "valid_until": valid_until,
            "kind": kind,
            "run_id": run_id,
            "partition": partition,
        }
        # $setOnInsert: two writers that keep the same version at the same time keep one.
        writes.append(UpdateOne({ID: revision_id}, {"$setOnInsert": content}, upsert=True))
    if writes:
        revisions.create_index(f"{ID}.document_id")
        revisions.bulk_write(writes, ordered=False)
