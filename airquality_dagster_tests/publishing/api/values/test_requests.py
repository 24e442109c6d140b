"""What is refused, what is empty, and what a page costs."""

from typing import Any

import pytest
import requests
from pymongo import MongoClient, monitoring
from pymongo.database import Database

from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster_tests.publishing.api.conftest import get

ABSURD = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    "9999-12-31",
    "1969-12-31",
    "x",
    "",
    "٣",
)


@pytest.mark.parametrize("value", ABSURD)
def test_absurd_times_are_refused_or_find_nothing_and_never_break(
    url: str, pm2_5: int, network: Network, value: str
) -> None:
    location_id = Catalogue(network).location_id(network.stations[0])
    by_time = ["hours", "measurements", "hours/daily", "hours/monthly", "hours/yearly", "measurements/daily"]
    by_date = ["days", "months", "years", "days/monthly", "days/yearly"]
    asked = [
        *((f"sensors/{pm2_5}/{path}", f"datetime_{end}") for path in by_time for end in ("from", "to")),
        *((f"sensors/{pm2_5}/{path}", f"date_{end}") for path in by_date for end in ("from", "to")),
        *((f"x/locations/{location_id}/quality", f"datetime_{end}") for end in ("from", "to")),
    ]
    for path, parameter in asked:
        response = requests.get(f"{url}/{path}", params={parameter: value}, timeout=60)
        assert response.status_code in (200, 422), (path, parameter, response.text)
        if response.status_code == 422:
            assert parameter in response.json()["detail"][0]["loc"]
        if response.status_code == 200 and (value.startswith("9999") == parameter.endswith("from")):
            assert response.json()["results"] == [], (path, parameter)


@pytest.mark.parametrize("path", ["hours", "days", "months", "years"])
@pytest.mark.parametrize(
    ("parameters", "status"),
    [({"page": 10**6, "limit": 1000}, 200), ({"page": 10**30}, 422), ({"limit": 0}, 422), ({"page": "1e3"}, 422)],
    ids=str,
)
def test_huge_pages_are_empty_or_refused(
    url: str, pm2_5: int, path: str, parameters: dict[str, Any], status: int
) -> None:
    response = requests.get(f"{url}/sensors/{pm2_5}/{path}", params=parameters, timeout=60)
    assert response.status_code == status
    assert response.json().get("results", []) == []


@pytest.mark.parametrize("path", ["hours/hourofday", "hours/dayofweek", "days/monthofyear"])
def test_profiles_are_not_served_and_the_answer_says_what_to_use(url: str, pm2_5: int, path: str) -> None:
    response = requests.get(f"{url}/sensors/{pm2_5}/{path}", timeout=60)
    assert response.status_code == 404
    assert f"/v3/sensors/{pm2_5}/hours" in response.json()["detail"]


@pytest.mark.parametrize("path", ["hours", "measurements", "days", "months", "years", "hours/daily", "days/yearly"])
def test_values_of_no_sensor_are_not_found(url: str, path: str) -> None:
    assert requests.get(f"{url}/sensors/7/{path}", timeout=60).status_code == 404


def test_a_station_without_hours_has_no_values(database: Database[Any], network: Network, pm2_5: int) -> None:
    with running(open_data_app(network, database)) as url:
        for path in ("hours", "days", "months", "years"):
            assert get(f"{url}/v3/sensors/{pm2_5}/{path}")["results"] == []


class Reads(monitoring.CommandListener):
    """Names of the commands that a client has sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.mark.parametrize(("path", "most"), [("hours", 4), ("days", 4), ("months", 4)])
def test_a_page_takes_few_reads_however_long_it_is(
    stored: Database[Any], network: Network, mongodb_uri: str, pm2_5: int, path: str, most: int
) -> None:
    reads = Reads()
    with (
        MongoClient(mongodb_uri, tz_aware=True, event_listeners=[reads]) as client,
        running(open_data_app(network, client[stored.name])) as url,
    ):
        counts = []
        for limit in (1, 1000):
            reads.names.clear()
            get(f"{url}/v3/sensors/{pm2_5}/{path}", limit=limit, values="published")
            counts.append(len(reads.names))
    assert max(counts) <= most, counts
