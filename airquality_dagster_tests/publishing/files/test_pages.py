"""``/files/``: the files of open data, and nothing else."""

import html
import os
import re

import pandas as pd
import pytest
import requests

from airquality_dagster import settings
from airquality_dagster.local.serving import running
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster_tests.publishing.files.conftest import contents
from airquality_dagster_tests.publishing.files.stored_station import store_station


@pytest.fixture
def served(folder, monkeypatch, tmp_path):
    """The URL of the files."""
    monkeypatch.setenv(settings.AIRQUALITY_OPEN_DATA_DIR, str(folder))
    (tmp_path / "secret.txt").write_text("hunter2")
    with running(dashboard_app(tmp_path / "index.html")) as url:
        yield f"{url}/files"


def get(url, **headers):
    return requests.get(url, headers=headers, timeout=60)


def links(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<td><a href="([^"]+)"', page)]


def test_every_file_is_reached_by_links_and_comes_as_it_is(served, files):
    found, folders = {}, [""]
    while folders:
        folder = folders.pop()
        for link in links(get(f"{served}/{folder}").text):
            if link.endswith("/"):
                folders.append(folder + link)
            else:
                found[folder + link] = get(f"{served}/{folder}{link}").content
    assert found == contents(files)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("station1/hours-2023.csv", "text/csv; charset=utf-8"),
        ("station1/hours-2023.parquet", "application/vnd.apache.parquet"),
        ("datapackage.json", "application/json"),
        ("README.md", "text/markdown; charset=utf-8"),
        ("SHA256SUMS", "text/plain; charset=utf-8"),
        ("", "text/html; charset=utf-8"),
    ],
)
def test_a_file_has_its_type_and_may_be_read_by_pages_of_others(served, files, path, media_type):
    response = get(f"{served}/{path}")
    assert response.headers["Content-Type"] == media_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_what_has_not_changed_is_not_sent_again(served, files):
    url = f"{served}/station1/hours-2023.csv"
    first = get(url)
    assert get(url, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert get(url, **{"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304
    assert get(url, **{"If-None-Match": '"another"'}).content == first.content


def test_a_part_of_a_file_can_be_read(served, files):
    response = get(f"{served}/station1/hours-2023.parquet", Range="bytes=0-3")
    assert (response.status_code, response.content) == (206, b"PAR1")


def test_pandas_reads_from_the_url(served, files):
    assert len(pd.read_csv(f"{served}/station1/hours-2023.csv")) == 2
    assert len(pd.read_parquet(f"{served}/station1/hours-2023.parquet")) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/station1/../../secret.txt", "/..%2fsecret.txt", "/%2fetc/passwd",
        "//etc/passwd", "/.lock", "/.hours-2023.csv.abcdefgh", "/link.txt", "/linked/secret.txt", "/station1%00",
        "/" + 3000 * "a", "/station1//hours-2023.csv", "/nothing.csv",
    ],
)  # fmt: skip
def test_nothing_else_is_served(served, files, tmp_path, path):
    (files / ".hours-2023.csv.abcdefgh").write_text("half")
    (files / "link.txt").symlink_to(tmp_path / "secret.txt")
    (files / "linked").symlink_to(tmp_path)
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("GET", "http://x"))
        request.url = served + path  # as it is: requests would tidy it
        response = session.send(request, timeout=60)
    assert response.status_code == 404
    assert "hunter2" not in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_taken(served, files, method):
    response = requests.request(method, f"{served}/station1/hours-2023.csv", data="x", timeout=60)
    assert response.status_code == 405


def test_a_folder_without_its_slash_leads_to_it(served, files):
    response = get(f"{served}/station1")
    assert response.url == f"{served}/station1/"
    assert "hours-2023.csv" in response.text


def test_before_the_first_files_it_says_that_there_are_none_yet(served):
    response = get(f"{served}/")
    assert response.status_code == 404
    assert "There are no files yet" in response.text


def test_the_page_says_size_content_and_licence_in_both_languages(served, files):
    page = get(f"{served}/station1/").text
    assert "hours of station1, 2023: readings as published" in page
    assert "heures de station1, 2023" in page
    assert re.search(r"<td>[\d.]+ KiB</td>", page)
    assert "no licence was chosen: ask the owner" in page
    assert "aucune licence n’a été choisie" in page
    assert "SIMULATED" not in page


@pytest.mark.parametrize("path", ["/", "/station1/"])
def test_simulated_data_cannot_be_overlooked_on_a_page(served, database, write, path):
    store_station(database, simulated=True)
    write()
    page = get(served + path).text
    assert page.index('<p role="alert"') < page.index("<table>")
    assert "SIMULATED DATA, NOT MEASURED" in page
    assert "DONNÉES SIMULÉES, NON MESURÉES" in page


def test_a_network_with_a_key_prefix_has_its_own_folder(database, write, folder, served, files):
    from datetime import UTC, datetime

    from airquality_dagster.network.stations import Network
    from airquality_dagster.publishing.files.build import write_open_data

    network = Network.model_validate(
        {
            "key_prefix": "bouake",
            "network": {"name": "<Bouaké>", "time_zone": "Africa/Abidjan", "first_month": "2023-12"},
            "stations": [{"name": "station1", "airqino_id": 1}],
        }
    )
    assert settings.open_data_folder("bouake") == folder / "bouake"
    write_open_data(database, network, folder / "bouake", datetime(2026, 11, 27, tzinfo=UTC))
    assert "bouake/" in links(get(f"{served}/").text)
    page = get(f"{served}/bouake/").text
    assert "Air quality in &lt;Bouaké&gt;" in page
    assert "stations.csv" in links(page)


def test_the_address_without_its_slash_leads_to_the_list(served, files):
    assert links(get(served).text) == links(get(f"{served}/").text) != []


def test_one_entry_that_cannot_be_read_hides_no_other(served, files, folder):
    listed = links(get(f"{served}/").text)
    (folder / "broken.csv").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe.csv")
    assert links(get(f"{served}/").text) == listed
    assert {get(f"{served}/{name}").status_code for name in ("broken.csv", "loop", "pipe.csv")} == {404}


@pytest.mark.parametrize("path", ["", "station1/"])
def test_files_without_their_package_are_not_presented_as_sound(served, files, folder, path):
    (folder / "datapackage.json").unlink()
    assert "whether they are simulated" in get(f"{served}/{path}").text


def test_a_network_with_a_key_prefix_is_marked_as_simulated_in_the_list_of_networks(served, database, write, folder):
    store_station(database, simulated=True)
    write()
    folder.rename(folder.with_name("other"))
    folder.mkdir()
    folder.with_name("other").rename(folder / "abidjan")
    assert "SIMULATED" in get(f"{served}/").text
