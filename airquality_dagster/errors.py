"""Exceptions of the package. Each message says in one line what happened, where, why, and what to do."""

import sys

from sqlalchemy.exc import DBAPIError


class AirQualityError(Exception):
    """Base of all errors that the platform explains to its user."""


class SettingsError(AirQualityError):
    """An environment variable or an option of a command is missing, contradictory or out of range."""


class StationsFileError(AirQualityError):
    """The stations file cannot be read or is not valid; the message names file, station and field."""


class AirQinoError(AirQualityError):
    """A request to the AirQino API failed."""


class AirQinoUnavailableError(AirQinoError):
    """No usable answer after all retries: connection, timeout, 429 or 5xx."""


class AirQinoCredentialsError(AirQinoError):
    """The token endpoint or the API refused the credentials."""


class UnknownStationError(AirQinoError):
    """The API does not know the station."""


class AirQinoAnswerError(AirQinoError):
    """The API's answer does not have the expected form."""


class OtherStationError(AirQinoError):
    """The header of an answer names another station than was asked for."""


class SimulatedReadingsError(AirQualityError):
    """Simulated readings would overwrite measured readings."""


class LocalServiceError(AirQualityError):
    """A local process (MongoDB, sandbox, Dagster) could not be started."""


class BackupError(AirQualityError):
    """A backup is damaged or incomplete, or cannot be written or restored."""


class CaptureError(AirQualityError):
    """A file of captured answers, which the sandbox replays, cannot be used."""


class DashboardError(AirQualityError):
    """The dashboard's file could not be written."""


class OpenDataError(AirQualityError):
    """The files of open data could not be written."""


class MongoDBUnavailableError(AirQualityError):
    """MongoDB does not answer, refuses the login, or its URI is not valid."""


def storage_errors() -> tuple[type[Exception], ...]:
    """Return the errors that Dagster raises if its instance's database is not reachable, full or read-only."""
    # The extra `postgres` is optional: its error exists only if it was imported.
    postgres = sys.modules.get("dagster_postgres.utils")
    return (DBAPIError, postgres.DagsterPostgresException) if postgres else (DBAPIError,)
