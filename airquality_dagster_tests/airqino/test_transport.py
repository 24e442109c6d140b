"""How requests reach a server: one limit on an exchange, no credentials from outside, proxies, CA bundles."""

import contextlib
import gc
import gzip
import json
import socket
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.oauth2 import Credentials, TokenSource
from airquality_dagster.airqino.transport import proxies_for, within
from airquality_dagster.errors import AirQinoError, AirQinoUnavailableError
from airquality_dagster_tests.builders import answer, row
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.processes import wait_until
from airquality_dagster_tests.scripted_server import RawConnection, Reply, raw_server, scripted_server

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
BODY = json.dumps(answer(row())).encode()
TOKEN = b'{"access_token": "t", "expires_in": 300}'
OK = Reply(body=answer(row()))
LIMIT = 0.4


def http(body: bytes, *headers: str, length: bool = True) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(url: str, token_url: str | None = None, **options):
    credentials = Credentials(token_url, "client", username="user", password="hunter2") if token_url else None
    options = {"backoff_seconds": 0.01, "attempts": 2, **options}
    client = AirQinoClient(url, TokenSource(credentials, (5, 5)) if credentials else None, **options)
    try:
        return client.hourly_averages(7, START, END)
    finally:
        client.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority, tmp_path, monkeypatch) -> ssl.SSLContext:
    """A server's certificate, which the environment vouches for."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def whole(connection: RawConnection) -> None:
    connection.drip(http(BODY))


def body_alone(connection: RawConnection) -> None:
    connection.send(http(b"", "Content-Length: 9000", length=False))
    connection.drip(b" " * 9000)


def chunks(connection: RawConnection) -> None:
    connection.send(http(b"", "Transfer-Encoding: chunked", length=False))
    connection.drip(b"1\r\n \r\n" * 2000)


def compressed(connection: RawConnection) -> None:
    content = gzip.compress(BODY)
    connection.send(http(b"", "Content-Encoding: gzip", "Content-Length: 9000", length=False) + content[:-4])
    connection.drip(b"\0" * 9000)


def without_length(connection: RawConnection) -> None:
    connection.send(http(b"", length=False))
    connection.drip(b" " * 9000)


def early_hints(connection: RawConnection) -> None:
    connection.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 300, pause=0.001)


def silence(connection: RawConnection) -> None:
    connection.over.wait(20)


DRIPS = [whole, body_alone, chunks, compressed, without_length, early_hints, silence]


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("drip", DRIPS)
def test_a_server_that_drips_is_given_up_after_the_total_time_and_its_connection_ended(drip, is_tls, request):
    context = request.getfixturevalue("tls") if is_tls else None
    with raw_server(drip, context) as server:
        begin = time.monotonic()
        with pytest.raises(AirQinoUnavailableError, match="not complete after 0.4 s"):
            ask(server.url, total_seconds=LIMIT)
        assert time.monotonic() - begin < LIMIT + 1.5
        if drip is not silence:
            wait_until(lambda: server.open_connections == 0, "the end of the connection", 10)
        wait_until(no_exchange, "the end of the thread", 10)


def no_exchange() -> bool:
    return not any(thread.name == "AirQino" for thread in threading.enumerate())


@pytest.mark.parametrize("drip", DRIPS)
def test_a_token_endpoint_that_drips_is_given_up_after_the_total_time(drip):
    with raw_server(drip) as server, pytest.raises(AirQinoUnavailableError, match="not complete after 0.4 s"):
        ask("http://127.0.0.1:9", server.url, total_seconds=LIMIT)


def test_a_look_up_of_a_name_that_hangs_is_given_up_after_the_total_time(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: over.wait(20) and [])
    with pytest.raises(AirQinoUnavailableError, match="not complete after 0.4 s"):
        ask("http://api.example.test", total_seconds=LIMIT)
    over.set()


def test_attempts_and_pauses_share_one_limit():
    """A server that fails slowly gets no new limit with each attempt."""

    def fail(connection: RawConnection) -> None:
        connection.over.wait(0.15)
        connection.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    with raw_server(fail) as server:
        begin = time.monotonic()
        with pytest.raises(AirQinoUnavailableError):
            ask(server.url, total_seconds=LIMIT, attempts=50)
        assert time.monotonic() - begin < LIMIT + 1.5


def test_after_a_limit_the_same_client_goes_on_with_another_station():
    def answer_station(connection: RawConnection) -> None:
        if b"Avg/7?" in connection.request:
            body_alone(connection)
        else:
            connection.send(http(BODY))

    with raw_server(answer_station) as server:
        client = AirQinoClient(server.url, total_seconds=LIMIT, attempts=1)
        for _ in range(2):
            with pytest.raises(AirQinoUnavailableError):
                client.hourly_averages(7, START, END)
            assert client.hourly_averages(8, START, END) == answer(row())
        client.close()


def test_what_the_function_raises_or_returns_is_passed_on():
    assert within(5, lambda: 1, lambda: None) == 1
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, lambda: None)


@pytest.fixture(params=["NETRC", "HOME"])
def netrc(request, tmp_path, monkeypatch) -> Path:
    """A file of logins, with an entry for all hosts."""
    path = tmp_path / ".netrc"
    path.write_text("machine 127.0.0.1 login other password wrong\ndefault login other password wrong\n")
    path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    if request.param == "NETRC":
        monkeypatch.setenv("NETRC", str(path))
    return path


@pytest.mark.usefixtures("netrc")
def test_a_login_of_netrc_replaces_no_token_and_goes_to_no_server():
    def script(request, number):
        if request.path == "/token":
            return Reply(body={"access_token": "t", "expires_in": 300})
        if request.path.startswith("/v3"):
            return Reply(status=302, headers={"Location": "/moved"})
        return OK

    with scripted_server(script) as server:
        assert ask(server.url, f"{server.url}/token") == answer(row())
        ask(server.url)
    token, first, second, *untold = [request.headers.get("authorization") for request in server.received]
    assert token is None
    assert (first, second) == ("Bearer t", "Bearer t")
    assert untold == [None, None]


@pytest.mark.usefixtures("netrc")
def test_a_redirect_to_another_host_gets_no_token_and_no_login():
    with scripted_server(lambda request, number: OK) as other:
        target = other.url.replace("127.0.0.1", "localhost") + "/moved"

        def script(request, number):
            if request.path == "/token":
                return Reply(body={"access_token": "t"})
            return Reply(status=302, headers={"Location": target})

        with scripted_server(script) as server:
            ask(server.url, f"{server.url}/token")
    assert [request.headers.get("authorization") for request in other.received] == [None]


def test_a_redirect_of_the_token_endpoint_hands_the_password_to_nobody():
    with scripted_server(lambda request, number: OK) as other:
        redirect = Reply(status=307, headers={"Location": other.url})
        with scripted_server(lambda request, number: redirect) as server, pytest.raises(Exception, match="HTTP 307"):
            ask(server.url, f"{server.url}/token")
    assert other.received == []


VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(params=VARIABLES)
def proxy(request, monkeypatch) -> Iterator[object]:
    """A proxy that the environment names, which answers everything itself."""
    for name in (*VARIABLES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def script(received, number):
        return Reply(body={"access_token": "t"} if received.path == "/token" else {"data": "of the proxy"})

    with scripted_server(script) as server:
        monkeypatch.setenv(request.param, server.url)
        yield server


def test_a_server_on_this_machine_is_asked_without_a_proxy(proxy):
    def script(request, number):
        return Reply(body={"access_token": "t"}) if request.path == "/token" else OK

    with scripted_server(script) as server:
        for host in ("127.0.0.1", "localhost"):
            url = server.url.replace("127.0.0.1", host)
            assert ask(url, f"{url}/token") == answer(row())
    assert proxy.received == []


def test_the_real_api_and_its_token_endpoint_are_asked_through_the_proxy(proxy):
    url = "http://api.example.test"
    assert ask(url, f"{url}/token") == {"data": "of the proxy"}
    assert proxy.paths() == ["/token", "/v3/getStationHourlyAvg/7"]
    assert {request.headers["host"] for request in proxy.received} == {"api.example.test"}


def test_a_command_asks_its_own_sandbox_without_a_proxy(home, mongodb_uri, database):
    month = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m}"
    done = airquality(
        "backfill", "--from", month, "--to", month, "--station", "station1", home=home,
        MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert database["raw_station1"].count_documents({}) > 600


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("http://127.0.0.1:8900", True),
        ("http://127.8.9.10/", True),
        ("https://[::1]:8900/v3", True),
        ("http://LOCALHOST", True),
        ("http://sandbox.localhost:1", True),
        ("http://localhost.example.org", False),
        ("https://10.0.0.1", False),
        ("https://airqino-api.magentalab.it", False),
        ("nonsense", False),
        ("http://[", False),
    ],
)
def test_this_machine_is_known_by_its_names_and_addresses(url, is_own):
    assert bool(proxies_for(url)) is is_own


@pytest.mark.parametrize("is_token_tls", [False, True])
def test_a_ca_bundle_of_the_environment_is_used_for_api_and_token_endpoint(tls, is_token_tls):
    def script(request, number):
        return Reply(body={"access_token": "t"}) if request.path == "/token" else OK

    with scripted_server(script, tls) as server:
        assert ask(server.url, f"{server.url}/token" if is_token_tls else None) == answer(row())


@pytest.mark.parametrize("hints", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
def test_informational_answers_before_the_final_one_are_skipped(hints):
    """The final one would be taken for the answer to the next request, which may be of another station."""

    def script(connection: RawConnection) -> None:
        for station in (7, 8, 9):
            connection.send(hints + b"HTTP/1.1 102 Processing\r\n\r\n" + hints + http(b'{"of": %d}' % station))
            if station < 9:
                connection.socket.recv(65536)

    with raw_server(script) as server:
        client = AirQinoClient(server.url, attempts=1)
        answers = [client.hourly_averages(station, START, END) for station in (7, 8, 9)]
        client.close()
    assert answers == [{"of": 7}, {"of": 8}, {"of": 9}]
    assert len(server.requests) == 1  # one connection


ODD_LINES = [
    *(b"X-B\x01d: 1", b"X-B\x00d: 1", "X-Bé: 1".encode(), b"X B: 1", b"no colon at all", b": no name", b"X-A: a\rb"),
    *(b"X-A: \x01\x0b\x1c\x7f", b"X-A: \xff\xfe", b"X-A : 1", b"X-A: 1\r\n  continued\r\n\tonce more", b"X-A:"),
]


@pytest.mark.parametrize("line", ODD_LINES)
def test_odd_header_lines_hide_neither_the_other_headers_nor_the_body(line):
    """Without its length, the body would have no end as long as the server keeps the connection."""

    def script(connection: RawConnection) -> None:
        for _ in range(2):
            connection.send(http(BODY).replace(b"Content-Type", line + b"\r\nContent-Type"))
            connection.socket.recv(65536)

    with raw_server(script) as server:
        client = AirQinoClient(server.url, attempts=1, total_seconds=20)
        assert [client.hourly_averages(7, START, END) for _ in range(2)] == [answer(row())] * 2
        client.close()
    assert len(server.requests) == 1  # one connection


HTTP_PARTS = st.sampled_from([
    *(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 302 Found", b"HTTP/1.1 401 No", b"HTTP/9 \xff", b"\r\n", b"\r\n\r\n"),
    *(b"Location: http://[", b"Location: \xff", b"Location: ftp://x", b"Location: /v3/loop", b"Retry-After: \xb2", b": "),
    *(b"Content-Length: 8, 9", b"Content-Length: -1", b"Content-Length: 9" + b"9" * 5000, b"Transfer-Encoding: chunked"),
    *(b"Content-Encoding: gzip, gzip", b"Content-Type: application/json; charset=\x00", b"Set-Cookie: a=\x01; domain=["),
    *(b"ffffffffffffffffff\r\n", b"-1\r\n", b"{", b"[1]", b"\x1f\x8b\x08", b"WWW-Authenticate: Bearer error=\"\xff"),
])  # fmt: skip


@settings(max_examples=150)
@example(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n")
@example(b"HTTP/1.1 302 Found\r\nLocation: \xff\r\nContent-Length: 0\r\n\r\n")
@example(b"HELLO\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 200)
@given(st.lists(HTTP_PARTS | st.binary(max_size=12), max_size=12).map(b"".join))
def test_whatever_a_server_sends_is_an_answer_or_a_named_error(content):
    with raw_server(lambda connection: connection.send(content)) as server:
        with contextlib.suppress(AirQinoError):
            ask(server.url, attempts=1)
        with contextlib.suppress(AirQinoError):
            ask(server.url, server.url, attempts=1)


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 302 Found\r\nLocation: \xff\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8, 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\nno gzip",
    ],
    ids=["redirect", "two lengths", "no gzip"],
)
def test_an_answer_that_cannot_be_read_leaves_no_connection_open(content, is_tls, request, monkeypatch):
    left_open: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: left_open.append(event.exc_value))
    context = request.getfixturevalue("tls") if is_tls else None
    with raw_server(lambda connection: connection.send(content), context) as server, warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for token_url in (None, server.url):
            with pytest.raises(AirQinoError):
                ask(server.url, token_url, attempts=1)
        gc.collect()
    assert left_open == []


def ends_early(*, compress: bool, length: bool) -> bytes:
    content = gzip.compress(BODY) if compress else BODY
    half = content[: len(content) // 2]
    return http(half, *(["Content-Encoding: gzip"] if compress else []), length=length)


@pytest.mark.parametrize(
    "broken",
    [
        ends_early(compress=False, length=False),
        ends_early(compress=True, length=False),
        ends_early(compress=True, length=True),
        http(b"", length=False),
        http(b"", length=False).replace(b"HTTP/1.1", b"HTTP/1.0"),
        ends_early(compress=False, length=False).replace(b"HTTP/1.1", b"HTTP/1.0"),
        http(b"40\r\n" + BODY, "Transfer-Encoding: chunked", length=False),
        http(b"", "Content-Length: 5000", length=False) + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        b"",
        http(b"not gzip at all", "Content-Encoding: gzip"),
    ],
    ids=[
        *("no length", "gzip without length", "gzip with length", "no body", "no body, 1.0", "1.0"),
        *("chunks", "length", "headers", "nothing", "no gzip"),
    ],
)
def test_an_answer_that_ends_early_is_asked_for_again_at_api_and_token_endpoint(broken):
    def script(connection: RawConnection) -> None:
        is_token = connection.request.startswith(b"POST")
        before = sum(request.startswith(b"POST") == is_token for request in server.requests)
        connection.send(broken if before == 1 else http(TOKEN if is_token else BODY))

    with raw_server(script) as server:
        assert ask(server.url, f"{server.url}/token", attempts=3) == answer(row())


def test_an_answer_that_always_ends_early_is_no_empty_month():
    with raw_server(lambda connection: connection.send(ends_early(compress=False, length=False))) as server:
        with pytest.raises(AirQinoUnavailableError, match="2 attempts: the answer broke off"):
            ask(server.url)
