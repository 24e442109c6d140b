"""The processes of ``airquality dev``."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from airquality_dagster.errors import LocalServiceError

_GRACE_SECONDS = 20.0


class TerminatedBySignalError(Exception):
    """A signal ended the command."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `TerminatedBySignalError` on SIGINT, SIGTERM and SIGHUP, even if the shell ignores SIGINT.

    A shell makes background jobs ignore SIGINT. A SIGHUP that is ignored on purpose (nohup) stays ignored.
    """

    def end(number: int, frame: FrameType | None) -> None:
        # Further signals must not interrupt the clean-up.
        for other in caught:
            signal.signal(other, signal.SIG_IGN)
        raise TerminatedBySignalError(signal.Signals(number).name)

    caught = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        caught.append(signal.SIGHUP)
    former = {number: signal.signal(number, end) for number in caught}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def process_groups() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Yield the processes of `start_group`, none at first; terminate their groups at the end of the block."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield processes
    finally:
        for process in processes.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in processes.values():
            while _group_is_alive(process) and time.monotonic() < deadline:
                time.sleep(0.05)
            _signal_group(process, signal.SIGKILL)
            process.wait()


def start_group(
    processes: dict[str, subprocess.Popen[bytes]], name: str, command: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Start a command as the leader of a process group, and add it to the processes under a name."""
    processes[name] = subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True)


def wait_for_end(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Wait until a process ends by itself.

    Raises:
        LocalServiceError: a process has ended; the message has its name and exit code.
    """
    while True:
        check_all_run(processes)
        time.sleep(0.2)


def check_all_run(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Check that all processes run.

    Raises:
        LocalServiceError: a process has ended; the message has its name and exit code.
    """
    for name, process in processes.items():
        if process.poll() is not None:
            raise LocalServiceError(f"{name} ended with code {process.returncode}: see its last lines above")


def _group_is_alive(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
