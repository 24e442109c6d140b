"""What the page shows, as plain values: JSON for its scripts."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airquality_dagster.network.freshness import LATE_AFTER, STALLED_AFTER
from airquality_dagster.network.pollutants import PARAMETERS, SIMULATED, Parameter
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.dashboard.forecast import forecast_content
from airquality_dagster.publishing.dashboard.history import (
    daily_series,
    data_capture,
    hourly_profile,
    monthly_means,
    restatements,
)
from airquality_dagster.publishing.dashboard.palette import AQI_COLOURS, ink_on
from airquality_dagster.publishing.dashboard.places import home_of, stay_content, stays
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS, present_state
from airquality_dagster.publishing.dashboard.problems import notes, problems
from airquality_dagster.publishing.dashboard.record import StationRecord
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY
from airquality_dagster.readings.flags import HUMID_PERCENT
from airquality_dagster.readings.indices import AQI_CATEGORIES


def network_content(network: Network, now: datetime) -> dict[str, Any]:
    """Return what the page needs beside its stations: names, units, limits, colours."""
    return {
        "network": _facts_content(network),
        "made_at": now.isoformat(),
        "late_after_hours": LATE_AFTER / timedelta(hours=1),
        "stalled_after_hours": STALLED_AFTER / timedelta(hours=1),
        "valid_hours": HOURS_FOR_A_VALID_DAY,
        "headlines": HEADLINE_FIELDS,
        "humid_percent": HUMID_PERCENT,
        "parameters": [_parameter_content(parameter) for parameter in PARAMETERS],
        "aqi": [
            {"highest": highest if highest < float("inf") else None, "colour": colour, "ink": ink_on(colour)}
            for (highest, _), colour in zip(AQI_CATEGORIES, AQI_COLOURS, strict=True)
        ],
    }


def _facts_content(network: Network) -> dict[str, Any]:
    facts = network.network
    terms = facts.licence_terms
    return {
        "name": facts.name,
        "time_zone": facts.time_zone,
        "licence": None if terms is None else {"spdx": terms.spdx, "name": terms.name, "url": terms.url},
        "credit": facts.credit,
        "contact": facts.contact,
        "files": f"/files/{network.key_prefix}/" if network.key_prefix else "/files/",
    }


def station_content(record: StationRecord, time_zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Return what the page shows of one station."""
    station = record.station
    latitude, longitude = station.position or (None, None)
    return {
        "name": station.name,
        "label": station.label,
        "city": station.city,
        "latitude": latitude,
        "longitude": longitude,
        "home": home_of(station),
        "stays": [stay_content(stay, time_zone) for stay in stays(station, now, time_zone)],
        "is_simulated": _is_simulated(record),
        "now": present_state(record),
        "forecast": forecast_content(record),
        "notes": notes(record),
        "problems": problems(record, now),
        "days": daily_series(record.days),
        "months": monthly_means(record.months),
        "profile": hourly_profile(record.hours, time_zone),
        "capture": data_capture(record.days),
        "restatements": restatements(record.revisions, time_zone),
    }


def _parameter_content(parameter: Parameter) -> dict[str, Any]:
    named = {"field": parameter.field, "label": parameter.label, "unit": parameter.unit}
    if parameter.guideline is None:
        return named
    return named | {"guideline": parameter.guideline.short_term[0][0], "averaging": parameter.guideline.averaging}


def _is_simulated(record: StationRecord) -> bool:
    return any(
        SIMULATED in frame and bool((frame[SIMULATED] == True).any())  # noqa: E712
        for frame in (record.hours, record.days)
    )
