"""Listeners to the commands that a client sends."""

from functools import partial

import pytest
from dagster_mongodb import connection
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Listener(CommandListener):
    """Does nothing, for subclasses that override what they need."""

    def started(self, event: CommandStartedEvent) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


def listen(monkeypatch: pytest.MonkeyPatch, listener: CommandListener) -> None:
    """Let a listener hear the commands of the clients that the library makes from now on."""
    monkeypatch.setattr(connection, "MongoClient", partial(MongoClient, event_listeners=[listener]))
