"""docs/open-data.md for somebody who has only that page: its snippets are run, and say the same."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.app import for_everyone, open_data_app
from airquality_dagster.publishing.files.build import write_open_data
from airquality_dagster.publishing.server import dashboard_app
from airquality_dagster_tests.publishing.api.https import running_https
from airquality_dagster_tests.publishing.files.conftest import NOW
from airquality_dagster_tests.publishing.files.stored_station import STATIONS

PAGE = Path(__file__).parents[3] / "docs" / "open-data.md"
ADDRESS = "https://air.example.org"
FIRST, COUNT = datetime(2022, 12, 31, 20, tzinfo=UTC), 1300


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def address(database, folder, tmp_path, monkeypatch):
    """A server of both files and API, in whose certificate the snippets trust."""
    network = Network.model_validate(STATIONS)
    hours = [FIRST + timedelta(hours=number) for number in range(COUNT)]
    hours += [datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]
    database["raw_station1"].insert_many(
        {"_id": hour, "station_id": 283164601, "pm2_5": number / 7} for number, hour in enumerate(hours)
    )
    database["station1_quality"].insert_many(
        {"_id": hour, "pm2_5_qc": (1, 3, 4)[number % 3]} for number, hour in enumerate(hours)
    )
    database["station1_aggregates"].insert_one(
        {"_id": datetime(2023, 1, 1, tzinfo=UTC), "hours": 24, "pm2_5_valid_mean": 12.5}
    )
    write_open_data(database, network, folder, NOW)
    monkeypatch.setenv("AIRQUALITY_OPEN_DATA_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    app = dashboard_app(tmp_path / "index.html", None, for_everyone(open_data_app(network, database)))
    with running_https(app, tmp_path) as (url, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        yield url


def test_each_snippet_runs_and_file_and_api_give_the_same_year_of_valid_readings(address, database, tmp_path):
    known: dict[str, object] = {}
    for snippet in snippets("python"):
        exec(compile(snippet.replace(ADDRESS, address), str(PAGE), "exec"), known)
    year = {"_id": {"$gte": datetime(2023, 1, 1, tzinfo=UTC), "$lt": datetime(2024, 1, 1, tzinfo=UTC)}}
    valid = {one["_id"] for one in database["station1_quality"].find({**year, "pm2_5_qc": {"$lte": 3}})}
    stored = {one["_id"]: one["pm2_5"] for one in database["raw_station1"].find(year) if one["_id"] in valid}
    for name in ("pm2_5", "of_api"):
        series = known[name]
        assert isinstance(series, pd.Series)
        assert dict(series.items()) == stored, name
    (query,) = snippets("sql")
    with duckdb.connect() as connection:
        assert connection.execute(query).fetchall() == [("station1", datetime(2023, 1, 1).date(), 12.5)]
    (commands,) = snippets("sh")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", commands], check=False, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_snippet_for_r_reads_valid_readings_only(address, folder, tmp_path):
    (snippet,) = snippets("r")
    # A file: R asks its own list of authorities.
    (tmp_path / "read.R").write_text(
        snippet.replace(f"{ADDRESS}/files", str(folder)) + "cat(sum(!is.na(hours$pm2.5)))\n"
    )
    done = subprocess.run(["Rscript", "--vanilla", "read.R"], cwd=tmp_path, capture_output=True, text=True, check=True)
    valid = pd.read_csv(folder / "station1" / "openair-2023.csv")["pm2.5"].notna().sum()
    assert done.stdout.split()[-1] == str(valid)


def test_the_page_names_every_file_and_column_that_files_add(address, folder):
    page = PAGE.read_text(encoding="utf-8")
    for path in folder.rglob("*.*"):
        if path.suffix in {".csv", ".parquet"}:
            name = re.sub(r"-\d{4}\.", "-YYYY.", path.name)
            assert f"`{name}`" in page or f"`{name.replace('.parquet', '.csv')}`, `.parquet`" in page, name
    for name in ("station", "place", "site_kind", "simulated"):
        assert f"`{name}`" in page
