"""What a local command needs around it: MongoDB, an AirQino API and Dagster's instance."""

import contextlib
import errno
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_mongodb import address
from pymongo.database import Database

from airquality_dagster import settings
from airquality_dagster.automation.instance import end_run, open_instance
from airquality_dagster.component import airqino_resource
from airquality_dagster.errors import LocalServiceError, MongoDBUnavailableError, storage_errors
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.storage.mongodb import MongoDBResource

# A person waits: less patience than a run has.
_PATIENCE = "serverSelectionTimeoutMS=5000"


@dataclass(frozen=True)
class Services:
    """Where the parts of a local run are.

    Args:
        started: what the command has started itself, as environment variables: those of MongoDB where it is embedded,
            and of the AirQino API where it is the sandbox.
        mongodb_uri, database: connection string, which may hold a password, and name of the database.
        api: URL of the AirQino API.
        instance_folder: of Dagster's instance.
    """

    started: Mapping[str, str]
    mongodb_uri: str = field(repr=False)
    database: str
    api: str
    instance_folder: Path

    @property
    def mongodb(self) -> str:
        """Address of MongoDB without credentials."""
        return address(self.mongodb_uri)

    @property
    def is_embedded(self) -> bool:
        """Whether MongoDB is the server that local commands share."""
        return settings.MONGODB_URI in self.started

    @property
    def is_sandbox(self) -> bool:
        """Whether the API is the sandbox that this command started."""
        return settings.AIRQINO_BASE_URL in self.started

    @property
    def environment(self) -> dict[str, str]:
        """Environment of other processes that use the services."""
        return {**os.environ, **self.started, settings.DAGSTER_HOME: str(self.instance_folder)}

    @contextlib.contextmanager
    def open_database(self) -> Iterator[Database[dict[str, Any]]]:
        """Hand out the database, to read from.

        Raises:
            MongoDBUnavailableError: MongoDB does not answer, or refuses the login.
        """
        resource = MongoDBResource(uri=self.mongodb_uri, database=self.database)
        try:
            with resource.open_database() as database:
                yield database
        finally:
            resource.close()

    def has_mongodb(self) -> bool:
        """Return whether MongoDB answers, for less patience than a run has."""
        try:
            check_mongodb(self.mongodb_uri, self.database)
        except MongoDBUnavailableError:
            return False
        return True


@contextlib.contextmanager
def local_services(*, with_api: bool = True) -> Iterator[Services]:
    """Start what the environment does not name.

    Args:
        with_api: also the sandbox, unless the environment names an API or credentials.

    Raises:
        LocalServiceError: something could not be started.
        MongoDBUnavailableError: the MongoDB of the environment does not answer.
        SettingsError: the credentials of the environment contradict each other.
    """
    if with_api:
        airqino_resource(os.environ).credentials()
    home = make_home()
    with contextlib.ExitStack() as stack:
        started = {}
        uri = os.environ.get(settings.MONGODB_URI)
        if not uri:
            uri = started[settings.MONGODB_URI] = stack.enter_context(embedded_mongod(home / "mongodb"))
        api = os.environ.get(settings.AIRQINO_BASE_URL)
        if with_api and not api and not settings.has_credentials(os.environ):
            api = started[settings.AIRQINO_BASE_URL] = stack.enter_context(_sandbox())
        database = settings.mongodb_database()
        check_mongodb(uri, database)
        yield Services(started, uri, database, api or settings.PUBLIC_API, instance_folder(home))


@contextlib.contextmanager
def dagster_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Hand out Dagster's instance of a folder.

    Raises:
        LocalServiceError: its storage cannot be read or written: a full or read-only disk, a database that is away.
    """
    try:
        with _kept_output(), open_instance(folder) as instance:
            yield instance
    except storage_errors() as error:
        raise LocalServiceError(_database_fault(error, folder)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            raise
        raise LocalServiceError(_instance_fault(str(error.strerror), folder)) from error


@contextlib.contextmanager
def _kept_output() -> Iterator[None]:
    """Give stdout and stderr back: Dagster does not, where the disk of its compute logs is full."""
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _database_fault(error: Exception, folder: Path) -> str:
    # What the database said itself, without the statement and its values.
    cause: BaseException = error.__cause__ or error
    said = str(getattr(cause, "orig", None) or cause).strip()
    if not os.environ.get(settings.DAGSTER_POSTGRES_URL):
        return _instance_fault(f"its database says: {said}", folder)
    return (
        f"Dagster's instance in {folder} cannot be used ({said}): see whether Postgres runs "
        f"and {settings.DAGSTER_POSTGRES_URL} is right, and run again; what is stored stays"
    )


def _instance_fault(reason: str, folder: Path) -> str:
    free = shutil.disk_usage(folder).free / 2**20
    return (
        f"Dagster's instance in {folder} cannot be used ({reason}; its disk has {free:.0f} MiB free): make room, or "
        "have it written again, and run again; what is stored stays"
    )


def make_home() -> Path:
    """Make the folder of local state and Dagster's instance in it.

    Raises:
        LocalServiceError: it cannot be written.
    """
    home = settings.home()
    folder = instance_folder(home)
    try:
        # What lies here is the operator's alone: readings, events, logs, an embedded database without a login.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        # An instance that the user keeps elsewhere is the user's to configure; one in Postgres may be read-only here.
        is_own = not os.environ.get(settings.DAGSTER_HOME)
        if is_own and not (folder / "dagster.yaml").exists():
            shutil.copyfile(Path(__file__).with_name("dagster.yaml"), folder / "dagster.yaml")
        if not os.access(home, os.W_OK) or (is_own and not os.access(folder, os.W_OK)):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise LocalServiceError(
            f"{error.filename or home} cannot be written ({error.strerror}): set {settings.AIRQUALITY_HOME} to a "
            "folder that can"
        ) from error
    return home


def instance_folder(home: Path) -> Path:
    """Return the folder of Dagster's instance: ``DAGSTER_HOME``, else one in the home."""
    return Path(os.environ.get(settings.DAGSTER_HOME) or home / "dagster")


def check_mongodb(uri: str, database: str) -> None:
    """Ask MongoDB whether it is there, for less time than a run would.

    Raises:
        MongoDBUnavailableError: it does not answer, or refuses the login.
    """
    if "serverselectiontimeoutms" not in uri.lower():
        separator = "&" if "?" in uri else "?" if uri.partition("://")[2].count("/") else "/?"
        uri = f"{uri}{separator}{_PATIENCE}"
    resource = MongoDBResource(uri=uri, database=database)
    try:
        resource.check()
    finally:
        resource.close()


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of commands that were killed as failed, so that nothing waits for them."""
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={HOST_TAG: platform.node()})
    for run in (record.dagster_run for record in instance.get_run_records(started)):
        if not _is_alive(int(run.tags[PROCESS_TAG])):
            end_run(instance, run, "the command that executed this run was killed")


HOST_TAG = "airquality/host"
PROCESS_TAG = "airquality/process"


def process_tags() -> dict[str, str]:
    """Return tags that say which process executes a run."""
    return {HOST_TAG: platform.node(), PROCESS_TAG: str(os.getpid())}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sandbox() -> contextlib.AbstractContextManager[str]:
    from airquality_dagster.airqino.sandbox.server import create_app
    from airquality_dagster.airqino.sandbox.sources import SimulatedSource
    from airquality_dagster.local.serving import running

    return running(create_app(SimulatedSource()))
