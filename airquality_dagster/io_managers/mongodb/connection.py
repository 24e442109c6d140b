"""Connections to MongoDB, and their failures in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient, uri_parser
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from airquality_dagster.io_managers.mongodb.errors import MongoDBConnectionError

# Long enough for a replica set to elect another primary (10 s without one, then the election).
SERVER_SELECTION_TIMEOUT_MS = 15_000

_SRV_SCHEME = "mongodb+srv://"
_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13


def connect(uri: str, app_name: str) -> MongoClient[Any]:
    """Return a client whose dates are tz-aware; it connects when it is first used.

    Options in the URI win over those set here.

    Raises:
        MongoDBConnectionError: the URI is not valid.
    """
    options: dict[str, Any] = {"tz_aware": True, "appname": app_name}
    given = {option.lower() for option in _parse(uri)["options"]}
    if "serverselectiontimeoutms" not in given:
        options["serverSelectionTimeoutMS"] = SERVER_SELECTION_TIMEOUT_MS
    if "w" not in given:
        options["w"] = "majority"
    with explained_errors(uri):
        return MongoClient(uri, **options)


def address(uri: str) -> str:
    """Return the servers of a URI without user and password."""
    try:
        nodes = _parse(uri)["nodelist"]
    except MongoDBConnectionError:
        return "(no valid URI)"
    return ",".join(f"{host}:{port}" if port else str(host) for host, port in nodes)


def shown(uri: str, database: str) -> str:
    """Return a URI of a database that may be shown: without user, password and options."""
    scheme = _SRV_SCHEME if uri.startswith(_SRV_SCHEME) else "mongodb://"
    return f"{scheme}{address(uri)}/{database}"


@contextmanager
def explained_errors(uri: str) -> Iterator[None]:
    """Turn failures of the connection into one line that says which server and what to do.

    Raises:
        MongoDBConnectionError: in place of the driver's error; holds no password.
    """
    try:
        yield
    except (ConfigurationError, InvalidURI) as error:
        raise MongoDBConnectionError(f"the MongoDB URI is not valid: {error}") from None
    except ServerSelectionTimeoutError as error:
        raise MongoDBConnectionError(
            f"MongoDB at {address(uri)} does not answer ({_first_reason(error)}): start it, or correct its URI"
        ) from error
    except ConnectionFailure as error:
        raise MongoDBConnectionError(f"the connection to MongoDB at {address(uri)} was lost: {error}") from error
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)} refuses user or password: correct them in its URI"
            ) from error
        if error.code == _UNAUTHORIZED:
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)}: the user of the URI may not do this: "
                f"{error.details and error.details.get('errmsg')}"
            ) from error
        raise


def _parse(uri: str) -> dict[str, Any]:
    """Take a URI apart without looking up the hosts of mongodb+srv."""
    if uri.startswith(_SRV_SCHEME):
        host = uri.removeprefix(_SRV_SCHEME).split("/")[0].rpartition("@")[2]
        options = uri.partition("?")[2].split("&")
        return {"nodelist": [(host, None)], "options": {option.partition("=")[0] for option in options}}
    try:
        return dict(uri_parser.parse_uri(uri, warn=False))
    except (PyMongoError, ValueError) as error:
        raise MongoDBConnectionError(f"the MongoDB URI is not valid: {error}") from None


def _first_reason(error: ServerSelectionTimeoutError) -> str:
    """Return the first of the reasons that the driver joins, without its configuration dump."""
    return str(error).split(" (configured timeouts")[0].split(", Timeout:")[0]
