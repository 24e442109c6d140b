"""How fast `airquality serve` answers fifty clients of the open data, alone and while the hourly job runs.

    python -m benchmarks.open_data --seconds 10

Needs `wrk`. A year of two stations of the sandbox is loaded into a temporary home by `airquality run`. Then fifty
connections of wrk ask the real server on this machine, each as fast as it is answered: for the same address again and
again, which the server keeps for a minute, or for windows of a thousand hours, each from another hour on, which it
computes.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import requests

CONNECTIONS = 50
_COMMAND = [sys.executable, "-m", "airquality_dagster"]
# What wrk calls for each request, and in the end. Of all threads, `latency` holds microseconds.
_REPORT = """
done = function(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %f %f %f\\n", summary.requests, summary.errors.status, failed,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
"""
_WINDOWS = """
setup = function(thread) count = (count or 0) + 1; thread:set("number", count) end
request = function()
  asked = (asked or 0) + 1
  local from = os.date("!%Y-%m-%dT%H:00:00Z", os.time() - 3600 * (1500 + (asked * 2 + number) % 6500))
  return wrk.format("GET", wrk.path .. "&datetime_from=" .. from)
end
"""


@dataclass(frozen=True)
class Case:
    """What fifty clients ask for."""

    name: str
    path: str
    is_window: bool = False


@dataclass(frozen=True)
class Result:
    """What wrk measured; latencies in ms."""

    requests: int
    refused: int
    failed: int
    median: float
    p95: float
    p99: float


@click.command()
@click.option("--seconds", default=10, show_default=True, help="How long each case is measured.")
def main(seconds: int) -> None:
    """Print a table."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _airquality(home, "run").wait()
        with _serving(home) as url:
            cases = _cases(url)
            _print_sizes(url, cases)
            print("| clients ask for | beside | answers a second | median, ms | 95 %, ms | 99 %, ms | not 200 |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            for case in cases:
                _print_row(case, "nothing", _measured(url, case, seconds), seconds)
            for case in cases:
                with _ticking(home):
                    _print_row(case, "the hourly job", _measured(url, case, seconds), seconds)


def _cases(url: str) -> list[Case]:
    location = requests.get(f"{url}/v3/locations", timeout=30).json()["results"][0]
    sensor = next(one["id"] for one in location["sensors"] if one["parameter"]["name"] == "pm25")
    hours = f"/v3/sensors/{sensor}/hours?limit=1000"
    return [
        Case("latest", f"/v3/locations/{location['id']}/latest"),
        Case("365 days", f"/v3/sensors/{sensor}/days?limit=365"),
        Case("1,000 hours", hours),
        Case("1,000 hours, another window each", hours, is_window=True),
    ]


def _print_sizes(url: str, cases: list[Case]) -> None:
    for case in cases[:3]:
        begin = time.perf_counter()
        answer = requests.get(url + case.path, timeout=30)
        answer.raise_for_status()
        seconds = time.perf_counter() - begin
        count = len(answer.json()["results"])
        print(
            f"{case.name}: {count} results, {len(answer.content):,} bytes, {answer.headers['Content-Length']} of them "
            f"sent, first asked for: {1000 * seconds:.0f} ms",
            flush=True,
        )


def _measured(url: str, case: Case, seconds: int) -> Result:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_REPORT + (_WINDOWS if case.is_window else ""))
        script.flush()
        options = ["-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script.name, "-H", "Accept-Encoding: gzip"]
        wrk = shutil.which("wrk") or "wrk"
        done = subprocess.run([wrk, *options, url + case.path], capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+)", done.stdout)
    if found is None:
        raise click.ClickException(done.stdout + done.stderr)
    counts = [int(number) for number in found.groups()[:3]]
    return Result(*counts, *(float(number) for number in found.groups()[3:]))


def _print_row(case: Case, beside: str, result: Result, seconds: int) -> None:
    print(
        f"| {case.name} | {beside} | {result.requests / seconds:.0f} | {result.median:.1f} | {result.p95:.1f} | "
        f"{result.p99:.1f} | {result.refused + result.failed} |",
        flush=True,
    )


def _airquality(home: Path, *arguments: str) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [*_COMMAND, *arguments],
        env={**kept, "AIRQUALITY_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextlib.contextmanager
def _serving(home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _airquality(home, "serve", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{url}/v3/locations", timeout=30).raise_for_status()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("airquality serve does not answer")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def _ticking(home: Path) -> Iterator[None]:
    """Run one pass of the hourly job beside; it ends before the next case."""
    process = _airquality(home, "run")
    try:
        time.sleep(5)  # it first imports what it needs
        yield
    finally:
        process.wait()


if __name__ == "__main__":
    main()
