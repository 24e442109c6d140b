"""Licence, owner and country of a network."""

import re
from pathlib import Path

import pytest

from airquality_dagster.errors import StationsFileError
from airquality_dagster.network.licences import LICENCES
from airquality_dagster.network.stations import Network, load_network

DOCS = Path(__file__).parents[2] / "docs"


def network(path: Path, facts: str) -> Network:
    path.write_text(
        f"network: {{name: Abidjan, time_zone: Africa/Abidjan, first_month: 2023-01, {facts}}}\n"
        "stations: [{name: station1, airqino_id: 1}]\n"
    )
    return load_network(path)


def test_a_network_without_a_licence_claims_none(tmp_path: Path) -> None:
    facts = network(tmp_path / "stations.yaml", "stations_per_run: 1").network
    assert facts.licence_terms is None
    assert facts.credit == "Abidjan"


def test_a_licence_brings_its_terms_and_the_owner_is_credited(tmp_path: Path) -> None:
    facts = network(tmp_path / "stations.yaml", "licence: CC-BY-NC-4.0, owner: Ville d’Abidjan").network
    terms = facts.licence_terms
    assert terms is not None
    assert (terms.commercial_use_allowed, terms.attribution_required) == (False, True)
    assert terms.url == "https://creativecommons.org/licenses/by-nc/4.0/"
    assert facts.credit == "Ville d’Abidjan"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("licence: MIT", "'MIT' is not one of the licences of open data: CC0-1.0"),
        ("country: ci", "'ci' is not the ISO 3166-1 alpha-2 code of a country"),
        ("contact: somebody", "'somebody' is neither a mail address nor a URL"),
        ("contact: 'javascript:alert(1)'", "is neither a mail address nor a URL"),
        ('attribution: "two\\nlines"', "must be one line"),
    ],
)
def test_wrong_facts_are_refused_with_the_field_and_what_to_do(tmp_path: Path, facts: str, message: str) -> None:
    with pytest.raises(StationsFileError, match=f"field network.*{re.escape(message)}"):
        network(tmp_path / "stations.yaml", facts)


def test_norway_is_a_country_although_yaml_reads_its_code_as_no(tmp_path: Path) -> None:
    assert network(tmp_path / "stations.yaml", "country: NO").network.country == "NO"


def test_the_documentation_lists_the_licences_that_are_known() -> None:
    text = (DOCS / "configuration.md").read_text()
    listed = re.search(r"known: (.*?)\.\n", text, re.DOTALL)
    assert listed
    assert re.findall(r"`([^`]+)`", listed[1]) == list(LICENCES)


@pytest.mark.parametrize("name", ["comparisons", "schemas"])
def test_no_station_is_named_as_a_folder_of_the_open_data(tmp_path: Path, name: str) -> None:
    path = tmp_path / "stations.yaml"
    path.write_text(
        "network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: 2023-01}\n"
        f"stations: [{{name: {name}, airqino_id: 1}}]\n"
    )
    with pytest.raises(StationsFileError, match="a folder of the open data has this name"):
        load_network(path)
