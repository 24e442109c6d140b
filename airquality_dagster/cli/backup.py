"""``airquality backup`` and ``airquality restore``: the database as files, in the format of ``mongodump``."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson import json_util
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from pymongo import IndexModel
from pymongo.database import Database
from rich.markup import escape

from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import BackupError
from airquality_dagster.local.services import local_services

_RAW = CodecOptions(document_class=RawBSONDocument)
_BATCH_DOCUMENTS = 1000
_DATA, _METADATA = ".bson", ".metadata.json"


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


def restore(folder: Path) -> None:
    """Write the collections of a backup to the database, which must not have these collections.

    All files are checked before anything is written.

    Raises:
        BackupError: the folder holds no backup, a file is damaged, or a collection exists already.
    """
    files = sorted(folder.glob(f"*/*{_DATA}"))
    if not files:
        raise BackupError(f"{folder} holds no backup: airquality backup and mongodump write files DATABASE/*{_DATA}")
    if len({path.parent for path in files}) > 1:
        raise BackupError(f"{folder} holds several databases: name a folder with one database")
    counts = {path: _checked(path) for path in files}
    with local_services(with_api=False) as services, services.open_database() as database:
        existing = set(database.list_collection_names()) & {path.stem for path in files}
        if existing:
            raise BackupError(
                f"database {database.name} already has {', '.join(sorted(existing)[:3])}"
                f"{' …' if len(existing) > 3 else ''}, and restore overwrites nothing: set MONGODB_DATABASE to a new "
                "database, or drop these collections"
            )
        for path, expected in counts.items():
            _load(database, path)
            stored = database[path.stem].count_documents({})
            if stored != expected:
                raise BackupError(
                    f"{path.stem}: {stored} documents are stored instead of {expected}: another program writes to "
                    f"database {database.name}; stop it, drop the restored collections and restore again"
                )
    out.print(f"{len(files)} collections, {sum(counts.values())} documents restored to database {database.name}")
    err.print("Next: airquality verify checks that they are consistent; the next run fetches newer hours.")


def _dump(database: Database[Any], name: str, folder: Path) -> int:
    collection = database.get_collection(name, codec_options=_RAW)
    count = 0
    with (folder / f"{name}{_DATA}").open("wb") as file:
        for document in collection.find({}, batch_size=_BATCH_DOCUMENTS, sort=[("_id", 1)]):
            file.write(document.raw)
            count += 1
    metadata = {
        "indexes": [dict(index) for index in database[name].list_indexes()],
        "collectionName": name,
        "type": "collection",
        "options": database[name].options(),
    }
    (folder / f"{name}{_METADATA}").write_text(json_util.dumps(metadata), encoding="utf-8")
    return count


def _checked(path: Path) -> int:
    """Return the number of documents in a file."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in _documents(file))
    except (InvalidBSON, OSError) as error:
        raise BackupError(f"{path} is damaged ({error}): nothing was written; use another backup") from error


def _documents(file: BinaryIO) -> Iterator[RawBSONDocument]:
    return bson.decode_file_iter(file, _RAW)


def _load(database: Database[Any], path: Path) -> None:
    metadata_file = path.with_name(f"{path.stem}{_METADATA}")
    metadata = json_util.loads(metadata_file.read_text(encoding="utf-8")) if metadata_file.exists() else {}
    if options := metadata.get("options"):
        database.create_collection(path.stem, **options)
    collection = database.get_collection(path.stem, codec_options=_RAW)
    with path.open("rb") as file:
        batch = []
        for document in _documents(file):
            batch.append(document)
            if len(batch) == _BATCH_DOCUMENTS:
                collection.insert_many(batch, ordered=False)
                batch = []
        if batch:
            collection.insert_many(batch, ordered=False)
    indexes = [
        IndexModel(list(key.items()), **{name: value for name, value in index.items() if name not in ("v", "ns")})
        for index in metadata.get("indexes", ())
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
