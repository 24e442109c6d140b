"""Tables of files, made of stored documents: one row an hour, day or period, each column of one type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.deployments import local_periods
from airquality_dagster.network.pollutants import BY_FIELD, DATE, SIMULATED, STATION_ID, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.files import columns
from airquality_dagster.publishing.files.columns import PLACE, SITE_KIND, STATION, valid_name
from airquality_dagster.readings.columns import Column, Columns
from airquality_dagster.readings.flags import is_valid_level
from airquality_dagster.readings.periods import START

Documents = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Table:
    """Rows and what their columns are.

    Args:
        frame: one column of each name, in order. Moments are UTC in microseconds, days are `date`, integers ``Int64``,
            numbers float64, lists and documents as they are stored; None or NaN where there is no value.
        columns: names, types, units and descriptions.
    """

    frame: pd.DataFrame
    columns: Columns

    @property
    def is_simulated(self) -> bool:
        """Whether any row is."""
        return SIMULATED in self.frame and bool(self.frame[SIMULATED].any())


def hours_table(raw: Documents, quality: Documents, station: Station, network: Network) -> Table:
    """Return hours with their flags, and where the station stood.

    Hours that are not flagged yet have no level, and are not valid.

    Args:
        raw: documents of the station's hours.
        quality: documents of the flags of these hours.
        station: the station.
        network: its network.
    """
    hours = _frame(raw, TIMESTAMP)
    flags = _frame(quality, TIMESTAMP).drop(columns=SIMULATED, errors="ignore")
    # Version 0.1.0 stored sensors with any name.
    hours = hours.merge(flags, on=TIMESTAMP, how="left", suffixes=("_sensor", ""))
    moments = pd.DatetimeIndex(pd.to_datetime(hours[TIMESTAMP], utc=True))
    levels = hours.reindex(columns=[f"{field}_qc" for field in BY_FIELD]).to_numpy(dtype="float64")
    # A reading may be withdrawn after it was judged.
    is_valid = is_valid_level(levels) & hours.reindex(columns=list(BY_FIELD)).notna().to_numpy()
    valid = dict(zip(map(valid_name, BY_FIELD), is_valid.T, strict=True))
    added = {STATION: station.name, **_sites(moments, station, network), **valid}
    return _table(hours.assign(**added), columns.HOURS)


def days_table(daily: Documents, station: Station, network: Network) -> Table:
    """Return local days, and where the station stood at the midnight that each begins with.

    Args:
        daily: documents of the station's daily aggregates.
        station, network: as in `hours_table`.
    """
    days = _frame(daily, DATE)
    midnights = (
        datetime.combine(date, time(), network.time_zone).astimezone(UTC)
        for date in pd.to_datetime(days[DATE], utc=True).dt.date
    )
    sites = _sites(pd.DatetimeIndex(list(midnights), tz="UTC"), station, network)
    return _table(days.assign(**{STATION: station.name, **sites}), columns.DAYS)


def periods_table(summaries: Documents, station: Station) -> Table:
    """Return months and years.

    Args:
        summaries: documents of the station's summaries.
        station: the station.
    """
    return _table(_frame(summaries, "period", START).assign(**{STATION: station.name}), columns.PERIODS)


def comparison_table(rows: Documents) -> Table:
    """Return a pair's comparison, one row a reading and part of the time.

    The windows, points and times left out are in MongoDB and in `airquality compare --format json`.

    Args:
        rows: documents of the comparison.
    """
    frame = _frame(rows, "pollutant", "period", "part")
    for name in [name for name in map(str, frame.columns) if name.startswith("difference_")]:
        for part in columns.PARTS:
            frame[f"{name}_{part}"] = [_number(difference, part) for difference in frame[name]]
    return Table(_table(frame, columns.COMPARISON).frame[[one.name for one in columns.COMPARISON]], columns.COMPARISON)


def openair_table(hours: Table) -> Table:
    """Return the valid readings of hours under the names that openair knows."""
    frame = hours.frame
    readings = {
        name: frame[field].where(frame[valid_name(field)].to_numpy()) for field, name in columns.OPENAIR_FIELDS.items()
    }
    known = {"date": frame[TIMESTAMP], "site": frame[STATION], **readings, SIMULATED: frame[SIMULATED]}
    return Table(pd.DataFrame(known), columns.OPENAIR)


def stations_table(network: Network) -> Table:
    """Return the deployments of all stations, in order of time; a station without any has one row."""
    rows: list[dict[str, Any]] = []
    for station in network.stations:
        known = {STATION: station.name, "label": station.label or None, "city": station.city or None}
        for one, start, end in local_periods(station.deployments, network.time_zone):
            latitude, longitude = one.position or (None, None)
            rows.append(
                {
                    **known,
                    STATION_ID: one.airqino_id or station.airqino_id,
                    PLACE: one.place or None,
                    SITE_KIND: one.kind,
                    "outdoor": one.is_outdoor,
                    "from": start,
                    "to": end,
                    "latitude": latitude,
                    "longitude": longitude,
                    "surface": one.surface or None,
                }
            )
        if not station.deployments:
            latitude, longitude = station.position or (None, None)
            place = {"outdoor": True, "latitude": latitude, "longitude": longitude}
            rows.append({**known, STATION_ID: station.airqino_id, **place})
    return _table(pd.DataFrame(rows), columns.STATIONS)


def _frame(documents: Documents, *key: str) -> pd.DataFrame:
    """Return documents as rows, their ``_id`` as the column or columns of the key."""
    rows = [dict(document) for document in documents]
    for row in rows:
        identity = row.pop("_id")
        row.update(identity if isinstance(identity, Mapping) else dict.fromkeys(key, identity))
    return pd.DataFrame(rows, columns=None if rows else list(key))


def _number(difference: object, part: str) -> float:
    value = difference.get(part) if isinstance(difference, dict) else None
    return np.nan if value is None else float(value)


def _sites(moments: pd.DatetimeIndex, station: Station, network: Network) -> dict[str, np.ndarray]:
    """Return place and kind of site at some moments."""
    place, kind = np.full((2, len(moments)), None, dtype=object)
    for deployment, start, end in local_periods(station.deployments, network.time_zone):
        is_there = moments >= pd.Timestamp(start)
        if end is not None:
            is_there &= moments < pd.Timestamp(end)
        place[is_there], kind[is_there] = deployment.place or None, deployment.kind
    return {PLACE: place, SITE_KIND: kind}


def _table(frame: pd.DataFrame, known: Columns) -> Table:
    """Return the table of the known columns, then of columns that nobody foresaw, such as those of further sensors."""
    names = {column.name for column in known}
    others = tuple(_other_column(frame, name) for name in map(str, frame.columns) if name not in names)
    values = {column.name: _values(frame, column) for column in (*known, *others)}
    return Table(pd.DataFrame(values, index=frame.index), (*known, *others))


def _other_column(frame: pd.DataFrame, name: str) -> Column:
    # By the ending, not by the values: a column has the same type in each year, also if it is empty in one.
    kind = {"flags": "array", "invalid": "object"}.get(name.rpartition("_")[2])
    if kind is None:
        is_number = frame[name].map(lambda value: value is None or isinstance(value, int | float)).all()
        kind = "double" if is_number else "string"
    return Column(name, kind, "of a sensor that the project does not know: unit and quality are unknown")


def _values(frame: pd.DataFrame, column: Column) -> pd.Series:
    """Return the values of a column in its type; a column that no document has is empty."""
    if column.name in frame:
        values = frame[column.name]
    else:
        values = pd.Series(np.full(len(frame), None, dtype=object), index=frame.index)
    if column.type == "double":
        return values.astype("float64")
    if column.type == "int":
        return values.astype("float64").astype("Int64")
    if column.type == "bool":
        return (values == True).astype(bool)  # noqa: E712
    if column.type in {"date", "day"}:
        moments = pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
        return moments.dt.date.astype(object) if column.type == "day" else moments
    values = values.astype(object)
    return values.where(values.notna(), None)
