"""``datapackage.json``: what is in each file, for people and programs (Data Package v1, specs.frictionlessdata.io).

CSV files are tabular data resources. Parquet describes itself: its resources have no schema here, but its columns have
the same names, types, units and descriptions.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from airquality_dagster import settings
from airquality_dagster.network.licences import NO_LICENCE
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.files import columns
from airquality_dagster.publishing.files.parts import FileKind, Part
from airquality_dagster.publishing.files.tables import Table
from airquality_dagster.publishing.files.writers import BOOLEANS, FRENCH_BOOLEANS
from airquality_dagster.readings.columns import Column, Columns

PACKAGE, SCHEMAS = "datapackage.json", "schemas"
SIMULATED_TITLE = "SIMULATED DATA, NOT MEASURED"

NO_LONGER_UPDATED = "no_longer_updated"
"""Property of a resource that MongoDB or the network no longer has."""

Resource = dict[str, Any]

_FIELD_TYPES = {"date": "datetime", "day": "date", "int": "integer", "double": "number", "bool": "boolean"}
_TIMES = {"csv": "%Y-%m-%d %H:%M:%S%z", "plain": "%Y-%m-%d %H:%M:%S", "french": "%Y-%m-%d %H:%M:%S"}
_KEYS = {
    "hours": ["timestamp"],
    "excel-fr-hours": ["timestamp"],
    "openair": ["date"],
    "days": ["date"],
    "excel-fr-days": ["date"],
    "periods": ["period", "start"],
    "comparison": ["pollutant", "period", "part"],
}
_COLUMNS = {
    "hours": columns.HOURS,
    "excel-fr-hours": columns.HOURS,
    "openair": columns.OPENAIR,
    "days": columns.DAYS,
    "excel-fr-days": columns.DAYS,
    "periods": columns.PERIODS,
    "comparison": columns.COMPARISON,
    "stations": columns.STATIONS,
}


def read_package(folder: Path) -> dict[str, Any]:
    """Return the package of a folder; one without resources if there is none, or if it cannot be read."""
    try:
        package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        package = {}
    resources = package.get("resources") if isinstance(package, dict) else None
    is_ours = isinstance(resources, list) and all(
        isinstance(one, dict) and one.keys() >= {"path", "bytes", "hash", "simulated", "part", "made_of"}
        for one in resources
    )
    return package if is_ours else {"resources": []}


def resource(part: Part, kind: FileKind, table: Table, content: bytes) -> Resource:
    """Return the description of a file.

    Args:
        part: what the file belongs to.
        kind: which of its files it is.
        table: its rows.
        content: of the file.
    """
    path = part.path(kind)
    notice = f"{SIMULATED_TITLE}: " if table.is_simulated else ""
    described: Resource = {
        "name": re.sub(r"[^a-z0-9._-]+", "-", path.lower()),
        "path": path,
        "title": notice + kind.title.format(part.about),
        "title_fr": notice + kind.title_fr.format(part.about),
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "simulated": table.is_simulated,
        NO_LONGER_UPDATED: False,
        "part": part.name,
        "made_of": part.digest,
    }
    if kind.suffix == "parquet":
        return {
            **described,
            "profile": "data-resource",
            # Programs that know this word of frictionless do not guess columns.
            "type": "file",
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
        }
    is_known = table.columns == _COLUMNS[kind.name]
    return {
        **described,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "rows": len(table.frame),
        "encoding": "utf-8",
        "dialect": {"delimiter": ";" if kind.dialect == "french" else ",", "lineTerminator": "\n"},
        # A file with columns that nobody foresaw has its own.
        "schema": f"{SCHEMAS}/{kind.name}.json" if is_known else _schema(kind, table.columns),
    }


def schemas(kinds: Sequence[FileKind]) -> dict[str, dict[str, Any]]:
    """Return path → table schema of the CSV files of some kinds."""
    return {f"{SCHEMAS}/{kind.name}.json": _schema(kind, _COLUMNS[kind.name]) for kind in kinds if kind.suffix == "csv"}


def package(network: Network, resources: Sequence[Resource], former: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the package; ``created`` is the moment of its last change.

    Args:
        network: whose data they are.
        resources: all files.
        former: the package so far.
        now: the present moment.
    """
    facts = network.network
    is_simulated = any(one["simulated"] for one in resources)
    licence = facts.licence_terms
    described: dict[str, Any] = {
        "profile": "data-package",
        "name": re.sub(r"[^a-z0-9]+", "-", f"air-quality-{facts.name}".lower()).strip("-"),
        "title": f"{f'{SIMULATED_TITLE}: ' if is_simulated else ''}Air quality in {facts.name}",
        "description": _description(network, is_simulated=is_simulated),
        "simulated": is_simulated,
        "licence": licence.spdx if licence else NO_LICENCE,
        "attribution": facts.credit,
        "time_zone": facts.time_zone,
        "country": facts.country,
        "contributors": [_contributor(network)],
        "sources": [{"title": "API of the AirQino stations", "path": settings.PUBLIC_API}],
        "keywords": ["air quality", "low-cost sensors", "AirQino", facts.name],
        "resources": list(resources),
    }
    if licence:
        described["licenses"] = [{"name": licence.spdx, "path": licence.url, "title": licence.name}]
    created = former.get("created")
    is_same = created and described == {name: value for name, value in former.items() if name != "created"}
    return {**described, "created": created if is_same else now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _description(network: Network, *, is_simulated: bool) -> str:
    facts = network.network
    parts = [
        f"{SIMULATED_TITLE}. A sandbox made them: they say nothing about the air." if is_simulated else "",
        f"Hourly readings of low-cost stations in {facts.name}, each with a level and flags; days, months and years.",
        "Only what is called valid may be taken for the air of the place: R_valid in hours, R_valid_mean in days. A "
        "level of 4 is not valid, 9 is missing; an hour without a level was not judged yet; one without a row was not "
        "delivered.",
        f"Hours are in UTC and in files of UTC years; days are those of {facts.time_zone}, in files of local years.",
        f"Licence: {facts.licence_terms.name if facts.licence_terms else NO_LICENCE}.",
    ]
    return " ".join(filter(None, parts))


def _contributor(network: Network) -> dict[str, str]:
    facts = network.network
    described = {"title": facts.owner or facts.name, "role": "publisher"}
    if facts.contact:
        described["path" if facts.contact.startswith("http") else "email"] = facts.contact
    return described


def _schema(kind: FileKind, table: Columns) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": [_field(column, kind.dialect) for column in table], "missingValues": [""]}
    return {**schema, "primaryKey": _KEYS[kind.name]} if kind.name in _KEYS else schema


def _field(column: Column, dialect: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": _FIELD_TYPES.get(column.type, "string"),
        "description": column.description,
    }
    if column.unit:
        field["unit"] = column.unit
    if column.type == "array":
        field["description"] += "; separated by spaces"
    if column.type == "object":
        field["description"] += "; as name=hours, separated by spaces"
    if column.type == "date":
        field["format"] = _TIMES[dialect]
    if column.type == "bool":
        true, false = FRENCH_BOOLEANS if dialect == "french" else BOOLEANS
        field |= {"trueValues": [true], "falseValues": [false]}
    if column.type == "double" and dialect == "french":
        field["decimalChar"] = ","
    return field
