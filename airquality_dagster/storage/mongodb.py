"""MongoDB as a Dagster resource, for reads and writes outside the IO manager."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster_mongodb
from dagster_mongodb import MongoDBConnectionError
from pymongo.database import Database

from airquality_dagster.errors import MongoDBUnavailableError


class MongoDBResource(dagster_mongodb.MongoDBResource):
    """A database of a MongoDB server. Its failures are raised as errors of the platform.

    Example:
        .. code-block:: python

            with mongodb.open_database() as database:
                database["raw_station1_rejected"].count_documents({})
    """

    app_name: str = "airquality"

    @contextmanager
    def open_database(self) -> Iterator[Database[Any]]:
        """Yield the database; its dates are tz-aware.

        Raises:
            MongoDBUnavailableError: MongoDB does not answer, or refuses the login.
        """
        try:
            with super().open_database() as database:
                yield database
        except MongoDBConnectionError as error:
            raise MongoDBUnavailableError(f"{error} (MONGODB_URI)") from error
