"""The first and newest hours, and the newest readings, of many stations in few round trips to the server."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.pollutants import PROVISIONAL, SIMULATED
from airquality_dagster.network.stations import Station

# Of a hundred stations, 200 queries take 160 ms, 4 unions of 50 take 60 ms (measured).
_COLLECTIONS_IN_A_UNION = 50
NEWEST_WITHIN = timedelta(days=30)
"""Newest readings are looked for in this time before a station's newest hour."""

Stages = list[dict[str, Any]]


@dataclass(frozen=True)
class Span:
    """The hours that a station has.

    Args:
        first, last: starts of the first and of the newest stored hour.
        is_simulated: whether one of these two is of the sandbox.
    """

    first: datetime
    last: datetime
    is_simulated: bool

    @property
    def end(self) -> datetime:
        """End of the newest hour."""
        return self.last + timedelta(hours=1)


@dataclass(frozen=True)
class NewestReading:
    """A reading, and what quality control says of it.

    Args:
        hour: its start.
        value: in the unit of its field.
        level: of quality control; None until it was judged.
        flags: names of its flags.
        is_provisional: whether it may still change.
        is_simulated: whether it is of the sandbox.
    """

    hour: datetime
    value: float
    level: int | None
    flags: Sequence[str]
    is_provisional: bool
    is_simulated: bool


def spans(database: Database[dict[str, Any]], stations: Sequence[Station]) -> dict[str, Span]:
    """Return name of a station → its hours; stations without hours are left out.

    Args:
        database: database of the stations.
        stations: of which to look for hours.
    """

    def end(station: Station, order: int) -> Stages:
        return [{"$sort": {"_id": order}}, {"$limit": 1}, {"$project": {SIMULATED: True}}, _of(station.name)]

    found: dict[str, list[dict[str, Any]]] = {}
    for document in _union(database, [(one.raw_asset, end(one, order)) for one in stations for order in (1, -1)]):
        found.setdefault(document["of"], []).append(document)
    return {
        name: Span(ends[0]["_id"], ends[-1]["_id"], any(end.get(SIMULATED) is True for end in ends))
        for name, ends in found.items()
    }


def newest_readings(
    database: Database[dict[str, Any]],
    wanted: Sequence[tuple[Station, str]],
    newest_hours: Mapping[str, datetime],
    *,
    after: datetime | None = None,
    highest_valid_level: int | None = None,
) -> dict[tuple[str, str], NewestReading]:
    """Return (name of a station, field) → its newest reading; those without a reading are left out.

    Args:
        database: database of the stations.
        wanted: stations and fields, both from the tables of the network.
        newest_hours: name of a station → start of its newest hour. Readings are looked for in `NEWEST_WITHIN` before.
        after: only hours that begin later.
        highest_valid_level: only readings up to this level; None: all, judged or not.
    """

    def newest(station: Station, field: str) -> tuple[str, Stages]:
        level, flags = f"{field}_qc", f"{field}_flags"
        earliest = newest_hours[station.name] - NEWEST_WITHIN
        hours = {"_id": {"$gt": earliest if after is None else max(earliest, after)}}
        if highest_valid_level is None:
            collection, other, condition = station.raw_asset, station.quality_asset, {field: {"$type": "number"}}
        else:
            collection, other, condition = (
                station.quality_asset,
                station.raw_asset,
                {level: {"$lte": highest_valid_level}},
            )
        return collection, [
            {"$match": hours | condition},
            {"$sort": {"_id": -1}},
            {"$limit": 1},
            {"$lookup": {"from": other, "localField": "_id", "foreignField": "_id", "as": "other"}},
            {"$replaceWith": {"$mergeObjects": [{"$first": "$other"}, "$$ROOT"]}},
            {
                "$project": {
                    "value": f"${field}",
                    "level": f"${level}",
                    "flags": f"${flags}",
                    PROVISIONAL: True,
                    SIMULATED: True,
                }
            },
            _of([station.name, field]),
        ]

    parts = [newest(station, field) for station, field in wanted if station.name in newest_hours]
    return {
        (document["of"][0], document["of"][1]): NewestReading(
            hour=document["_id"],
            value=document["value"],
            level=document.get("level"),
            flags=document.get("flags") or (),
            is_provisional=document.get(PROVISIONAL) is True,
            is_simulated=document.get(SIMULATED) is True,
        )
        for document in _union(database, parts)
        # A reading that is withdrawn while its flags are not computed yet.
        if document.get("value") is not None
    }


def _of(name: str | list[str]) -> dict[str, Any]:
    return {"$set": {"of": {"$literal": name}}}


def _union(database: Database[dict[str, Any]], parts: Sequence[tuple[str, Stages]]) -> Iterator[dict[str, Any]]:
    """Yield what pipelines of collections return, in order."""
    for start in range(0, len(parts), _COLLECTIONS_IN_A_UNION):
        (collection, stages), *others = parts[start : start + _COLLECTIONS_IN_A_UNION]
        unions = [{"$unionWith": {"coll": other, "pipeline": pipeline}} for other, pipeline in others]
        yield from database[collection].aggregate([*stages, *unions])
