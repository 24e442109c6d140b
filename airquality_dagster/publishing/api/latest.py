"""The newest values: ``/v3/locations/…/latest``, ``/v3/parameters/…/latest``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.deployments import deployment_at
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.api.answers import answer, coordinates_of, moment, page_of
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.measurements import FlagInfo, HourExtras
from airquality_dagster.publishing.api.models import (
    Answer,
    Coordinates,
    Moment,
)
from airquality_dagster.publishing.api.queries import DatetimeMin, LocationId, Paging, ParameterId, Values
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.storage.newest import NewestReading, newest_readings, spans

_HOUR = timedelta(hours=1)


class SensorLatest(TypedDict):
    """A newest value; ``datetime`` is the end of its hour."""

    datetime: Moment
    value: float
    coordinates: Coordinates | None
    flagInfo: FlagInfo
    x: HourExtras


class Latest(SensorLatest):
    """A newest value, and where it was measured."""

    sensorsId: int
    locationsId: int


class LatestQuery(Paging, DatetimeMin, Values):
    """Which newest values are answered."""


def latest_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of newest values.

    Args:
        catalogue: the stations and their sensors.
        database: of their hours.
    """
    router = APIRouter(tags=["latest"])
    network = catalogue.network

    def respond(sensors: Sequence[tuple[Station, str]], query: LatestQuery) -> Response:
        since = query.since(network.time_zone)
        newest = newest_values(catalogue, database, sensors, since=since, only_valid=query.only_valid)
        results = page_of(newest, query)
        is_simulated = any(result["x"]["simulated"] for result in results)
        return answer(network, results, query, len(newest), is_simulated=is_simulated)

    @router.get(
        "/locations/{locations_id}/latest", summary="Newest values of a location", response_model=Answer[Latest]
    )
    def of_location(locations_id: LocationId, query: Annotated[LatestQuery, Query()]) -> Response:
        """The newest value of each sensor, in the 30 days before the station's newest hour."""
        station = catalogue.station(locations_id)
        return respond([(station, one.field) for one in catalogue.sensors(station).values()], query)

    @router.get(
        "/parameters/{parameters_id}/latest", summary="Newest values of a parameter", response_model=Answer[Latest]
    )
    def of_parameter(parameters_id: ParameterId, query: Annotated[LatestQuery, Query()]) -> Response:
        """The newest value at each station, in the 30 days before the station's newest hour."""
        field = catalogue.parameter(parameters_id).field
        return respond([(station, field) for station in catalogue.stations.values()], query)

    return router


def newest_values(
    catalogue: Catalogue,
    database: Database[dict[str, Any]],
    sensors: Sequence[tuple[Station, str]],
    *,
    since: datetime | None = None,
    only_valid: bool = True,
) -> list[Latest]:
    """Return the newest value of each sensor that has one, in the order of the sensors.

    Args:
        catalogue: the stations and their sensors.
        database: of their hours.
        sensors: stations and fields.
        since: only hours that end later.
        only_valid: only values that passed quality control.
    """
    zone = catalogue.network.time_zone
    stations = {station.name: station for station, _ in sensors}
    readings = newest_readings(
        database,
        sensors,
        {name: span.last for name, span in spans(database, list(stations.values())).items()},
        after=None if since is None else since - _HOUR,
        highest_valid_level=HIGHEST_VALID_LEVEL if only_valid else None,
    )
    return [
        {
            **sensor_latest(station, readings[station.name, field], zone),
            "sensorsId": catalogue.sensor_id(station, field),
            "locationsId": catalogue.location_id(station),
        }
        for station, field in sensors
        if (station.name, field) in readings
    ]


def sensor_latest(station: Station, reading: NewestReading, zone: ZoneInfo) -> SensorLatest:
    """Return a newest value; its time is the end of its hour, as in OpenAQ's API."""
    flag_info: FlagInfo = {"hasFlags": bool(reading.flags)}
    extras: HourExtras = {
        "valid": reading.level is not None and reading.level <= HIGHEST_VALID_LEVEL,
        "level": reading.level,
        "flags": list(reading.flags),
        "provisional": reading.is_provisional,
        "simulated": reading.is_simulated,
    }
    return {
        "datetime": moment(reading.hour + _HOUR, zone),
        "value": reading.value,
        "coordinates": _coordinates_at(station, reading.hour, zone),
        "flagInfo": flag_info,
        "x": extras,
    }


def _coordinates_at(station: Station, hour: datetime, zone: ZoneInfo) -> Coordinates | None:
    """Return where a station stood in an hour, None if unknown: published values may be of another place."""
    position = station.position
    if station.deployments:
        deployment = deployment_at(station.deployments, hour, zone)
        if deployment is None:
            return None
        position = deployment.position or (position if deployment.is_outdoor else None)
    return coordinates_of(position)
