"""HTTP servers in this process, by default on loopback."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from airquality_dagster.errors import LocalServiceError

LOOPBACK = "127.0.0.1"
_START_SECONDS = 20.0


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a listening socket; port 0 selects a free port.

    Raises:
        LocalServiceError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise LocalServiceError(
            f"port {port} on {host} cannot be used ({error}): choose another port with --port"
        ) from error
    return listener


def serve(app: ASGIApp, listener: socket.socket, tls: tuple[Path, Path] | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: the application.
        listener: result of `listen`.
        tls: files of the certificate (with its chain) and of its key, PEM; None: HTTP.

    Raises:
        LocalServiceError: certificate or key cannot be used.
    """
    certificate, key = tls or (None, None)
    server = _server(app, ssl_certfile=certificate, ssl_keyfile=key)
    try:
        server.config.load()
    except OSError as error:  # ssl.SSLError is one
        listener.close()
        raise LocalServiceError(
            f"--tls-certificate {certificate} and --tls-key {key} cannot be used ({error.strerror or error}): give a "
            "certificate and its key in PEM, without a password"
        ) from error
    server.run(sockets=[listener])


@contextlib.contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve in a thread of this process and yield the URL.

    Raises:
        LocalServiceError: the port is taken, or the server does not start.
    """
    listener = listen(port)
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise LocalServiceError(f"the server on port {listener.getsockname()[1]} did not start")
        thread.join(0.01)
    try:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _server(app: ASGIApp, **options: Any) -> uvicorn.Server:
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=2, **options)
    return uvicorn.Server(config)
