"""A database that was lost, restored from an older backup, or renamed: the next passes store what is missing."""

import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.automation.due import StationRun
from airquality_dagster.automation.instance import due_runs, network_months
from airquality_dagster.automation.jobs import asset_selection
from airquality_dagster.definitions import defs
from airquality_dagster.local.serving import running
from airquality_dagster.network.partitions import month
from airquality_dagster.network.stations import Network, load_network
from airquality_dagster_tests.conftest import sqlite_instance, stored_bytes
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.platform import Platform


def one_station(folder: Path, patch: pytest.MonkeyPatch) -> Network:
    """Use one station, with its last four months."""
    content = load_network().model_dump(mode="json", exclude_none=True)
    content["network"]["first_month"] = month(network_months(load_network(), datetime.now(UTC))[-4].key)
    content["stations"] = content["stations"][:1]
    del content["pairs"]
    stations = folder / "stations.yaml"
    stations.write_text(yaml.safe_dump(content))
    patch.setenv(settings.AIRQUALITY_STATIONS, str(stations))
    return load_network(stations)


@pytest.fixture
def network(tmp_path, monkeypatch) -> Network:
    return one_station(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def first_pass(mongodb_uri, empty_instance, tmp_path_factory):
    """The folder of an instance and a database after a first pass, to be copied: a pass takes seconds."""
    folder = tmp_path_factory.mktemp("first_pass")
    with MongoClient(mongodb_uri) as client:
        database = client[f"test_{uuid.uuid4().hex}"]
        with (
            pytest.MonkeyPatch.context() as patch,
            sqlite_instance(shutil.copytree(empty_instance, folder / "instance")) as instance,
            running(create_app(SimulatedSource())) as url,
        ):
            patch.setenv(settings.AIRQUALITY_HOME, str(folder / "home"))
            network = one_station(folder, patch)
            platform = Platform(patch, mongodb_uri, database, instance)
            platform.use(url)
            heal(platform, network)
        yield folder / "instance", database
        client.drop_database(database.name)


@pytest.fixture
def passed(platform, network, first_pass, database, tmp_path):
    """The platform after that pass, for questions: its instance is on disk, where a run is slow."""
    folder, stored = first_pass
    for name in stored.list_collection_names():
        stored[name].aggregate([{"$out": {"db": database.name, "coll": name}}])
    with sqlite_instance(shutil.copytree(folder, tmp_path / "passed")) as instance:
        platform.instance = instance
        yield platform


@pytest.fixture
def loaded(platform, network):
    """The platform after its first pass, with the sandbox."""
    with running(create_app(SimulatedSource())) as url:
        platform.use(url)
        heal(platform, network)
        yield platform


def due(platform, network, warnings=None) -> list[StationRun]:
    warn = (lambda _: None) if warnings is None else warnings.append
    return due_runs(platform.instance, network, datetime.now(UTC), platform.database, warn=warn)


def heal(platform, network) -> list[StationRun]:
    """Make one pass, and return its runs."""
    runs = due(platform, network)
    for run in runs:
        assets = [key.to_user_string() for key in asset_selection(network, run, is_last=False)]
        assert platform.run(run.first[:7], run.last[:7], assets).success
    return runs


def settled(platform, keys) -> dict[str, list[bytes]]:
    """Return all documents but those of the hour that is not over and of its day, month and year."""
    names = ("raw_station1", "station1_quality")
    newest = platform.database["raw_station1"].find_one(sort=[("_id", -1)])["_id"]
    import bson

    return {
        name: [
            bson.encode(hour) for hour in platform.database[name].find({"_id": {"$lt": newest - timedelta(hours=2)}})
        ]
        for name in names
    }


def keys_of(network) -> list[str]:
    return [one.key for one in network_months(network, datetime.now(UTC))]


def current_only(runs, keys) -> bool:
    # In the first days of a month the month before has not settled yet.
    return all(run.fetches and run.first >= keys[-1 if datetime.now(UTC).day > 4 else -2] for run in runs)


def test_nothing_is_lost_after_a_pass(passed, network):
    warnings = []
    assert current_only(due(passed, network, warnings), keys_of(network))
    assert not warnings


def test_a_dropped_database_is_loaded_again_by_the_next_pass(loaded, network):
    before, keys = settled(loaded, network), keys_of(network)
    loaded.database.client.drop_database(loaded.database.name)
    warnings = []
    assert due(loaded, network, warnings) == [StationRun(("station1",), keys[0], keys[-1])]
    assert all(key[:7] in warnings[0] and "fetched again" in warnings[0] for key in keys)
    heal(loaded, network)
    assert settled(loaded, network) == before
    assert current_only(due(loaded, network), keys)


def restore_older(platform, moment: datetime) -> None:
    """Bring the database back to a moment."""
    date = moment.replace(hour=0, minute=0)
    for name in ("raw_station1", "station1_quality"):
        platform.database[name].delete_many({"_id": {"$gt": moment}})
    platform.database["station1_aggregates"].delete_many({"_id": {"$gt": date}})
    platform.database["station1_summaries"].delete_many({"_id.start": {"$gt": date}})


def test_a_database_restored_from_an_older_backup_has_no_hole_after_the_next_pass(loaded, network):
    before, keys = settled(loaded, network), keys_of(network)
    restore_older(loaded, datetime.fromisoformat(keys[1]).replace(tzinfo=UTC) + timedelta(days=9, hours=7))
    (run,) = due(loaded, network)
    assert (run.first, run.last, run.fetches) == (keys[1], keys[-1], True)
    heal(loaded, network)
    heal(loaded, network)  # the month before depends on hours that were fetched again
    assert settled(loaded, network) == before
    assert current_only(due(loaded, network), keys)


def test_a_month_that_had_not_settled_when_the_backup_was_made_is_fetched_again(passed, network):
    keys = keys_of(network)
    restore_older(passed, datetime.fromisoformat(keys[1]).replace(tzinfo=UTC) + timedelta(hours=5))
    assert due(passed, network)[0].first == keys[0]


def test_another_database_is_loaded_from_its_first_month(passed, network):
    keys = keys_of(network)
    other = passed.database.client[f"{passed.database.name}_renamed"]
    assert due_runs(passed.instance, network, datetime.now(UTC), other) == [
        StationRun(("station1",), keys[0], keys[-1])
    ]


def test_a_month_that_was_reloaded_by_hand_does_not_hide_the_others(loaded, network):
    keys = keys_of(network)
    loaded.database.client.drop_database(loaded.database.name)
    assert loaded.run(keys[1][:7], assets=["raw_station1", *network.stations[0].derived_assets]).success
    fetched = [(run.first, run.last) for run in due(loaded, network) if run.fetches]
    assert {keys[0], *keys[2:]} <= {key for key in keys for first, last in fetched if first <= key <= last}


@pytest.mark.parametrize(
    "asset",
    [
        pytest.param("station1_quality", marks=pytest.mark.long),
        "station1_aggregates",
        pytest.param("station1_summaries", marks=pytest.mark.long),
    ],
)
def test_lost_flags_days_and_summaries_are_computed_again_from_stored_hours(loaded, network, asset):
    before, keys = stored_bytes(loaded.database)[asset], keys_of(network)
    loaded.database.drop_collection(asset)
    runs = heal(loaded, network)
    assert StationRun(("station1",), keys[0], keys[-2], fetches=False) in runs
    assert len(stored_bytes(loaded.database)[asset]) == len(before)
    assert current_only(due(loaded, network), keys)


def test_one_lost_document_is_found(passed, network):
    keys = keys_of(network)
    second = datetime.fromisoformat(keys[1]).replace(tzinfo=UTC)
    passed.database["raw_station1"].delete_one({"_id": {"$gt": second}})
    assert {run.first for run in due(passed, network) if run.fetches} == {keys[1], keys[-1]}


def test_hours_that_neither_database_nor_source_have_are_asked_for_once(loaded, network):
    keys = keys_of(network)
    second, third = (datetime.fromisoformat(key).replace(tzinfo=UTC) for key in keys[1:3])
    loaded.database["raw_station1"].delete_many({"_id": {"$gte": second, "$lt": third}})
    with running(create_app(SimulatedSource(first_month=keys[2][:7]))) as url:
        loaded.use(url)
        heal(loaded, network)
        assert current_only(due(loaded, network), keys)


def test_hours_that_only_the_database_has_are_no_loss(loaded, network):
    keys = keys_of(network)
    with running(create_app(SimulatedSource(first_month=keys[2][:7]))) as url:
        loaded.use(url)
        loaded.run(keys[0][:7], keys[-1][:7])
        assert current_only(due(loaded, network), keys)


def evaluate_hourly_schedule(instance):
    repository = defs().get_repository_def()
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime.now(UTC), repository_def=repository, resources={}
    )
    return repository.get_schedule_def("hourly_schedule").evaluate_tick(context)


def test_the_schedule_finds_what_was_lost(passed, network):
    passed.database.client.drop_database(passed.database.name)
    (request,) = evaluate_hourly_schedule(passed.instance).run_requests
    assert request.tags["airquality/months"].startswith(network.first_month)


def test_the_schedule_asks_for_runs_while_mongodb_is_away(passed, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    assert evaluate_hourly_schedule(passed.instance).run_requests


@pytest.mark.parametrize("name", ["a b", long("a.b")])
def test_the_schedule_asks_for_runs_though_the_name_of_the_database_is_wrong(
    platform, network, instance_on_disk, monkeypatch, name
):
    monkeypatch.setenv("MONGODB_DATABASE", name)
    assert evaluate_hourly_schedule(instance_on_disk).run_requests


def test_the_schedule_asks_for_runs_though_mongodb_refuses_the_question(passed, monkeypatch):
    def refuse(*_):
        raise OperationFailure("not allowed", 8000)

    monkeypatch.setattr("airquality_dagster.automation.lost.summarised_months", refuse)
    assert evaluate_hourly_schedule(passed.instance).run_requests


def test_a_settled_month_whose_run_ended_between_hours_and_flags_is_judged_by_the_next_run(loaded, network):
    keys = keys_of(network)
    second, third = (datetime.fromisoformat(key).replace(tzinfo=UTC) for key in keys[1:3])
    # Other hours than the source's are stored, as if it had restated them: the reload changes them.
    loaded.database["raw_station1"].update_many({"_id": {"$gte": second, "$lt": third}}, {"$set": {"pm10": 1.0}})
    assert loaded.run(keys[1][:7], assets=["raw_station1"]).success
    judged = [run for run in due(loaded, network) if not run.fetches]
    assert any(run.first <= keys[1] <= run.last for run in judged)
    heal(loaded, network)
    assert current_only(due(loaded, network), keys)
