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
from dagster_mongodb.handlers.dataframes import DataFrameHandler
from dagster_mongodb.handlers.documents import DocumentsHandler
from dagster_mongodb.handlers.handler import StoredRows, TypeHandler
from dagster_mongodb.handlers.streams import DataFrameChunks
from dagster_mongodb.io_manager import MongoDBIOManager
from dagster_mongodb.metadata import Read, Write
from dagster_mongodb.notes import adopt_collection
from dagster_mongodb.resource import MongoDBResource
from dagster_mongodb.revisions import Revision, find_as_of, find_revisions, revisions_collection
from dagster_mongodb.values import ABSENT, STRICT, DatePolicy

__version__ = "0.2.0"

__all__ = [
    "ABSENT",
    "STRICT",
    "CollectionError",
    "CollectionNotStoredError",
    "ConcurrentWriteError",
    "DataFrameChunks",
    "DataFrameHandler",
    "DatePolicy",
    "DocumentsHandler",
    "MongoDBConnectionError",
    "MongoDBIOManager",
    "MongoDBIOManagerComponent",
    "MongoDBIOManagerError",
    "MongoDBResource",
    "OptionsError",
    "PartitionError",
    "Read",
    "Revision",
    "StoredRows",
    "TypeHandler",
    "UnreadableError",
    "UnstorableError",
    "Write",
    "WriteRefusedError",
    "address",
    "adopt_collection",
    "connect",
    "explained_errors",
    "find_as_of",
    "find_revisions",
    "normal_uri",
    "read_arrays",
    "revisions_collection",
]

DagsterLibraryRegistry.register("dagster-mongodb", __version__, is_dagster_package=False)
