"""``/v3/parameters``, ``countries``, ``owners``, ``providers``, ``instruments``, ``manufacturers``, ``licenses``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.answers import answer, moment, page_of
from airquality_dagster.publishing.api.entities import (
    INSTRUMENT,
    MANUFACTURER,
    PROVIDER,
    LicenseDocument,
    country_of,
    license_of,
    owner_of,
    unknown,
)
from airquality_dagster.publishing.api.ids import HIGHEST_ID, Catalogue
from airquality_dagster.publishing.api.locations import Area, stations_in
from airquality_dagster.publishing.api.models import (
    Answer,
    CountryName,
    FullParameterDocument,
    Named,
    ParameterDocument,
)
from airquality_dagster.publishing.api.parameters import API_PARAMETERS
from airquality_dagster.publishing.api.queries import IdList, Paging, ParameterId, Sorting
from airquality_dagster.storage.newest import Span, spans

Id = Annotated[int, Path(ge=1, le=HIGHEST_ID, description="Its id.")]


class ListQuery(Paging, Sorting):
    """Which entries of a list are answered."""


class ParametersQuery(ListQuery, Area):
    """Which parameters are answered."""

    parameter_type: Literal["pollutant", "meteorological"] | None = Field(default=None, description="Kind of quantity.")


class CountriesQuery(ListQuery):
    """Which countries are answered."""

    parameters_id: IdList = Field(default=[], description="Ids of parameters that are measured there.")
    providers_id: IdList = Field(default=[], description="Ids of providers.")


class ProvidersQuery(ListQuery, Area):
    """Which providers are answered."""

    parameters_id: IdList = Field(default=[], description="Ids of parameters that are measured.")
    monitor: bool | None = Field(default=None, description="Reference monitors (true) or air sensors (false).")


class Country(CountryName):
    """A country with stations."""

    datetimeFirst: str | None
    datetimeLast: str | None
    parameters: list[ParameterDocument]


class Polygon(TypedDict):
    """A box as GeoJSON."""

    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]


class Provider(Named):
    """Who publishes the readings."""

    sourceName: str
    exportPrefix: str
    datetimeAdded: str | None
    datetimeFirst: str | None
    datetimeLast: str | None
    entitiesId: int
    parameters: list[ParameterDocument]
    bbox: Polygon | None


class Instrument(Named):
    """A kind of station."""

    isMonitor: bool
    manufacturer: Named


class Manufacturer(Named):
    """Who makes it."""

    instruments: list[Named]


_PARAMETERS = [parameter.document for parameter in API_PARAMETERS]
_INSTRUMENT: Instrument = {**INSTRUMENT, "isMonitor": False, "manufacturer": MANUFACTURER}
_MANUFACTURER: Manufacturer = {**MANUFACTURER, "instruments": [INSTRUMENT]}


def parameters_router(catalogue: Catalogue, _: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of parameters.

    Args:
        catalogue: what is measured.
    """
    router = APIRouter(prefix="/parameters", tags=["parameters"])
    network = catalogue.network

    @router.get("", summary="Parameters", response_model=Answer[FullParameterDocument])
    def parameters(query: Annotated[ParametersQuery, Query()]) -> Response:
        """What is measured, in which unit; `id` and `name` are OpenAQ's where the unit is the same."""
        asked = [
            one.full_document
            for one in sorted(API_PARAMETERS, key=lambda one: one.id)
            if query.parameter_type in (None, one.kind) and stations_in(catalogue, query)
        ]
        return _list(network, asked, query)

    @router.get("/{parameters_id}", summary="A parameter", response_model=Answer[FullParameterDocument])
    def parameter(parameters_id: ParameterId) -> Response:
        """One parameter."""
        return _list(network, [catalogue.parameter(parameters_id).full_document], ListQuery())

    return router


def countries_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of countries.

    Args:
        catalogue: the stations.
        database: of their hours.
    """
    router = APIRouter(prefix="/countries", tags=["countries"])
    network = catalogue.network

    def own() -> list[Country]:
        name = country_of(network.network)
        if name is None:
            return []
        first, last = _ends(network, database)
        return [{**name, "datetimeFirst": first, "datetimeLast": last, "parameters": _PARAMETERS}]

    @router.get("", summary="Countries", response_model=Answer[Country])
    def countries(query: Annotated[CountriesQuery, Query()]) -> Response:
        """The country of the stations."""
        is_asked = _overlap(query.parameters_id, _PARAMETERS) and _overlap(query.providers_id, [PROVIDER])
        return _list(network, own() if is_asked else [], query)

    @router.get("/{countries_id}", summary="A country", response_model=Answer[Country])
    def country(countries_id: Id) -> Response:
        """One country."""
        return _one(network, own(), countries_id, "country", "countries")

    return router


def providers_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of providers.

    Args:
        catalogue: the stations.
        database: of their hours.
    """
    router = APIRouter(prefix="/providers", tags=["providers"])
    network = catalogue.network

    def own() -> list[Provider]:
        first, last = _ends(network, database)
        return [
            {
                **PROVIDER,
                "sourceName": "airqino",
                "exportPrefix": network.key_prefix or "",
                "datetimeAdded": first,
                "datetimeFirst": first,
                "datetimeLast": last,
                "entitiesId": PROVIDER["id"],
                "parameters": _PARAMETERS,
                "bbox": _box(network),
            }
        ]

    @router.get("", summary="Providers", response_model=Answer[Provider])
    def providers(query: Annotated[ProvidersQuery, Query()]) -> Response:
        """Who publishes the readings."""
        is_asked = stations_in(catalogue, query) and _overlap(query.parameters_id, _PARAMETERS) and not query.monitor
        return _list(network, own() if is_asked else [], query)

    @router.get("/{providers_id}", summary="A provider", response_model=Answer[Provider])
    def provider(providers_id: Id) -> Response:
        """One provider."""
        return _one(network, own(), providers_id, "provider", "providers")

    return router


def entities_router(catalogue: Catalogue, _: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of owners, instruments, manufacturers and licences.

    Args:
        catalogue: of the network.
    """
    router = APIRouter()
    network = catalogue.network
    licence = license_of(network.network)
    lists: tuple[tuple[str, str, Any, Sequence[Named]], ...] = (
        ("owner", "owners", Named, [owner_of(network.network)]),
        ("instrument", "instruments", Instrument, [_INSTRUMENT]),
        ("manufacturer", "manufacturers", Manufacturer, [_MANUFACTURER]),
        ("license", "licenses", LicenseDocument, [licence] if licence else []),
    )
    for kind, kinds, model, entries in lists:
        _add_list(router, network, kind, kinds, model, entries)

    @router.get(
        "/manufacturers/{manufacturers_id}/instruments",
        summary="Instruments of a manufacturer",
        response_model=Answer[Instrument],
        tags=["manufacturers"],
    )
    def instruments_of(manufacturers_id: Id) -> Response:
        """The kinds of stations of one manufacturer."""
        if manufacturers_id != _MANUFACTURER["id"]:
            unknown("manufacturer", "manufacturers", manufacturers_id)
        return _list(network, [_INSTRUMENT], ListQuery())

    return router


def _add_list(router: APIRouter, network: Network, kind: str, kinds: str, model: Any, entries: Sequence[Named]) -> None:
    """Add the routes of a list that does not change."""

    @router.get(
        f"/{kinds}",
        summary=kinds.capitalize(),
        description=f"The {kind} of the data." if kind in ("owner", "license") else f"The {kind} of all stations.",
        response_model=Answer[model],
        tags=[kinds],
        operation_id=f"list_{kinds}",
    )
    def all_of_them(query: Annotated[ListQuery, Query()]) -> Response:
        return _list(network, entries, query)

    @router.get(
        f"/{kinds}/{{{kinds}_id}}",
        summary=f"One of the {kinds}",
        description=f"One of the {kinds}, by its id.",
        response_model=Answer[model],
        tags=[kinds],
        operation_id=f"get_{kinds}",
    )
    def one_of_them(
        number: Annotated[int, Path(ge=1, le=HIGHEST_ID, alias=f"{kinds}_id", description="Its id.")],
    ) -> Response:
        return _one(network, entries, number, kind, kinds)


def _list(network: Network, entries: Sequence[Named], query: ListQuery) -> Response:
    ordered = entries[::-1] if query.is_descending else entries
    return answer(network, page_of(ordered, query), query, len(entries))


def _one(network: Network, entries: Sequence[Named], number: int, kind: str, kinds: str) -> Response:
    asked = [entry for entry in entries if entry["id"] == number]
    if not asked:
        unknown(kind, kinds, number)
    return answer(network, asked, ListQuery(), 1)


def _overlap(asked: Sequence[int], own: Sequence[Named | ParameterDocument]) -> bool:
    return not asked or any(entry["id"] in asked for entry in own)


def _ends(network: Network, database: Database[dict[str, Any]]) -> tuple[str | None, str | None]:
    """Return the start of the first and the end of the newest hour of a network, in UTC."""
    hours: list[Span] = list(spans(database, network.stations).values())
    if not hours:
        return None, None
    first, last = min(one.first for one in hours), max(one.end for one in hours)
    return moment(first, network.time_zone)["utc"], moment(last, network.time_zone)["utc"]


def _box(network: Network) -> Polygon | None:
    """Return the box around all stations whose position is known."""
    positions = [station.position for station in network.stations if station.position]
    if not positions:
        return None
    latitudes, longitudes = zip(*positions, strict=True)
    south, north, west, east = min(latitudes), max(latitudes), min(longitudes), max(longitudes)
    corners = [[west, south], [west, north], [east, north], [east, south], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}
