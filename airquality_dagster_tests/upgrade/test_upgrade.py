"""From version 0.1.0 to this one: its database and its Dagster instance, as it left them on 2026-11-26 at 8:30 UTC.

The archive was made by `airquality run` and `airquality backup` of that version, with one station, two months and the
sandbox; paths and host name in the instance were replaced.
"""

import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import time_machine
from click.testing import CliRunner
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.automation.instance import open_instance
from airquality_dagster.cli.main import main
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.scripted_server import Received, Reply, scripted_server

ARCHIVE = Path(__file__).with_name("version_0_1_0.tar.xz")
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
OCTOBER = {"_id": {"$lt": datetime(2026, 11, 1, tzinfo=UTC)}}
STATION = "station1"
# One worker restores and upgrades.
pytestmark = pytest.mark.xdist_group("upgrade")


@dataclass(frozen=True)
class Upgrade:
    """What the first tick of this version made of a home of version 0.1.0.

    Args:
        home: of both.
        database: of both.
        hours: of October, as version 0.1.0 stored them.
        runs: of version 0.1.0, asset → id of the last that materialized it.
        verified: what `airquality verify` said before and after the tick.
        asked: start dates of which the tick asked the API.
    """

    home: Path
    database: Database[dict[str, Any]]
    hours: list[dict[str, Any]]
    runs: dict[str, str]
    verified: tuple[str, str]
    asked: list[str]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory, mongodb_uri: str) -> Iterator[Upgrade]:
    home = tmp_path_factory.mktemp("upgrade") / "home"
    with tarfile.open(ARCHIVE) as archive:
        # Only from Python 3.11.4 is this an argument of `extractall`.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(home)
    name = f"test_{uuid.uuid4().hex}"
    with pytest.MonkeyPatch.context() as environment, MongoClient(mongodb_uri, tz_aware=True) as client:
        database = client[name]
        with scripted_server(lambda request, number: stored_hours(database, request)) as source:
            for variable, value in {
                "AIRQUALITY_HOME": str(home),
                "AIRQUALITY_STATIONS": str(home / "stations.yaml"),
                "MONGODB_URI": mongodb_uri,
                "MONGODB_DATABASE": name,
                "AIRQINO_BASE_URL": source.url,
            }.items():
                environment.setenv(variable, value)
            airquality("restore", str(home / "backup"))
            hours, runs, before = list(database[f"raw_{STATION}"].find(OCTOBER)), last_runs(home), airquality("verify")
            airquality("run")
            asked = [request.query["start_date"] for request in source.received]
            yield Upgrade(home, database, hours, runs, (before, airquality("verify")), asked)
        client.drop_database(name)


def stored_hours(database: Database[dict[str, Any]], request: Received) -> Reply:
    """Answer with the hours that are stored, as the source still has them."""
    start, end = (request.query[name] for name in ("start_date", "end_date"))
    names = {parameter.field: parameter.api_name for parameter in PARAMETERS}
    rows = [
        {"timestamp": f"{hour['_id']:%Y-%m-%d %H:%M:%S}"}
        | {name: hour[field] for field, name in names.items() if field in hour}
        for hour in database[f"raw_{STATION}"].find(sort=[("_id", 1)])
        if start <= f"{hour['_id']:%Y%m%d-%H%M}" <= end
    ]
    return Reply(body={"header": {"simulated": True}, "data": rows})


def last_runs(home: Path) -> dict[str, str]:
    names = [*load_network(home / "stations.yaml").station(STATION).assets, "air_quality_dashboard"]
    with open_instance(home / "dagster") as instance:
        events = {name: instance.get_latest_materialization_event(asset_key(name)) for name in names}
    return {name: event.run_id for name, event in events.items() if event}


def airquality(*arguments: str) -> str:
    with time_machine.travel(NOW, tick=True):
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_is_stored_agrees_with_itself_before_and_after_the_first_tick(upgraded):
    before, after = upgraded.verified
    assert "by former rules: the next runs compute them again" in before
    assert "former rules" not in after


def test_a_tick_fetches_only_the_current_month_and_changes_no_settled_hour(upgraded):
    assert upgraded.asked == ["20261101-0000"]
    assert list(upgraded.database["raw_station1"].find(OCTOBER)) == upgraded.hours
    assert "raw_station1_revisions" not in upgraded.database.list_collection_names()


def test_the_history_of_every_asset_stays(upgraded):
    assert len(upgraded.runs) == 5
    with open_instance(upgraded.home / "dagster") as instance:
        for name, former in upgraded.runs.items():
            records = instance.fetch_materializations(asset_key(name), limit=100).records
            assert former in {record.run_id for record in records}
            assert len({record.run_id for record in records}) > 1


def test_flags_and_days_of_every_month_are_made_anew_by_the_first_tick(upgraded):
    for collection in ("station1_quality", "station1_aggregates", "station1_summaries"):
        assert upgraded.database[collection].count_documents({"rules": {"$exists": False}}) == 0
    day = upgraded.database["station1_aggregates"].find_one({"co_invalid": {"$ne": None}})
    assert all(isinstance(hours, int) for hours in day["co_invalid"].values())
    with open_instance(upgraded.home / "dagster") as instance:
        last = instance.get_run_records(dg.RunsFilter(job_name="hourly_job"), limit=2)
        assert [record.dagster_run.status for record in last] == [dg.DagsterRunStatus.SUCCESS] * 2
