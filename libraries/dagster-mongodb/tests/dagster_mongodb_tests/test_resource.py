"""A database as a resource."""

import datetime

import dagster as dg
import pytest
from dagster_mongodb import MongoDBConnectionError, MongoDBResource

from dagster_mongodb_tests.mongod import connections, wait_until
from dagster_mongodb_tests.tables import QUIET, shared_instance

MOMENT = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def test_an_asset_writes_and_reads_the_database_and_its_connections_end_with_the_run(mongodb_uri, client, database):
    read = []

    @dg.asset
    def stations(mongodb: MongoDBResource) -> None:
        with mongodb.open_database() as opened:
            opened["stations"].insert_one({"_id": 1, "since": MOMENT})
            read.append(opened["stations"].find_one())

    mongodb = MongoDBResource(uri=mongodb_uri, database=database.name, app_name=database.name)
    dg.materialize([stations], resources={"mongodb": mongodb}, run_config=QUIET, instance=shared_instance())
    assert read == [{"_id": 1, "since": MOMENT}] == list(database["stations"].find())
    wait_until(lambda: connections(client, database.name) == 0, "the server notices the closed connections")


def test_a_closed_resource_connects_again(mongodb_uri, client, database):
    resource = MongoDBResource(uri=mongodb_uri, database=database.name, app_name=database.name)
    for _ in range(2):
        resource.check()
        assert connections(client, database.name) > 0
        resource.close()
    resource.close()


def test_a_failure_within_the_block_names_the_server_without_its_password():
    uri = "mongodb://user:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=200"
    resource = MongoDBResource(uri=uri, database="x")
    with pytest.raises(MongoDBConnectionError, match=r"127.0.0.1:9 does not answer.*start it") as caught:
        resource.check()
    assert "hunter2" not in str(caught.value)
    resource.close()


def test_an_error_of_the_block_itself_passes_through(mongodb_uri, database):
    resource = MongoDBResource(uri=mongodb_uri, database=database.name)
    with pytest.raises(ZeroDivisionError), resource.open_database():
        raise ZeroDivisionError
    resource.close()
