"""The real command in real processes."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = [sys.executable, "-m", "airquality_dagster"]


_KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR", "OPENBLAS_NUM_THREADS")


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return a clean environment with a home of the test."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "AIRQUALITY_HOME": str(home), **variables}


def airquality(
    *arguments: str, home: Path, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(home, **variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Wait for a condition, bounded."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:g} s"
        time.sleep(0.05)


def processes_of(home: Path) -> list[str]:
    """Return the processes that have a home in their environment or command line, zombies left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(home).encode() in text and state != "Z":
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


# Below those that the system gives to connections: one of them could take the port before the test's server does.
_PORTS = range(10_000, 26_000)


def free_port() -> int:
    """Return a port that nobody listens on."""
    for port in random.sample(_PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("100 ports in a row are taken")
