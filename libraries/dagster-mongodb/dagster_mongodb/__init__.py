"""Dagster assets in MongoDB: an IO manager that writes only what differs, a resource, and what reads beside them."""

from dagster_shared.libraries import DagsterLibraryRegistry

from dagster_mongodb.arrays import read_arrays
from dagster_mongodb.component import MongoDBIOManagerComponent
from dagster_mongodb.connection import address, connect, explained_errors, normal_uri
from dagster_mongodb.errors import (
    CollectionError,
    CollectionNotStoredError,
    ConcurrentWriteError,
    MongoDBConnectionError,
    MongoDBIOManagerError,
    OptionsError,
    PartitionError,
    UnreadableError,
    UnstorableError,
    WriteRefusedError,
)
from dagster_mongodb.handlers.dataframes import DataFrameChunks
from dagster_mongodb.io_manager import MongoDBIOManager
from dagster_mongodb.resource import MongoDBResource
from dagster_mongodb.revisions import Revision, find_as_of, find_revisions, revisions_collection
from dagster_mongodb.values import ABSENT

__version__ = "0.1.0"

__all__ = [
    "ABSENT",
    "CollectionError",
    "CollectionNotStoredError",
    "ConcurrentWriteError",
    "DataFrameChunks",
    "MongoDBConnectionError",
    "MongoDBIOManager",
    "MongoDBIOManagerComponent",
    "MongoDBIOManagerError",
    "MongoDBResource",
    "OptionsError",
    "PartitionError",
    "Revision",
    "UnreadableError",
    "UnstorableError",
    "WriteRefusedError",
    "address",
    "connect",
    "explained_errors",
    "find_as_of",
    "find_revisions",
    "normal_uri",
    "read_arrays",
    "revisions_collection",
]

DagsterLibraryRegistry.register("dagster-mongodb", __version__, is_dagster_package=False)
