"""``/v3/locations``: the stations."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.deployments import deployment_at
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.answers import answer, coordinates_of, moment, page_of
from airquality_dagster.publishing.api.entities import (
    INSTRUMENT,
    MANUFACTURER,
    PROVIDER,
    LocationLicense,
    country_of,
    license_of,
    location_licenses,
    owner_of,
)
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.models import (
    Answer,
    Coordinates,
    CountryName,
    Moment,
    Named,
    SensorName,
)
from airquality_dagster.publishing.api.parameters import API_PARAMETERS, ApiParameter
from airquality_dagster.publishing.api.queries import Countries, IdList, LocationId, Paging, Places, Sorting
from airquality_dagster.storage.newest import Span, spans


class LocationExtras(TypedDict):
    """What is known of a station beside OpenAQ's fields.

    ``label`` is its name at the source, ``airqinoId`` its number there. ``place``, ``kind`` and ``surface`` are those
    of its deployment at its newest hour: empty or null if it is not deployed then, or not known.
    """

    label: str
    airqinoId: int
    place: str
    kind: str | None
    surface: str
    simulated: bool


class Location(Named):
    """A station. ``datetimeFirst`` is the start of its first hour, ``datetimeLast`` the end of its newest one."""

    locality: str | None
    timezone: str
    country: CountryName | None
    owner: Named
    provider: Named
    isMobile: bool
    isMonitor: bool
    instruments: list[Named]
    sensors: list[SensorName]
    coordinates: Coordinates | None
    licenses: list[LocationLicense]
    bounds: list[float] | None
    distance: float | None
    datetimeFirst: Moment | None
    datetimeLast: Moment | None
    x: LocationExtras


class Area(Places, Countries):
    """Where stations are looked for."""


class LocationsQuery(Paging, Sorting, Area):
    """Which locations are answered."""

    parameters_id: IdList = Field(default=[], description="Ids of parameters: locations that measure one of them.")
    providers_id: IdList = Field(default=[], description="Ids of providers.")
    owner_contacts_id: IdList = Field(default=[], description="Ids of owners.")
    licenses_id: IdList = Field(default=[], description="Ids of licenses.")
    instruments_id: IdList = Field(default=[], description="Ids of instruments.")
    manufacturers_id: IdList = Field(default=[], description="Ids of manufacturers.")
    monitor: bool | None = Field(default=None, description="Reference monitors (true) or air sensors (false).")
    mobile: bool | None = Field(default=None, description="Mobile (true) or stationary (false) locations.")

    def are_of(self, network: Network) -> bool:
        """Return whether the locations of a network are asked for, as far as all have the same answer."""
        facts = network.network
        licence = license_of(facts)
        asked_and_own = (
            (self.parameters_id, {one.id for one in API_PARAMETERS}),
            (self.providers_id, {PROVIDER["id"]}),
            (self.owner_contacts_id, {owner_of(facts)["id"]}),
            (self.licenses_id, {licence["id"]} if licence else set[int]()),
            (self.instruments_id, {INSTRUMENT["id"]}),
            (self.manufacturers_id, {MANUFACTURER["id"]}),
        )
        return (
            all(not asked or not own.isdisjoint(asked) for asked, own in asked_and_own)
            and not self.monitor
            and not self.mobile
        )


def stations_in(catalogue: Catalogue, area: Area) -> dict[int, Station]:
    """Return location id → station of an area, in order of the ids."""
    country = country_of(catalogue.network.network)
    if area.iso is not None and (country is None or country["code"] != area.iso.upper()):
        return {}
    if area.countries_id and (country is None or country["id"] not in area.countries_id):
        return {}
    return {number: station for number, station in catalogue.stations.items() if area.contains(station.position)}


def locations_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of locations.

    Args:
        catalogue: the stations.
        database: of their hours.
    """
    router = APIRouter(prefix="/locations", tags=["locations"])
    network = catalogue.network

    def respond(stations: Sequence[Station], query: LocationsQuery, found: int) -> Response:
        hours = spans(database, stations)
        results = [_location(catalogue, station, hours.get(station.name), query) for station in stations]
        is_simulated = any(result["x"]["simulated"] for result in results)
        return answer(network, results, query, found, is_simulated=is_simulated)

    @router.get("", summary="Locations", response_model=Answer[Location])
    def locations(query: Annotated[LocationsQuery, Query()]) -> Response:
        """All stations, or those that the parameters select."""
        stations = list(stations_in(catalogue, query).values()) if query.are_of(network) else []
        ordered = stations[::-1] if query.is_descending else stations
        return respond(page_of(ordered, query), query, len(ordered))

    @router.get("/{locations_id}", summary="A location", response_model=Answer[Location])
    def location(locations_id: LocationId) -> Response:
        """One station."""
        return respond([catalogue.station(locations_id)], LocationsQuery(), 1)

    return router


def sensor_name(sensor_id: int, parameter: ApiParameter) -> SensorName:
    """Return how a sensor is named: by what it measures, in which unit."""
    return {"id": sensor_id, "name": f"{parameter.name} {parameter.units}", "parameter": parameter.document}


def _location(catalogue: Catalogue, station: Station, span: Span | None, area: Area) -> Location:
    facts, zone = catalogue.network.network, catalogue.network.time_zone
    position = station.position
    deployment = deployment_at(station.deployments, span.last, zone) if span else None
    return {
        "id": catalogue.location_id(station),
        "name": station.name,
        "locality": station.city or None,
        "timezone": facts.time_zone,
        "country": country_of(facts),
        "owner": owner_of(facts),
        "provider": PROVIDER,
        "isMobile": False,
        "isMonitor": False,
        "instruments": [INSTRUMENT],
        "sensors": [sensor_name(number, parameter) for number, parameter in catalogue.sensors(station).items()],
        "coordinates": coordinates_of(position),
        "licenses": location_licenses(facts),
        "bounds": [position[1], position[0], position[1], position[0]] if position else None,
        "distance": area.distance(position),
        "datetimeFirst": moment(span.first, zone) if span else None,
        "datetimeLast": moment(span.end, zone) if span else None,
        "x": {
            "label": station.label,
            "airqinoId": station.airqino_id,
            "place": deployment.place if deployment else "",
            "kind": deployment.kind if deployment else None,
            "surface": deployment.surface if deployment else "",
            "simulated": span is not None and span.is_simulated,
        },
    }
