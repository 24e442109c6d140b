"""``airquality backtest``: the contract of its file, the same numbers as each hour, what was known then, its errors."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.network.stations import load_network
from airquality_dagster.readings import forecast_backtest
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD
from airquality_dagster.settings import stations_file
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.stored_history import fit, forecast_at, stored_history, tick_after

HOUR = timedelta(hours=1)
FIRST = datetime(2023, 2, 28, tzinfo=UTC)
"""A day before the models are fitted again; the day before it is made, too, and not written."""


@pytest.fixture
def station(platform, monkeypatch):
    monkeypatch.setattr(forecast_backtest, "WARM_UP_DAYS", 1)
    return load_network(stations_file()).station("station1")


@pytest.fixture
def backtest(home, mongodb_uri, database, tmp_path, station):
    """Run the command for two days, and return what the file holds."""

    def backtest(**others):
        options = {"from": "2023-02-28", "to": "2023-03-01", "output": tmp_path / "file.json", **others}
        name = options.pop("station", "station1")
        run = airquality(
            "backtest",
            name,
            *(part for option, value in options.items() for part in (f"--{option}", str(value))),
            home=home,
            MONGODB_URI=mongodb_uri,
            MONGODB_DATABASE=database.name,
            AIRQUALITY_STATIONS=str(stations_file()),
        )
        return run, json.loads(options["output"].read_text()) if options["output"].is_file() else None

    return backtest


def test_the_file_holds_what_the_contract_promises_and_the_table_what_it_is_worth(database, station, backtest):
    stored_history(database, station)
    run, found = backtest()
    assert run.returncode == 0, run.stderr
    names = ["pollutant", "origin", "hours_ahead", "target", "p10", "p50", "p90", "method"]
    assert all(list(one) == names for one in found)
    first = found[0]
    assert (first["pollutant"], first["origin"], first["target"]) == (
        "pm2_5",
        "2023-02-28T00:00:00Z",
        "2023-02-28T01:00:00Z",
    )
    assert len(found) == 2 * 24 * 2 * len(HOURS_AHEAD)
    assert {one["method"] for one in found} == {"model"}
    assert all(0 < one["p10"] < one["p50"] < one["p90"] for one in found)
    assert run.stdout.count("PM2.5") == len(HOURS_AHEAD)
    assert "576 forecasts of station1 written" in run.stderr
    assert "Simulated" not in run.stderr


def test_its_numbers_are_those_of_the_forecasts_that_were_stored_hour_by_hour(database, station, backtest):
    hours = stored_history(database, station)
    raw = list(database["raw_station1"].find({"_id": {"$gte": FIRST - timedelta(days=1)}}).sort("_id", 1))
    database["raw_station1"].delete_many({"_id": {"$gte": FIRST - timedelta(days=1)}})
    live = {}
    for document in raw:
        if document["_id"] >= FIRST + timedelta(days=2):
            break
        database["raw_station1"].insert_one(document)
        now = tick_after(document["_id"])
        if document is raw[0] or (now.day, now.hour) == (1, 1):
            fit(database, station, document["_id"])
        for one in forecast_at(database, station, now):
            live[one["_id"]["origin"], one["_id"]["hours_ahead"]] = one
    run, found = backtest()
    assert run.returncode == 0, run.stderr
    assert len(hours) > len(raw)
    for one in found:
        origin = datetime.fromisoformat(one["origin"])
        stored = live[origin, one["hours_ahead"]]
        field = one["pollutant"]
        assert one["method"] == stored[f"{field}_method"]
        for name in ("p10", "p50", "p90"):
            assert one[name] == round(stored[f"{field}_{name}"], 4), (one, stored)
    published = sum(
        one[f"{field}_p50"] is not None for key, one in live.items() for field in FORECAST_FIELDS if key[0] >= FIRST
    )
    assert len(found) == published


@pytest.mark.long
def test_a_correction_that_came_later_changes_no_forecast(database, station, backtest):
    stored_history(database, station)
    _, before = backtest()
    moment = FIRST + 5 * HOUR
    former = database["raw_station1"].find_one_and_update({"_id": moment}, {"$set": {"pm2_5": 90.0, "pm10": 170.0}})
    _, known = backtest()
    assert known != before
    database["raw_station1_revisions"].insert_one(
        {
            "_id": {"document_id": moment, "revision": 1},
            "document": former,
            "valid_until": FIRST + timedelta(days=20),
            "kind": "revised",
            "run_id": "r",
            "partition": "p",
        }
    )
    assert backtest()[1] == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"station": "nowhere"}, "no station is named 'nowhere'"),
        ({"from": "2023-03-01", "to": "2023-02-28"}, "--from 2023-03-01 is after --to 2023-02-28: swap them"),
        ({"from": "2024-02-28", "to": "2024-03-01"}, "no hour of station1 is stored from 2024-02-28 to 2024-03-01"),
        ({"from": "0001-01-01"}, "the year 1 cannot be"),
    ],
)
def test_wrong_options_are_explained(database, station, backtest, options, message):
    stored_history(database, station, 2)
    run, found = backtest(**options)
    assert run.returncode == 1
    assert message in run.stderr
    assert found is None


def test_a_folder_that_does_not_exist_is_named_before_anything_is_computed(
    database, station, backtest, tmp_path, monkeypatch
):
    stored_history(database, station, 2)
    monkeypatch.setattr("airquality_dagster.cli.backtest.backtest", lambda *_: pytest.fail("it was computed"))
    output = tmp_path / "nowhere" / "file.json"
    run, _ = backtest(output=output)
    assert run.returncode == 1
    assert f"--output {output} cannot be written" in run.stderr
    assert not output.parent.exists()


def test_hours_of_the_sandbox_are_named(database, station, backtest):
    stored_history(database, station)
    database["raw_station1"].update_many({}, {"$set": {"simulated": True}})
    run, _ = backtest(to="2023-02-28")
    assert "Simulated readings" in run.stderr
