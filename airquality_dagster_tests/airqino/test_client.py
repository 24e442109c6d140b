import contextlib
import threading
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.oauth2 import Credentials, TokenSource
from airquality_dagster.errors import (
    AirQinoAnswerError,
    AirQinoCredentialsError,
    AirQinoError,
    AirQinoUnavailableError,
    UnknownStationError,
)
from airquality_dagster_tests.builders import answer, row
from airquality_dagster_tests.scripted_server import Received, Reply, scripted_server

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
TOKEN_PATH = "/realms/airqino/protocol/openid-connect/token"
OK = Reply(body=answer(row()))


def ask(url: str, **options):
    options = {"backoff_seconds": 0.01, "attempts": 3, **options}
    client = AirQinoClient(url, **options)
    try:
        return client.hourly_averages(283164601, START, END)
    finally:
        client.close()


def replies(*script: Reply):
    return lambda request, number: script[min(number, len(script) - 1)]


def test_a_question_names_station_and_period_and_takes_compressed_answers():
    with scripted_server(replies(Reply(body=answer(row()), headers={"Content-Encoding": "gzip"}))) as server:
        assert ask(server.url) == answer(row())
    (request,) = server.received
    assert request.path == "/v3/getStationHourlyAvg/283164601"
    assert request.query == {"start_date": "20230101-0000", "end_date": "20230201-0000"}
    assert "gzip" in request.headers["accept-encoding"]
    assert request.headers["user-agent"].startswith("airquality-dagster/")
    assert "authorization" not in request.headers


def test_bounds_in_another_time_zone_are_asked_for_in_utc():
    zone = timezone(timedelta(hours=2))
    with scripted_server(replies(OK)) as server:
        AirQinoClient(server.url).hourly_averages(
            1, datetime(2023, 1, 1, tzinfo=zone), datetime(2023, 2, 1, tzinfo=zone)
        )
    assert server.received[0].query == {"start_date": "20221231-2200", "end_date": "20230131-2200"}


TRANSIENT = (408, 421, 423, 425, 429, 500, 501, 502, 503, 504, 507, 508, 520, 522, 530, 599)


@pytest.mark.parametrize(
    "failure",
    [
        *(Reply(status=status) for status in TRANSIENT),
        Reply(status=403, headers={"Retry-After": "0"}),
        Reply(hang_up=True),
        Reply(body=answer(row()), announced_length=5000),
    ],
    ids=[*map(str, TRANSIENT), "403 with Retry-After", "connection closed", "answer broke off"],
)
def test_a_failure_that_may_pass_is_tried_again(failure):
    with scripted_server(replies(failure, failure, OK)) as server:
        assert ask(server.url) == answer(row())
    assert len(server.received) == 3


class Clock:
    """Time as the client sees it: it goes on by the client's pauses, and where a test says so."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("airquality_dagster.airqino.client.time", clock)
    for module in ("tenacity", "tenacity.nap"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


def test_what_a_run_spends_in_vain_is_bounded_over_all_its_questions(clock):
    """Five attempts a question, then one, then none: however many stations there are."""

    def refuse_slowly(request: Received, number: int) -> Reply:
        clock.now += 2
        return Reply(status=503)

    with scripted_server(refuse_slowly) as server:
        client = AirQinoClient(server.url, attempts=5, backoff_seconds=1.0, patience_seconds=300.0)

        asked, said = [], []
        for _ in range(100):
            before = len(server.received)
            with pytest.raises(AirQinoUnavailableError) as caught:
                client.hourly_averages(1, START, END)
            asked.append(len(server.received) - before)
            said.append(str(caught.value))
        client.close()
    assert asked == sorted(asked, reverse=True)
    assert set(asked) == {5, 1, 0}
    assert "no more requests to" in said[-1]
    assert "the last with: HTTP 503" in said[-1]


def test_stations_that_fail_slowly_do_not_use_up_the_patience_for_those_that_answer(clock):
    """Each fourth station fails until its limit; all others get their answer, however many there are."""

    def script(request: Received, number: int) -> Reply:
        if int(request.path.rpartition("/")[2]) % 4:
            return OK
        clock.now += 90
        return Reply(status=503)

    with scripted_server(script) as server:
        client = AirQinoClient(server.url, total_seconds=180.0, patience_seconds=900.0)
        failed = []
        for station in range(1, 61):
            try:
                client.hourly_averages(station, START, END)
            except AirQinoUnavailableError:
                failed.append(station)
        client.close()
    assert failed == list(range(4, 61, 4))


@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_at_once_shows_that_the_api_is_up(clock, status):
    """Stations take turns: one fails until its limit, one is not known."""

    def script(request: Received, number: int) -> Reply:
        if int(request.path.rpartition("/")[2]) % 2:
            return Reply(status=status)
        clock.now += 90
        return Reply(status=503)

    with scripted_server(script) as server:
        client = AirQinoClient(server.url, total_seconds=180.0, patience_seconds=900.0)
        for station in range(1, 41):
            with pytest.raises(AirQinoError) as error:
                client.hourly_averages(station, START, END)
            assert "no more requests" not in str(error.value)
        client.close()


def test_pauses_before_an_answer_are_spent_in_vain_and_answers_are_not(clock):
    def answer_slowly(request: Received, number: int) -> Reply:
        clock.now += 10
        return OK

    with scripted_server(lambda request, number: OK if number % 2 else Reply(status=503)) as server:
        client = AirQinoClient(server.url, backoff_seconds=1.0, patience_seconds=2.5)
        answered = 0
        with contextlib.suppress(AirQinoUnavailableError):
            for _ in range(20):
                client.hourly_averages(1, START, END)
                answered += 1
        client.close()
    assert answered in (1, 2)  # a pause is of one to two seconds
    with scripted_server(answer_slowly) as server:
        client = AirQinoClient(server.url, patience_seconds=0.05)
        for _ in range(5):
            client.hourly_averages(1, START, END)
        client.close()


def test_tries_are_bounded_in_number_and_the_error_says_what_to_do():
    with (
        scripted_server(replies(Reply(status=503))) as server,
        pytest.raises(AirQinoUnavailableError) as caught,
    ):
        ask(server.url, attempts=4)
    assert len(server.received) == 4
    assert "4 attempts: HTTP 503" in str(caught.value)
    assert "AIRQINO_BASE_URL" in str(caught.value)


def test_retry_after_in_seconds_is_waited_for(clock):
    with scripted_server(replies(Reply(status=429, headers={"Retry-After": "7"}), OK)) as server:
        ask(server.url)
    assert clock.pauses == [7]


def test_a_retry_after_beyond_the_time_that_is_left_gives_up_at_once(clock):
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with scripted_server(replies(Reply(status=503, headers={"Retry-After": later}), OK)) as server:
        with pytest.raises(AirQinoUnavailableError, match="1 attempt: HTTP 503"):
            ask(server.url, total_seconds=30)
    assert clock.pauses == []


@pytest.mark.parametrize("seconds", ["31", "9" * 400, "99999999.5"])
def test_more_seconds_than_the_time_that_is_left_give_up_at_once(clock, seconds):
    with scripted_server(replies(Reply(status=429, headers={"Retry-After": seconds}), OK)) as server:
        with pytest.raises(AirQinoUnavailableError, match="1 attempt: HTTP 429"):
            ask(server.url, total_seconds=30)
    assert clock.pauses == []


@pytest.mark.parametrize("text", ["-5", "0.5", "²", "soon", "Wed, 21 Oct 2015 07:28:00"])
def test_an_odd_retry_after_is_followed_by_the_usual_pause(clock, text):
    headers = {"Retry-After": text.encode().decode("latin-1")}
    with scripted_server(replies(Reply(status=503, headers=headers), OK)) as server:
        assert ask(server.url, backoff_seconds=1.0) == answer(row())
    (pause,) = clock.pauses
    assert 1 <= pause <= 2


def test_an_answer_that_does_not_come_is_given_up_after_the_timeout():
    never = threading.Event()
    with scripted_server(replies(Reply(wait_for=never))) as server:
        with pytest.raises(AirQinoUnavailableError, match="no answer in time"):
            ask(server.url, timeout=(1, 0.1), attempts=2)
        never.set()
    assert len(server.received) == 2


@pytest.mark.parametrize("status", [400, 403, 405, 422])
def test_another_refusal_is_not_tried_again(status):
    with scripted_server(replies(Reply(status=status, body={"error": "no such thing"}), OK)) as server:
        with pytest.raises(AirQinoError, match=f"HTTP {status}: .*no such thing"):
            ask(server.url)
    assert len(server.received) == 1


def test_an_unknown_station_is_named_as_such_and_not_tried_again():
    with (
        scripted_server(replies(Reply(status=404, body={}))) as server,
        pytest.raises(UnknownStationError, match="airqino_id"),
    ):
        ask(server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b'{"data": [', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_an_error_that_shows_its_beginning(body):
    with scripted_server(replies(Reply(body=body, headers={"Content-Type": "text/html"}))) as server:
        with pytest.raises(AirQinoAnswerError, match="is not JSON"):
            ask(server.url)
    assert len(server.received) == 1


def test_nobody_there_is_an_error_in_words():
    with pytest.raises(
        AirQinoUnavailableError, match=r"http://127.0.0.1:9 gave no answer in 2 attempts: connection refused"
    ):
        ask("http://127.0.0.1:9", attempts=2)


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://127.0.0.1:99999x", "ftp://127.0.0.1"])
def test_a_base_url_that_is_none_is_said_to_be(url):
    with pytest.raises(AirQinoError, match="AIRQINO_BASE_URL"):
        ask(url)


class Keycloak:
    """A scripted realm: remembers grants, hands out tokens 1, 2, …, accepts the newest only."""

    def __init__(self, *, expires_in: int = 300, refuse: tuple[str, ...] = ()) -> None:
        self.expires_in, self.refuse = expires_in, refuse
        self.issued = 0
        self.accepts_any = True

    def __call__(self, request: Received, number: int) -> Reply:
        if request.path == TOKEN_PATH:
            if request.form["grant_type"] in self.refuse:
                return Reply(status=400, body={"error": "invalid_grant", "error_description": "Token is not active"})
            self.issued += 1
            return Reply(
                body={
                    "access_token": f"token-{self.issued}",
                    "expires_in": self.expires_in,
                    "refresh_expires_in": 1800,
                    "refresh_token": f"refresh-{self.issued}",
                    "token_type": "Bearer",
                }
            )
        if request.headers.get("authorization") == f"Bearer token-{self.issued}" and self.accepts_any:
            return OK
        return Reply(status=401, body={})


def source(url: str, **credentials) -> TokenSource:
    return TokenSource(Credentials(token_url=url + TOKEN_PATH, client_id="airqino-api", **credentials), (5, 5))


def forms(server):
    return [request.form for request in server.received if request.path == TOKEN_PATH]


def test_the_password_grant_sends_what_keycloak_wants_and_the_call_carries_the_token():
    with scripted_server(Keycloak()) as server:
        ask(
            server.url,
            token_source=source(server.url, client_secret="s&cret=", username="user", password="p%ss+ wörd"),
        )
    assert forms(server) == [
        {
            "grant_type": "password",
            "client_id": "airqino-api",
            "client_secret": "s&cret=",
            "username": "user",
            "password": "p%ss+ wörd",
            "scope": "openid",
        }
    ]
    assert server.received[0].method == "POST"
    assert server.received[1].headers["authorization"] == "Bearer token-1"


def test_a_public_client_sends_no_secret():
    with scripted_server(Keycloak()) as server:
        ask(server.url, token_source=source(server.url, username="user", password="password"))
    assert "client_secret" not in forms(server)[0]
    assert forms(server)[0]["client_id"] == "airqino-api"
    assert "authorization" not in server.received[0].headers


def test_the_refresh_token_grant_uses_the_newest_refresh_token():
    with scripted_server(Keycloak(expires_in=1)) as server:
        tokens = source(server.url, refresh_token="refresh-0")
        ask(server.url, token_source=tokens)
        ask(server.url, token_source=tokens)
    assert [(form["grant_type"], form["refresh_token"]) for form in forms(server)] == [
        ("refresh_token", "refresh-0"),
        ("refresh_token", "refresh-1"),
    ]


def test_a_token_is_used_while_it_lives_and_renewed_before_it_expires():
    with scripted_server(Keycloak(expires_in=300)) as server:
        tokens = source(server.url, username="user", password="password")
        ask(server.url, token_source=tokens)
        ask(server.url, token_source=tokens)
        assert len(forms(server)) == 1
    with scripted_server(Keycloak(expires_in=20)) as server:
        tokens = source(server.url, username="user", password="password")
        ask(server.url, token_source=tokens)
        ask(server.url, token_source=tokens)
        assert len(forms(server)) == 2


def test_when_the_refresh_token_has_expired_the_password_grant_follows():
    with scripted_server(Keycloak(refuse=("refresh_token",))) as server:
        tokens = source(server.url, refresh_token="old", username="user", password="password")
        assert ask(server.url, token_source=tokens) == answer(row())
    assert [form["grant_type"] for form in forms(server)] == ["refresh_token", "password"]


def test_a_token_that_dies_early_is_renewed_once():
    realm = Keycloak()
    with scripted_server(realm) as server:
        tokens = source(server.url, username="user", password="password")
        ask(server.url, token_source=tokens)
        realm.issued += 1  # the realm has forgotten token-1
        assert ask(server.url, token_source=tokens) == answer(row())
    assert len(forms(server)) == 2


def test_refused_credentials_are_an_error_that_names_the_variables_and_no_secret():
    with scripted_server(Keycloak(refuse=("password", "refresh_token"))) as server:
        with pytest.raises(AirQinoCredentialsError) as caught:
            ask(
                server.url,
                token_source=source(server.url, username="user", password="hunter2", refresh_token="hunter3"),
            )
    message = str(caught.value)
    assert "AIRQINO_PASSWORD" in message
    assert "invalid_grant" in message
    assert "hunter" not in message
    assert len(server.received) == 2


def test_a_401_without_credentials_says_which_to_set():
    with scripted_server(replies(Reply(status=401, body={}))) as server:
        with pytest.raises(AirQinoCredentialsError, match="AIRQINO_CLIENT_ID"):
            ask(server.url)
    assert len(server.received) == 1


def test_a_token_endpoint_that_fails_for_a_while_is_tried_again():
    realm = Keycloak()

    def flaky(request: Received, number: int) -> Reply:
        return Reply(status=503) if number < 2 else realm(request, number)

    with scripted_server(flaky) as server:
        assert ask(server.url, token_source=source(server.url, username="user", password="password")) == answer(row())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
        Reply(body={"no": "token"}),
        Reply(status=401, body=b""),
    ],
    ids=["404", "html", "no token", "401 without a body"],
)
def test_a_token_endpoint_that_answers_nonsense_is_an_error_about_it(reply):
    with scripted_server(replies(reply)) as server, pytest.raises(AirQinoCredentialsError, match=TOKEN_PATH):
        ask(server.url, token_source=source(server.url, username="user", password="hunter2"))


def test_credentials_do_not_show_their_secrets():
    shown = repr(Credentials("url", "client", "s3cret", "user", "hunter2", "refr3sh"))
    assert not any(secret in shown for secret in ("s3cret", "hunter2", "refr3sh"))
