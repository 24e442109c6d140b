"""``/v3/owners``, ``instruments``, ``manufacturers``, ``licenses``: who and what stands behind a network's locations.

The names are OpenAQ's: the owner has the data, the provider publishes them, the instrument measures. There is one of
each.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.countries import countries
from airquality_dagster.network.facts import NetworkFacts
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.ids import HIGHEST_ID, Catalogue, country_id, licence_id
from airquality_dagster.publishing.api.lists import Id, ListQuery, listed, one_of
from airquality_dagster.publishing.api.models import Answer, CountryName, Named

ONLY_ID = 1
"""Id of the owner, the provider, the instrument and its manufacturer."""

PROVIDER: Named = {"id": ONLY_ID, "name": "AirQino"}
INSTRUMENT: Named = {"id": ONLY_ID, "name": "AirQino"}
# AirQino stations were developed at the Institute for BioEconomy of Italy's national research council.
MANUFACTURER: Named = {"id": ONLY_ID, "name": "CNR-IBE"}


class LicenseExtras(TypedDict):
    """``spdx`` is the identifier of the licence in https://spdx.org/licenses."""

    spdx: str


class LicenseDocument(Named):
    """A licence, and what it allows."""

    commercialUseAllowed: bool
    attributionRequired: bool
    shareAlikeRequired: bool
    modificationAllowed: bool
    redistributionAllowed: bool
    sourceUrl: str
    x: LicenseExtras


class Attribution(TypedDict):
    """Whom to name."""

    name: str
    url: str | None


class LocationLicense(Named):
    """The licence of a location's data, and whom to name."""

    attribution: Attribution
    dateFrom: str | None
    dateTo: str | None


class Instrument(Named):
    """A kind of station."""

    isMonitor: bool
    manufacturer: Named


class Manufacturer(Named):
    """Who makes it."""

    instruments: list[Named]


_INSTRUMENT: Instrument = {**INSTRUMENT, "isMonitor": False, "manufacturer": MANUFACTURER}
_MANUFACTURER: Manufacturer = {**MANUFACTURER, "instruments": [INSTRUMENT]}


def country_of(facts: NetworkFacts) -> CountryName | None:
    """Return the country of a network, None if the stations file does not say it."""
    code = facts.country
    return {"id": country_id(code), "code": code, "name": countries()[code]} if code else None


def owner_of(facts: NetworkFacts) -> Named:
    """Return the owner of the data; the network itself if the stations file does not say it."""
    return {"id": ONLY_ID, "name": facts.owner or facts.name}


def license_of(facts: NetworkFacts) -> LicenseDocument | None:
    """Return the licence of the data, None if none was chosen."""
    terms = facts.licence_terms
    if terms is None:
        return None
    return {
        "id": licence_id(terms.spdx),
        "name": terms.name,
        "commercialUseAllowed": terms.commercial_use_allowed,
        "attributionRequired": terms.attribution_required,
        "shareAlikeRequired": terms.share_alike_required,
        "modificationAllowed": terms.modification_allowed,
        "redistributionAllowed": terms.redistribution_allowed,
        "sourceUrl": terms.url,
        "x": {"spdx": terms.spdx},
    }


def location_licenses(facts: NetworkFacts) -> list[LocationLicense]:
    """Return the licence of every location; empty if none was chosen."""
    licence = license_of(facts)
    if licence is None:
        return []
    url = facts.contact if facts.contact.startswith("http") else None
    return [
        {
            "id": licence["id"],
            "name": licence["name"],
            "attribution": {"name": facts.credit, "url": url},
            "dateFrom": None,
            "dateTo": None,
        }
    ]


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
        one_of(network, [_MANUFACTURER], manufacturers_id, "manufacturer", "manufacturers")
        return listed(network, [_INSTRUMENT], ListQuery())

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
        return listed(network, entries, query)

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
        return one_of(network, entries, number, kind, kinds)
