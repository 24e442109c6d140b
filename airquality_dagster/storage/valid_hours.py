"""The valid hours of a station."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import TIMESTAMP


def valid_hours(
    database: Database[dict[str, Any]],
    raw: str,
    quality: str,
    start: datetime,
    end: datetime,
    *,
    fields: Sequence[str],
    highest_valid_level: int,
) -> pd.DataFrame:
    """Read the readings of a station that are valid.

    Args:
        database: database of the station.
        raw, quality: collections of its hourly readings and of their flags.
        start, end: ``start <= hour < end``, tz-aware.
        fields: readings to read.
        highest_valid_level: readings up to this level are valid.

    Returns:
        one row per hour, in order: ``timestamp`` and the readings; NaN where one is missing, not valid or not judged.
    """
    period = {"_id": {"$gte": start, "$lt": end}}

    def table(collection: str, names: Sequence[str]) -> tuple[list[datetime], np.ndarray]:
        documents = list(database[collection].find(period, dict.fromkeys(names, True), sort=[("_id", 1)]))
        values = [[document.get(name) for name in names] for document in documents]
        table = np.array(values, dtype="float64").reshape(-1, len(names))  # None becomes NaN
        return [document["_id"] for document in documents], table

    hours, readings = table(raw, fields)
    judged, levels = table(quality, [f"{field}_qc" for field in fields])
    valid = pd.DataFrame(levels <= highest_valid_level, index=judged).reindex(hours, fill_value=False)
    frame = pd.DataFrame(np.where(valid, readings, np.nan), columns=list(fields))
    frame.insert(0, TIMESTAMP, pd.to_datetime(hours, utc=True))
    return frame
