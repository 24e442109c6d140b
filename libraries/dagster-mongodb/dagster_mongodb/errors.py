"""The errors of this library."""


class MongoDBIOManagerError(Exception):
    """Base of the errors."""


class MongoDBConnectionError(MongoDBIOManagerError):
    """MongoDB does not answer, refuses the login, or its URI is not valid."""


class OptionsError(MongoDBIOManagerError):
    """Metadata of an asset or an input, or arguments of a function, are not valid."""


class CollectionError(MongoDBIOManagerError):
    """A collection cannot hold an asset: of the wrong kind, wrongly sharded, or in use for something else."""


class PartitionError(MongoDBIOManagerError):
    """Rows do not fit the partition that is written."""


class UnstorableError(MongoDBIOManagerError):
    """An output holds what BSON cannot hold; nothing was written."""


class WriteRefusedError(MongoDBIOManagerError):
    """MongoDB refuses documents: by the schema or a unique index of their collection."""


class ConcurrentWriteError(MongoDBIOManagerError):
    """Other writers kept changing the same documents while they were being written."""


class CollectionNotStoredError(MongoDBIOManagerError):
    """An input that is read was never stored."""


class UnreadableError(MongoDBIOManagerError):
    """What is stored does not fit the type that it is to be read as."""
