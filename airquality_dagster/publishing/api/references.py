"""``/v3/parameters``, ``/v3/countries``, ``/v3/providers``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.answers import moment
from airquality_dagster.publishing.api.entities import (
    PROVIDER,
    country_of,
)
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.lists import Id, ListQuery, listed, one_of
from airquality_dagster.publishing.api.locations import Area, stations_in
from airquality_dagster.publishing.api.models import (
    Answer,
    CountryName,
    FullParameterDocument,
    Named,
    ParameterDocument,
)
from airquality_dagster.publishing.api.parameters import API_PARAMETERS
from airquality_dagster.publishing.api.queries import IdList, ParameterId
from airquality_dagster.storage.newest import spans


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


_PARAMETERS = [parameter.document for parameter in API_PARAMETERS]


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
        return listed(network, asked, query)

    @router.get("/{parameters_id}", summary="A parameter", response_model=Answer[FullParameterDocument])
    def parameter(parameters_id: ParameterId) -> Response:
        """One parameter."""
        return listed(network, [catalogue.parameter(parameters_id).full_document], ListQuery())

    return router


def countries_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of countries.

    Args:
        catalogue: the stations.
        database: of their hours.
    """
    router = APIRouter(prefix="/countries", tags=["countries"])
    network = catalogue.network

    def own() -> tuple[list[Country], bool]:
        """Return the country, and whether its hours are simulated."""
        name = country_of(network.network)
        if name is None:
            return [], False
        first, last, is_simulated = _ends(network, database)
        return [{**name, "datetimeFirst": first, "datetimeLast": last, "parameters": _PARAMETERS}], is_simulated

    @router.get("", summary="Countries", response_model=Answer[Country])
    def countries(query: Annotated[CountriesQuery, Query()]) -> Response:
        """The country of the stations."""
        is_asked = _overlap(query.parameters_id, _PARAMETERS) and _overlap(query.providers_id, [PROVIDER])
        entries, is_simulated = own()
        return listed(network, entries if is_asked else [], query, is_simulated=is_simulated)

    @router.get("/{countries_id}", summary="A country", response_model=Answer[Country])
    def country(countries_id: Id) -> Response:
        """One country."""
        entries, is_simulated = own()
        return one_of(network, entries, countries_id, "country", "countries", is_simulated=is_simulated)

    return router


def providers_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of providers.

    Args:
        catalogue: the stations.
        database: of their hours.
    """
    router = APIRouter(prefix="/providers", tags=["providers"])
    network = catalogue.network

    def own() -> tuple[list[Provider], bool]:
        """Return the provider, and whether its hours are simulated."""
        first, last, is_simulated = _ends(network, database)
        provider: Provider = {
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
        return [provider], is_simulated

    @router.get("", summary="Providers", response_model=Answer[Provider])
    def providers(query: Annotated[ProvidersQuery, Query()]) -> Response:
        """Who publishes the readings."""
        is_asked = stations_in(catalogue, query) and _overlap(query.parameters_id, _PARAMETERS) and not query.monitor
        entries, is_simulated = own()
        return listed(network, entries if is_asked else [], query, is_simulated=is_simulated)

    @router.get("/{providers_id}", summary="A provider", response_model=Answer[Provider])
    def provider(providers_id: Id) -> Response:
        """One provider."""
        entries, is_simulated = own()
        return one_of(network, entries, providers_id, "provider", "providers", is_simulated=is_simulated)

    return router


def _overlap(asked: Sequence[int], own: Sequence[Named | ParameterDocument]) -> bool:
    return not asked or any(entry["id"] in asked for entry in own)


def _ends(network: Network, database: Database[dict[str, Any]]) -> tuple[str | None, str | None, bool]:
    """Return the start of the first and the end of the newest hour (UTC), and whether any station is simulated."""
    hours = list(spans(database, network.stations).values())
    if not hours:
        return None, None, False
    first, last = (
        moment(end, network.time_zone)["utc"]
        for end in (min(one.first for one in hours), max(one.end for one in hours))
    )
    return first, last, any(one.is_simulated for one in hours)


def _box(network: Network) -> Polygon | None:
    """Return the box around all stations whose position is known."""
    positions = [station.position for station in network.stations if station.position]
    if not positions:
        return None
    latitudes, longitudes = zip(*positions, strict=True)
    south, north, west, east = min(latitudes), max(latitudes), min(longitudes), max(longitudes)
    corners = [[west, south], [west, north], [east, north], [east, south], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}
