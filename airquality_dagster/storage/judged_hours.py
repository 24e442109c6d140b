"""The hours of a station with what quality control says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pymongo.collection import Collection
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP

_FAULTY, _OFF_SITE, _CROSS_SENSITIVE, _BITS = 1, 2, 4, 3


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

    def bits(place: int, field: str) -> dict[str, Any]:
        names, first_bit = f"${field}_flags", 1 << _BITS * place
        is_faulty = {"$gt": [{"$size": {"$setIntersection": [names, list(faulty)]}}, 0]}
        of_names = {
            "$add": [
                {"$cond": [is_faulty, first_bit * _FAULTY, 0]},
                {"$cond": [{"$in": [off_site, names]}, first_bit * _OFF_SITE, 0]},
                {"$cond": [{"$in": [cross_sensitive, names]}, first_bit * _CROSS_SENSITIVE, 0]},
            ]
        }
        # Most readings have no flag.
        return {"$cond": [{"$in": [names, [[], None]]}, 0, {"$cond": [{"$isArray": names}, of_names, 0]}]}

    flags_of_all = {"$add": [bits(place, field) for place, field in enumerate(fields)]}
    judged, flags = _table(database[quality], {"flags": flags_of_all}).T.astype("int64")
    read, *readings = _table(database[raw], dict.fromkeys(fields, True)).T
    # Hours that were read and judged, in both tables.
    milliseconds, of_raw, of_quality = np.intersect1d(read.astype("int64"), judged, return_indices=True)
    hours = pd.DatetimeIndex(milliseconds.astype("datetime64[ms]"), tz="UTC", name=TIMESTAMP)
    shifts = _BITS * np.arange(len(fields))
    table = flags[of_quality].reshape(-1, 1) >> shifts
    values = np.stack(readings, axis=1)[of_raw]
    sound, is_off_site, is_sensitive = (
        pd.DataFrame(one, index=hours, columns=list(fields))
        for one in (
            np.where(table & _FAULTY, np.nan, values),
            (table & _OFF_SITE) != 0,
            (table & _CROSS_SENSITIVE) != 0,
        )
    )
    return sound, is_off_site, is_sensitive


def _table(collection: Collection[dict[str, Any]], fields: Mapping[str, Any]) -> np.ndarray:
    """Return one row an hour: milliseconds since 1970, which are read in half the time of dates, and the fields."""
    names = ("_id", *fields)
    # A list: to ask the cursor for one document after the other takes longer than to decode them.
    documents = collection.find({}, {"_id": {"$toDouble": "$_id"}, **fields}).to_list()
    rows = [[*map(document.get, names)] for document in documents]
    return np.array(rows, dtype="float64").reshape(-1, len(names))  # None becomes NaN


def has_simulated_hours(database: Database[dict[str, Any]], raw: str) -> bool:
    """Return whether a station has hours of the sandbox."""
    return database[raw].find_one({SIMULATED: True}, {"_id": True}) is not None
