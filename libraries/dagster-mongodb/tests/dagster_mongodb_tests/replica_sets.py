"""A replica set of real servers on loopback, whose primary can be made to step down."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from dagster_mongodb_tests.mongod import running_mongod, wait_until


@contextmanager
def running_replica_set(folder: Path, members: int) -> Iterator[str]:
    """Run members of a replica set, with elections of about a second, and hand out their URI.

    Args:
        folder: of their data.
        members: how many.
    """
    with ExitStack() as servers:
        addresses = []
        for number in range(members):
            home = folder / f"member{number}"
            home.mkdir()
            addresses.append(servers.enter_context(running_mongod(home, "--replSet", "rs", "--oplogSize", "64")))
        with MongoClient(f"mongodb://{addresses[0]}", directConnection=True) as client:
            config = {
                "_id": "rs",
                "members": [{"_id": number, "host": address} for number, address in enumerate(addresses)],
                "settings": {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200},
            }
            client.admin.command("replSetInitiate", config)
        uri = f"mongodb://{','.join(addresses)}/?replicaSet=rs"
        with MongoClient(uri) as client:
            wait_until(lambda: len(client.nodes) == members and client.primary is not None, "the election")
            client.admin.command("ping")
        yield uri


def step_down(uri: str) -> None:
    """Make the primary one of the others, and wait until there is a new one."""
    with MongoClient(uri) as client:
        client.admin.command("ping")
        former = client.primary
        client.admin.command({"replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 1, "force": True})

        def is_replaced() -> bool:
            try:
                return _primary(client) not in (None, former)
            except PyMongoError:
                return False

        wait_until(is_replaced, "the election of another primary")


def _primary(client: MongoClient[Any]) -> tuple[str, int] | None:
    client.admin.command("ping")
    return client.primary
