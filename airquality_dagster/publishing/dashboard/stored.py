"""What the dashboard needs of a station, read from MongoDB."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import bson
import numpy as np
import pandas as pd
from dagster_mongodb.handlers.layouts import arrays_of
from pymongo.collection import Collection
from pymongo.database import Database

from airquality_dagster.network.pollutants import PARAMETERS, POLLUTANTS, PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.dashboard.present import HEADLINES
from airquality_dagster.publishing.dashboard.record import NEWEST_HOURS, PROFILE_DAYS, StationRecord
from airquality_dagster.readings.days import DATE, EXPECTED_HOURS
from airquality_dagster.readings.periods import START

_READINGS = tuple(parameter.field for parameter in PARAMETERS)
_POLLUTANTS = tuple(pollutant.field for pollutant in POLLUTANTS)
_LEVELS = tuple(f"{field}_qc" for field in _READINGS)
_FLAGS = tuple(f"{field}_flags" for field in _READINGS)
_DAY_NUMBERS = (
    EXPECTED_HOURS,
    *(f"{field}_{statistic}" for field in _POLLUTANTS for statistic in ("mean", "aqi")),
    *(f"{field}_{statistic}" for field in _READINGS for statistic in ("valid_mean", "valid_hours", "percent_complete")),
)
_DAY_OBJECTS = (SIMULATED, *(f"{field}_invalid" for field in _READINGS), *(f"{field}_who" for field in HEADLINES))
_BATCH = 10_000  # a year of hours at once
_MONTH_NUMBERS = tuple(f"{field}_{statistic}" for field in _POLLUTANTS for statistic in ("mean", "valid_mean"))


def station_record(database: Database[dict[str, Any]], station: Station, now: datetime) -> StationRecord:
    """Read a station's record as it is stored at a moment."""
    raw, quality = database[station.raw_asset], database[station.quality_asset]
    newest = list(raw.find({}, {PROVISIONAL: True, SIMULATED: True}, sort=[("_id", -1)], limit=NEWEST_HOURS))
    recently = {"$gte": newest[-1]["_id"] if newest else now}
    lately = {"$gte": min(recently["$gte"], now - timedelta(days=PROFILE_DAYS))}
    keys, readings = _hours(raw, lately, dict.fromkeys(_READINGS, "f"))
    level_keys, levels = _hours(quality, lately, dict.fromkeys(_LEVELS, "i"))
    mark_keys = pd.to_datetime([document["_id"] for document in reversed(newest)], utc=True).tz_localize(None)
    marks = {
        name: np.array([document.get(name) for document in reversed(newest)], dtype=object)
        for name in (PROVISIONAL, SIMULATED)
    }
    hours = {**readings, **_placed(levels, level_keys, keys), **_placed(marks, mark_keys.to_numpy(keys.dtype), keys)}
    revisions = database[f"{station.raw_asset}_revisions"].find({}, {"_id.document_id": True, "valid_until": True})
    return StationRecord(
        station=station,
        hours=pd.DataFrame({TIMESTAMP: pd.to_datetime(keys, utc=True).as_unit("us"), **hours}, copy=False),
        quality=_frame(
            quality,
            {"_id": recently},
            TIMESTAMP,
            ("aqi_nowcast", "eaqi"),
            ("aqi_nowcast_pollutant", *_FLAGS),
        ),
        days=_frame(database[station.aggregates_asset], {}, DATE, _DAY_NUMBERS, _DAY_OBJECTS),
        months=_months(database[station.summaries_asset]),
        revisions=pd.DataFrame(
            [(revision["_id"]["document_id"], revision["valid_until"]) for revision in revisions],
            columns=["hour", "valid_until"],
        ).astype("datetime64[ms, UTC]"),
    )


def _hours(
    collection: Collection[dict[str, Any]], since: Mapping[str, Any], kinds: Mapping[str, str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read numbers of a year of hours, of which no value becomes a Python object on its way.

    Args:
        collection: of hours.
        since: condition on their keys.
        kinds: field → kind of its numpy dtype.

    Returns:
        the keys in their order, and the fields; NaN where there is none.
    """
    batches = collection.find_raw_batches(
        {"_id": since}, dict.fromkeys(kinds, True), sort=[("_id", 1)], batch_size=_BATCH
    )
    parts = [_arrays(batch, kinds) for batch in cast("Iterator[bytes]", batches) if batch]
    keys = np.concatenate([np.array([], dtype="datetime64[ms]"), *(part["_id"] for part in parts)])
    return keys, {name: np.concatenate([np.array([]), *(part[name] for part in parts)]) for name in kinds}


def _placed(arrays: Mapping[str, np.ndarray], keys: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Return values of ordered keys at the wanted ones: NaN, of objects None, where there is no such key."""
    places = np.searchsorted(keys, wanted)
    is_there = np.isin(wanted, keys)
    placed = {}
    for name, array in arrays.items():
        placed[name] = np.full(len(wanted), None if array.dtype == object else np.nan, dtype=array.dtype)
        placed[name][is_there] = array[places[is_there]]
    return placed


def _arrays(batch: bytes, kinds: Mapping[str, str]) -> Mapping[str, np.ndarray]:
    arrays = arrays_of(batch, {"_id": "M", **kinds})
    if arrays is not None:
        return arrays
    documents = bson.decode_all(batch)
    keys = np.array([document["_id"] for document in documents], dtype="datetime64[ms]")
    return {"_id": keys, **_numbers(documents, tuple(kinds))}


def _frame(
    collection: Collection[dict[str, Any]],
    where: Mapping[str, Any],
    key: str,
    numbers: tuple[str, ...],
    others: tuple[str, ...] = (),
) -> pd.DataFrame:
    documents = list(
        collection.find(where, dict.fromkeys((*numbers, *others), True), sort=[("_id", 1)], batch_size=_BATCH)
    )
    columns = {key: pd.to_datetime([document["_id"] for document in documents], utc=True)}
    columns |= _numbers(documents, numbers) | {name: _objects(documents, name) for name in others}
    return pd.DataFrame(columns)


def _numbers(documents: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    # A year of hours: column by column takes half the time of pandas' own way with documents. None becomes NaN.
    return {name: np.array([document.get(name) for document in documents], dtype="float64") for name in names}


def _objects(documents: list[dict[str, Any]], name: str) -> np.ndarray:
    objects = np.empty(len(documents), dtype=object)
    objects[:] = [document.get(name) for document in documents]
    return objects


def _months(summaries: Collection[dict[str, Any]]) -> pd.DataFrame:
    found = list(summaries.find({"_id.period": "month"}, dict.fromkeys(_MONTH_NUMBERS, True), sort=[("_id", 1)]))
    starts = pd.to_datetime([document["_id"]["start"] for document in found], utc=True)
    return pd.DataFrame({START: starts} | _numbers(found, _MONTH_NUMBERS))
