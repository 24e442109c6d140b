"""The ``airquality`` command, called in the test's own process: what it prints and returns, without its start.

`processes.airquality` starts a real process, for what only a process can show.
"""

import contextvars
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from airquality_dagster.cli.main import main
from airquality_dagster_tests.processes import environment


@dataclass(frozen=True)
class Finished:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def airquality(*arguments: str, home: Path, cwd: Path | None = None, **variables: str) -> Finished:
    """Call the command with a clean environment, which is as before afterwards."""
    former = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment(home).keys():
            if name.startswith(("AIRQINO_", "AIRQUALITY_", "MONGODB_", "DAGSTER_")):
                patch.delenv(name)
        for name, value in {"no_proxy": "", "NO_PROXY": "", **environment(home, **variables)}.items():
            patch.setenv(name, value)
        if cwd is not None:
            patch.chdir(cwd)
        try:
            # Of its own: where a command ends by an error, Dagster leaves its instance in the context.
            result = contextvars.copy_context().run(CliRunner().invoke, main, arguments)
        finally:
            signal.signal(signal.SIGTERM, former)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Finished(result.exit_code, result.stdout, result.stderr)
