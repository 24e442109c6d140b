"""What the dashboard needs of a station, read from MongoDB."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.collection import Collection
from pymongo.database import Database

from airquality_dagster.dashboard.record import PROFILE_DAYS, RECENT_HOURS, StationRecord
from airquality_dagster.pollutants import PARAMETERS, PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.readings.aggregate import AQI_INPUTS, DATE, EXPECTED_HOURS
from airquality_dagster.readings.indices import WHO_LEVELS
from airquality_dagster.readings.summary import START
from airquality_dagster.stations import Station

_HOUR_COLUMNS = (PROVISIONAL, SIMULATED, *(parameter.field for parameter in PARAMETERS))
_LEVEL_COLUMNS = tuple(f"{parameter.field}_qc" for parameter in PARAMETERS)
_RECENT_COLUMNS = (
    *(f"{parameter.field}_flags" for parameter in PARAMETERS),
    *("aqi_nowcast", "aqi_nowcast_pollutant", "eaqi", "pm2_5_nowcast"),
)
_DAY_COLUMNS = (
    EXPECTED_HOURS,
    SIMULATED,
    *(f"{field}_{statistic}" for field in WHO_LEVELS for statistic in ("mean", "valid_mean")),
    *(f"{p.field}_{statistic}" for p in PARAMETERS for statistic in ("valid_hours", "percent_complete", "invalid")),
    *(name for name in AQI_INPUTS if not name.endswith("_valid_mean")),
)
_MONTH_COLUMNS = tuple(f"{field}_valid_mean" for field in WHO_LEVELS)


def station_record(database: Database[dict[str, Any]], station: Station, now: datetime) -> StationRecord:
    """Read a station's record as it is stored at a moment."""
    raw, quality = database[station.raw_asset], database[station.quality_asset]
    newest = list(raw.find({}, {"_id": True}, sort=[("_id", -1)], limit=RECENT_HOURS))
    recently = {"$gte": newest[-1]["_id"] if newest else now}
    lately = {"$gte": min(recently["$gte"], now - timedelta(days=PROFILE_DAYS))}
    hours = _frame(raw, {"_id": lately}, _HOUR_COLUMNS, TIMESTAMP)
    levels = _frame(quality, {"_id": lately}, _LEVEL_COLUMNS, TIMESTAMP)
    revisions = database[f"{station.raw_asset}_revisions"].find({}, {"_id.document_id": True, "valid_until": True})
    return StationRecord(
        station=station,
        hours=hours.merge(levels, on=TIMESTAMP, how="left"),
        recent=_frame(quality, {"_id": recently}, _RECENT_COLUMNS, TIMESTAMP),
        days=_frame(database[station.aggregates_asset], {}, _DAY_COLUMNS, DATE),
        months=_months(database[station.summaries_asset]),
        revisions=pd.DataFrame(
            [(revision["_id"]["document_id"], revision["valid_until"]) for revision in revisions],
            columns=["hour", "valid_until"],
        ).astype("datetime64[ms, UTC]"),
    )


def _frame(
    collection: Collection[dict[str, Any]], where: Mapping[str, Any], columns: tuple[str, ...], key: str
) -> pd.DataFrame:
    documents = list(collection.find(where, dict.fromkeys(columns, True), sort=[("_id", 1)]))
    frame = pd.DataFrame(documents, columns=["_id", *columns]).rename(columns={"_id": key})
    return frame.assign(**{key: pd.to_datetime(frame[key], utc=True)})


def _months(summaries: Collection[dict[str, Any]]) -> pd.DataFrame:
    found = list(summaries.find({"_id.period": "month"}, dict.fromkeys(_MONTH_COLUMNS, True), sort=[("_id", 1)]))
    frame = pd.DataFrame(found, columns=["_id", *_MONTH_COLUMNS])
    starts = pd.to_datetime([key["start"] for key in frame["_id"]], utc=True)
    return frame.drop(columns="_id").assign(**{START: starts})
