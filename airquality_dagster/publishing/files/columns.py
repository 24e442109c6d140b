"""The columns of the files: those of the stored documents, and what files add to them."""

from airquality_dagster.network.pollutants import (
    BY_FIELD,
    DATE,
    PARAMETERS,
    PROVISIONAL,
    RULES_VERSION,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
)
from airquality_dagster.readings import columns
from airquality_dagster.readings.columns import Column, Columns
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.periods import START

STATION, PLACE, SITE_KIND = "station", "place", "site_kind"

_STATION = Column(STATION, "string", "name of the station")
_SITE = (
    Column(PLACE, "string", "where the station stood; empty while it was not deployed, or if no place is given"),
    Column(SITE_KIND, "string", "street, background, industrial, rural: outdoor air; colocation, indoor, unknown: not"),
)
_SIMULATED = "true: SIMULATED DATA of a sandbox, not measured; false: measured"
# Files have a value where a document has no field, and no `_id`.
_OF_FILES = {
    TIMESTAMP: Column(TIMESTAMP, "date", "start of the hour, UTC"),
    DATE: Column(DATE, "day", "local date"),
    START: Column(START, "day", "first local date of the period"),
    PROVISIONAL: Column(PROVISIONAL, "bool", "true while the hour may still change"),
    SIMULATED: Column(SIMULATED, "bool", _SIMULATED),
    "period": Column("period", "string", "month or year"),
    "pollutant": Column("pollutant", "string", "name of the reading"),
}


def _described(table: Columns) -> dict[str, Column]:
    return {column.name: _OF_FILES.get(column.name, column) for column in table}


def valid_name(field: str) -> str:
    """Return the name of the column that says whether the reading of an hour is valid."""
    return f"{field}_valid"


def _hours() -> Columns:
    """Return the columns of hours: readings first, then what is to be known of each."""
    known = _described((*columns.HOURLY, *columns.QUALITY))
    ends = (PROVISIONAL, RULES_VERSION)
    head = [known.pop(name) for name in (TIMESTAMP, SIMULATED, STATION_ID, *BY_FIELD)]
    head.insert(1, _STATION)
    last = [known.pop(name) for name in ends]
    judged = [
        column
        for field, parameter in BY_FIELD.items()
        for column in (
            Column(
                valid_name(field),
                "bool",
                f"{parameter.label}: true if a valid reading is there (level 1 to {int(HIGHEST_VALID_LEVEL)})",
            ),
            known.pop(f"{field}_qc"),
            known.pop(f"{field}_flags"),
        )
    ]
    return (*head, *judged, *known.values(), *_SITE, *last)


def _days() -> Columns:
    known = _described(columns.DAILY)
    return (known.pop(DATE), _STATION, known.pop(SIMULATED), *known.values(), *_SITE)


def _periods() -> Columns:
    known = _described(columns.SUMMARY)
    return (known.pop("period"), known.pop(START), _STATION, known.pop(SIMULATED), *known.values())


HOURS = _hours()
DAYS = _days()
PERIODS = _periods()

PARTS = ("mean", "low", "high", "median", "detectable")
"""Numbers of a difference that have a column each."""
_LEFT_OUT = ("colocation", "colocations", "colocations_pooled", "trust", "left_out")


def _comparison() -> Columns:
    known = []
    for name, column in _described(columns.COMPARISON).items():
        if name.startswith("difference_"):
            words = "second minus first, raw" if name.endswith("raw") else "second minus first, both on one scale"
            known += [Column(f"{name}_{part}", "double", f"{words}: {part}") for part in PARTS]
        elif name not in _LEFT_OUT:
            known.append(column)
    return tuple(known)


COMPARISON = _comparison()
"""Columns of a comparison: without what only its first rows have, such as windows and points."""

OPENAIR_FIELDS = {
    parameter.field: {"pm2_5": "pm2.5", "temperature": "air_temp", "relative_humidity": "RH"}.get(
        parameter.field, parameter.field
    )
    for parameter in PARAMETERS
    if parameter.quality
}
"""Readings and their names in openair and worldmet; raw counts are no quantity."""

OPENAIR = (
    Column("date", "date", "start of the hour, UTC"),
    Column("site", "string", "name of the station"),
    *(
        Column(name, "double", f"{BY_FIELD[field].label}: valid readings only", BY_FIELD[field].unit)
        for field, name in OPENAIR_FIELDS.items()
    ),
    Column(SIMULATED, "bool", _SIMULATED),
)

STATIONS = (
    _STATION,
    Column("label", "string", "name of the device in the AirQino API"),
    Column(STATION_ID, "int", "AirQino id of the device"),
    Column("city", "string", "city or town"),
    *_SITE,
    Column("outdoor", "bool", "true if it measured the outdoor air of its place"),
    Column("from", "date", "since when it stood there, UTC; empty: since ever"),
    Column("to", "date", "until when, UTC, excluded; empty: until now"),
    Column("latitude", "double", "latitude, WGS 84", "°"),
    Column("longitude", "double", "longitude, WGS 84", "°"),
    Column("surface", "string", "surface of the road, if it is known"),
)
