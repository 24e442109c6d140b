"""What is stored, in figures for people: per station the newest hour, the coverage, the last means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.pollutants import HEADLINES, SIMULATED
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import VALID_LEVELS


@dataclass(frozen=True)
class StationStatus:
    """How a station's stored data stand.

    Args:
        newest_hour: start of the newest stored hour, None without any.
        hours_of_last_day, hours_of_last_month: stored hours of the last 24 hours and 30 days.
        valid_of_last_month: field → its valid hours of the last 30 days, of the fields that are shown.
        newest_day: the newest daily aggregate with at least `HOURS_FOR_A_VALID_DAY` hours, else the
            newest.
        is_simulated: the newest hour is simulated.
    """

    newest_hour: datetime | None
    hours_of_last_day: int
    hours_of_last_month: int
    valid_of_last_month: Mapping[str, int]
    newest_day: Mapping[str, Any] | None
    is_simulated: bool


def station_status(database: Database[dict[str, Any]], station: Station, now: datetime) -> StationStatus:
    """Return how a station's stored data stand at a moment."""
    hours, quality, days = (
        database[name] for name in (station.raw_asset, station.quality_asset, station.aggregates_asset)
    )
    newest = hours.find_one(sort=[("_id", -1)])

    def since(days: int) -> dict[str, Any]:
        return {"_id": {"$gt": now - timedelta(days=days), "$lte": now}}

    return StationStatus(
        newest_hour=newest["_id"] if newest else None,
        hours_of_last_day=hours.count_documents(since(1)),
        hours_of_last_month=hours.count_documents(since(30)),
        valid_of_last_month={
            parameter.field: quality.count_documents(
                {**since(30), f"{parameter.field}_qc": {"$in": list(map(int, VALID_LEVELS))}}
            )
            for parameter in HEADLINES
        },
        newest_day=days.find_one({"hours": {"$gte": HOURS_FOR_A_VALID_DAY}}, sort=[("_id", -1)])
        or days.find_one(sort=[("_id", -1)]),
        is_simulated=bool(newest and newest.get(SIMULATED)),
    )


def daily_means(day: Mapping[str, Any] | None) -> str:
    """Return date and means of a day with units; those that are not valid say so.

    >>> daily_means({"_id": datetime(2026, 1, 2), "co_mean": 0.41, "co_valid_hours": 9})
    '2026-01-02: CO 0.41 mg/m³ (not valid: 9 of 24 h)'
    """
    if day is None:
        return "no day yet"
    parts = []
    for parameter in HEADLINES:
        mean = day.get(f"{parameter.field}_mean")
        if mean is None:
            continue
        valid_hours = day[f"{parameter.field}_valid_hours"]
        note = "" if valid_hours >= HOURS_FOR_A_VALID_DAY else f" (not valid: {valid_hours} of 24 h)"
        parts.append(f"{parameter.label} {mean:.3g} {parameter.unit}{note}")
    return f"{day['_id']:%Y-%m-%d}: {', '.join(parts) or 'none'}"


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was.

    >>> age(datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 12, 5)), age(datetime(2026, 1, 1), datetime(2026, 1, 4, 2))
    ('2 h 5 min', '3 d 2 h')
    """
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
