"""A Dagster IO manager that keeps dataframes and documents in MongoDB and writes only what differs."""

from dagster_mongodb.errors import (
    CollectionNotStoredError,
    ConcurrentWriteError,
    MongoDBConnectionError,
    MongoDBIOManagerError,
    SliceError,
    UnstorableError,
)
from dagster_mongodb.handlers.dataframes import DataFrameChunks
from dagster_mongodb.io_manager import MongoDBIOManager
from dagster_mongodb.revisions import find_as_of
from dagster_mongodb.values import ABSENT

__all__ = [
    "ABSENT",
    "CollectionNotStoredError",
    "ConcurrentWriteError",
    "DataFrameChunks",
    "MongoDBConnectionError",
    "MongoDBIOManager",
    "MongoDBIOManagerError",
    "SliceError",
    "UnstorableError",
    "find_as_of",
]
