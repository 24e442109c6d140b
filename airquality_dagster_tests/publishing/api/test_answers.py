"""What every answer says of itself."""

import json
import math
from typing import Any

import pytest
import yaml

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.answers import answer, page_of
from airquality_dagster.publishing.api.queries import Paging
from airquality_dagster_tests.builders import PLAIN_STATIONS


def network(**facts: Any) -> Network:
    content = yaml.safe_load(PLAIN_STATIONS)
    content["network"] |= facts
    return Network.model_validate(content)


def meta(paging: Paging, results: list[Any], found: int | None = None, **facts: Any) -> dict[str, Any]:
    return json.loads(bytes(answer(network(**facts), results, paging, found).body))["meta"]


def test_meta_has_the_fields_of_openaq_and_licence_and_attribution() -> None:
    assert meta(Paging(), [{}], 1, owner="Ville d’Abidjan", licence="CC-BY-4.0", contact="air@example.org") == {
        "name": "Abidjan",
        "website": "/",
        "page": 1,
        "limit": 100,
        "found": 1,
        "simulated": False,
        "license": "Creative Commons Attribution 4.0 International",
        "attribution": "Ville d’Abidjan",
        "contact": "air@example.org",
    }


def test_without_a_licence_every_answer_says_so() -> None:
    assert meta(Paging(), [])["license"] == "no licence was chosen: ask the owner"


def test_simulated_results_cannot_be_missed() -> None:
    simulated = json.loads(bytes(answer(network(), [{}], Paging(), 1, is_simulated=True).body))["meta"]
    assert simulated["name"] == "SIMULATED DATA: Abidjan"
    assert simulated["simulated"] is True


@pytest.mark.parametrize(
    ("page", "results", "found"), [(1, 2, ">2"), (3, 2, ">6"), (3, 1, 5), (1, 0, 0), (9, 0, 0)], ids=str
)
def test_what_was_not_counted_is_told_as_openaq_does(page: int, results: int, found: int | str) -> None:
    assert meta(Paging(page=page, limit=2), [{}] * results)["found"] == found


def test_numbers_are_written_to_the_last_bit_and_nan_as_null() -> None:
    numbers = [0.1 + 0.2, 1e-300, 11.5, 2**53, math.nan, math.inf]
    body = json.loads(bytes(answer(network(), numbers, Paging(), None).body))
    assert body["results"] == [0.1 + 0.2, 1e-300, 11.5, 2**53, None, None]


def test_pages_together_are_the_list() -> None:
    items = list(range(7))
    assert [list(page_of(items, Paging(page=page, limit=3))) for page in (1, 2, 3, 4)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6],
        [],
    ]
