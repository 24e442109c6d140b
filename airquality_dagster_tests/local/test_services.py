"""Where local state is kept, and what credentials are refused."""

import os

import dagster as dg
import pytest

from airquality_dagster import settings
from airquality_dagster.airqino.resource import credentials_of
from airquality_dagster.component import airqino_resource
from airquality_dagster.errors import LocalServiceError, SettingsError
from airquality_dagster.local.services import dagster_instance, instance_folder, make_home


def test_the_instance_is_made_in_the_home_with_its_configuration(tmp_path):
    folder = instance_folder(make_home())
    assert folder == tmp_path / "home" / "dagster"
    assert "telemetry" in (folder / "dagster.yaml").read_text()


def test_a_dagster_home_of_the_user_wins_and_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv(settings.DAGSTER_HOME, str(tmp_path / "own"))
    assert instance_folder(make_home()) == tmp_path / "own"
    assert list((tmp_path / "own").iterdir()) == []


@pytest.mark.parametrize("name", ["what?", "100%25", "a?b=c", "%e9t%e9"])
def test_a_path_that_the_database_of_dagster_would_misread_is_named_and_nothing_is_written_elsewhere(tmp_path, name):
    folder = tmp_path / name / "dagster"
    folder.mkdir(parents=True)
    with pytest.raises(LocalServiceError, match=r"because its path contains \? or %: set AIRQUALITY_HOME"):
        with dagster_instance(folder):
            pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "100 %", "#1", "Abobo-Doumé", "[1]*", "a'b\"c"])
def test_other_paths_hold_an_instance(tmp_path, name):
    folder = tmp_path / name / "dagster"
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dagster_instance(folder) as instance:
        assert instance.get_runs() == []
    assert (folder / "history" / "runs.db").exists()


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"AIRQINO_CLIENT_ID": "client"}, "AIRQINO_USERNAME with AIRQINO_PASSWORD, or AIRQINO_REFRESH_TOKEN"),
        ({"AIRQINO_CLIENT_ID": "client", "AIRQINO_USERNAME": "user"}, "AIRQINO_PASSWORD"),
        ({"AIRQINO_CLIENT_ID": "client", "AIRQINO_PASSWORD": "hunter2"}, "AIRQINO_USERNAME"),
        ({"AIRQINO_REFRESH_TOKEN": "hunter2"}, "AIRQINO_CLIENT_ID"),
    ],
)
def test_credentials_that_make_no_grant_are_named_without_their_values(monkeypatch, variables, missing):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        credentials_of(os.environ)
    assert missing in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AIRQINO_CLIENT_ID": "client", "AIRQINO_REFRESH_TOKEN": "token"},
        {"AIRQINO_CLIENT_ID": "client", "AIRQINO_USERNAME": "user", "AIRQINO_PASSWORD": "password"},
    ],
)
def test_credentials_that_make_a_grant_or_none_at_all_are_accepted(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    credentials_of(os.environ)


def test_a_credential_is_never_part_of_a_resource_that_is_shown(monkeypatch):
    with pytest.raises(ValueError, match="AIRQINO_PASSWORD is secret") as caught:
        airqino_resource({"AIRQINO_PASSWORD": "hunter2"})
    assert "hunter2" not in str(caught.value)
    names = ("AIRQINO_CLIENT_SECRET", "AIRQINO_PASSWORD", "AIRQINO_REFRESH_TOKEN")
    for name in names:
        monkeypatch.setenv(name, "hunter2")
    configured = airqino_resource()
    with dg.build_resources({"airqino": configured}) as resources:
        assert resources.airqino.password == "hunter2"
        assert "hunter2" not in f"{configured!r} {resources.airqino!r} {resources.airqino}"


def test_an_empty_variable_counts_as_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "")
    assert settings.resource_field("MONGODB_URI") is None
    assert settings.resource_field("MONGODB_URI", {"MONGODB_URI": ""}) is None


@pytest.mark.parametrize("blank", [" ", "\n", "\r\n", "\t \n"])
def test_a_variable_of_blanks_counts_as_one_that_is_not_set_and_others_lose_them(monkeypatch, blank):
    monkeypatch.setenv("MONGODB_URI", blank)
    assert settings.resource_field("MONGODB_URI") is None
    assert settings.resource_field("MONGODB_URI", {"MONGODB_URI": blank}) is None
    monkeypatch.setenv("MONGODB_DATABASE", f"air{blank}")
    assert settings.mongodb_database() == "air"
