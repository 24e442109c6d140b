"""Tokens: what a token endpoint may answer, what its refusals say, and tokens that become valid later."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.oauth2 import (
    Credentials,
    GrantRefusedError,
    NoTokenError,
    Token,
    parse_token,
)
from airquality_dagster.airqino.replies import Reply as Answered
from airquality_dagster.airqino.replies import TransientError
from airquality_dagster.airqino.resource import AirQinoResource, credentials_of
from airquality_dagster.errors import AirQinoCredentialsError, AirQinoError
from airquality_dagster_tests.airqino.test_client import (
    END,
    OK,
    START,
    TOKEN_PATH,
    Clock,
    Keycloak,
    ask,
    clock,
    forms,
    replies,
    source,
)
from airquality_dagster_tests.builders import answer, row
from airquality_dagster_tests.scripted_server import Received, Reply, scripted_server

__all__ = ["clock"]  # a fixture


def parsed(body: object, status: int = 200, **headers: str) -> Token:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_token(
        Answered(status, "", CaseInsensitiveDict({"Content-Length": str(len(content)), **named}), content)
    )


@pytest.mark.parametrize("extra", [{"error": None}, {"error": ""}, {"error": False}, {"error": None, "scope": None}])
def test_an_error_of_null_beside_a_token_is_a_token(extra):
    assert parsed({"access_token": "t", **extra}).access == "t"


@pytest.mark.parametrize("value", [None, "soon", [], {}, True, math.nan, "nan", ""])
def test_a_token_without_a_usable_life_is_used_until_it_is_refused(value):
    token = parsed({"access_token": "t", "expires_in": value})
    assert token.expires_at is None
    assert not token.is_expired()


@pytest.mark.parametrize(
    ("value", "is_expired"), [(300, False), ("300", False), (300.5, False), (1e300, False), (10, True), (-7, True)]
)
def test_a_life_may_be_a_number_or_text(value, is_expired):
    assert parsed({"access_token": "t", "expires_in": value}).is_expired() is is_expired


def test_a_life_of_hundreds_of_digits_is_a_long_life():
    assert not parsed(b'{"access_token": "t", "expires_in": %b}' % (b"9" * 5000)).is_expired()


@pytest.mark.parametrize("token", [None, "", " ", 7, ["t"], {"t": 1}, "a\r\nb: c", "é", "a b", "\x00"])
def test_what_no_header_can_carry_is_no_token(token):
    with pytest.raises(NoTokenError, match="HTTP 200"):
        parsed({"access_token": token})


@pytest.mark.parametrize("refresh", [None, "", 7, ["r"]])
def test_what_is_no_refresh_token_is_left_out(refresh):
    assert parsed({"access_token": "t", "refresh_token": refresh}).refresh is None


def test_tokens_do_not_show():
    assert "t0ken" not in repr(Token("t0ken", "refresh-t0ken"))


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error", "slow_down"])
def test_an_oauth2_error_that_passes_is_a_passing_failure(error):
    with pytest.raises(TransientError, match=error):
        parsed({"error": error}, 400)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["access_token", "refresh_token", "expires_in", "error", "error_description", "token_type", "message"]
ODD = st.sampled_from(["t", "", "300", "-1", "1e999", "invalid_grant", "slow_down", "\ud800", "\x00", "é", "9" * 4500])
TOKENS = st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON | ODD, max_size=7)
BODIES = st.one_of(
    TOKENS.map(lambda body: json.dumps(body).encode()),
    JSON.map(lambda body: json.dumps(body).encode()),
    TOKENS.map(lambda body: json.dumps(body, ensure_ascii=False).encode("utf-16", "surrogatepass")),
    st.tuples(TOKENS, st.integers(0, 60)).map(lambda cut: json.dumps(cut[0]).encode()[: cut[1]]),
    st.binary(max_size=60),
    st.sampled_from([b"[" * 5000, b'{"access_token": "t", "expires_in": ' + b"7" * 5000 + b"}"]),
)
CHARSETS = st.sampled_from(["utf-8", "latin-1", "utf-16", "rot13", "idna", "punycode", "base64", "\x00", "é", ""])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": (st.text() | CHARSETS).map(lambda charset: f"application/json; charset={charset}"),
        "Retry-After": st.text(),
        "WWW-Authenticate": st.text(),
        "Content-Length": st.text(),
        "Content-Encoding": st.sampled_from(["gzip", "br"]),
        "Transfer-Encoding": st.sampled_from(["chunked", "Chunked, gzip"]),
    },
)


def check_that_an_answer_is_a_token_or_a_named_error(status, reason, headers, body):
    try:
        token = parse_token(Answered(status, reason, CaseInsensitiveDict(headers), body), ("hunter2",))
    except (TransientError, GrantRefusedError, NoTokenError) as error:
        said = str(error)
        is_sound = len(said) < 400
    else:
        said = token.access
        is_sound = said.isascii()
        assert token.is_expired() in (True, False)
    assert said
    assert said.isprintable()
    assert is_sound


STATUSES = st.sampled_from([200, 200, 200, 201, 204, 400, 401, 403, 429, 500]) | st.integers(100, 999)


@settings(max_examples=500)
@given(STATUSES, st.text(max_size=20), HEADERS, BODIES)
def test_any_answer_of_a_token_endpoint_is_a_token_or_a_named_error(status, reason, headers, body):
    check_that_an_answer_is_a_token_or_a_named_error(status, reason, headers, body)


@pytest.mark.long
@settings(max_examples=100_000)
@given(STATUSES, st.text(max_size=20), HEADERS, BODIES)
def test_any_of_100_000_answers_of_a_token_endpoint_is_a_token_or_a_named_error(status, reason, headers, body):
    check_that_an_answer_is_a_token_or_a_named_error(status, reason, headers, body)


@pytest.mark.parametrize(
    ("error", "description"),
    [
        ("invalid_grant", "Account is not fully set up"),
        ("invalid_grant", "Account disabled"),
        ("unauthorized_client", "Client not allowed for direct access grants"),
        ("invalid_scope", "Invalid scopes: openid"),
    ],
)
def test_what_the_token_endpoint_says_of_a_refusal_is_told(error, description):
    refusal = Reply(status=400, body={"error": error, "error_description": description})
    with scripted_server(replies(refusal)) as server, pytest.raises(AirQinoCredentialsError) as caught:
        ask(server.url, token_source=source(server.url, username="user", password="hunter2"))
    assert f"password grant: {error}: {description}" in str(caught.value)


def test_what_the_token_endpoint_says_is_told_in_one_short_line_without_secrets():
    def echo(request: Received, number: int) -> Reply:
        text = f"Wrong:\n\t{request.form} {request.body} " + "x" * 500
        return Reply(status=401, body={"error": "invalid_grant", "error_description": text})

    secrets = {"username": "user", "password": "p@ss wörd", "client_secret": "s&cret="}
    with scripted_server(echo) as server, pytest.raises(AirQinoCredentialsError) as caught:
        ask(server.url, token_source=source(server.url, **secrets))
    message = str(caught.value)
    assert "Wrong: {" in message
    assert "\n" not in message
    assert len(message) < 600
    assert not any(secret in message for secret in ("p@ss", "p%40ss", "s&cret", "s%26cret"))


def test_a_reason_phrase_that_repeats_the_form_shows_no_secret(caplog):
    def echo(request: Received, number: int) -> Reply:
        return Reply(status=503, reason=f"cannot handle {request.body}")

    secrets = {"username": "user", "password": "p@ss wörd", "client_secret": "s&cret="}
    with scripted_server(echo) as server, pytest.raises(AirQinoError) as caught:
        ask(server.url, token_source=source(server.url, **secrets))
    for text in (str(caught.value), caplog.text):
        assert "cannot handle" in text
        assert not any(secret in text for secret in ("p@ss", "p%40ss", "s&cret", "s%26cret"))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("is_in_header", [False, True])
def test_what_the_api_says_of_a_refusal_is_told_without_the_token(status, is_in_header):
    def refuse(request: Received, number: int) -> Reply:
        if request.path == TOKEN_PATH:
            return Reply(body={"access_token": "acce55-token"})
        said = "acce55-token may not read station 7"
        headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", error_description="{said}"'}
        return Reply(
            status=status, headers=headers if is_in_header else {}, body={} if is_in_header else {"error": said}
        )

    with scripted_server(refuse) as server, pytest.raises(AirQinoError) as caught:
        ask(server.url, token_source=source(server.url, username="user", password="hunter2"))
    assert "… may not read station 7" in str(caught.value)
    assert "acce55" not in str(caught.value)


class LaterRealm(Keycloak):
    """Its tokens become valid some seconds after they were granted."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.granted: dict[str, float] = {}

    def __call__(self, request: Received, number: int) -> Reply:
        if request.path == TOKEN_PATH:
            reply = super().__call__(request, number)
            self.granted[f"Bearer token-{self.issued}"] = self.clock.now
            return reply
        age = self.clock.now - self.granted.get(request.headers["authorization"], math.inf)
        return OK if age >= self.seconds else Reply(status=401, body={"message": "Token used before issued"})


def test_a_token_that_becomes_valid_after_some_seconds_is_tried_again_after_the_usual_pauses(clock):
    with scripted_server(LaterRealm(clock, 4.0)) as server:
        tokens = source(server.url, username="user", password="hunter2")
        assert ask(server.url, token_source=tokens, backoff_seconds=1.0, attempts=5) == answer(row())
    assert len(forms(server)) == 1  # the same token: a new one would be as young
    assert 2 <= len(clock.pauses) <= 3


def test_a_token_that_is_still_refused_is_an_error_about_credentials_with_what_the_server_says(clock):
    with scripted_server(LaterRealm(clock, 9e9)) as server:
        tokens = source(server.url, username="user", password="hunter2")
        with pytest.raises(AirQinoCredentialsError) as caught:
            ask(server.url, token_source=tokens, backoff_seconds=1.0, attempts=5)
    assert "refuses a new token in 5 attempts: HTTP 401, Token used before issued" in str(caught.value)
    assert len(clock.pauses) == 4
    assert len(forms(server)) == 1


def test_a_token_that_was_refused_for_a_whole_request_is_replaced_in_the_next(clock):
    """Its realm may have forgotten it; or it has become valid meanwhile."""
    realm = LaterRealm(clock, 9e9)
    with scripted_server(realm) as server:
        tokens = source(server.url, username="user", password="hunter2")
        client = AirQinoClient(server.url, tokens, backoff_seconds=1.0, attempts=3)
        with pytest.raises(AirQinoCredentialsError):
            client.hourly_averages(7, START, END)
        realm.seconds = 2.0
        realm.granted["Bearer token-1"] = math.inf
        assert client.hourly_averages(8, START, END) == answer(row())
        client.close()
    assert len(forms(server)) == 2


def test_a_realm_that_answers_the_same_refused_token_again_is_no_endless_loop():
    realm = Keycloak()
    with scripted_server(realm) as server:
        client = AirQinoClient(server.url, source(server.url, username="user", password="p"), backoff_seconds=0.0)
        client.hourly_averages(7, START, END)
        realm.accepts_any, realm.issued = False, 0
        with pytest.raises(AirQinoCredentialsError, match="refuses a new token"):
            client.hourly_averages(7, START, END)
        client.close()


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t", "  \n\n"])
def test_credentials_lose_the_blanks_and_line_ends_around_them(end):
    values = {
        "AIRQINO_CLIENT_ID": "client",
        "AIRQINO_CLIENT_SECRET": "secret",
        "AIRQINO_USERNAME": "user",
        "AIRQINO_PASSWORD": "pass word",
        "AIRQINO_REFRESH_TOKEN": "refresh",
    }
    expected = Credentials("https://realm/token", *values.values())
    padded = {name: f"{end}{value}{end}" for name, value in values.items()}
    assert credentials_of(padded, f"https://realm/token{end}") == expected
    fields = {name.removeprefix("AIRQINO_").lower(): value for name, value in padded.items()}
    assert AirQinoResource(token_url=f"https://realm/token{end}", **fields).credentials() == expected
    assert credentials_of(dict.fromkeys(values, end)) is None


def test_a_refresh_token_that_may_be_used_once_is_told_as_such_in_the_next_run():
    class Rotating(Keycloak):
        def __call__(self, request: Received, number: int) -> Reply:
            if request.path == TOKEN_PATH and request.form["refresh_token"] != f"refresh-{self.issued}":
                refusal = {
                    "error": "invalid_grant",
                    "error_description": "Maximum allowed refresh token reuse exceeded",
                }
                return Reply(status=400, body=refusal)
            return super().__call__(request, number)

    with scripted_server(Rotating(expires_in=1)) as server:
        tokens = source(server.url, refresh_token="refresh-0")
        for _ in range(3):  # one run
            ask(server.url, token_source=tokens)
        with pytest.raises(AirQinoCredentialsError) as caught:  # the next
            ask(server.url, token_source=source(server.url, refresh_token="refresh-0"))
    message = str(caught.value)
    assert "Maximum allowed refresh token reuse exceeded" in message
    assert "may be used only once" in message
    assert "offline token" in message
    assert "AIRQINO_USERNAME" in message
    assert "refresh-0" not in message
