"""Connections, and what is said when one fails."""

import dagster as dg
import pandas as pd
import pytest
from dagster_mongodb import (
    MongoDBConnectionError,
    MongoDBIOManager,
    MongoDBResource,
    OptionsError,
    address,
    connect,
    explained_errors,
)
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from dagster_mongodb_tests.mongod import connections, running_mongod, wait_until
from dagster_mongodb_tests.tables import read, table, write

FRAME = pd.DataFrame({"a": [1]})


def test_a_server_that_does_not_answer_is_named_without_its_password():
    manager = MongoDBIOManager(uri="mongodb://user:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=200", database="x")
    with pytest.raises(MongoDBConnectionError, match=r"127.0.0.1:9 does not answer.*start it") as caught:
        write(manager, table(), FRAME)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["localhost", "http://localhost", "mongodb://", "mongodb://user:p@ss@localhost", "mongodb://localhost:x"],
)
def test_a_uri_that_is_none_is_said_to_be(uri):
    with pytest.raises(MongoDBConnectionError, match="URI is not valid"):
        write(MongoDBIOManager(uri=uri, database="x"), table(), FRAME)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://user:hunter2@a:1,b:2/db?replicaSet=rs", "a:1,b:2"),
        ("mongodb://localhost", "localhost:27017"),
        ("mongodb+srv://user:hunter2@cluster.example.org/db?w=1", "cluster.example.org"),
    ],
)
def test_an_address_has_neither_user_nor_password(uri, shown):
    assert address(uri) == shown


@pytest.mark.parametrize(
    "form",
    [
        "{0}/?", "{0}?", "{0}/x?", " {0}", "{0}\n", "\t{0}/?\r\n", "{0}/?retryWrites=true&", "{0}/?&retryWrites=true",
        "{0}?retryWrites=true", "{0}?retryWrites=true;w=1", "{0}/?retryWrites=true;",
    ],
)  # fmt: skip
def test_blanks_around_a_uri_and_options_that_are_none_do_no_harm(form, mongodb_uri, database):
    uri = form.format(mongodb_uri)
    write(MongoDBIOManager(uri=uri, database=database.name), table(), FRAME)
    assert database["table"].count_documents({}) == 1
    assert address(uri) == mongodb_uri.removeprefix("mongodb://")


def test_options_without_a_slash_are_not_part_of_the_address_of_a_cluster():
    assert address(" mongodb+srv://user:hunter2@cluster.example.org?w=1\n") == "cluster.example.org"


@pytest.mark.parametrize("name", ["a.b", "", "a b", "a/b", "a\\b", "$a", 'a"b', "x" * 64, "é" * 40])
def test_a_name_that_mongodb_does_not_accept_is_said_to_be_none(name, mongodb_uri):
    with pytest.raises(OptionsError, match="does not accept the name"):
        MongoDBResource(uri=mongodb_uri, database=name).check()
    with pytest.raises(OptionsError, match="does not accept the name"):
        write(MongoDBIOManager(uri=mongodb_uri, database=name), table(), FRAME)


def test_a_name_that_differs_from_another_in_upper_and_lower_case_only_is_told(mongodb_uri, database, client):
    database["table"].insert_one({})
    with pytest.raises(OptionsError, match="different case"):
        write(MongoDBIOManager(uri=mongodb_uri, database=database.name.upper()), table(), FRAME)


def test_options_of_the_uri_win():
    with connect("mongodb://localhost/?w=1&serverSelectionTimeoutMS=77", "test") as client:
        assert client.write_concern.document == {"w": 1}
        assert client.options.server_selection_timeout == 0.077
    with connect("mongodb://localhost", "test") as client:
        assert client.write_concern.document == {"w": "majority"}
        assert client.codec_options.tz_aware


def test_the_uri_may_come_from_the_environment(monkeypatch, mongodb_uri, database):
    monkeypatch.setenv("SOME_URI", mongodb_uri)
    write(MongoDBIOManager(uri=dg.EnvVar("SOME_URI"), database=database.name), table(), FRAME)
    assert database["table"].count_documents({}) == 1


def test_connections_are_closed_when_the_run_ends(mongodb_uri, database, client):
    write(MongoDBIOManager(uri=mongodb_uri, database=database.name, app_name=database.name), table(), FRAME)
    wait_until(lambda: connections(client, database.name) == 0, "the server notices the closed connections")


def test_a_disk_that_is_full_says_what_to_do():
    error = OperationFailure("14031: available disk space is less than required", 14031)
    with pytest.raises(MongoDBConnectionError, match="no space left on its disk"), explained_errors("mongodb://x"):
        raise error


@pytest.fixture(scope="module")
def server_with_logins(tmp_path_factory):
    """The address of a mongod that asks for a login: a writer and a reader of the database 'guarded'."""
    with running_mongod(tmp_path_factory.mktemp("guarded"), "--auth") as address:
        with MongoClient(f"mongodb://{address}") as client:
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        with MongoClient(f"mongodb://root:root@{address}") as client:
            for user, role in (("writer", "readWrite"), ("reader", "read")):
                client.admin.command("createUser", user, pwd="p@ss/word", roles=[{"role": role, "db": "guarded"}])
        yield address


def test_a_user_who_may_only_read_and_write_the_database_is_enough(server_with_logins):
    manager = MongoDBIOManager(uri=f"mongodb://writer:p%40ss%2Fword@{server_with_logins}", database="guarded")
    spec = table(primary_key="a", keep_revisions=True)
    for value in (1, 2):
        write(manager, spec, FRAME.assign(b=value))
    assert read(manager, spec)["b"].tolist() == [2]


def test_a_refused_password_is_one_line_without_it(server_with_logins):
    manager = MongoDBIOManager(uri=f"mongodb://writer:hunter2@{server_with_logins}", database="guarded")
    with pytest.raises(MongoDBConnectionError, match="refuses the user or the password") as caught:
        write(manager, table(), FRAME)
    assert "hunter2" not in str(caught.value)


def test_a_check_needs_a_login(server_with_logins):
    for login in ("", "writer:hunter2@"):
        resource = MongoDBResource(uri=f"mongodb://{login}{server_with_logins}", database="guarded")
        with pytest.raises(MongoDBConnectionError):
            resource.check()
        resource.close()


@pytest.mark.parametrize("password", ["se/cret", "se?cret", "se@cret"])
def test_no_part_of_a_password_passes_for_a_host(password):
    assert "se" not in address(f"mongodb+srv://user:{password}@h.example.org/").replace("h.example.org", "")


def test_a_user_who_may_not_write_is_told_so(server_with_logins):
    manager = MongoDBIOManager(uri=f"mongodb://reader:p%40ss%2Fword@{server_with_logins}", database="guarded")
    with pytest.raises(MongoDBConnectionError, match="is not allowed to do this"):
        write(manager, table("other"), FRAME)


def test_a_server_that_asks_for_a_login_tells_who_has_none(server_with_logins):
    with pytest.raises(MongoDBConnectionError, match="is not allowed to do this.*authentication"):
        write(MongoDBIOManager(uri=f"mongodb://{server_with_logins}", database="guarded"), table(), FRAME)
