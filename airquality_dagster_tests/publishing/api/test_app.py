"""The application: failures of MongoDB, its description, and requests derived from it."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from pymongo import MongoClient

from airquality_dagster.local.serving import listen, running
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.app import open_data_app
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster_tests.publishing.api.conftest import STATION1, get

PASSWORD = "hunter2"


@pytest.mark.parametrize(
    "path", ["locations", f"locations/{STATION1}/latest", f"sensors/{STATION1}05/hours", "countries"]
)
def test_without_mongodb_it_asks_to_come_back_and_tells_no_secret(
    network: Network, path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airquality_dagster.publishing.api.app._QUERY_SECONDS", 0.1)
    with listen(0) as closed:
        port = closed.getsockname()[1]
    uri = f"mongodb://reader:{PASSWORD}@127.0.0.1:{port}/"
    with (
        caplog.at_level(logging.DEBUG),
        MongoClient(uri) as client,
        running(open_data_app(network, client["airquality"])) as url,
    ):
        response = requests.get(f"{url}/v3/{path}", timeout=60)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert response.json() == {"detail": "The database cannot be read now: ask again in 30 seconds."}
    (record,) = [one.getMessage() for one in caplog.records if one.name == "airquality_dagster.publishing.api.app"]
    assert record == f"/v3/{path} could not be answered: MongoDB: ServerSelectionTimeoutError"


def test_a_query_that_takes_too_long_is_given_up(
    network: Network, unchanged: object, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airquality_dagster.publishing.api.app._QUERY_SECONDS", 1e-6)
    with MongoClient(mongodb_uri) as client, running(open_data_app(network, client["test_unchanged_hours"])) as url:
        assert requests.get(f"{url}/v3/locations", timeout=60).status_code == 503


def test_what_needs_no_hours_is_answered_without_mongodb(network: Network) -> None:
    with MongoClient("mongodb://127.0.0.1:1") as client:
        with running(open_data_app(network, client["airquality"])) as url:
            assert get(f"{url}/v3/parameters")["meta"]["found"] == 8
            assert get(f"{url}/v3/licenses")["meta"]["found"] == 1


def test_it_is_only_read(url: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = requests.request(method, f"{url}/v3/locations", json={}, timeout=60)
        assert response.status_code == 405
        assert response.json() == {"detail": "Method Not Allowed"}


def test_page_metrics_and_api_share_one_server(url: str) -> None:
    assert requests.get(url, timeout=60).headers["Content-Type"].startswith("text/html")
    assert requests.get(f"{url}/v3/locations/", timeout=60).json() == get(f"{url}/v3/locations")
    assert requests.get(f"{url}/docs/", timeout=60).url == f"{url}/docs"
    assert requests.get(f"{url}/v4/locations", timeout=60).json() == {"detail": "Not Found"}


def test_without_an_api_the_server_has_the_page_alone(tmp_path: Path) -> None:
    with running(dashboard_app(tmp_path / "index.html")) as url:
        assert requests.get(f"{url}/v3/locations", timeout=60).status_code == 404


def test_pages_of_other_servers_may_read_it(url: str) -> None:
    response = requests.get(f"{url}/v3/locations", headers={"Origin": "https://example.org"}, timeout=60)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-RateLimit-Remaining" in response.headers["Access-Control-Expose-Headers"]


def test_every_route_describes_its_parameters_and_its_errors(url: str) -> None:
    description = requests.get(f"{url}/openapi.json", timeout=60).json()
    for path, operations in description["paths"].items():
        assert list(operations) == ["get"], path
        operation = operations["get"]
        assert operation["summary"], path
        assert operation["description"], path
        assert {"200", "404", "422", "429", "503"} <= set(operation["responses"]), path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{parameter['name']} of {path}"


@pytest.mark.long
def test_requests_derived_from_the_description_find_no_failure(url: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    config = Path(__file__).with_name("schemathesis.toml")
    command = [program, "--config-file", config, "run", f"{url}/openapi.json", "--max-examples", "20", "--seed", "1"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "No issues found" in run.stdout or " passed" in run.stdout
