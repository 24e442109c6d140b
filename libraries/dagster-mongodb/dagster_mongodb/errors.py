"""The errors of the MongoDB IO manager."""


class MongoDBIOManagerError(Exception):
    """Base of the IO manager's errors."""


class MongoDBConnectionError(MongoDBIOManagerError):
    """MongoDB does not answer, refuses the login, or its URI is not valid."""


class UnstorableError(MongoDBIOManagerError):
    """An output holds what BSON cannot hold; nothing was written."""


class SliceError(MongoDBIOManagerError):
    """An asset's metadata do not say where its rows are, or the rows do not fit there."""


class CollectionNotStoredError(MongoDBIOManagerError):
    """An input was never stored."""


class ConcurrentWriteError(MongoDBIOManagerError):
    """Other writers kept changing the slice while it was being written."""
