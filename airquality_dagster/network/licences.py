"""Licences of open data, by their SPDX identifiers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """What a licence allows, in the terms of OpenAQ's API.

    Args:
        spdx: identifier in https://spdx.org/licenses.
        name: for people.
        url: of its text.
        commercial_use_allowed, modification_allowed, redistribution_allowed: what others may do.
        attribution_required: the source must be named.
        share_alike_required: what is made of the data must have the same licence.
    """

    spdx: str
    name: str
    url: str
    commercial_use_allowed: bool = True
    attribution_required: bool = True
    share_alike_required: bool = False
    modification_allowed: bool = True
    redistribution_allowed: bool = True


def _creative_commons(
    kind: str, words: str, *, commercial: bool = True, share_alike: bool = False, modification: bool = True
) -> Licence:
    return Licence(
        f"CC-{kind.upper()}-4.0",
        f"Creative Commons {words} 4.0 International",
        f"https://creativecommons.org/licenses/{kind}/4.0/",
        commercial_use_allowed=commercial,
        share_alike_required=share_alike,
        modification_allowed=modification,
    )


LICENCES = {
    licence.spdx: licence
    for licence in (
        Licence(
            "CC0-1.0",
            "Creative Commons Zero 1.0 Universal",
            "https://creativecommons.org/publicdomain/zero/1.0/",
            attribution_required=False,
        ),
        _creative_commons("by", "Attribution"),
        _creative_commons("by-sa", "Attribution-ShareAlike", share_alike=True),
        _creative_commons("by-nc", "Attribution-NonCommercial", commercial=False),
        _creative_commons("by-nc-sa", "Attribution-NonCommercial-ShareAlike", commercial=False, share_alike=True),
        _creative_commons("by-nd", "Attribution-NoDerivatives", modification=False),
        _creative_commons("by-nc-nd", "Attribution-NonCommercial-NoDerivatives", commercial=False, modification=False),
        Licence(
            "PDDL-1.0",
            "Open Data Commons Public Domain Dedication & License 1.0",
            "https://opendatacommons.org/licenses/pddl/1-0/",
            attribution_required=False,
        ),
        Licence(
            "ODC-By-1.0",
            "Open Data Commons Attribution License 1.0",
            "https://opendatacommons.org/licenses/by/1-0/",
        ),
        Licence(
            "ODbL-1.0",
            "Open Data Commons Open Database License 1.0",
            "https://opendatacommons.org/licenses/odbl/1-0/",
            share_alike_required=True,
        ),
        Licence(
            "etalab-2.0",
            "Licence Ouverte / Open Licence 2.0 (Etalab)",
            "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        ),
        Licence(
            "OGL-UK-3.0",
            "Open Government Licence 3.0",
            "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
        ),
    )
}
"""SPDX identifier → licence. A network may choose one of these."""

NO_LICENCE = "no licence was chosen: ask the owner"
NO_LICENCE_FR = "aucune licence n’a été choisie : adressez-vous au propriétaire des données"
