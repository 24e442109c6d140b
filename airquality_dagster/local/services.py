"""What a local command needs around it: MongoDB, an AirQino API and Dagster's instance."""

import contextlib
import errno
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_mongodb.connection import address
from pymongo.database import Database

from airquality_dagster import settings
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.errors import LocalServiceError, MongoDBUnavailableError, storage_errors
from airquality_dagster.local.mongod import embedded_mongod
from airquality_dagster.storage.mongodb import MongoDBResource

# A person waits: less patience than a run has.
_PATIENCE = "serverSelectionTimeoutMS=5000"


@dataclass(frozen=True)
class Services:
    """Where the parts of a local run are.

    Args:
        mongodb: address without credentials.
        is_embedded: whether it is the server that local commands share.
        database: its database.
        api: URL of the AirQino API.
        is_sandbox: whether the API is the sandbox that this command started.
    """

    mongodb: str
    is_embedded: bool
    database: str
    api: str
    is_sandbox: bool


@contextlib.contextmanager
def local_services(*, with_api: bool = True) -> Iterator[Services]:
    """Start what the environment does not name, and set the environment of this process to it.

    Args:
        with_api: also the sandbox, unless the environment names an API or credentials.

    Raises:
        LocalServiceError: something could not be started.
        MongoDBUnavailableError: the MongoDB of the environment does not answer.
        SettingsError: the credentials of the environment contradict each other.
    """
    if with_api:
        check_credentials()
    home = make_home()
    with contextlib.ExitStack() as stack:
        uri = os.environ.get(settings.MONGODB_URI)
        is_embedded = not uri
        if not uri:
            uri = stack.enter_context(embedded_mongod(home / "mongodb"))
        database = settings.mongodb_database()
        api = os.environ.get(settings.AIRQINO_BASE_URL)
        is_sandbox = with_api and not api and not settings.has_credentials(os.environ)
        if is_sandbox:
            api = stack.enter_context(_sandbox())
        stack.enter_context(
            _environment({
                settings.MONGODB_URI: uri,
                **({settings.AIRQINO_BASE_URL: api} if api else {}),
                settings.DAGSTER_HOME: str(instance_folder(home)),
            })
        )  # fmt: skip
        check_mongodb(uri, database)
        yield Services(address(uri), is_embedded, database, api or settings.PUBLIC_API, is_sandbox)


@contextlib.contextmanager
def stored_database() -> Iterator[Database[dict[str, Any]]]:
    """Hand out the database of the environment, to read from.

    Raises:
        MongoDBUnavailableError: MongoDB does not answer, or refuses the login.
    """
    resource = MongoDBResource(
        uri=os.environ[settings.MONGODB_URI],
        database=settings.mongodb_database(),
    )
    try:
        with resource.open_database() as database:
            yield database
    finally:
        resource.close()


def stored_is_there() -> bool:
    """Return whether the MongoDB of the environment answers, for less patience than a run has."""
    database = settings.mongodb_database()
    try:
        check_mongodb(os.environ[settings.MONGODB_URI], database)
    except MongoDBUnavailableError:
        return False
    return True


@contextlib.contextmanager
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """Hand out Dagster's instance of the environment.

    Raises:
        LocalServiceError: its storage cannot be read or written: a full or read-only disk, a database that is away.
    """
    try:
        with _kept_output(), dg.DagsterInstance.get() as instance:
            yield instance
    except storage_errors() as error:
        raise LocalServiceError(_database_fault(error)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            raise
        raise LocalServiceError(_instance_fault(str(error.strerror))) from error


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


def _database_fault(error: Exception) -> str:
    # What the database said itself, without the statement and its values.
    cause: BaseException = error.__cause__ or error
    said = str(getattr(cause, "orig", None) or cause).strip()
    if not os.environ.get(settings.DAGSTER_POSTGRES_URL):
        return _instance_fault(f"its database says: {said}")
    return (
        f"Dagster's instance in {os.environ[settings.DAGSTER_HOME]} cannot be used ({said}): see whether Postgres runs "
        f"and {settings.DAGSTER_POSTGRES_URL} is right, and run again; what is stored stays"
    )


def _instance_fault(reason: str) -> str:
    folder = os.environ[settings.DAGSTER_HOME]
    free = shutil.disk_usage(folder).free / 2**20
    return (
        f"Dagster's instance in {folder} cannot be used ({reason}; its disk has {free:.0f} MiB free): make room, or "
        "have it written again, and run again; what is stored stays"
    )


def use_instance(home: Path) -> contextlib.AbstractContextManager[None]:
    """Set the environment of this process to Dagster's instance of the home."""
    return _environment({settings.DAGSTER_HOME: str(instance_folder(home))})


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


def check_credentials() -> None:
    """Check the credentials of the environment as a run would.

    Raises:
        SettingsError: what is set does not make a grant.
    """
    AirQinoResource(
        client_id=os.environ.get(settings.AIRQINO_CLIENT_ID),
        client_secret=os.environ.get(settings.AIRQINO_CLIENT_SECRET),
        username=os.environ.get(settings.AIRQINO_USERNAME),
        password=os.environ.get(settings.AIRQINO_PASSWORD),
        refresh_token=os.environ.get(settings.AIRQINO_REFRESH_TOKEN),
    ).credentials()


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of commands that were killed as failed, so that nothing waits for them."""
    for run in instance.get_runs(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={HOST_TAG: platform.node()})
    ):
        if not _is_alive(int(run.tags[PROCESS_TAG])):
            instance.report_run_failed(run, "the command that executed this run was killed")
            # Its places in the pool would stay taken: only a daemon frees those of runs that ended.
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


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


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
