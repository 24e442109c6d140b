"""A deployment by the playbook on this machine, with all that it stands on: Postgres, a guarded replica set, the API.

As root, because the playbook makes a user and gives files to it; everything else is below a folder that is thrown away.
"""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import yaml
from dagster_mongodb_tests.replica_sets import running_replica_set
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from airquality_dagster_tests.postgres import PASSWORD as POSTGRES_PASSWORD
from airquality_dagster_tests.postgres import Postgres, postgres_programs, running_postgres
from airquality_dagster_tests.processes import COMMAND, free_port, wait_until

PROJECT = Path(__file__).parents[2]
PLAYBOOKS = PROJECT / "deploy" / "ansible"
SYSTEM_PYTHON = "/usr/bin/python3"
PROGRAMS = ("code-server", "webserver", "daemon", "dashboard", "proxy")
USER = "airquality"
OPERATOR = ("operator", "op3rator-pass")
_DATABASES = {"airquality": "pipeline/pass:1", "airquality_preproduction": "preproduction-pass"}
SECRETS = (OPERATOR[1], *_DATABASES.values(), POSTGRES_PASSWORD)


def lacking() -> str:
    """Return what this machine lacks for a deployment; empty if nothing."""
    programs = ("nginx", "supervisord", "supervisorctl", "setpriv", SYSTEM_PYTHON)
    missing = [program for program in programs if not shutil.which(program)]
    if postgres_programs() is None:
        missing.append("Postgres")
    if not shutil.which("ansible-playbook", path=str(Path(sys.executable).parent)):
        missing.append("ansible-core")
    if os.geteuid() != 0:
        missing.append("root")
    return ", ".join(missing)


def is_user(name: str) -> bool:
    """Return whether the machine knows a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


PIP_WHEEL = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]


def build_wheels(folder: Path, version: str, broken: tuple[str, str, str] | None = None) -> Path:
    """Build the wheels of the platform, as it is but with another version, and of the library; return their folder.

    Args:
        folder: that takes it.
        version: of the release.
        broken: a module, a text in it and what stands there instead.
    """
    source = folder / f"source-{version}"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "airquality_dagster_tests")
    for name in ("airquality_dagster", "docs"):
        shutil.copytree(PROJECT / name, source / name, ignore=ignored)
    for name in ("setup.py", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    metadata = (PROJECT / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', metadata))
    if broken:
        module, text, instead = broken
        path = source / "airquality_dagster" / module
        assert text in path.read_text()
        path.write_text(path.read_text().replace(text, instead))
    subprocess.run(
        [*PIP_WHEEL, folder / version, source, PROJECT / "libraries" / "dagster-mongodb"],
        check=True,
        timeout=300,
    )
    return folder / version


@dataclass
class Deployment:
    """What is deployed below a folder, and what it stands on.

    Args:
        folder: for wheels, inventory and logs.
        root: of the deployment.
        variables: of the inventory.
        mongodb: URI of the replica set's administrator.
        postgres: of Dagster's instance.
    """

    folder: Path
    root: Path
    variables: dict[str, Any]
    mongodb: str
    postgres: Postgres

    @property
    def proxy(self) -> str:
        """URL of the proxy."""
        return f"http://127.0.0.1:{self.variables['airquality_proxy_port']}"

    @property
    def release(self) -> str:
        """Version of the release that runs; empty if none."""
        current = self.root / "current"
        return current.resolve().name if current.is_symlink() else ""

    def play(self, playbook: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook to its end."""
        command = [Path(sys.executable).parent / "ansible-playbook", "-i", self.folder / "inventory.yml", playbook]
        for name, value in extra.items():
            command += ["-e", f"{name}={value}"]
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
        }
        for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE"):
            if name in os.environ:
                environment[name] = os.environ[name]
        return subprocess.run(
            command, cwd=PLAYBOOKS, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    def deploy(self, version: str, wheels: Path) -> subprocess.CompletedProcess[str]:
        """Deploy a release."""
        return self.play("site.yml", airquality_version=version, airquality_wheels=str(wheels))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the release that runs, in production's environment."""
        return subprocess.run(
            [self.root / "current" / "with-environment", "environment", *command],
            cwd=self.root / "state",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def health(self, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Ask whether it is healthy, and wait until it is."""
        ui = f"http://127.0.0.1:{self.variables['airquality_ui_port']}/dagster"
        dashboard = f"http://127.0.0.1:{self.variables['airquality_dashboard_port']}"
        return self.run("airquality", "health", "--wait", str(seconds), "--ui", ui, "--dashboard", dashboard)

    def supervisor(self, *arguments: str) -> str:
        """Ask the process manager."""
        control = ["supervisorctl", "-c", str(self.root / "current" / "supervisord.conf"), *arguments]
        return subprocess.run(control, capture_output=True, text=True, timeout=120, check=False).stdout.strip()

    def pids(self) -> dict[str, int]:
        """Return program → process of those that run."""
        found = {program: self.supervisor("pid", program) for program in PROGRAMS}
        return {program: int(pid) for program, pid in found.items() if pid.isdigit() and pid != "0"}

    def kill(self, program: str) -> None:
        """Kill a program, and wait until the process manager has started it again."""
        former = self.pids()[program]
        os.killpg(former, signal.SIGKILL)
        wait_until(lambda: self.pids().get(program, former) != former, f"the restart of {program}", 90)

    def graphql(self, query: str) -> Any:
        """Ask the UI through the proxy, as the operator does."""
        answer = requests.post(f"{self.proxy}/dagster/graphql", json={"query": query}, auth=OPERATOR, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"]

    def load_month(self, month: str) -> str:
        """Launch a month of both stations from the UI, and return how its run ended."""
        assets = ", ".join(
            f'{{path: ["{name}"]}}' for station in ("station1", "station2") for name in (f"raw_{station}",)
        )
        launched = self.graphql(
            f"mutation {{ launchPartitionBackfill(backfillParams: {{assetSelection: [{assets}], "
            f'partitionNames: ["{month}-01"]}}) {{ __typename ... on LaunchBackfillSuccess {{ backfillId }} '
            "... on PythonError { message } } }"
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        tag = f'{{key: "dagster/backfill", value: "{launched["backfillId"]}"}}'
        query = f"{{ runsOrError(filter: {{tags: [{tag}]}}) {{ ... on Runs {{ results {{ status }} }} }} }}"
        states: list[str] = []

        def is_ended() -> bool:
            states[:] = [run["status"] for run in self.graphql(query)["runsOrError"]["results"]]
            return bool(states) and set(states) <= {"SUCCESS", "FAILURE", "CANCELED"}

        wait_until(is_ended, f"the end of the run of {month}", 180)
        return ", ".join(sorted(set(states)))

    def stored_hours(self, month: str) -> int:
        """Return how many hours of a month are stored, of both stations."""
        import pandas as pd

        start = pd.Timestamp(f"{month}-01", tz="UTC")
        period = {"$gte": start.to_pydatetime(), "$lt": (start + pd.DateOffset(months=1)).to_pydatetime()}
        with MongoClient(self.mongodb) as client:
            database = client["airquality"]
            return sum(database[f"raw_{name}"].count_documents({"_id": period}) for name in ("station1", "station2"))

    def kill_mongodb_primary(self) -> None:
        """Kill the primary, and wait until another member has taken over."""
        with MongoClient(self.mongodb, serverSelectionTimeoutMS=2000) as client:
            client.admin.command("ping")
            former = client.primary
            pid = client.admin.command("serverStatus")["pid"]
            os.kill(int(pid), signal.SIGKILL)

            def is_replaced() -> bool:
                try:
                    client.admin.command("ping")
                except PyMongoError:
                    return False
                return client.primary not in (None, former)

            wait_until(is_replaced, "another primary", 60)


@contextlib.contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    """Hand out a deployment of nothing yet, on servers of its own; end all that it started."""
    root = Path(tempfile.mkdtemp(prefix="airquality-deployment-"))
    root.chmod(0o755)
    key = folder / "mongodb.key"
    key.write_text(secrets.token_hex(64))
    key.chmod(0o600)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        if not is_user(USER):
            # The playbook makes it; a machine of developers keeps no trace.
            stack.callback(lambda: subprocess.run(["userdel", USER], check=False) if is_user(USER) else None)
        postgres = stack.enter_context(running_postgres())
        members = stack.enter_context(running_replica_set(folder, 3, "--keyFile", str(key)))
        with MongoClient(members) as client:
            client.admin.command("createUser", "root", pwd="root-pass", roles=["root"])
        administrator = members.replace("mongodb://", "mongodb://root:root-pass@")
        uris = {}
        with MongoClient(administrator) as client:
            for database, password in _DATABASES.items():
                roles = [{"role": "readWrite", "db": database}]
                client[database].command("createUser", "pipeline", pwd=password, roles=roles)
                login = f"mongodb://pipeline:{quote(password, safe='')}@"
                uris[database] = members.replace("mongodb://", login).replace("/?", f"/{database}?")
        api = stack.enter_context(_sandbox())
        ports = {f"airquality_{name}_port": free_port() for name in ("ui", "dashboard", "code_server", "proxy")}
        encrypted = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=OPERATOR[1], capture_output=True, text=True, check=True
        ).stdout.strip()
        proxy = f"http://127.0.0.1:{ports['airquality_proxy_port']}"
        variables = {
            **ports,
            "ansible_connection": "local",
            "ansible_python_interpreter": SYSTEM_PYTHON,
            "airquality_become": False,  # it is root already
            "airquality_root": str(root),
            "airquality_python": SYSTEM_PYTHON,
            "airquality_packages": [],  # installed before
            "airquality_health_seconds": 60,
            "airquality_operators": f"{OPERATOR[0]}:{encrypted}",
            "airquality_environment": {
                "MONGODB_URI": uris["airquality"],
                "MONGODB_DATABASE": "airquality",
                "DAGSTER_POSTGRES_URL": f"{postgres.url}?plugin=keep_connections",
                "DAGSTER_EVENT_BATCH_SIZE": "50",
                "AIRQINO_BASE_URL": api,
                "AIRQUALITY_UI_URL": f"{proxy}/dagster",
                "AIRQUALITY_DASHBOARD_URL": proxy,
            },
            "airquality_preproduction_environment": {
                "MONGODB_URI": uris["airquality_preproduction"],
                "MONGODB_DATABASE": "airquality_preproduction",
            },
        }
        inventory = {"all": {"children": {"airquality": {"hosts": {"localhost": None}, "vars": variables}}}}
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        deployed = Deployment(folder, root, variables, administrator, postgres)
        try:
            yield deployed
        finally:
            if (root / "current").exists():
                deployed.supervisor("shutdown")
                wait_until(lambda: not (root / "state" / "supervisord.pid").exists(), "the end of all programs", 60)


@contextlib.contextmanager
def _sandbox() -> Iterator[str]:
    process = subprocess.Popen([*COMMAND, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word.rstrip(":") for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait(20)


def timed(what: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the seconds it took."""
    begin = time.monotonic()
    result = what()
    return result, time.monotonic() - begin
