"""A real Postgres that is thrown away: Debian's, or any whose programs are there."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from airquality_dagster_tests.processes import free_port, wait_until

PASSWORD = "pg-pass/word+1"  # of characters that a URL must escape
_URL_PASSWORD = "pg-pass%2Fword%2B1"


def postgres_programs() -> Path | None:
    """Return the folder of initdb and postgres; None where they are not installed."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    return next((folder for folder in [*folders, *([Path(on_path).parent] if on_path else [])]), None)


class Postgres:
    """A running server.

    Args:
        url: of the database, with user and password.
        data: folder of its data.
        start: starts it.
    """

    def __init__(self, url: str, data: Path, start: Callable[[], None]):
        self.url, self._data, self.start = url, data, start

    def kill(self) -> None:
        """End it as a power cut would, and start it again: it recovers what was committed."""
        self.end()
        self.start()

    def end(self) -> None:
        """End it as a power cut would."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        # Its children end when they find that it is gone.
        wait_until(lambda: not _children_of(self._data), "the end of Postgres")
        (self._data / "postmaster.pid").unlink()


def _children_of(data: Path) -> list[str]:
    """Return the processes whose working directory is the data folder, as all of a server have."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == data and (process / "stat").read_text().split()[2] != "Z":
                found.append(process.name)
        except OSError:
            continue
    return found


@contextmanager
def running_postgres(database: str = "dagster") -> Iterator[Postgres]:
    """Hand out a server with a database, on 127.0.0.1."""
    programs, port = postgres_programs(), free_port()
    assert programs is not None
    # Postgres refuses to be root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="airquality-postgres-"))
    try:
        if as_user:
            shutil.chown(folder, "postgres")
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = folder / "data"

        def call(program: str, *arguments: str) -> None:
            subprocess.run(
                [*as_user, programs / program, "-D", data, *arguments],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=folder,
                timeout=120,
            )

        call("initdb", "-U", "dagster", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        # No socket in a folder: its lock would keep a killed server from being started again.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"

        def start() -> None:
            call("pg_ctl", "-o", options, "-l", str(folder / "log"), "--wait", "start")

        start()
        try:
            url = f"postgresql://dagster:{_URL_PASSWORD}@127.0.0.1:{port}"
            subprocess.run(
                [programs / "psql", f"{url}/postgres", "-qc", f"CREATE DATABASE {database}"], check=True, timeout=60
            )
            yield Postgres(f"{url.replace('postgresql', 'postgresql+psycopg2')}/{database}", data, start)
        finally:
            if (data / "postmaster.pid").exists():
                call("pg_ctl", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder)
