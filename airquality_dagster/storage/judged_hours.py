"""The hours of a station with what quality control says of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP


def judged_hours(
    database: Database[dict[str, Any]],
    raw: str,
    quality: str,
    start: datetime | None,
    end: datetime | None,
    fields: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read readings, and the names of their flags.

    Args:
        database: database of the station.
        raw, quality: collections of its hourly readings and of their flags.
        start, end: ``start <= hour < end``, tz-aware; None: from the first, to the last hour.
        fields: readings to read.

    Returns:
        two frames of one row per hour that was judged, with the index ``timestamp``, in order: the readings (NaN if
        missing), and the names of their flags in one text, separated by spaces.
    """
    bounds = {name: moment for name, moment in (("$gte", start), ("$lt", end)) if moment is not None}
    period = {"_id": bounds} if bounds else {}
    documents = list(database[raw].find(period, dict.fromkeys(fields, True), sort=[("_id", 1)]))
    flags = [f"{field}_flags" for field in fields]
    judged = {one["_id"]: one for one in database[quality].find(period, dict.fromkeys(flags, True))}
    documents = [document for document in documents if document["_id"] in judged]
    hours = pd.DatetimeIndex(pd.to_datetime([document["_id"] for document in documents], utc=True), name=TIMESTAMP)
    values = [[document.get(field) for field in fields] for document in documents]
    readings = np.array(values, dtype="float64").reshape(-1, len(fields))  # None becomes NaN
    names = np.empty(readings.shape, dtype=object)
    for row, document in enumerate(documents):
        of_hour = judged[document["_id"]]
        for column, flag in enumerate(flags):
            names[row, column] = " ".join(of_hour.get(flag) or ())
    return (
        pd.DataFrame(readings, index=hours, columns=list(fields)),
        pd.DataFrame(names, index=hours, columns=list(fields)),
    )


def has_simulated_hours(database: Database[dict[str, Any]], raw: str) -> bool:
    """Return whether a station has hours of the sandbox."""
    return database[raw].find_one({SIMULATED: True}, {"_id": True}) is not None
