"""One client per process and server: everything that uses the same server shares its connections."""

import os
import threading
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient

from dagster_mongodb.connection import connect


@dataclass(frozen=True)
class ClientSettings:
    """Settings of a client; equal settings share one client.

    Args:
        uri: connection string.
        app_name: name of the connections in the server's log.
        read_preference: such as ``secondaryPreferred``; None: that of the URI, else ``primary``.
        write_concern: ``majority``, a number or a tag; None: that of the URI, else ``majority``.
    """

    uri: str
    app_name: str
    read_preference: str | None = None
    write_concern: str | None = None


class SharedClients:
    """Shares clients, and closes each when its last user releases it; safe with threads and fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[ClientSettings, tuple[MongoClient[Any], set[object]]] = {}

    def client(self, settings: ClientSettings, user: object) -> MongoClient[Any]:
        """Return the client of these settings.

        Args:
            settings: of the client.
            user: of the client until `release`; any object.

        Raises:
            MongoDBConnectionError: the URI or another setting is not valid.
        """
        with self._lock:
            if settings not in self._clients:
                client = connect(
                    settings.uri,
                    settings.app_name,
                    read_preference=settings.read_preference,
                    write_concern=settings.write_concern,
                )
                self._clients[settings] = (client, set())
            client, users = self._clients[settings]
            users.add(user)
            return client

    def release(self, settings: ClientSettings, user: object) -> None:
        """Close the client, unless it has another user."""
        with self._lock:
            client, users = self._clients.get(settings, (None, set()))
            users.discard(user)
            if client is None or users:
                return
            del self._clients[settings]
        client.close()

    def forget(self) -> None:
        """Forget all clients in a forked child: their sockets and threads belong to the parent."""
        self._lock = threading.Lock()
        self._clients = {}


CLIENTS = SharedClients()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CLIENTS.forget)
