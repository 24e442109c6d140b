"""A Dagster IO manager that keeps dataframes and documents in MongoDB and writes only what differs."""

from airquality_dagster.io_managers.mongodb.errors import (
    CollectionNotStoredError,
    ConcurrentWriteError,
    MongoDBConnectionError,
    MongoDBIOManagerError,
    SliceError,
    UnstorableError,
)
from airquality_dagster.io_managers.mongodb.handlers.dataframes import DataFrameChunks
from airquality_dagster.io_managers.mongodb.io_manager import MongoDBIOManager
from airquality_dagster.io_managers.mongodb.revisions import find_as_of
from airquality_dagster.io_managers.mongodb.values import ABSENT

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
