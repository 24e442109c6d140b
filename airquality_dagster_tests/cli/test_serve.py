"""``airquality serve`` and ``airquality health``: what an operator and Prometheus see of a platform."""

import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import trustme
from openaq import OpenAQ
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster.watching.metrics import metrics_registry
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.faults.published import START
from airquality_dagster_tests.postgres import PASSWORD, postgres_programs, running_postgres
from airquality_dagster_tests.processes import COMMAND, environment, free_port, wait_until
from airquality_dagster_tests.scripted_server import Reply, scripted_server

# So long ago that stations which have nothing newer are silent, on the first day of a month, too.
MONTH = f"{START - timedelta(days=1):%Y-%m}"
# One worker loads the month.
pytestmark = pytest.mark.xdist_group("serve")
PRODUCTION = Path(__file__).parents[2] / "deploy" / "dagster.yaml"


@contextlib.contextmanager
def serving(home: Path, *options: str, **variables: str) -> Iterator[str]:
    with home.with_name("serve.err").open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *options],
            env=environment(home, **variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "metrics: " in line, line
        yield line.partition("Dashboard: ")[2].partition(";")[0]
    finally:
        process.terminate()
        assert process.wait(60) == 0


def certificate_of(authority: trustme.CA, folder: Path) -> tuple[str, ...]:
    """Write the files of a certificate, and return the options that name them."""
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for part in issued.cert_chain_pems:
        part.write_to_path(folder / "certificate.pem", append=True)
    return "--tls-certificate", str(folder / "certificate.pem"), "--tls-key", str(folder / "key.pem")


def scraped(url: str) -> dict[tuple[str, ...], float]:
    """Return (metric, labels …) → value of an answer that Prometheus' own parser reads."""
    answer = requests.get(f"{url}/metrics", timeout=60)
    answer.raise_for_status()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, mongodb_uri) -> Iterator[tuple[Path, dict[str, str]]]:
    """A home after a month of both stations was loaded, and the variables that name its database."""
    home = tmp_path_factory.mktemp("served") / "home"
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": f"test_{uuid.uuid4().hex}"}
    done = airquality("backfill", "--from", MONTH, "--to", MONTH, home=home, **variables)
    assert done.returncode == 0, done.stderr
    yield home, variables
    with MongoClient(mongodb_uri) as client:
        client.drop_database(variables["MONGODB_DATABASE"])


def test_metrics_say_how_the_network_stands(loaded):
    home, variables = loaded
    with serving(home, **variables) as url:
        found = scraped(url)
        assert requests.get(url, timeout=30).text.startswith("<!doctype html>")
    assert found["airquality_up", "mongodb"] == found["airquality_up", "dagster"] == 1
    for station in ("station1", "station2"):
        assert 600 < found["airquality_stored_hours", station] <= 744
        assert found["airquality_newest_hour_age_seconds", station] >= (datetime.now(UTC) - START).total_seconds() - 60
        assert found["airquality_api_received_bytes", station] > 10_000
        assert 0 < found["airquality_api_fetch_seconds", station] < 30
        assert found["airquality_rejected_rows", station] == found["airquality_revisions", station] == 0
    assert found["airquality_runs", "success"] >= 1
    assert found["airquality_last_run_age_seconds", "success"] < 600
    assert found["airquality_failed_checks", "hours_complete_and_fresh", "error"] == 2


def test_a_scrape_tells_of_a_mongodb_that_does_not_answer(tmp_path, instance):
    with MongoClient(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200") as client:
        registry = metrics_registry(load_network(), client["airquality"], instance)
        with running(dashboard_app(tmp_path / "index.html", registry)) as url:
            found = scraped(url)
    assert found["airquality_up", "mongodb"] == 0
    assert found["airquality_up", "dagster"] == 1
    assert not [key for key in found if key[0] == "airquality_stored_hours"]


@pytest.mark.long
@pytest.mark.skipif(postgres_programs() is None, reason="Postgres is not installed")
def test_a_postgres_that_is_away_is_told_by_scrapes_and_commands_and_its_return_is_seen(loaded, tmp_path):
    _, names = loaded
    with running_postgres() as postgres:
        dagster = tmp_path / "dagster"
        dagster.mkdir()
        (dagster / "dagster.yaml").write_bytes(PRODUCTION.read_bytes())
        variables = {
            **names,
            "DAGSTER_HOME": str(dagster),
            "DAGSTER_POSTGRES_URL": postgres.url,
            "DAGSTER_COMPUTE_LOGS": str(tmp_path / "logs"),
        }
        with serving(tmp_path / "home", **variables) as url:
            assert scraped(url)["airquality_up", "dagster"] == 1
            postgres.end()
            found = scraped(url)
            assert found["airquality_up", "dagster"] == 0
            assert found["airquality_up", "mongodb"] == 1
            done = airquality("prune", home=tmp_path / "home", **variables)
            assert done.returncode == 1
            assert "check whether Postgres runs" in done.stderr
            assert PASSWORD not in done.stderr
            postgres.start()
            assert scraped(url)["airquality_up", "dagster"] == 1


def test_where_asked_it_draws_the_page_itself_and_again_after_one_that_could_not_be_written(loaded, tmp_path):
    _, names = loaded
    (tmp_path / "folder").write_text("is a file")
    variables = {**names, "AIRQUALITY_DASHBOARD_DIR": str(tmp_path / "folder")}
    with serving(tmp_path / "home", "--draw-every", "0.001", **variables) as url:
        wait_until(lambda: "the dashboard could not be made" in (tmp_path / "serve.err").read_text(), "the message")
        assert requests.get(url, timeout=30).status_code == 503
        (tmp_path / "folder").unlink()
        wait_until(lambda: requests.get(url, timeout=30).status_code == 200, "the page")
        wait_until(lambda: requests.get(f"{url}/files/", timeout=30).status_code == 200, "the files")
    assert (tmp_path / "folder" / "index.html").stat().st_size > 100_000


def test_health_names_each_part_that_does_not_work(tmp_path):
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    done = airquality(
        "health",
        "--ui",
        f"http://127.0.0.1:{free_port()}",
        "--dashboard",
        f"http://127.0.0.1:{free_port()}",
        home=tmp_path / "home",
        MONGODB_URI=f"mongodb://user:s3cret@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=500",
        DAGSTER_HOME=str(tmp_path / "dagster"),
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "MongoDB",
        "daemons",
        "code location",
        "dashboard",
    ]
    assert "s3cret" not in done.stderr
    assert "no heartbeat of" in done.stderr
    assert "scheduler" in done.stderr


def test_health_asks_the_servers_of_this_machine_without_the_proxy_of_the_environment(tmp_path, mongodb_uri, database):
    entry = {"name": "airquality", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    workspace = {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]}}
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with scripted_server(lambda request, number: Reply(body={"data": workspace})) as server:
        done = airquality(
            "health", "--ui", server.url, "--dashboard", server.url,
            home=tmp_path / "home", MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name,
            DAGSTER_HOME=str(tmp_path / "dagster"), HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9",
        )  # fmt: skip
    assert done.stdout.splitlines() == ["MongoDB: ok", "code location: ok", "dashboard: ok"]
    assert len(server.received) == 2


def test_health_says_which_variables_it_needs(tmp_path):
    done = airquality("health", "--ui", f"http://127.0.0.1:{free_port()}", home=tmp_path / "home")
    assert done.returncode == 1
    assert "MONGODB_URI is not set" in done.stderr
    assert "DAGSTER_HOME is not set" in done.stderr


def test_with_a_certificate_the_published_client_of_openaq_reads_it(loaded, tmp_path, monkeypatch):
    home, variables = loaded
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with (
        serving(home, *certificate_of(authority, tmp_path), **variables) as url,
        OpenAQ("0" * 64, base_url=f"{url}/v3/") as client,
    ):
        assert url.startswith("https://")
        locations = client.locations.list()
        assert {one.name for one in locations.results} == {one.name for one in load_network().stations}
        assert locations.meta.name.startswith("SIMULATED DATA")


@pytest.mark.parametrize(
    "options", [("--tls-certificate", "key.pem"), ("--tls-certificate", "key.pem", "--tls-key", "key.pem")]
)
def test_a_certificate_that_cannot_be_used_is_one_line_that_says_so(loaded, tmp_path, options):
    home, variables = loaded
    certificate_of(trustme.CA(), tmp_path)
    done = airquality("serve", "--port", "0", *options, home=home, cwd=tmp_path, **variables)
    assert done.returncode == 1
    assert "--tls-key" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
