"""The parts of the open data: what is made of one piece of MongoDB, in one go."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.files import columns
from airquality_dagster.publishing.files.stored import documents, of_year, stored_bytes, stored_years
from airquality_dagster.publishing.files.tables import (
    Table,
    comparison_table,
    days_table,
    hours_table,
    openair_table,
    periods_table,
    stations_table,
)
from airquality_dagster.publishing.files.writers import (
    Writer,
    write_csv,
    write_french_csv,
    write_parquet,
    write_plain_csv,
)

COMPARISONS = "comparisons"
"""Folder of the comparisons of pairs."""

FORMAT = 1
"""Version of the files: with a new one, all of them are written again."""


@dataclass(frozen=True)
class FileKind:
    """One of the files of a part.

    Args:
        name: begins the name of the file.
        dialect: how it is written: ``csv``, ``plain`` (times without an offset), ``french`` or ``parquet``.
        title, title_fr: for people; ``{}`` stands for the station, and the year.
        view: makes the table of the file out of that of the part.
    """

    name: str
    dialect: str
    title: str
    title_fr: str
    view: Callable[[Table], Table] = lambda table: table

    @property
    def suffix(self) -> str:
        """How the name of the file ends."""
        return "parquet" if self.dialect == "parquet" else "csv"

    @property
    def write(self) -> Writer:
        """What writes the file."""
        return _WRITERS[self.dialect]


_WRITERS: Mapping[str, Writer] = {
    "csv": write_csv,
    "plain": write_plain_csv,
    "french": write_french_csv,
    "parquet": write_parquet,
}


def _kinds(name: str, title: str, title_fr: str, *others: FileKind) -> tuple[FileKind, ...]:
    return (FileKind(name, "csv", title, title_fr), FileKind(name, "parquet", title, title_fr), *others)


HOURS = _kinds(
    "hours",
    "hours of {}: readings as published, whether they are valid, levels and flags, place",
    "heures de {} : mesures telles que publiées, validité, niveaux et drapeaux, lieu",
    FileKind(
        "openair",
        "plain",
        "valid readings of {} for openair: date is the start of the hour in UTC",
        "mesures valides de {} pour openair : date est le début de l’heure en UTC",
        openair_table,
    ),
    FileKind(
        "excel-fr-hours",
        "french",
        "hours of {} for a French Excel or LibreOffice",
        "heures de {} pour Excel ou LibreOffice en français",
    ),
)
DAYS = _kinds(
    "days",
    "local days of {}: means, valid means, why there is none, indices",
    "jours de {} (heure locale) : moyennes, moyennes valides ou raisons de leur absence, indices",
    FileKind(
        "excel-fr-days",
        "french",
        "local days of {} for a French Excel or LibreOffice",
        "jours de {} pour Excel ou LibreOffice en français",
    ),
)
PERIODS = _kinds(
    "periods",
    "months and years of {}: valid means, data capture, days above WHO's guidelines",
    "mois et années de {} : moyennes valides, taux de capture, jours au-dessus des lignes directrices de l’OMS",
)
COMPARISON = _kinds(
    "comparison",
    "comparison {}: how the two stations differ, and what may be said",
    "comparaison {} : différence entre les deux stations, et ce qu’on peut en dire",
)
STATIONS = (
    FileKind("stations", "csv", "where the stations stand and stood", "où les stations sont et étaient installées"),
)

ALL_KINDS = (*HOURS, *DAYS, *PERIODS, *COMPARISON, *STATIONS)


@dataclass(frozen=True)
class Part:
    """Some files that are made of the same stored documents.

    Args:
        folder: of the files, in that of the network; empty for its own.
        ending: ends the names of the files: the year, or the name of the pair; may be empty.
        about: whom titles name.
        files: kinds of its files.
        table: makes the table.
        digest: of all that the files are made of.
    """

    folder: str
    ending: str
    about: str
    files: tuple[FileKind, ...]
    table: Callable[[], Table]
    digest: str

    @property
    def name(self) -> str:
        """What it is called in the package."""
        return "/".join(filter(None, (self.folder, self.files[0].name, self.ending)))

    def path(self, kind: FileKind) -> str:
        """Return the path of one of its files in the folder of the network."""
        name = f"{'-'.join(filter(None, (kind.name, self.ending)))}.{kind.suffix}"
        return f"{self.folder}/{name}" if self.folder else name


def station_parts(database: Database[dict[str, Any]], station: Station, network: Network) -> Iterator[Part]:
    """Yield the parts of a station, one year after the other; of each, only its own documents are in memory.

    Hours belong to the year that they start in, in UTC; days to that of their local date.
    """
    facts = f"{station.model_dump_json()} {network.network.time_zone}".encode()

    def part(files: tuple[FileKind, ...], year: str, table: Callable[[], Table], *stored: bytes) -> Part:
        about = f"{station.name}, {year}" if year else station.name
        return Part(station.name, year, about, files, table, _digest(files, facts, *stored))

    def hours(raw: bytes, quality: bytes) -> Table:
        return hours_table(documents(raw), documents(quality), station, network)

    for year in stored_years(database, station.raw_asset):
        raw, quality = (
            stored_bytes(database, name, of_year(year)) for name in (station.raw_asset, station.quality_asset)
        )
        if raw:
            yield part(HOURS, str(year), partial(hours, raw, quality), raw, quality)
    for year in stored_years(database, station.aggregates_asset):
        daily = stored_bytes(database, station.aggregates_asset, of_year(year))
        if daily:
            yield part(
                DAYS, str(year), partial(lambda stored: days_table(documents(stored), station, network), daily), daily
            )
    summaries = stored_bytes(database, station.summaries_asset, {})
    if summaries:
        yield part(PERIODS, "", lambda: periods_table(documents(summaries), station), summaries)


def pair_part(database: Database[dict[str, Any]], pair: Pair, network: Network) -> Part | None:
    """Return the part of a pair, None if it was not compared yet."""
    stored = stored_bytes(database, network.comparison_asset(pair), {})
    if not stored:
        return None
    return Part(
        COMPARISONS, pair.name, pair.name, COMPARISON,
        lambda: comparison_table(documents(stored)), _digest(COMPARISON, stored),
    )  # fmt: skip


def stations_part(network: Network) -> Part:
    """Return the part with the places of all stations."""
    facts = b"".join(station.model_dump_json().encode() for station in network.stations)
    zone = network.network.time_zone.encode()
    return Part("", "", network.network.name, STATIONS, lambda: stations_table(network), _digest(STATIONS, facts, zone))


def _digest(files: tuple[FileKind, ...], *made_of: bytes) -> str:
    """Return the digest of all that files are made of: documents, facts of the station, columns, titles, format."""
    digest = hashlib.sha256(_FILES_DIGEST)
    titles = [(kind.name, kind.dialect, kind.title, kind.title_fr) for kind in files]
    for part in (repr(titles).encode(), *made_of):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


_FILES_DIGEST = repr(
    (FORMAT, columns.HOURS, columns.DAYS, columns.PERIODS, columns.COMPARISON, columns.OPENAIR, columns.STATIONS)
).encode()
