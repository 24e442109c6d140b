"""The hours of a station with what quality control says of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP

_FAULTY, _OFF_SITE, _CROSS_SENSITIVE = 1, 2, 4


def judged_hours(
    database: Database[dict[str, Any]],
    raw: str,
    quality: str,
    fields: Sequence[str],
    *,
    faulty: Sequence[str],
    off_site: str,
    cross_sensitive: str,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read all hours of a station that were judged.

    The server looks for the names of flags: lists of names take ten times as long to receive as numbers.

    Args:
        database: database of the station.
        raw, quality: collections of its hourly readings and of their flags.
        fields: readings to read.
        faulty: names of the flags of readings that the sensor got wrong.
        off_site, cross_sensitive: names of these flags.

    Returns:
        three frames with the index ``timestamp``, in order: readings that are not faulty (NaN if missing), which are
        off site, and which cross-sensitive.
    """

    def bits(field: str) -> dict[str, Any]:
        names = f"${field}_flags"
        is_faulty = {"$gt": [{"$size": {"$setIntersection": [names, list(faulty)]}}, 0]}
        of_names = {
            "$add": [
                {"$cond": [is_faulty, _FAULTY, 0]},
                {"$cond": [{"$in": [off_site, names]}, _OFF_SITE, 0]},
                {"$cond": [{"$in": [cross_sensitive, names]}, _CROSS_SENSITIVE, 0]},
            ]
        }
        # Most readings have no flag.
        return {"$cond": [{"$in": [names, [[], None]]}, 0, {"$cond": [{"$isArray": names}, of_names, 0]}]}

    documents = list(database[raw].find({}, dict.fromkeys(fields, True), sort=[("_id", 1)]))
    judgements = {one.pop("_id"): one for one in database[quality].find({}, {field: bits(field) for field in fields})}
    documents = [document for document in documents if document["_id"] in judgements]
    hours = pd.DatetimeIndex(pd.to_datetime([document["_id"] for document in documents], utc=True), name=TIMESTAMP)

    def table(rows: Iterable[Mapping[str, Any]], kind: str) -> np.ndarray:
        return np.array([[row.get(field) for field in fields] for row in rows], dtype=kind).reshape(-1, len(fields))

    readings = table(documents, "float64")  # None becomes NaN
    flags = table((judgements[document["_id"]] for document in documents), "int64")
    sound, is_off_site, is_sensitive = (
        pd.DataFrame(values, index=hours, columns=list(fields))
        for values in (
            np.where(flags & _FAULTY, np.nan, readings),
            (flags & _OFF_SITE) != 0,
            (flags & _CROSS_SENSITIVE) != 0,
        )
    )
    return sound, is_off_site, is_sensitive


def has_simulated_hours(database: Database[dict[str, Any]], raw: str) -> bool:
    """Return whether a station has hours of the sandbox."""
    return database[raw].find_one({SIMULATED: True}, {"_id": True}) is not None
