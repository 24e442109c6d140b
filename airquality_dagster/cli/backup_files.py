"""The files of a backup, as ``airquality backup`` and ``mongodump`` write them, also compressed or in a tar file."""

import contextlib
import gzip
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import bson
from bson import json_util
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from airquality_dagster.errors import BackupError

RAW = CodecOptions(document_class=RawBSONDocument)
DATA, METADATA = ".bson", ".metadata.json"
_GZIP = ".gz"
# Replayed by `mongorestore --oplogReplay`; no collection.
_OPLOG = "oplog"
# The first bytes of what `mongodump --archive` writes.
_ARCHIVE = bytes.fromhex("6de29981")
_DAMAGES = (InvalidBSON, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError)


@dataclass(frozen=True)
class CollectionFile:
    """A collection of a backup, whose file was read to its end.

    Args:
        name: name of the collection.
        path: file with its documents.
        count: number of documents.
        metadata: options and indexes.
    """

    name: str
    path: Path
    count: int
    metadata: Mapping[str, Any]

    def documents(self) -> Iterator[RawBSONDocument]:
        """Yield the documents."""
        with _opened(self.path) as file:
            yield from bson.decode_file_iter(file, RAW)


@contextlib.contextmanager
def checked_collections(backup: Path) -> Iterator[list[CollectionFile]]:
    """Yield the collections of a backup; a tar file is unpacked until the end of the block.

    Args:
        backup: folder or tar file.

    Raises:
        BackupError: there is no backup, there are several, or a file is damaged.
    """
    if backup.is_dir():
        yield _collections(backup, backup)
        return
    with tempfile.TemporaryDirectory() as folder:
        _unpack(backup, Path(folder))
        yield _collections(Path(folder), backup)


def _unpack(backup: Path, folder: Path) -> None:
    with _damage_told(backup):
        if not tarfile.is_tarfile(backup):
            raise BackupError(_no_tar(backup))
        with tarfile.open(backup) as archive:
            for member in archive:
                _unpack_member(archive, member, folder)
            _check_end(archive)


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    # `extractall(filter="data")` does this, but only from Python 3.11.4.
    path = (folder / member.name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise tarfile.ReadError(f"{member.name!r} is outside the archive")
    content = archive.extractfile(member) if member.isreg() else None
    if content is not None:  # folders follow from the names of files; links are not followed
        path.parent.mkdir(parents=True, exist_ok=True)
        with content, path.open("wb") as file:
            shutil.copyfileobj(content, file)


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise if the archive was cut: `tarfile` takes a cut between two files for the end."""
    ends = [member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE for member in archive]
    file = cast("BinaryIO", archive.fileobj)
    file.seek(max(ends, default=0))
    # Read to the end, where gzip keeps its checksum.
    if not file.read().startswith(bytes(tarfile.BLOCKSIZE)):
        raise tarfile.ReadError("unexpected end of data")


def _no_tar(backup: Path) -> str:
    with _opened(backup) as file:
        is_archive = file.read(len(_ARCHIVE)) == _ARCHIVE
    if is_archive:
        option = " --gzip" if backup.suffix == _GZIP else ""
        return (
            f"{backup} is what mongodump --archive writes: restore it with mongorestore --archive={backup}{option}, or "
            "back up to a folder with mongodump --out"
        )
    return (
        f"{backup} is no backup: name the folder that airquality backup or mongodump has written, or a tar file of it"
    )


def _collections(folder: Path, backup: Path) -> list[CollectionFile]:
    paths = {
        path: path.name.removesuffix(_GZIP).removesuffix(DATA)
        for path in sorted(folder.rglob("*"))
        if path.name.removesuffix(_GZIP).endswith(DATA) and not path.name.startswith(".")
    }
    paths = {path: name for path, name in paths.items() if name != _OPLOG}
    if not paths:
        raise BackupError(
            f"{backup} holds no backup: airquality backup and mongodump write files DATABASE/*{DATA} or "
            f"DATABASE/*{DATA}{_GZIP}"
        )
    if len({path.parent for path in paths}) > 1:
        raise BackupError(f"{backup} holds several databases: name a folder with one database")
    if len(set(paths.values())) < len(paths):
        raise BackupError(f"{backup} holds a collection twice, compressed and not: remove one of the two files")
    return [_checked(name, path) for path, name in paths.items()]


def _checked(name: str, path: Path) -> CollectionFile:
    with _damage_told(path), _opened(path) as file:
        count = sum(1 for _ in bson.decode_file_iter(file, RAW))
    metadata: dict[str, Any] = {}
    for metadata_file in (path.with_name(f"{name}{METADATA}"), path.with_name(f"{name}{METADATA}{_GZIP}")):
        if metadata_file.exists():
            with _damage_told(metadata_file), _opened(metadata_file) as file:
                metadata = json_util.loads(file.read().decode())
    return CollectionFile(name, path, count, metadata)


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGES as error:
        raise BackupError(
            f"{path} is damaged or cannot be read ({error}): nothing was written; use another backup"
        ) from error


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == _GZIP else path.open("rb")
