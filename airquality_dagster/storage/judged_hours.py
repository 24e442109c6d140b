"""The hours of a station with what quality control says of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP

_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)

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

    sums = {"flags": {"$add": [bits(place, field) for place, field in enumerate(fields)]}}
    flags_of = {one["_id"]: one["flags"] for one in database[quality].find({}, sums)}
    moments, readings, flags = [], [], []
    for document in database[raw].find({}, dict.fromkeys(fields, True), sort=[("_id", 1)]):
        moment = document["_id"]
        if moment in flags_of:
            moments.append(moment)
            readings.append([*map(document.get, fields)])
            flags.append(flags_of[moment])
    hours = pd.DatetimeIndex(pd.to_datetime(moments, utc=True), name=TIMESTAMP)
    shifts = _BITS * np.arange(len(fields))
    table = np.array(flags, dtype="int64").reshape(-1, 1) >> shifts
    values = np.array(readings, dtype="float64").reshape(-1, len(fields))  # None becomes NaN
    sound, is_off_site, is_sensitive = (
        pd.DataFrame(one, index=hours, columns=list(fields))
        for one in (
            np.where(table & _FAULTY, np.nan, values),
            (table & _OFF_SITE) != 0,
            (table & _CROSS_SENSITIVE) != 0,
        )
    )
    return sound, is_off_site, is_sensitive


def has_simulated_hours(database: Database[dict[str, Any]], raw: str, since: datetime = _FIRST_MOMENT) -> bool:
    """Return whether a station has hours of the sandbox from a moment on; looking at all hours takes a while."""
    return database[raw].find_one({"_id": {"$gte": since}, SIMULATED: True}, {"_id": True}) is not None
