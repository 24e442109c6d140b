"""Writes the open data of a network: only what has changed, and never a half file."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pymongo.database import Database

from airquality_dagster.errors import OpenDataError
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.files.package import (
    NO_LONGER_UPDATED,
    PACKAGE,
    SCHEMAS,
    Resource,
    package,
    read_package,
    resource,
    schemas,
)
from airquality_dagster.publishing.files.parts import (
    ALL_KINDS,
    COMPARISONS,
    Part,
    pair_part,
    station_parts,
    stations_part,
)
from airquality_dagster.publishing.files.readme import readme
from airquality_dagster.storage.files import replaced

README, CHECKSUMS = "README.md", "SHA256SUMS"

_LOCK = ".lock"
_LOCK_SECONDS = 1800
# What `replaced` leaves if its process is killed.
_UNFINISHED = re.compile(r"\.(.+\.(csv|parquet|json|md)|SHA256SUMS)\.[a-z0-9_]{8}")


@dataclass(frozen=True)
class OpenData:
    """The files of a network.

    Args:
        folder: where they are.
        written: files that were written, made new or changed.
        unchanged: files that were as they should be.
        removed: files that were removed.
        size: of all files of data, bytes.
        stations: how many stations have files.
        is_simulated: whether any file has simulated rows.
    """

    folder: Path
    written: int
    unchanged: int
    removed: int
    size: int
    stations: int
    is_simulated: bool


def write_open_data(
    database: Database[dict[str, Any]],
    network: Network,
    folder: Path,
    now: datetime,
    on_station: Callable[[Station], None] = lambda station: None,
) -> OpenData:
    """Write the files of what is stored, one station and year after the other.

    A file is written if the documents that it is made of have another digest than `datapackage.json` says, or if it is
    not there. The package is written after the files: a run that is killed is completed by the next one. Two at once
    take turns.

    A station that left the network, and a year that MongoDB no longer holds, keep their files, unless these are
    simulated.

    Args:
        database: of the readings.
        network: whose files they are.
        folder: of the files; it is made if it is missing.
        now: the present moment, tz-aware.
        on_station: called after each station.

    Raises:
        OpenDataError: the files cannot be written; those that are there stay.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            return _write(database, network, _Folder(folder), now, on_station)
    except OSError as error:
        raise OpenDataError(
            f"the files of open data in {folder} cannot be written ({error.strerror or error}): make room, or set "
            "AIRQUALITY_OPEN_DATA_DIR to a folder that can be written; complete files stay"
        ) from error


def _write(
    database: Database[dict[str, Any]],
    network: Network,
    files: "_Folder",
    now: datetime,
    on_station: Callable[[Station], None],
) -> OpenData:
    files.remove_unfinished(["", SCHEMAS, COMPARISONS, *(station.name for station in network.stations)])
    files.write(stations_part(network))
    for station in network.stations:
        for part in station_parts(database, station, network):
            files.write(part)
        on_station(station)
    for pair in network.pairs:
        part = pair_part(database, pair, network)
        if part:
            files.write(part)
    files.keep_or_remove_others()
    resources = sorted(files.resources.values(), key=lambda one: one["path"])
    described = package(network, resources, files.former, now)
    texts = {
        **{path: _json(schema) for path, schema in schemas(ALL_KINDS).items()},
        README: readme(network, resources),
        PACKAGE: _json(described),
    }
    for path, text in texts.items():
        files.write_text(path, text)
    digests = {one["path"]: one["hash"].partition(":")[2] for one in resources}
    digests |= {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}
    files.write_text(CHECKSUMS, "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)))
    return OpenData(
        files.folder,
        files.written,
        files.unchanged,
        files.removed,
        sum(one["bytes"] for one in resources),
        len({one["path"].partition("/")[0] for one in resources if "/" in one["path"]} - {COMPARISONS}),
        described["simulated"],
    )


class _Folder:
    """The files of a network, and what was done to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.former = read_package(folder)
        self.resources: dict[str, Resource] = {}
        self.written = self.unchanged = self.removed = 0
        self._former = {one["path"]: one for one in self.former["resources"]}
        self._parts: set[str] = set()

    def write(self, part: Part) -> None:
        """Write the files of a part, unless they are there and made of the same."""
        self._parts.add(part.name)
        paths = [part.path(kind) for kind in part.files]
        if all(self._is_made_of(path, part.digest) for path in paths):
            self.resources |= {path: {**self._former[path], NO_LONGER_UPDATED: False} for path in paths}
            self.unchanged += len(paths)
            return
        table = part.table()
        for kind in part.files:
            view, path = kind.view(table), part.path(kind)
            content = BytesIO()
            kind.write(view, content)
            described = resource(part, kind, view, content.getvalue())
            if self._is_there(path) and self._former[path]["hash"] == described["hash"]:
                self.unchanged += 1
            else:
                self._replace(path, content.getvalue())
            self.resources[path] = described

    def write_text(self, path: str, text: str) -> None:
        """Write a small file, unless it is there as it should be."""
        file = self.folder / path
        if file.is_file() and file.read_bytes() == text.encode():
            self.unchanged += 1
        else:
            self._replace(path, text.encode())

    def keep_or_remove_others(self) -> None:
        """Keep the files that are made of nothing that is stored; remove those that are simulated or out of use."""
        for path, one in self._former.items():
            if path in self.resources or not self._is_there(path):
                continue
            if one["simulated"] or one["part"] in self._parts:
                (self.folder / path).unlink()
                self.removed += 1
            else:
                self.resources[path] = {**one, NO_LONGER_UPDATED: True}
                self.unchanged += 1

    def remove_unfinished(self, folders: list[str]) -> None:
        """Remove what killed runs have left."""
        for name in folders:
            for file in (self.folder / name).glob(".*"):
                if _UNFINISHED.fullmatch(file.name):
                    file.unlink(missing_ok=True)

    def _replace(self, path: str, content: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        with replaced(file) as unfinished:
            unfinished.write_bytes(content)
        self.written += 1

    def _is_made_of(self, path: str, digest: str) -> bool:
        return self._is_there(path) and self._former[path]["made_of"] == digest

    def _is_there(self, path: str) -> bool:
        # By its size: to read all files each night would cost more than to write what has changed.
        file, former = self.folder / path, self._former.get(path)
        return former is not None and file.is_file() and file.stat().st_size == former["bytes"]


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into the folder."""
    try:
        with FileLock(folder / _LOCK, timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise OpenDataError(
            f"another process has been writing the open data in {folder} for {_LOCK_SECONDS // 60} minutes: see what "
            "keeps it, end it, and run again"
        ) from error


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
