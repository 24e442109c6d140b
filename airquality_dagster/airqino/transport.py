"""How requests reach a server: a limit on the whole exchange, proxies, and nothing from ``~/.netrc``."""

import http.client
import ipaddress
import queue
import re
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

Result = TypeVar("Result")

# A name of RFC 9110, 5.1, or the continuation of a value.
_HEADER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:|[ \t]")


class Transport(HTTPAdapter):
    """Connections of a session, which another thread can end."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__()

    def end_connections(self) -> None:
        """End all connections: whoever waits for bytes of one gets an error."""
        for connection in list(self._sockets):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except (OSError, ValueError):
                continue  # closed already

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool for a request; it makes connections that `end_connections` knows."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        kind = pool.ConnectionCls  # of HTTP, HTTPS or SOCKS
        if not issubclass(kind, _Connection):
            pool.ConnectionCls = type(kind.__name__, (_Connection, kind), {"opened": self._sockets})
        return pool


class _HeaderLines:
    """Leaves header lines without a valid name out: the base class would take all that follow for the body."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self._is_in_headers = False

    def readline(self, limit: int) -> bytes:
        line = self._lines.readline(limit)
        while self._is_in_headers and line.strip() and not _HEADER_LINE.match(line):
            line = self._lines.readline(limit)
        # The first line is the status; so is that after an empty line, if the answer was an informational one.
        self._is_in_headers = bool(line.strip())
        return re.sub(rb"\r(?!\n)", b" ", line)

    def close(self) -> None:
        self._lines.close()


class _FinalResponse(http.client.HTTPResponse):
    """Skips each informational answer (RFC 9110, 15.2) before the final one; the base class skips 100 only."""

    def begin(self) -> None:
        connection = self.fp
        lines: Any = _HeaderLines(connection)
        self.fp = lines
        try:
            super().begin()
            while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
                # The base class reads an answer only once.
                self.headers = self.msg = None  # type: ignore[assignment]
                super().begin()
        finally:
            self.fp = connection


class _Exchange(threading.local):
    """The answers of an exchange, which has a thread of its own, with their connections."""

    def __init__(self) -> None:
        self.answers: list[tuple[http.client.HTTPResponse, http.client.HTTPConnection]] = []

    def close_unread(self) -> None:
        """Close the connections of answers that were not read to their end, as those with headers that urllib3 refuses.

        Otherwise they stay open until the garbage collector finds them.
        """
        for answer, connection in self.answers:
            if not answer.isclosed():
                answer.close()
                connection.close()


_EXCHANGE = _Exchange()


class _Connection(http.client.HTTPConnection):
    opened: weakref.WeakSet[socket.socket]

    def response_class(self, *arguments: Any, **options: Any) -> http.client.HTTPResponse:  # type: ignore[override]  # a class in the stubs
        answer = _FinalResponse(*arguments, **options)
        _EXCHANGE.answers.append((answer, self))
        return answer

    def connect(self) -> None:
        super().connect()
        self.opened.add(self.sock)


class Session(requests.Session):
    """A session that sends the credentials of its caller and no others."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        mount(self, transport)
        # Any `auth` keeps requests from looking into ~/.netrc, whose entry would replace our header.
        self.auth = _unchanged

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the token before a redirect to another host; the base class would also look into ``~/.netrc``."""
        if self.should_strip_auth(str(response.request.url), str(prepared_request.url)):
            prepared_request.headers.pop("Authorization", None)


def mount(session: requests.Session, transport: Transport) -> None:
    """Let a session send all its requests by a transport."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, transport)


def within(seconds: float, function: Callable[[], Result], on_timeout: Callable[[], None]) -> Result:
    """Return what a function returns, if it does within a time.

    The function runs in a thread of its own: timeouts of sockets start anew with each byte, and the look-up of a name
    has none.

    Args:
        seconds: time limit.
        function: waits for a server.
        on_timeout: makes the function end. Nobody waits for that.

    Raises:
        TimeoutError: the function did not return in time. What it raises is raised, too.
    """
    outcomes: queue.SimpleQueue[Callable[[], Result]] = queue.SimpleQueue()

    def work() -> None:
        try:
            result = function()
        except BaseException as error:
            _EXCHANGE.close_unread()
            outcomes.put(_raising(error))
        else:
            outcomes.put(lambda: result)

    # A daemon: if it does not end, it does not keep the process from ending.
    threading.Thread(target=work, name="AirQino", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=max(0.0, seconds))
    except queue.Empty:
        on_timeout()
        raise TimeoutError from None
    except BaseException:  # a signal
        on_timeout()
        raise
    return outcome()


def proxies_for(url: str) -> dict[str, str]:
    """Return the ``proxies`` of a request: none for this machine, those of the environment for others.

    >>> proxies_for("http://127.0.0.1:8900/v3"), proxies_for("https://airqino-api.magentalab.it")
    ({'no_proxy': '127.0.0.1'}, {})
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return {}  # not a URL: requests says so
    return {"no_proxy": host} if _is_loopback(host) else {}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _raising(error: BaseException) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
