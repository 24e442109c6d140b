"""The valid hours of a station."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from dagster_mongodb import read_arrays
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

    def table(collection: str, names: Sequence[str]) -> tuple[pd.DatetimeIndex, np.ndarray]:
        dtypes = {"_id": "datetime64[ms]", **dict.fromkeys(names, "float64")}
        hours, *columns = read_arrays(database[collection], dtypes, period).values()
        return pd.DatetimeIndex(hours).as_unit("ns").tz_localize("UTC"), np.column_stack(columns)

    hours, readings = table(raw, fields)
    judged, levels = table(quality, [f"{field}_qc" for field in fields])
    valid = pd.DataFrame(levels <= highest_valid_level, index=judged).reindex(hours, fill_value=False)
    frame = pd.DataFrame(np.where(valid, readings, np.nan), columns=list(fields))
    frame.insert(0, TIMESTAMP, hours)
    return frame


def valid_values(
    database: Database[dict[str, Any]],
    raw: str,
    quality: str,
    field: str,
    periods: Sequence[tuple[datetime, datetime]],
    *,
    highest_valid_level: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the valid readings of one field in some periods.

    The server puts them into arrays: thousands of documents take ten times as long to receive.

    Args:
        database: database of the station.
        raw, quality: collections of its hourly readings and of their flags.
        field: the reading.
        periods: each ``start <= hour < end``, tz-aware, not overlapping.
        highest_valid_level: readings up to this level are valid.

    Returns:
        starts of the hours (datetime64[ms], UTC), in order, and their readings.
    """
    if not periods:
        return np.array([], "datetime64[ms]"), np.array([])
    in_periods = {"$or": [{"_id": {"$gte": start, "$lt": end}} for start, end in periods]}

    def arrays(collection: str, query: Mapping[str, Any], **columns: Any) -> list[np.ndarray]:
        pushed = {name: {"$push": value} for name, value in columns.items()}
        pipeline = [{"$match": {**in_periods, **query}}, {"$group": {"_id": None, **pushed}}]
        document = next(iter(database[collection].aggregate(pipeline)), {})
        return [np.array(document.get(name, []), dtype="float64") for name in columns]

    # Milliseconds since 1970 as floating point numbers are decoded in a tenth of the time of dates.
    milliseconds = {"$toDouble": "$_id"}
    hours, readings = arrays(raw, {field: {"$type": "number"}}, hours=milliseconds, readings=f"${field}")
    (valid,) = arrays(quality, {f"{field}_qc": {"$lte": highest_valid_level}}, hours=milliseconds)
    both, places, _ = np.intersect1d(hours, valid, return_indices=True)
    return both.astype("int64").astype("datetime64[ms]"), readings[places]
