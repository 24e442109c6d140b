"""From version 0.1.0 to this one: its database and its Dagster instance, as it left them on 2026-11-26 at 8:30 UTC.

The archive was made by `airquality run` and `airquality backup` of that version, with one station, two months and the
sandbox; paths and host name in the instance were replaced.
"""

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from click.testing import CliRunner

from airquality_dagster.automation.instance import open_instance
from airquality_dagster.cli.main import main
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.scripted_server import Reply, scripted_server

ARCHIVE = Path(__file__).with_name("version_0_1_0.tar.xz")
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)


@pytest.fixture
def former(tmp_path, monkeypatch, mongodb_uri, database):
    """The home of version 0.1.0 and its database, and the network."""
    home = tmp_path / "home"
    with tarfile.open(ARCHIVE) as archive:
        # Only from Python 3.11.4 is this an argument of `extractall`.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(home)
    monkeypatch.setenv("AIRQUALITY_HOME", str(home))
    monkeypatch.setenv("AIRQUALITY_STATIONS", str(home / "stations.yaml"))
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", database.name)
    airquality("restore", str(home / "backup"))
    return home


@pytest.fixture
def source(database, monkeypatch):
    """Serve the hours that are stored, as the source still has them."""

    def reply(request, number):
        start, end = (request.query[name] for name in ("start_date", "end_date"))
        names = {parameter.field: parameter.api_name for parameter in PARAMETERS}
        rows = [
            {"timestamp": f"{hour['_id']:%Y-%m-%d %H:%M:%S}"}
            | {name: hour[field] for field, name in names.items() if field in hour}
            for hour in database["raw_station1"].find(sort=[("_id", 1)])
            if start <= f"{hour['_id']:%Y%m%d-%H%M}" <= end
        ]
        return Reply(body={"header": {"simulated": True}, "data": rows})

    with scripted_server(reply) as server:
        monkeypatch.setenv("AIRQINO_BASE_URL", server.url)
        yield server


def airquality(*arguments: str) -> str:
    with time_machine.travel(NOW, tick=True):
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_is_stored_agrees_with_itself_before_and_after_the_first_tick(former, source):
    before = airquality("verify")
    assert "by former rules: the next runs compute them again" in before
    airquality("run")
    after = airquality("verify")
    assert "former rules" not in after


def test_a_tick_fetches_only_the_current_month_and_changes_no_settled_hour(former, source, database):
    october = {"_id": {"$lt": datetime(2026, 11, 1, tzinfo=UTC)}}
    hours = list(database["raw_station1"].find(october))
    airquality("run")
    assert [request.query["start_date"] for request in source.received] == ["20261101-0000"]
    assert list(database["raw_station1"].find(october)) == hours
    assert "raw_station1_revisions" not in database.list_collection_names()


def test_the_history_of_every_asset_stays(former, source):
    station = load_network(former / "stations.yaml").station("station1")
    names = [*station.assets, "air_quality_dashboard"]
    with open_instance(former / "dagster") as instance:
        runs = {instance.get_latest_materialization_event(asset_key(name)).run_id for name in names}
    airquality("run")
    with open_instance(former / "dagster") as instance:
        for name in names:
            records = instance.fetch_materializations(asset_key(name), limit=100).records
            assert runs <= {record.run_id for record in records}
            assert len({record.run_id for record in records}) > 1


def test_flags_and_days_of_every_month_are_made_anew_by_the_first_tick(former, source, database):
    airquality("run")
    for collection in ("station1_quality", "station1_aggregates", "station1_summaries"):
        assert database[collection].count_documents({"rules": {"$exists": False}}) == 0
    day = database["station1_aggregates"].find_one({"co_invalid": {"$ne": None}})
    assert all(isinstance(hours, int) for hours in day["co_invalid"].values())
    with open_instance(former / "dagster") as instance:
        last = instance.get_run_records(dg.RunsFilter(job_name="hourly_job"), limit=2)
        assert [record.dagster_run.status for record in last] == [dg.DagsterRunStatus.SUCCESS] * 2
