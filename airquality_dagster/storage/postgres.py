"""Dagster's stock Postgres storage with connections that stay open: an engine plugin of SQLAlchemy.

Dagster opens a connection for each question to its storage. The plugin is chosen in the URL:
``postgresql+psycopg2://…/dagster?plugin=keep_connections``. It knows Dagster by one thing alone, the ``NullPool`` with
which Dagster makes its engines; where Dagster passes another pool, the plugin leaves it as it is. Delete the plugin
when ``dagster.yaml`` can set the pool of runs and daemon: https://github.com/dagster-io/dagster/pull/33936.
"""

import select
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import CreateEnginePlugin
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import NullPool, QueuePool

# A thread may ask for a second connection while it holds one. An instance has three engines: runs, events, schedules.
BOUNDED_POOL = {"poolclass": QueuePool, "pool_size": 2, "max_overflow": 8, "pool_recycle": 600}
_ENGINES = 6  # of the process's own instance and of one tick
_used_last: WeakKeyDictionary[Engine, None] = WeakKeyDictionary()


class KeepConnections(CreateEnginePlugin):
    """Replace an engine's `NullPool` by a bounded pool, and each connection that Postgres has ended by a new one.

    Args:
        url: of the database.
        kwargs: of `create_engine`; changed in place.
    """

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        self._replaces = kwargs.get("poolclass") is NullPool
        if self._replaces:
            kwargs.update(BOUNDED_POOL)

    def update_url(self, url: URL) -> URL:
        """Return the URL, from which SQLAlchemy has removed the plugin's name."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Watch over the connections of an engine whose pool was replaced."""
        if self._replaces:
            event.listen(engine, "checkout", _refuse_ended)
            event.listen(engine, "checkout", lambda *_: _keep_only_last(engine))


def _keep_only_last(engine: Engine) -> None:
    # Dagster makes an instance for each tick of a sensor, and leaves its engines to the garbage collector.
    _used_last.pop(engine, None)
    _used_last[engine] = None
    for reference in _used_last.keyrefs()[:-_ENGINES]:
        if former := reference():
            _used_last.pop(former, None)
            former.dispose()


def _refuse_ended(connection: Any, *_: object) -> None:
    # An idle connection has something to read only when the server has ended it. `pool_pre_ping` would ask the server.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if poll.poll(0):
        raise InvalidatePoolError("Postgres has ended the connection")
