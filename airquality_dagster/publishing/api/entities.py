"""Who and what stands behind the locations of a network: each of these lists has one entry.

The names are OpenAQ's: the owner has the data, the provider publishes them, the instrument measures.
"""

from typing import NoReturn

from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.countries import countries
from airquality_dagster.network.facts import NetworkFacts
from airquality_dagster.publishing.api.ids import NotFound, country_id, licence_id
from airquality_dagster.publishing.api.models import CountryName, Named

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


def unknown(kind: str, kinds: str, number: int) -> NoReturn:
    """Raise because there is nothing with an id.

    Raises:
        NotFound: says where all of the kind are listed.
    """
    raise NotFound(f"No {kind} has the id {number}: /v3/{kinds} lists all {kinds}.")
