"""The API as a resource of Dagster: which period it asks for, and how its configuration is read."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.errors import AirQinoError, SettingsError
from airquality_dagster_tests.builders import answer, rows
from airquality_dagster_tests.scripted_server import Received, Reply, scripted_server

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2023, 1, 20, 12, 5, 59, tzinfo=UTC), "20230120-1205"),
        (datetime(2023, 1, 20, 12, 0, tzinfo=UTC), "20230120-1200"),
        (datetime(2023, 1, 31, 23, 59, tzinfo=UTC), "20230131-2359"),
        (datetime(2023, 2, 1, tzinfo=UTC), "20230201-0000"),
        (datetime(2024, 1, 1, tzinfo=UTC), "20230201-0000"),
        (START + timedelta(seconds=7), "20230101-0000"),
        (START - timedelta(hours=3), "20230101-0000"),
    ],
)
def test_the_end_of_the_period_that_is_asked_for_is_never_in_the_future(now, end):
    with scripted_server(lambda request, number: Reply(body=answer())) as server:
        AirQinoResource(base_url=server.url).hourly_answer(7, START, END, now)
    assert server.received[0].query == {"start_date": "20230101-0000", "end_date": end}


@pytest.mark.parametrize("is_end_included", [False, True])
def test_the_hour_that_goes_on_is_asked_for_whether_or_not_the_end_counts(is_end_included):
    now = datetime(2023, 1, 2, 12, 5, tzinfo=UTC)

    def script(request: Received, number: int) -> Reply:
        until = request.query["end_date"]
        hours = {f"{datetime.fromisoformat(row['timestamp']):%Y%m%d-%H%M}": row for row in rows(START, 100)}
        return Reply(
            body=answer(*(hours[hour] for hour in hours if hour < until or (is_end_included and hour == until)))
        )

    with scripted_server(script) as server:
        parsed = AirQinoResource(base_url=server.url).hourly_answer(7, START, END, now)
    assert max(parsed.hours) == datetime(2023, 1, 2, 12, tzinfo=UTC)
    assert len(parsed.hours) == 37


def test_line_ends_in_the_environment_reach_no_request(monkeypatch):
    def script(request: Received, number: int) -> Reply:
        return Reply(body={"access_token": "t"} if request.path == "/token" else answer())

    fields = ("base_url", "token_url", "client_id", "client_secret", "username", "password")
    with scripted_server(script) as server:
        values = (server.url, f"{server.url}/token", "client", "s&cret", "user", "pass word")
        for field, value in zip(fields, values, strict=True):
            monkeypatch.setenv(field.upper(), f" {value}\r\n")
        configured = AirQinoResource(**{field: dg.EnvVar(field.upper()) for field in fields})
        with dg.build_resources({"airqino": configured}) as resources:
            resources.airqino.hourly_answer(7, START, END, END)
    assert server.received[0].form == {
        "grant_type": "password",
        "client_id": "client",
        "client_secret": "s&cret",
        "username": "user",
        "password": "pass word",
        "scope": "openid",
    }


@pytest.mark.parametrize("name", ["base_url", "token_url"])
def test_a_login_in_a_url_is_refused_and_not_shown(name):
    fields = {name: "https://user:hunter2@api.example.test/path", "client_id": "c", "refresh_token": "r"}
    with pytest.raises(SettingsError, match=f"AIRQINO_{name.upper()} holds a user name or password") as error:
        _ = AirQinoResource(**fields).client
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("REQUESTS_CA_BUNDLE", "/nowhere.pem", "correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"),
        ("HTTPS_PROXY", "http:///nohost", "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:9", "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"),
    ],
)
@pytest.mark.parametrize("credentials", [{}, {"client_id": "c", "refresh_token": "r"}], ids=["API", "token"])
def test_a_wrong_variable_that_requests_reads_is_named(monkeypatch, variable, value, advice, credentials):
    monkeypatch.setenv(variable, value)
    urls = {"base_url": "https://api.example.test", "token_url": "https://token.example.test"}
    with pytest.raises(AirQinoError, match=advice):
        AirQinoResource(**urls, **credentials, attempts=1).hourly_answer(7, START, END, END)


def test_the_answer_of_a_proxy_that_changes_it_is_an_answer():
    with scripted_server(lambda request, number: Reply(status=203, body=answer(*rows(START, 2)))) as server:
        assert len(AirQinoResource(base_url=server.url).hourly_answer(7, START, END, END).hours) == 2


def test_a_realm_that_does_not_exist_is_a_wrong_token_url():
    refusal = Reply(status=404, body={"error": "Realm does not exist"})
    with scripted_server(lambda request, number: refusal) as server:
        resource = AirQinoResource(
            base_url=server.url, token_url=f"{server.url}/token", client_id="c", refresh_token="r"
        )
        with pytest.raises(AirQinoError, match="Realm does not exist: check AIRQINO_TOKEN_URL"):
            resource.hourly_answer(7, START, END, END)
