"""``airquality compare``: the contract of its JSON, its table, its errors."""

import json
import re

import pandas as pd
import pytest

from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.readings.compared_pair import DIFFERENCE
from airquality_dagster_tests.stored_pair import pair_of_stations, store_pair


@pytest.fixture
def compare(home, mongodb_uri, database, use_stations):
    path = use_stations(pair_of_stations())

    def run(*options: str):
        variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQUALITY_STATIONS": str(path)}
        return airquality("compare", *options, home=home, **variables)

    return run


def test_json_has_what_the_contract_promises_of_each_pollutant(compare, database):
    store_pair(database)
    run = compare("paving", "--from", "2023-03-01", "--to", "2023-06-30", "--format", "json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert list(found) == ["co", "no2", "o3", "pm10", "pm2_5"]
    one = found["pm2_5"]
    assert one["hours"] == 24 * one["days"] == 24 * 122
    assert (one["from"], one["to"]) == ("2023-03-01T00:00:00Z", "2023-07-01T00:00:00Z")
    for name in ("difference_raw", "difference_one_scale"):
        assert one[name]["low"] < one[name]["mean"] < one[name]["high"]
    assert one["difference_one_scale"]["mean"] == pytest.approx(DIFFERENCE, abs=0.6)
    assert one["mean_second"] - one["mean_first"] == pytest.approx(one["difference_raw"]["mean"], abs=0.02)
    assert one["colocation"].keys() >= {"from", "to", "hours", "slope", "intercept", "r2"}
    assert one["valid_statement"].startswith("On the scale of unpaved (Street of unpaved), PM2.5 there is")
    assert found["co"]["hours"] == 0
    assert found["co"]["difference_one_scale"]["mean"] is None
    assert found["co"]["valid_statement"].startswith("Nothing can be said")


def test_the_table_ends_with_what_may_be_said(compare, database):
    store_pair(database)
    run = compare("paving")
    assert run.returncode == 0, run.stderr
    assert "What does paving do?" in run.stdout
    table = run.stdout[: run.stdout.index("On the scale of")]
    # Two digits of the interval, as in the sentence.
    assert re.search(r" \d\.\d\d to \d\.\d\d ", table), run.stdout
    assert "On the scale of unpaved (Street of unpaved), PM2.5 there is" in run.stdout


def test_the_table_of_a_terminal_of_80_columns_is_whole(compare, database, monkeypatch):
    monkeypatch.setattr("airquality_dagster.cli.terminal.out.width", 80)
    store_pair(database)
    shown = compare("paving").stdout
    lines = shown[: shown.index("Nothing can be said")].splitlines()
    assert not [line for line in lines if len(line) > 80]
    heads = "hours days paved unpaved raw on one scale share"
    assert any(line.split() == heads.split() for line in lines)
    assert "…" not in shown
    # Both intervals of PM2.5 are whole, below their means.
    assert len(re.findall(r"\d\.\d+ to \d\.\d+", lines[-2])) == 2


def test_what_is_asked_of_the_operator_is_told_only_of_all_hours(compare, database):
    store_pair(database)
    # By the clock of this machine the weeks side by side were years ago.
    assert "a fortnight side by side has been due" in " ".join(compare("paving").stdout.split())
    for option in ("--from", "--to"):
        assert "note" not in compare("paving", option, "2023-04-01").stdout


def test_simulated_readings_are_told(compare, database):
    store_pair(database)
    assert "Simulated readings" not in compare("paving").stderr
    database["raw_paved"].update_one({}, {"$set": {"simulated": True}})
    assert "Simulated readings" in compare("paving").stderr


def test_the_stored_comparison_is_exported(tmp_path, home, mongodb_uri, database, use_stations):
    path, output = use_stations(pair_of_stations()), tmp_path / "paving.csv"
    part = {"mean": 3.0, "low": 2.5, "high": 3.5, "median": 3.0, "detectable": 0.7, "block_days": 3}
    database["paving_comparison"].insert_many(
        {
            "_id": {"pollutant": "pm2_5", "period": "hour", "part": f"{hour:02d}"},
            "hours": 150,
            "difference_raw": part,
            "difference_one_scale": part,
            "left_out": None,
        }
        for hour in range(24)
    )
    variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQUALITY_STATIONS": str(path)}
    run = airquality("export", "paving", "--format", "csv", "--output", str(output), home=home, **variables)
    assert run.returncode == 0, run.stderr
    rows = pd.read_csv(output)
    assert len(rows) == 24
    assert rows["difference_one_scale_low"].tolist() == [2.5] * 24
    assert "left_out" not in rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["roads"], "no pair is named 'roads': the stations file has paving"),
        (["paving", "--from", "2023-06-01", "--to", "2023-05-01"], "--from 2023-06-01 is after --to 2023-05-01"),
        (["paving", "--from", "June"], "--from is 'June', not a date like 2023-01-31"),
        (["paving", "--to", "9999-12-31"], "--to is '9999-12-31': the year 9999 cannot be"),
        (["paving", "--from", "0001-01-01"], "--from is '0001-01-01': the year 1 cannot be"),
    ],
)
def test_wrong_options_are_explained(compare, options, message):
    run = compare(*options)
    assert run.returncode == 1
    assert message in run.stderr
