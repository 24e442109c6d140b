"""The package's own exceptions: each message says what, where, why, and what to do, in one line."""

import sys

from sqlalchemy.exc import DBAPIError


class AirQualityError(Exception):
    """Base of all errors that the platform explains to its user."""


class SettingsError(AirQualityError):
    """The environment or a command's option is missing, contradictory or out of range."""


class StationsFileError(AirQualityError):
    """The stations file cannot be read or breaks a rule; names file, station and field."""


class AirQinoError(AirQualityError):
    """The AirQino API could not be asked or did not answer as it promises."""


class AirQinoUnavailableError(AirQinoError):
    """No usable answer after all retries: connection, timeout, 429 or 5xx."""


class AirQinoCredentialsError(AirQinoError):
    """The token endpoint or the API refused the credentials."""


class UnknownStationError(AirQinoError):
    """The API does not know the station."""


class AirQinoAnswerError(AirQinoError):
    """The API answered something that is not what it promises."""


class SimulatedReadingsError(AirQualityError):
    """Simulated readings would replace measured ones."""


class LocalServiceError(AirQualityError):
    """A local process (MongoDB, sandbox, Dagster) could not be started."""


class DashboardError(AirQualityError):
    """The dashboard's file could not be written."""


class MongoDBUnavailableError(AirQualityError):
    """MongoDB does not answer, refuses the login, or its URI is not valid."""


def storage_errors() -> tuple[type[Exception], ...]:
    """Return what Dagster raises when the database of its instance is away, full or read-only."""
    # Of the extra `postgres`: known where it is used.
    postgres = sys.modules.get("dagster_postgres.utils")
    return (DBAPIError, postgres.DagsterPostgresException) if postgres else (DBAPIError,)
