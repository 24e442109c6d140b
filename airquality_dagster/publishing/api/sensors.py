"""``/v3/sensors/…`` and ``/v3/locations/…/sensors``: what stations measure, and what there is of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.api.answers import answer, moment
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.latest import SensorLatest, sensor_latest
from airquality_dagster.publishing.api.locations import sensor_name
from airquality_dagster.publishing.api.measurements import duration
from airquality_dagster.publishing.api.models import Answer, Coverage, Moment, SensorName, Summary
from airquality_dagster.publishing.api.parameters import ApiParameter
from airquality_dagster.publishing.api.queries import LocationId, Paging, SensorId
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.storage.newest import Span, newest_readings, spans

_HOUR = timedelta(hours=1)


class SensorExtras(TypedDict):
    """Whether the newest valid value, or the first or newest hour of its station, is simulated."""

    simulated: bool


class Sensor(SensorName):
    """A sensor. ``datetimeFirst`` and ``datetimeLast`` are those of its location; ``coverage`` counts valid hours.

    ``latest`` is the newest valid value in the 30 days before the station's newest hour. ``summary`` is always null:
    ask for days, months or years.
    """

    datetimeFirst: Moment | None
    datetimeLast: Moment | None
    coverage: Coverage | None
    latest: SensorLatest | None
    summary: Summary | None
    x: SensorExtras


def sensors_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of sensors.

    Args:
        catalogue: the stations and their sensors.
        database: of their hours.
    """
    router = APIRouter(tags=["sensors"])
    network = catalogue.network

    def respond(station: Station, sensors: Mapping[int, ApiParameter]) -> Response:
        results = _sensors(catalogue, database, station, sensors)
        is_simulated = any(result["x"]["simulated"] for result in results)
        return answer(network, results, Paging(), len(results), is_simulated=is_simulated)

    @router.get("/locations/{locations_id}/sensors", summary="Sensors of a location", response_model=Answer[Sensor])
    def of_location(locations_id: LocationId) -> Response:
        """What a station measures."""
        station = catalogue.station(locations_id)
        return respond(station, catalogue.sensors(station))

    @router.get("/sensors/{sensors_id}", summary="A sensor", response_model=Answer[Sensor])
    def sensor(sensors_id: SensorId) -> Response:
        """One sensor."""
        station, parameter = catalogue.sensor(sensors_id)
        return respond(station, {sensors_id: parameter})

    return router


def _sensors(
    catalogue: Catalogue,
    database: Database[dict[str, Any]],
    station: Station,
    sensors: Mapping[int, ApiParameter],
) -> list[Sensor]:
    zone = catalogue.network.time_zone
    fields = [parameter.field for parameter in sensors.values()]
    span = spans(database, [station]).get(station.name)
    readings = newest_readings(
        database,
        [(station, field) for field in fields],
        {station.name: span.last} if span else {},
        highest_valid_level=HIGHEST_VALID_LEVEL,
    )
    valid_hours = _valid_hours(database, station, fields)
    results: list[Sensor] = []
    for number, parameter in sensors.items():
        reading = readings.get((station.name, parameter.field))
        results.append(
            {
                **sensor_name(number, parameter),
                "datetimeFirst": moment(span.first, zone) if span else None,
                "datetimeLast": moment(span.end, zone) if span else None,
                "coverage": _coverage(catalogue, span, valid_hours[parameter.field]) if span else None,
                "latest": sensor_latest(station, reading, zone) if reading else None,
                "summary": None,
                "x": {"simulated": any(one.is_simulated for one in (span, reading) if one)},
            }
        )
    return results


def _valid_hours(database: Database[dict[str, Any]], station: Station, fields: list[str]) -> dict[str, int]:
    """Return field → valid hours of all years."""
    years = database[station.summaries_asset].find(
        {"_id.period": "year"}, {f"{field}_valid_hours": True for field in fields}
    )
    totals = dict.fromkeys(fields, 0)
    for year in years:
        for field in fields:
            totals[field] += year.get(f"{field}_valid_hours") or 0
    return totals


def _coverage(catalogue: Catalogue, span: Span, valid_hours: int) -> Coverage:
    zone = catalogue.network.time_zone
    expected = (span.end - span.first) // _HOUR
    # Truncated: 99.6 % is not complete. Summaries may be an hour behind or ahead of the hours.
    percent = min(100, 100 * valid_hours // expected)
    return {
        "expectedCount": expected,
        "expectedInterval": duration(expected),
        "observedCount": valid_hours,
        "observedInterval": duration(valid_hours),
        "percentComplete": percent,
        "percentCoverage": percent,
        "datetimeFrom": moment(span.first, zone),
        "datetimeTo": moment(span.end, zone),
    }
