"""A Dagster IO manager that keeps dataframes in MongoDB and writes only what differs."""

from airquality_dagster.io_managers.mongodb.errors import (
    CollectionNotStoredError,
    ConcurrentWriteError,
    MongoDBConnectionError,
    MongoDBIOManagerError,
    SliceError,
    UnstorableFrameError,
)
from airquality_dagster.io_managers.mongodb.io_manager import MongoDBIOManager
from airquality_dagster.io_managers.mongodb.values import ABSENT

__all__ = [
    "ABSENT",
    "CollectionNotStoredError",
    "ConcurrentWriteError",
    "MongoDBConnectionError",
    "MongoDBIOManager",
    "MongoDBIOManagerError",
    "SliceError",
    "UnstorableFrameError",
]
