"""What serves the dashboard serves nothing else."""

import pytest
import requests

from airquality_dagster import settings
from airquality_dagster.local.serving import running
from airquality_dagster.publishing.server import dashboard_app


@pytest.fixture
def served(tmp_path):
    (tmp_path / "secret.txt").write_text("hunter2")
    path = tmp_path / "dashboard" / "index.html"
    path.parent.mkdir()
    with running(dashboard_app(path)) as url:
        yield url, path


def test_before_the_first_page_it_says_that_there_is_none_yet(served):
    url, _ = served
    response = requests.get(url, timeout=60)
    assert response.status_code == 503
    assert "There is no dashboard yet" in response.text


def test_it_serves_the_page_as_it_is_at_the_moment(served):
    url, path = served
    for text in ("first", "second"):
        path.write_text(text)
        response = requests.get(f"{url}/index.html", timeout=60)
        assert (response.status_code, response.text) == (200, text)
        assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/dashboard/index.html"])
def test_it_serves_no_other_file(served, path):
    url, page = served
    page.write_text("page")
    assert requests.get(url + path, timeout=60).status_code == 404


def test_each_network_with_a_key_prefix_has_its_page_below(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_DIR", str(tmp_path))
    for prefix in ("abidjan", "bouake"):
        page = settings.dashboard_file(prefix)
        page.parent.mkdir()
        page.write_text(prefix)
    (tmp_path / "index.html").write_text("of none")
    with running(dashboard_app(settings.dashboard_file("abidjan"))) as url:
        for path, text in (
            ("", "abidjan"),
            ("/abidjan", "abidjan"),
            ("/bouake/", "bouake"),
            ("/bouake/index.html", "bouake"),
        ):
            response = requests.get(url + path, timeout=60)
            assert (response.status_code, response.text) == (200, text)
        assert requests.get(f"{url}/%2e%2e/", timeout=60).status_code == 404
        assert requests.get(f"{url}/bondoukou/", timeout=60).status_code == 404
        assert "<table>" in requests.get(f"{url}/data/", timeout=60).text
        settings.dashboard_file("abidjan").unlink()
        assert requests.get(f"{url}/abidjan/", timeout=60).status_code == 503


def test_it_takes_nothing(served):
    url, _ = served
    assert requests.post(url, data="x", timeout=60).status_code == 405


def test_the_page_about_the_data_is_served_with_its_tables(served):
    url, _ = served
    response = requests.get(f"{url}/data", timeout=60)
    assert response.status_code == 200
    assert "<table>" in response.text
    assert "stuck" in response.text
