"""MongoDB as a Dagster resource, for code that does not use the IO manager."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr
from pymongo.database import Database

from dagster_mongodb.clients import CLIENTS, ClientSettings
from dagster_mongodb.connection import explained_errors


class MongoDBResource(dg.ConfigurableResource):
    """A database of a MongoDB server.

    Resources and IO managers of one process share a client if all settings of their connections are the same.

    Example:
        .. code-block:: python

            @dg.asset
            def stations(mongodb: MongoDBResource) -> None:
                with mongodb.open_database() as database:
                    database["stations"].replace_one({"_id": "a"}, {"name": "A"}, upsert=True)

            defs = dg.Definitions(
                assets=[stations],
                resources={
                    "mongodb": MongoDBResource(uri=dg.EnvVar("MONGODB_URI"), database="weather")
                },
            )
    """

    uri: str = Field(
        repr=False, description="MongoDB connection string, with the options for TLS, X.509, pool and time-outs."
    )
    database: str = Field(description="Name of the database.")
    app_name: str = Field(default="dagster", description="Name under which the server's log shows the connections.")

    _user: object = PrivateAttr(default_factory=object)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run, unless something else in the process uses them."""
        self.close()

    def close(self) -> None:
        """Close the connections, unless something else in the process uses them; the next use opens new ones."""
        CLIENTS.release(self._client_settings, self._user)

    @contextmanager
    def open_database(self) -> Iterator[Database[dict[str, Any]]]:
        """Return the database, whose dates are tz-aware, and explain failures within the ``with`` block.

        Raises:
            MongoDBConnectionError: MongoDB does not answer, refuses the login, or the URI is not valid.
        """
        with explained_errors(self.uri):
            yield CLIENTS.client(self._client_settings, self._user)[self.database]

    def check(self) -> None:
        """Make sure that the server answers and accepts the login.

        Raises:
            MongoDBConnectionError: it does not.
        """
        with self.open_database() as database:
            database.command("ping")
            # A ping needs no login; this does, where the server asks for one.
            database.list_collection_names()

    @property
    def _client_settings(self) -> ClientSettings:
        return ClientSettings(self.uri, self.app_name)
