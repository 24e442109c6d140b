"""One client a process for each server: all that use the same server share its connections."""

import os
import threading
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient

from dagster_mongodb.connection import connect


@dataclass(frozen=True)
class ClientSettings:
    """What a client is made of; equal settings share a client.

    Args:
        uri: connection string, whose options win over the other settings but for those that are not None.
        app_name: shown in the server's log.
        read_preference: as ``secondaryPreferred``; None: of the URI, else ``primary``.
        write_concern: ``majority``, a number or a tag; None: of the URI, else ``majority``.
    """

    uri: str
    app_name: str
    read_preference: str | None = None
    write_concern: str | None = None


class SharedClients:
    """Hands out clients and closes each when its last user has released it; safe under threads and fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[ClientSettings, tuple[MongoClient[Any], set[object]]] = {}

    def client(self, settings: ClientSettings, user: object) -> MongoClient[Any]:
        """Return the client of these settings.

        Args:
            settings: of the client.
            user: who holds it until `release`; may ask again.

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
        """Close the client unless somebody else uses it."""
        with self._lock:
            client, users = self._clients.get(settings, (None, set()))
            users.discard(user)
            if client is None or users:
                return
            del self._clients[settings]
        client.close()

    def forget(self) -> None:
        """Begin anew in a forked child: sockets and threads of the clients are the parent's."""
        self._lock = threading.Lock()
        self._clients = {}


CLIENTS = SharedClients()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CLIENTS.forget)
