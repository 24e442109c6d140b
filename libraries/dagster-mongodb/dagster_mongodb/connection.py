"""Connections to MongoDB, and errors that explain why one failed."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient, uri_parser
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from dagster_mongodb.errors import MongoDBConnectionError, OptionsError

# Long enough for a replica set to elect another primary (10 s without one, then the election).
SERVER_SELECTION_TIMEOUT_MS = 15_000

_SRV_SCHEME = "mongodb+srv://"
_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13
_OUT_OF_DISK_SPACE = 14031
# Of a database whose name is too long, or differs from another name in upper and lower case only.
_REFUSED_NAMES = (73, 13297)
_WRITE_CONCERN = (79, 100)  # unknown, cannot be satisfied
_NO_SPACE = "No space left on device"


def connect(
    uri: str, app_name: str, *, read_preference: str | None = None, write_concern: str | None = None
) -> MongoClient[Any]:
    """Return a client whose dates are tz-aware; it connects when it is first used.

    Args:
        uri: connection string; its options win over the defaults set here.
        app_name: name of the connections in the server's log.
        read_preference: a mode, such as ``secondaryPreferred``; wins over the URI.
        write_concern: ``majority``, a number or a tag; wins over the URI. Without both: ``majority``.

    Raises:
        MongoDBConnectionError: the URI or an option is not valid.
    """
    uri = normal_uri(uri)
    given = {option.lower() for option in _parse(uri)["options"]}
    options: dict[str, Any] = {"tz_aware": True, "appname": app_name}
    if "serverselectiontimeoutms" not in given:
        options["serverSelectionTimeoutMS"] = SERVER_SELECTION_TIMEOUT_MS
    if read_preference is not None:
        options["readPreference"] = read_preference
    if write_concern is not None:
        options["w"] = int(write_concern) if write_concern.isdecimal() else write_concern
    elif "w" not in given:
        options["w"] = "majority"
    with explained_errors(uri):
        try:
            return MongoClient(uri, **options)
        except ValueError as error:
            raise MongoDBConnectionError(f"an option of the MongoDB connection is not valid: {error}") from None


def normal_uri(uri: str) -> str:
    """Return a URI as the driver reads it: without blanks and line ends around it, and without empty options.

    >>> normal_uri(" mongodb://localhost/?w=1&"), normal_uri("mongodb://localhost/?")
    ('mongodb://localhost/?w=1', 'mongodb://localhost/')
    """
    servers, _, options = uri.strip().partition("?")
    kept = "&".join(option for option in re.split("[&;]", options) if option)
    return f"{servers}?{kept}" if kept else servers


def address(uri: str) -> str:
    """Return the servers of a URI, without user and password.

    >>> address("mongodb://user:secret@a.example.org:27018,b.example.org/?replicaSet=rs")
    'a.example.org:27018,b.example.org:27017'
    """
    try:
        nodes = _parse(uri)["nodelist"]
    except MongoDBConnectionError:
        return "(URI not valid)"
    return ",".join(f"{host}:{port}" if port else str(host) for host, port in nodes)


def shown(uri: str, database: str) -> str:
    """Return the URI of a database without user, password and options, which may be logged."""
    scheme = _SRV_SCHEME if normal_uri(uri).startswith(_SRV_SCHEME) else "mongodb://"
    return f"{scheme}{address(uri)}/{database}"


@contextmanager
def explained_errors(uri: str) -> Iterator[None]:
    """Turn the driver's connection errors into one line that names the server and says what to do.

    Other errors of the driver pass through.

    Args:
        uri: of the server.

    Raises:
        MongoDBConnectionError: no answer, connection lost, login refused, user not allowed to do this, disk
            full, or URI not valid. The message contains no password.
        OptionsError: the name of a database or a collection is not valid.

    Example:
        .. code-block:: python

            with explained_errors(uri), connect(uri, "report") as client:
                client["weather"]["readings"].count_documents({})
    """
    try:
        yield
    except (ConfigurationError, InvalidURI) as error:
        raise MongoDBConnectionError(f"the MongoDB URI is not valid: {error}") from None
    except InvalidName as error:
        raise OptionsError(f"MongoDB does not accept the name: {error}") from error
    except ServerSelectionTimeoutError as error:
        raise MongoDBConnectionError(
            f"MongoDB at {address(uri)} does not answer ({_first_reason(error)}): start it, or correct the URI"
        ) from error
    except ConnectionFailure as error:
        raise MongoDBConnectionError(f"the connection to MongoDB at {address(uri)} was lost: {error}") from error
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)} refuses the user or the password: correct them in the URI"
            ) from error
        if error.code == _UNAUTHORIZED:
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)}: the user in the URI is not allowed to do this: "
                f"{error.details and error.details.get('errmsg')}"
            ) from error
        if error.code == _OUT_OF_DISK_SPACE or _NO_SPACE in str(error):
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)} has no space left on its disk: free some; what is stored is kept"
            ) from error
        if isinstance(error, WriteConcernError) or error.code in _WRITE_CONCERN or "'w' > 1" in str(error):
            raise MongoDBConnectionError(
                f"MongoDB at {address(uri)} cannot confirm writes as 'write_concern' or the URI's w asks: "
                f"{error.details and error.details.get('errmsg')}"
            ) from error
        if error.code in _REFUSED_NAMES:
            reason = error.details and error.details.get("errmsg")
            raise OptionsError(f"MongoDB at {address(uri)} does not accept the name: {reason}") from error
        raise


def _parse(uri: str) -> dict[str, Any]:
    """Parse a URI without looking up the hosts of mongodb+srv."""
    uri = normal_uri(uri)
    if uri.startswith(_SRV_SCHEME):
        # A password with an unescaped / or ? must not pass for a host.
        _, _, rest = uri.removeprefix(_SRV_SCHEME).rpartition("@")
        host, options = re.split("[/?]", rest, maxsplit=1)[0], rest.partition("?")[2].split("&")
        return {"nodelist": [(host, None)], "options": {option.partition("=")[0] for option in options}}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            parsed = dict(uri_parser.parse_uri(uri, warn=True))
        # Of an option that it does not know, such as those of MongoDB's other drivers, the driver only warns.
        if any(not str(warning.message).startswith("Unknown option") for warning in caught):
            return dict(uri_parser.parse_uri(uri, warn=False))
        return parsed
    except (PyMongoError, ValueError) as error:
        raise MongoDBConnectionError(f"the MongoDB URI is not valid: {error}") from None


def _first_reason(error: ServerSelectionTimeoutError) -> str:
    """Return the first of the reasons in the driver's message, without its configuration dump."""
    return str(error).split(" (configured timeouts")[0].split(", Timeout:")[0]
