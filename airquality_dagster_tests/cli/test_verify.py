"""``airquality verify``: sound data are sound, and each kind of damage is found and named."""

from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.serving import running
from airquality_dagster_tests.command import airquality

MONTH = f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"
FIRST = datetime.strptime(MONTH, "%Y-%m").replace(tzinfo=UTC)


@pytest.fixture
def command(mongodb_uri, database, home):
    with running(create_app(SimulatedSource())) as url:
        variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, "AIRQINO_BASE_URL": url}
        yield lambda *arguments: airquality(*arguments, home=home, **variables)


def test_what_was_loaded_agrees_with_itself_and_with_the_source_and_each_damage_is_named(command, database):
    month = ["--station", "station1"]
    assert command("backfill", "--from", MONTH, "--to", MONTH, *month).returncode == 0
    sound = command("verify", "--source", *month)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "hours of the source" in sound.stdout

    hour = database["raw_station1"].find_one(sort=[("_id", 1)])["_id"]
    database["raw_station1"].update_one({"_id": hour}, {"$set": {"co": -7.0}})
    database["station1_aggregates"].delete_one({"_id": FIRST + timedelta(days=9)})
    database["raw_station1_revisions"].insert_one(
        {
            "_id": {"document_id": hour, "revision": 2},
            "document": {"_id": hour, "co": 1.0},
            "kind": "revised",
            "valid_until": hour,
            "run_id": "a",
            "partition": None,
        }
    )
    damaged = command("verify", "--source", *month)
    assert damaged.returncode == 1
    assert f"hours of the source, {hour:%Y-%m-%d %H:%M}: co is -7.0" in damaged.stdout
    assert f"days, {FIRST + timedelta(days=9):%Y-%m-%d} 00:00: row is 'no row', should be 'a row'" in damaged.stdout
    assert "revision is 2, should be 1" in damaged.stdout
    assert "co_mean is " in damaged.stdout

    database["raw_station1_revisions"].drop()
    assert command("backfill", "--from", MONTH, "--to", MONTH, *month).returncode == 0
    healed = command("verify", "--source", *month)
    assert healed.returncode == 0, healed.stdout


def test_what_was_never_stored_is_said_in_one_line(command):
    run = command("verify")
    assert run.returncode == 1
    assert "'raw_station1' was never stored" in run.stderr
    assert "Traceback" not in run.stderr
