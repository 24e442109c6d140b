"""Superset over the open-data files: its charts in a browser, their numbers, and what its SQL may do."""

import io
import math
import stat
import zipfile
from collections import Counter

import pytest
import requests

from airquality_dagster_tests.browser import chromium, needs_chromium
from airquality_dagster_tests.processes import airquality
from airquality_dagster_tests.superset import CHARTS, PROJECT, dashboard, running_superset

pytestmark = [needs_chromium, pytest.mark.long]

STATIONS = ("station1", "station2")
CO, ACROSS, UP, PM2_5 = "CO, mg/m³", "PM2.5 across, µg/m³", "PM2.5 up, µg/m³", "PM2.5, µg/m³"
CHANGE = "change of PM2.5, µg/m³"


@pytest.fixture(scope="module")
def stored(mongodb_uri):
    from pymongo import MongoClient

    with MongoClient(mongodb_uri, tz_aware=True) as client:
        yield client["superset"]
        client.drop_database("superset")


@pytest.fixture(scope="module")
def superset(tmp_path_factory, mongodb_uri, stored):
    folder = tmp_path_factory.mktemp("superset")
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": stored.name}
    run = airquality("run", home=folder / "home", **variables)
    assert run.returncode == 0, run.stderr
    # All simulated PM2.5 is valid, and no day of CO.
    for document in stored["station1_quality"].find().limit(500):
        stored["station1_quality"].update_one({"_id": document["_id"]}, {"$set": {"pm2_5_qc": 4}})
    for day in stored["station2_aggregates"].find({"co_mean": {"$ne": None}}).limit(50):
        stored["station2_aggregates"].update_one(
            {"_id": day["_id"]}, {"$set": {"co_valid_mean": day["co_mean"] + 0.125}}
        )
    export = airquality("export", "--all", home=folder / "home", **variables)
    assert export.returncode == 0, export.stderr
    with running_superset(folder) as superset:
        yield superset


@pytest.fixture(scope="module")
def board(superset):
    with chromium() as browser, dashboard(browser) as board:
        board.open(superset)
        yield board


def shown(station: str) -> str:
    return f"{station} (SIMULATED)"


def rows_with(board, *columns):
    return board.data()[frozenset(columns)]


def test_each_chart_shows_marks_and_no_error(board):
    assert board.titles == [title.format(*map(shown, STATIONS)) for title in CHARTS]
    assert {title: pixels for title in board.titles if (pixels := board.coloured_pixels(title)) < 500} == {}
    assert board.page.get_by_text("error", exact=False).count() == 0
    assert board.errors == []


def test_the_title_says_that_readings_are_simulated_and_the_notes_name_the_licence(board):
    assert board.page.title() == "SIMULATED DATA, NOT MEASURED: Air quality in Abidjan"
    notes = board.page.locator(".dashboard-markdown").first.inner_text()
    assert "Only valid values are shown" in notes
    assert "no licence was chosen: ask the owner" in notes


def test_a_point_of_co_and_pm25_is_a_day_and_is_called_valid_only_if_both_are(board, stored):
    expected = set()
    for station in STATIONS:
        for day in stored[f"{station}_aggregates"].find():
            is_valid = None not in (day["co_valid_mean"], day["pm2_5_valid_mean"])
            statistic = "valid_mean" if is_valid else "mean"
            point = (day[f"pm2_5_{statistic}"], day[f"co_{statistic}"])
            if None not in point:
                expected.add((shown(station) + ("" if is_valid else ", not valid"), *point))
    series = {name for name, *_ in expected}
    (rows,) = rows_with(board, "pm2_5", *series)
    points = {(name, row["pm2_5"], row[name]) for row in rows for name in series if row[name] is not None}
    assert len(points) > 600
    assert same(points, expected)


def test_a_point_of_the_two_stations_has_all_hours_that_both_have_these_valid_readings_of(board, stored):
    valid = []
    for station in STATIONS:
        levels = {hour["_id"]: hour["pm2_5_qc"] for hour in stored[f"{station}_quality"].find()}
        hours = stored[f"raw_{station}"].find()
        # To the whole number, halves away from zero.
        valid.append({hour["_id"]: math.floor(hour["pm2_5"] + 0.5) for hour in hours if levels[hour["_id"]] <= 3})
    first, second = valid
    expected = Counter((first[hour], second[hour]) for hour in first.keys() & second.keys())
    (rows,) = rows_with(board, "readings", "stations", ACROSS, UP, "hours")
    assert {(row[ACROSS], row[UP]): row["hours"] for row in rows} == expected
    assert expected.total() > 6000


def test_the_highest_days_are_the_ten_of_each_station(board, stored):
    expected = set()
    for station in STATIONS:
        days = stored[f"{station}_aggregates"].find({"pm2_5_valid_mean": {"$ne": None}})
        for day in days.sort("pm2_5_valid_mean", -1).limit(10):
            name = shown(station)
            expected.add((f"{day['_id']:%Y-%m-%d} {name}", name, day["pm2_5_valid_mean"]))
    (rows,) = rows_with(board, "day", *map(shown, STATIONS))
    bars = {(row["day"], name, row[name]) for row in rows for name in map(shown, STATIONS) if row[name] is not None}
    assert same(bars, expected)


def test_a_waterfall_starts_at_the_first_valid_monthly_mean_and_ends_at_the_newest(board, stored):
    expected = []
    for station in STATIONS:
        months = stored[f"{station}_summaries"].find(
            {"_id.period": "month", "pm2_5_valid_mean": {"$ne": None}}, sort=[("_id.start", 1)]
        )
        means = [(f"{month['_id']['start']:%Y-%m}", month["pm2_5_valid_mean"]) for month in months]
        assert len(means) >= 11
        expected.append(
            {(month, mean - former) for (month, mean), (_, former) in zip(means, [("", 0), *means], strict=False)}
        )
    answers = rows_with(board, "month", CHANGE)
    waterfalls = [{(row["month"], row[CHANGE]) for row in rows} for rows in answers]
    assert len(waterfalls) == 2
    assert all(any(same(waterfall, one) for one in expected) for waterfall in waterfalls)
    assert not same(*waterfalls)


def same(first: set, second: set) -> bool:
    """Whether tuples agree, numbers to 1e-9."""
    rounded = [
        {tuple(round(x, 9) + 0.0 if isinstance(x, float) else x for x in one) for one in some}
        for some in (first, second)
    ]
    return rounded[0] == rounded[1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_text('{home}/secret_key')",
        "COPY (SELECT 1) TO '{files}/station1/hours-1999.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{files}/station1/hours-1999.csv'",
        "SELECT 1; COPY (SELECT 1) TO '{files}/station1/hours-1999.csv'",
        "CREATE TABLE mine AS SELECT 1",
        "SET enable_external_access = true",
        "ATTACH '{home}/superset.db'",
    ],
)
def test_sql_reads_the_open_data_and_nothing_else_and_writes_nothing(superset, sql):
    files = superset.home.parent / "open-data"
    before = sorted(files.rglob("*"))
    api = superset.api()
    (database,) = api.get(f"{superset.url}/api/v1/database/", timeout=60).json()["ids"]

    def answer(text: str) -> requests.Response:
        asked = {"database_id": database, "sql": text, "schema": "main"}
        return api.post(f"{superset.url}/api/v1/sqllab/execute/", json=asked, timeout=60)

    assert answer("SELECT count(*) AS hours FROM hours").json()["data"][0]["hours"] > 10_000
    assert not answer(sql.format(home=superset.home, files=files)).ok
    assert sorted(files.rglob("*")) == before


def test_nobody_sees_it_without_a_login_and_no_other_user_of_the_machine_reads_its_files(superset):
    assert requests.get(f"{superset.url}/api/v1/chart/", timeout=60).status_code == 401
    assert "/login/" in requests.get(f"{superset.url}/superset/dashboard/air-quality/", timeout=60).url
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in superset.home.iterdir()}
    assert modes.keys() >= {"secret_key", "superset.db", "open_data.duckdb"}
    assert set(modes.values()) == {0o600}
    assert (superset.home / "secret_key").read_text() not in superset.log.read_text()


def test_the_folder_can_be_imported_as_the_zip_of_a_dashboard(superset):
    folder, packed = PROJECT / "deploy" / "superset" / "dashboard", io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for path in folder.rglob("*.yaml"):
            bundle.write(path, f"dashboard/{path.relative_to(folder)}")
    api = superset.api()
    answer = api.post(
        f"{superset.url}/api/v1/dashboard/import/",
        files={"formData": ("dashboard.zip", packed.getvalue(), "application/zip")},
        data={"overwrite": "true"},
        timeout=60,
    )
    assert answer.json() == {"message": "OK"}
