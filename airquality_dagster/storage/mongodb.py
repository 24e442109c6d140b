"""MongoDB as a Dagster resource, for what does not go through the IO manager."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_mongodb import MongoDBConnectionError
from dagster_mongodb.connection import connect, explained_errors
from pydantic import Field, PrivateAttr
from pymongo import MongoClient
from pymongo.database import Database

from airquality_dagster.errors import MongoDBUnavailableError


class MongoDBResource(dg.ConfigurableResource):
    """A database of a MongoDB server.

    Example:
        .. code-block:: python

            with mongodb.open_database() as database:
                database["raw_station1_rejected"].count_documents({})
    """

    uri: str = Field(description="MongoDB connection string.")
    database: str = Field(description="Name of the database.")

    _client: MongoClient[Any] | None = PrivateAttr(default=None)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def open_database(self) -> Iterator[Database[Any]]:
        """Hand out the database, with tz-aware dates, and say its failures in words.

        Raises:
            MongoDBUnavailableError: MongoDB does not answer, or refuses the login.
        """
        try:
            with explained_errors(self.uri):
                if self._client is None:
                    self._client = connect(self.uri, app_name="airquality")
                yield self._client[self.database]
        except MongoDBConnectionError as error:
            raise MongoDBUnavailableError(f"{error} (MONGODB_URI)") from error

    def check(self) -> None:
        """Ask the server whether it is there and takes the login.

        Raises:
            MongoDBUnavailableError: it does not.
        """
        with self.open_database() as database:
            database.command("ping")
            # A ping needs no login; this does, where the server asks for one.
            database.list_collection_names()
