"""``airquality backup`` and ``airquality restore``: the database as files, in the format of ``mongodump``."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo import IndexModel
from pymongo.database import Database
from rich.markup import escape

from airquality_dagster.cli.backup_files import DATA, METADATA, RAW, CollectionFile, checked_collections
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import BackupError
from airquality_dagster.local.services import local_services

_BATCH_DOCUMENTS = 1000


def backup(folder: Path) -> None:
    """Write every collection of the database to a new folder.

    A temporary folder gets the name when everything is written, so that a backup is complete or does not exist.

    Raises:
        BackupError: the folder exists or cannot be written, or nothing is stored.
    """
    if folder.exists():
        raise BackupError(f"{folder} exists already: name a new folder")
    with local_services(with_api=False) as services, services.open_database() as database, _writable(folder):
        names = sorted(database.list_collection_names(filter={"type": "collection"}))
        if not names:
            raise BackupError(f"nothing is stored in database {database.name}: there is nothing to back up")
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            files = unfinished / database.name
            files.mkdir()
            documents = sum(_dump(database, name, files) for name in names)
            size = sum(path.stat().st_size for path in files.iterdir())
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    out.print(f"{len(names)} collections, {documents} documents, {size / 1e6:.1f} MB: {escape(str(folder))}")


def restore(backup: Path) -> None:
    """Write the collections of a backup to the database, which must not have these collections.

    All files are checked before anything is written.

    Args:
        backup: its folder, or a tar file of it.

    Raises:
        BackupError: it is no backup, a file is damaged, or a collection exists already.
    """
    with (
        checked_collections(backup) as collections,
        local_services(with_api=False) as services,
        services.open_database() as database,
    ):
        existing = set(database.list_collection_names()) & {collection.name for collection in collections}
        if existing:
            raise BackupError(
                f"database {database.name} already has {', '.join(sorted(existing)[:3])}"
                f"{' …' if len(existing) > 3 else ''}, and restore overwrites nothing: set MONGODB_DATABASE to a new "
                "database, or drop these collections"
            )
        for collection in collections:
            _load(database, collection)
            stored = database[collection.name].count_documents({})
            if stored != collection.count:
                raise BackupError(
                    f"{collection.name}: {stored} documents are stored instead of {collection.count}: another program "
                    f"writes to database {database.name}; stop it, drop the restored collections and restore again"
                )
    documents = sum(collection.count for collection in collections)
    out.print(f"{len(collections)} collections, {documents} documents restored to database {database.name}")
    err.print("Next: airquality verify checks that they are consistent; the next run fetches newer hours.")


def _dump(database: Database[Any], name: str, folder: Path) -> int:
    collection = database.get_collection(name, codec_options=RAW)
    count = 0
    with (folder / f"{name}{DATA}").open("wb") as file:
        for document in collection.find({}, batch_size=_BATCH_DOCUMENTS, sort=[("_id", 1)]):
            file.write(document.raw)
            count += 1
    metadata = {
        "indexes": [dict(index) for index in database[name].list_indexes()],
        "collectionName": name,
        "type": "collection",
        "options": database[name].options(),
    }
    (folder / f"{name}{METADATA}").write_text(json_util.dumps(metadata), encoding="utf-8")
    return count


def _load(database: Database[Any], stored: CollectionFile) -> None:
    if options := stored.metadata.get("options"):
        database.create_collection(stored.name, **options)
    collection = database.get_collection(stored.name, codec_options=RAW)
    batch = []
    for document in stored.documents():
        batch.append(document)
        if len(batch) == _BATCH_DOCUMENTS:
            collection.insert_many(batch, ordered=False)
            batch = []
    if batch:
        collection.insert_many(batch, ordered=False)
    indexes = [
        IndexModel(list(key.items()), **{name: value for name, value in index.items() if name not in ("v", "ns")})
        for index in stored.metadata.get("indexes", ())
        if (key := index.pop("key")) != {"_id": 1}
    ]
    if indexes:
        collection.create_indexes(indexes)


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{folder} cannot be written ({error.strerror or error}): name another folder") from error
