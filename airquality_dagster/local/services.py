"""Services of a local command: MongoDB, an AirQino API and Dagster's instance."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_mongodb import OptionsError, address, normal_uri
from pymongo.database import Database
from sqlalchemy import make_url

from airquality_dagster import settings
from airquality_dagster.airqino.resource import check_url, credentials_of
from airquality_dagster.airqino.sandbox.simulations import Simulation
from airquality_dagster.automation.instance import open_instance
from airquality_dagster.errors import LocalServiceError, MongoDBUnavailableError, SettingsError, storage_errors
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.storage.mongodb import MongoDBResource

# Shorter than in runs, because a person waits.
_TIMEOUT_OPTION = "serverSelectionTimeoutMS=5000"


@dataclass(frozen=True)
class Services:
    """Addresses of the services of a local command.

    Args:
        started: environment variables of the services that the command has started: of MongoDB if it is embedded, and
            of the AirQino API if it is the sandbox.
        mongodb_uri, database: connection string, which may hold a password, and name of the database.
        api: URL of the AirQino API.
        instance_folder: folder of Dagster's instance.
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
        """Whether MongoDB is the embedded server."""
        return settings.MONGODB_URI in self.started

    @property
    def is_sandbox(self) -> bool:
        """Whether the API is a sandbox that this command started."""
        return settings.AIRQINO_BASE_URL in self.started

    @property
    def environment(self) -> dict[str, str]:
        """Environment for processes that use the services."""
        return {**os.environ, **self.started, settings.DAGSTER_HOME: str(self.instance_folder)}

    @contextlib.contextmanager
    def open_database(self) -> Iterator[Database[dict[str, Any]]]:
        """Yield the database.

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
        """Return whether MongoDB answers."""
        try:
            check_mongodb(self.mongodb_uri, self.database)
        except MongoDBUnavailableError:
            return False
        return True


@contextlib.contextmanager
def local_services(*, with_api: bool = True, simulations: Sequence[Simulation] = ()) -> Iterator[Services]:
    """Start the services that the environment does not name, and stop them at the end of the block.

    Args:
        with_api: also start the sandbox, unless the environment names an API or credentials.
        simulations: what the sandbox simulates besides sound stations.

    Raises:
        LocalServiceError: something could not be started.
        MongoDBUnavailableError: the MongoDB of the environment does not answer.
        SettingsError: the credentials of the environment are incomplete, or it names an API that simulates nothing.
    """
    credentials = credentials_of(os.environ) if with_api else None
    if simulations and (credentials is not None or os.environ.get(settings.AIRQINO_BASE_URL)):
        raise SettingsError(
            "--simulate changes the sandbox of this command, but the environment names an API "
            f"({settings.AIRQINO_BASE_URL}, or credentials): unset it, or start airquality sandbox with --simulate"
        )
    home = make_home()
    with contextlib.ExitStack() as stack:
        started = {}
        uri = os.environ.get(settings.MONGODB_URI)
        if not uri:
            uri = started[settings.MONGODB_URI] = stack.enter_context(embedded_mongod(home / "mongodb"))
        api = os.environ.get(settings.AIRQINO_BASE_URL)
        check_url(settings.AIRQINO_BASE_URL, api or "")
        if with_api and not api and credentials is None:
            api = started[settings.AIRQINO_BASE_URL] = stack.enter_context(_sandbox(simulations))
        database = settings.mongodb_database()
        check_mongodb(uri, database)
        yield Services(started, uri, database, api or settings.PUBLIC_API, instance_folder(home))


@contextlib.contextmanager
def dagster_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Yield Dagster's instance of a folder.

    Raises:
        LocalServiceError: its storage cannot be used: the disk is full or read-only, or the database does not answer.
    """
    _check_path(folder)
    try:
        with _kept_output(), open_instance(folder) as instance:
            yield instance
    except storage_errors() as error:
        raise LocalServiceError(_database_fault(error, folder)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            raise
        raise LocalServiceError(_instance_fault(str(error.strerror), folder)) from error


def _check_path(folder: Path) -> None:
    # Dagster does not quote the path in the URL of its SQLite databases: what follows a `?` would be options.
    is_read_as_written = make_url(f"sqlite:///{folder}").database == str(folder)
    if not is_read_as_written and not os.environ.get(settings.DAGSTER_POSTGRES_URL):
        raise LocalServiceError(
            f"Dagster cannot keep its instance in {folder}, because its path contains ? or %: set "
            f"{settings.AIRQUALITY_HOME} (or {settings.DAGSTER_HOME}) to another folder"
        )


@contextlib.contextmanager
def _kept_output() -> Iterator[None]:
    """Restore stdout and stderr: Dagster does not restore them if the disk of its compute logs is full."""
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _database_fault(error: Exception, folder: Path) -> str:
    # The message of the database, without the statement and its values.
    cause: BaseException = error.__cause__ or error
    message = str(getattr(cause, "orig", None) or cause).strip()
    if not os.environ.get(settings.DAGSTER_POSTGRES_URL):
        return _instance_fault(f"its database says: {message}", folder)
    return (
        f"Dagster's instance in {folder} cannot be used ({message}): check whether Postgres runs and "
        f"{settings.DAGSTER_POSTGRES_URL} is correct, and run again; stored data stay"
    )


def _instance_fault(reason: str, folder: Path) -> str:
    free = shutil.disk_usage(folder).free / 2**20
    return (
        f"Dagster's instance in {folder} cannot be used ({reason}; its disk has {free:.0f} MiB free): free space, or "
        "make the folder writable, and run again; stored data stay"
    )


def make_home() -> Path:
    """Create the folder of local state, with the folder of Dagster's instance, and return it.

    Raises:
        LocalServiceError: the folder cannot be written, or Dagster cannot use it.
    """
    home = settings.home()
    folder = instance_folder(home)
    _check_path(folder)
    try:
        # Only the operator may read it: readings, events, logs, and an embedded database without a login.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        # The user configures an instance in DAGSTER_HOME; its folder may be read-only if it is in Postgres.
        is_own = not os.environ.get(settings.DAGSTER_HOME)
        if is_own and not (folder / "dagster.yaml").exists():
            shutil.copyfile(Path(__file__).with_name("dagster.yaml"), folder / "dagster.yaml")
        if not os.access(home, os.W_OK) or (is_own and not os.access(folder, os.W_OK)):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise LocalServiceError(
            f"{error.filename or home} cannot be written ({error.strerror}): set {settings.AIRQUALITY_HOME} to a "
            "writable folder"
        ) from error
    return home


def instance_folder(home: Path) -> Path:
    """Return the folder of Dagster's instance: ``DAGSTER_HOME``, else one in the home."""
    return settings.dagster_home() or home / "dagster"


def check_mongodb(uri: str, database: str) -> None:
    """Check that MongoDB answers, with a shorter timeout than in runs.

    Raises:
        MongoDBUnavailableError: it does not answer, or refuses the login.
        SettingsError: MongoDB does not accept the name of the database.
    """
    uri = normal_uri(uri)
    if "serverselectiontimeoutms" not in uri.lower():
        separator = "&" if "?" in uri else "?" if uri.partition("://")[2].count("/") else "/?"
        uri = f"{uri}{separator}{_TIMEOUT_OPTION}"
    resource = MongoDBResource(uri=uri, database=database)
    try:
        resource.check()
    except OptionsError as error:
        raise SettingsError(
            f"{settings.MONGODB_DATABASE} is {database!r} ({error}): set it to a name of up to 63 bytes without blanks "
            'and without any of . $ / \\ "'
        ) from error
    finally:
        resource.close()


def _sandbox(simulations: Sequence[Simulation]) -> contextlib.AbstractContextManager[str]:
    from airquality_dagster.airqino.sandbox.server import create_app
    from airquality_dagster.airqino.sandbox.sources import SimulatedSource
    from airquality_dagster.local.serving import running

    return running(create_app(SimulatedSource(simulations=simulations)))
