"""Variables as files, secrets and other people's shells hand them over."""

from pathlib import Path

import pytest
import requests

from airquality_dagster import settings
from airquality_dagster.local.environment import prepare_environment
from airquality_dagster.local.services import instance_folder
from airquality_dagster_tests.scripted_server import Reply, scripted_server

DEAD_PROXY = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), DEAD_PROXY)


def prepared(**variables: str) -> dict[str, str]:
    prepare_environment(variables)
    return {name: value for name, value in variables.items() if name.lower() != "no_proxy"}


def test_blanks_and_line_ends_around_the_variables_of_the_platform_are_removed():
    names = ("MONGODB_URI", "MONGODB_DATABASE", "AIRQINO_BASE_URL", "AIRQUALITY_ALERT_URLS", "DAGSTER_POSTGRES_URL")
    assert prepared(**dict.fromkeys(names, " a b\r\n")) == dict.fromkeys(names, "a b")


def test_what_is_no_variable_of_the_platform_or_secret_stays_as_it_is():
    others = {"PATH": " x ", "AIRQINO_PASSWORD": " x ", "AIRQINO_REFRESH_TOKEN": "x\n"}
    assert prepared(**others) == others


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("AIRQUALITY_HOME", settings.home),
        ("AIRQUALITY_STATIONS", settings.stations_file),
        ("AIRQUALITY_DASHBOARD_DIR", lambda: settings.dashboard_file().parent),
        ("DAGSTER_HOME", lambda: instance_folder(Path("x"))),
    ],
)
def test_a_tilde_is_the_home_of_the_user(monkeypatch, name, path):
    monkeypatch.setenv("HOME", "/home/ada")
    for text, expected in {"~/air\n": "/home/ada/air", "/srv/~air": "/srv/~air"}.items():
        monkeypatch.setenv(name, text)
        assert path() == Path(expected)


@pytest.mark.parametrize(
    ("variables", "excepted"),
    [
        ({"ALL_PROXY": DEAD_PROXY}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "intranet.example.org, 127.0.0.1"}, "intranet.example.org,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,b,localhost,127.0.0.1,::1"),
    ],
)
def test_this_machine_is_never_reached_through_a_proxy_and_other_exceptions_stay(variables, excepted):
    prepare_environment(variables)
    assert (variables["no_proxy"], variables["NO_PROXY"]) == (excepted, excepted)


def test_where_nothing_is_proxied_it_stays_so():
    variables = {"NO_PROXY": "*"}
    prepare_environment(variables)
    assert variables == {"NO_PROXY": "*"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_answers_in_spite_of_a_dead_proxy_and_another_machine_does_not(monkeypatch, host):
    variables = dict(PROXIES)
    prepare_environment(variables)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with scripted_server(lambda request, number: Reply(body={})) as server:
        assert requests.get(server.url.replace("127.0.0.1", host), timeout=10).ok
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("http://192.0.2.1", timeout=10)


def test_without_a_proxy_no_variable_keeps_the_proxy_of_the_system_from_being_used():
    variables = {"PATH": "x"}
    prepare_environment(variables)
    assert variables == {"PATH": "x"}
