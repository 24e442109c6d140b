"""A real HTTP server on loopback that answers as a test scripts it, and remembers what was sent."""

import contextlib
import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    body: str = ""

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer.

    Parameters:
        body: JSON-encoded unless bytes.
        announced_length: Content-Length that is sent, where it is not the true one.
        hang_up: close the connection without an answer.
        wait_for: hold the answer back until this is set (bounded).
        reason: the reason phrase after the status.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced_length: int | None = None
    hang_up: bool = False
    wait_for: threading.Event | None = None
    reason: str | None = None


@dataclass
class ScriptedServer:
    """URL of the server, and the requests so far."""

    url: str
    received: list[Received]

    def paths(self) -> list[str]:
        """Return the paths of the requests."""
        return [request.path for request in self.received]


@contextlib.contextmanager
def scripted_server(
    answer: Callable[[Received, int], Reply], tls: ssl.SSLContext | None = None
) -> Iterator[ScriptedServer]:
    """Serve; ``answer`` gets each request and how many came before it."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            request = Received(
                self.command,
                split.path,
                {name: values[0] for name, values in parse_qs(split.query).items()},
                {name.lower(): value for name, value in self.headers.items()},
                {name: values[0] for name, values in parse_qs(body).items()},
                body,
            )
            received.append(request)
            reply = answer(request, len(received) - 1)
            if reply.wait_for is not None:
                reply.wait_for.wait(20)
            if reply.hang_up:
                self.close_connection = True
                self.connection.close()
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            if reply.headers.get("Content-Encoding") == "gzip":
                content = gzip.compress(content)
            self.send_response(reply.status, reply.reason)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            length = len(content) if reply.announced_length is None else reply.announced_length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)
            if length > len(content):
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().handle()

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield ScriptedServer(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", received)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class RawConnection:
    """A connection on which a test writes bytes as they are; ``over`` is set when the test ends."""

    socket: socket.socket
    request: bytes
    over: threading.Event

    def send(self, content: bytes) -> None:
        """Write bytes."""
        self.socket.sendall(content)

    def drip(self, content: bytes, pause: float = 0.02) -> None:
        """Write byte after byte, with a pause after each."""
        for byte in content:
            if self.over.wait(pause):
                return
            self.send(bytes([byte]))


@dataclass
class RawServer:
    """URL of the server, the requests so far, and how many connections are open."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    open_connections: int = 0


@contextlib.contextmanager
def raw_server(answer: Callable[[RawConnection], None], tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve what is no HTTP, or HTTP at another pace; the connection is closed after each answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}")
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        server.open_connections += 1
        with contextlib.suppress(OSError):
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                request = _read_request(connection)
                server.requests.append(request)
                answer(RawConnection(connection, request, over))
        server.open_connections -= 1

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        received = connection.recv(65536)
        if not received:
            return request
        request += received
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
