"""Figures of a station's stored data for people: newest hour, coverage, last means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.freshness import is_late
from airquality_dagster.network.pollutants import BY_FIELD, HEADLINES, SIMULATED
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.dashboard.newest import index_now, left_out
from airquality_dagster.publishing.dashboard.stored import quality_since
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.forecast_model import PERSISTENCE
from airquality_dagster.readings.forecast_score import QUANTILES
from airquality_dagster.readings.indices import AQI_CATEGORIES
from airquality_dagster.storage.forecasts import newest_forecasts, newest_scores

_FORECAST_FIELD, _HOURS_AHEAD = "pm2_5", 2


@dataclass(frozen=True)
class StationStatus:
    """Figures of a station's stored data.

    Args:
        newest_hour: start of the newest stored hour, None if no hour is stored.
        hours_of_last_day, hours_of_last_month: numbers of stored hours of the last 24 hours and 30 days.
        valid_of_last_month: field of a headline pollutant → number of valid hours of the last 30 days.
        newest_day: the newest daily aggregate with at least `HOURS_FOR_A_VALID_DAY` hours, else the newest.
        is_simulated: whether the newest hour is simulated.
        index: of the newest hour, as in `index_now`; None if that is late, or of no judged hour.
        left_out: fields that are in no index.
        forecast: the newest document of a forecast two hours ahead, None if there is none.
        score: fields of `forecast_score.Score` of PM2.5 two hours ahead over 28 days, None if none was scored.
    """

    newest_hour: datetime | None
    hours_of_last_day: int
    hours_of_last_month: int
    valid_of_last_month: Mapping[str, int]
    newest_day: Mapping[str, Any] | None
    is_simulated: bool
    index: Mapping[str, Any] | None = None
    left_out: Sequence[str] = ()
    forecast: Mapping[str, Any] | None = None
    score: Mapping[str, Any] | None = None


def station_status(database: Database[dict[str, Any]], station: Station, now: datetime) -> StationStatus:
    """Return the figures of a station's stored data at a moment."""
    hours, quality, days = (
        database[name] for name in (station.raw_asset, station.quality_asset, station.aggregates_asset)
    )
    newest = hours.find_one(sort=[("_id", -1)])

    def since(days: int) -> dict[str, Any]:
        return {"_id": {"$gt": now - timedelta(days=days), "$lte": now}}

    judged = quality_since(database, station, (newest["_id"] if newest else now) - timedelta(hours=23))
    is_current = newest is not None and not judged.empty and not is_late(newest["_id"], now)
    return StationStatus(
        newest_hour=newest["_id"] if newest else None,
        hours_of_last_day=hours.count_documents(since(1)),
        hours_of_last_month=hours.count_documents(since(30)),
        valid_of_last_month={
            parameter.field: quality.count_documents(
                {**since(30), f"{parameter.field}_qc": {"$lte": int(HIGHEST_VALID_LEVEL)}}
            )
            for parameter in HEADLINES
        },
        newest_day=days.find_one({"hours": {"$gte": HOURS_FOR_A_VALID_DAY}}, sort=[("_id", -1)])
        or days.find_one(sort=[("_id", -1)]),
        is_simulated=bool(newest and newest.get(SIMULATED)),
        index=index_now(judged) if is_current else None,
        left_out=left_out(judged),
        forecast=newest_forecasts(database, station.forecast_asset).get(_HOURS_AHEAD),
        score=newest_scores(database, station.forecast_scores_asset)
        .get(_HOURS_AHEAD, {})
        .get(f"{_FORECAST_FIELD}_28_days"),
    )


def index_text(index: Mapping[str, Any] | None) -> str:
    """Format the indices of the newest hour.

    Args:
        index: result of `index_now`, None if there is no current hour.

    >>> index_text({"aqi": 162, "pollutant": "pm2_5", "is_unconfirmed": True, "eaqi": 5, "eaqi_withheld": None})
    'now AQI 162, Unhealthy (PM2.5, not confirmed yet), European index 5 of 6'
    >>> index_text({"aqi": None, "eaqi": None, "eaqi_withheld": "no_particulate_matter"})
    'now no AQI, no European index (no particulate matter)'
    """
    if index is None:
        return "no current index"
    aqi = "now no AQI"
    if index["aqi"] is not None:
        category = next(name for highest, name in AQI_CATEGORIES if index["aqi"] <= highest)
        reservation = ", not confirmed yet" if index["is_unconfirmed"] else ""
        aqi = f"now AQI {index['aqi']}, {category} ({BY_FIELD[index['pollutant']].label}{reservation})"
    if index["eaqi"] is not None:
        return f"{aqi}, European index {index['eaqi']} of 6"
    withheld = index["eaqi_withheld"]
    return f"{aqi}, no European index" + (f" ({withheld.replace('_', ' ')})" if withheld else "")


def forecast_text(forecast: Mapping[str, Any] | None, score: Mapping[str, Any] | None, now: datetime) -> str:
    """Format the forecast of PM2.5 two hours ahead, and its worth.

    Args:
        forecast: as in `StationStatus`.
        score: as in `StationStatus`.
        now: the present moment, tz-aware.

    >>> target = datetime(2026, 1, 1, 14)
    >>> said = {"target": target, "pm2_5_p10": 17.6, "pm2_5_p50": 22, "pm2_5_p90": 31.2, "pm2_5_method": "model"}
    >>> forecast_text(said, {"mae_skill": 0.17, "hours": 600}, datetime(2026, 1, 1, 13, 5))
    'PM2.5 at 14:00 UTC: 18 to 31 µg/m³, about 22; 17 % better than as now (600 h of 28 days)'
    >>> forecast_text({**said, "pm2_5_p50": None, "pm2_5_withheld": "no_model"}, None, target)
    'no forecast of PM2.5 (no model)'
    >>> forecast_text(said, None, datetime(2026, 1, 1, 15))
    'no forecast of PM2.5 (no new hour)'
    """
    label, unit = BY_FIELD[_FORECAST_FIELD].label, BY_FIELD[_FORECAST_FIELD].unit
    if forecast is None:
        return f"no forecast of {label} yet"
    p10, p50, p90 = (forecast.get(f"{_FORECAST_FIELD}_{name}") for name in QUANTILES)
    if now >= forecast["target"] + timedelta(hours=1):
        said = f"no forecast of {label} (no new hour)"
    elif p50 is None:
        why = str(forecast[f"{_FORECAST_FIELD}_withheld"]).replace("_", " ")
        said = f"no forecast of {label} ({why})"
    else:
        as_now = ", as now" if forecast[f"{_FORECAST_FIELD}_method"] == PERSISTENCE else ""
        said = f"{label} at {forecast['target']:%H:%M} UTC: {p10:.0f} to {p90:.0f} {unit}, about {p50:.0f}{as_now}"
    if score is None:
        return said
    skill = round(100 * score["mae_skill"])
    return f"{said}; {abs(skill)} % {'better' if skill >= 0 else 'worse'} than as now ({score['hours']} h of 28 days)"


def left_out_text(fields: Sequence[str]) -> str:
    """Format which channels are in no index; empty if there are none.

    >>> left_out_text(["no2"])
    '; in no index, for want of a signal of its own: NO₂'
    """
    labels = ", ".join(BY_FIELD[field].label for field in fields)
    return f"; in no index, for want of a signal of its own: {labels}" if labels else ""


def daily_means(day: Mapping[str, Any] | None) -> str:
    """Format the date and means of a day with units; it marks means that are not valid.

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
    """Format the time between two moments.

    >>> age(datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 12, 5)), age(datetime(2026, 1, 1), datetime(2026, 1, 4, 2))
    ('2 h 5 min', '3 d 2 h')
    """
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
