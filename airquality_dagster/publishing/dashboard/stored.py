"""What the dashboard needs of a station, read from MongoDB."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from dagster_mongodb import find_revisions, read_arrays
from pymongo.collection import Collection
from pymongo.database import Database

from airquality_dagster.network.pollutants import DATE, PARAMETERS, POLLUTANTS, PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.dashboard.forecast import SHOWN_FIELD
from airquality_dagster.publishing.dashboard.pairs import SHOWN_PERIODS
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS
from airquality_dagster.publishing.dashboard.record import (
    NEWEST_HOURS,
    PROFILE_DAYS,
    SAID_HOURS_AHEAD,
    SCORE_DAYS,
    StationRecord,
)
from airquality_dagster.readings.comparison import VERSION
from airquality_dagster.readings.days import CROSS_SENSITIVE, EXPECTED_HOURS
from airquality_dagster.readings.periods import START
from airquality_dagster.storage.forecasts import newest_origin, newest_scores, stored_forecasts

_NUMBER, _OBJECT = "float64", "object"
_READINGS = tuple(parameter.field for parameter in PARAMETERS)
_POLLUTANTS = tuple(pollutant.field for pollutant in POLLUTANTS)


def _of_each(fields: tuple[str, ...], *statistics: str) -> tuple[str, ...]:
    return tuple(f"{field}_{statistic}" for field in fields for statistic in statistics)


_MARKS: Mapping[str, str] = dict.fromkeys((PROVISIONAL, SIMULATED), _OBJECT)
_LEVELS = dict.fromkeys(_of_each(_READINGS, "qc"), _NUMBER)
_QUALITY = {
    **_LEVELS,
    **dict.fromkeys(("aqi_nowcast", "eaqi"), _NUMBER),
    **dict.fromkeys(("aqi_nowcast_pollutant", "eaqi_withheld", *_of_each(_READINGS, "flags")), _OBJECT),
}
_DAYS = {
    **dict.fromkeys((EXPECTED_HOURS, *_of_each(_POLLUTANTS, "mean", "aqi")), _NUMBER),
    **dict.fromkeys(_of_each(_READINGS, "valid_mean", "valid_hours", "percent_complete"), _NUMBER),
    **dict.fromkeys(
        (SIMULATED, CROSS_SENSITIVE, *_of_each(_READINGS, "invalid"), *_of_each(HEADLINE_FIELDS, "who")), _OBJECT
    ),
}
_MONTHS = {
    **dict.fromkeys(_of_each(_POLLUTANTS, "mean", "valid_mean"), _NUMBER),
    **dict.fromkeys(_of_each(_POLLUTANTS, "invalid"), _OBJECT),
}
_FORECASTS = _of_each((SHOWN_FIELD,), "p10", "p50", "p90", "method", "withheld")
_SCORES = _of_each((SHOWN_FIELD,), f"{SCORE_DAYS}_days")


def station_record(database: Database[dict[str, Any]], station: Station, now: datetime) -> StationRecord:
    """Read a station's record as it is stored at a moment."""
    raw, quality = database[station.raw_asset], database[station.quality_asset]
    # Few hours as objects: a year of them would take longer than all the rest.
    marks = _frame(raw, TIMESTAMP, _MARKS, sort=[("_id", -1)], limit=NEWEST_HOURS)
    recent_since = now if marks.empty else marks[TIMESTAMP].iloc[-1].to_pydatetime()
    in_profile = {"_id": {"$gte": min(recent_since, now - timedelta(days=PROFILE_DAYS))}}
    readings = _frame(raw, TIMESTAMP, dict.fromkeys(_READINGS, _NUMBER), in_profile)
    levels = _frame(quality, TIMESTAMP, _LEVELS, in_profile)
    return StationRecord(
        station=station,
        hours=readings.join(levels.set_index(TIMESTAMP), on=TIMESTAMP).join(marks.set_index(TIMESTAMP), on=TIMESTAMP),
        quality=quality_since(database, station, recent_since),
        days=_frame(database[station.aggregates_asset], DATE, _DAYS),
        months=_months(database[station.summaries_asset]),
        revisions=_revisions(database, station),
        forecasts=_forecasts(database, station, now),
        score=newest_scores(database, station.forecast_scores_asset, _SCORES).get(SAID_HOURS_AHEAD),
    )


def quality_since(database: Database[dict[str, Any]], station: Station, since: datetime) -> pd.DataFrame:
    """Read levels, flags and indices of a station's hours from a moment on, ordered by time."""
    return _frame(database[station.quality_asset], TIMESTAMP, _QUALITY, {"_id": {"$gte": since}})


def pair_rows(database: Database[dict[str, Any]], collection: str) -> list[dict[str, Any]]:
    """Read what the page shows of the comparison of a pair, in the order of the parts.

    Rows of another version of the method are not read: they have other fields, and the next night replaces them.
    """
    query = {"_id.period": {"$in": SHOWN_PERIODS}, "version": VERSION}
    rows = database[collection].find(query, sort=[("_id.part", 1)])
    return [{**row, **row["_id"]} for row in rows]


def _frame(
    collection: Collection[dict[str, Any]],
    key: str,
    dtypes: Mapping[str, str],
    query: Mapping[str, Any] | None = None,
    **order: Any,
) -> pd.DataFrame:
    arrays = read_arrays(collection, {"_id": "datetime64[ms]", **dtypes}, query, **order)
    return pd.DataFrame({key: _moments(arrays.pop("_id")), **arrays}, copy=False)


def _forecasts(database: Database[dict[str, Any]], station: Station, now: datetime) -> pd.DataFrame:
    newest = newest_origin(database, station.forecast_asset) or now
    since = newest - timedelta(hours=NEWEST_HOURS + SAID_HOURS_AHEAD)
    return stored_forecasts(database, station.forecast_asset, since, _FORECASTS)


def _months(summaries: Collection[dict[str, Any]]) -> pd.DataFrame:
    arrays = read_arrays(summaries, {"_id": _OBJECT, **_MONTHS}, {"_id.period": "month"})
    return pd.DataFrame({START: _moments([key["start"] for key in arrays.pop("_id")]), **arrays})


def _revisions(database: Database[dict[str, Any]], station: Station) -> pd.DataFrame:
    revisions = list(find_revisions(database, station.raw_asset, with_documents=False))
    return pd.DataFrame({
        "hour": _moments([revision.document_id for revision in revisions]),
        "valid_until": _moments([revision.valid_until for revision in revisions]),
    })  # fmt: skip


def _moments(values: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("us")
