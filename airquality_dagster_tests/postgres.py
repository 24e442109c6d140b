"""A real Postgres that is thrown away: Debian's, or any whose programs are there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airquality_dagster_tests.processes import free_port

PASSWORD = "pg-pass/word+1"  # of characters that a URL must escape
_URL_PASSWORD = "pg-pass%2Fword%2B1"


def postgres_programs() -> Path | None:
    """Return the folder of initdb and postgres; None where they are not installed."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    return next((folder for folder in [*folders, *([Path(on_path).parent] if on_path else [])]), None)


@contextmanager
def running_postgres(database: str = "dagster") -> Iterator[str]:
    """Hand out the URL of a database, with a password, on 127.0.0.1."""
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
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        call("pg_ctl", "-o", options, "-l", str(folder / "log"), "--wait", "start")
        try:
            url = f"postgresql://dagster:{_URL_PASSWORD}@127.0.0.1:{port}"
            subprocess.run(
                [programs / "psql", f"{url}/postgres", "-qc", f"CREATE DATABASE {database}"], check=True, timeout=60
            )
            yield f"{url.replace('postgresql', 'postgresql+psycopg2')}/{database}"
        finally:
            call("pg_ctl", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder)
