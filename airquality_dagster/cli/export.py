"""``airquality export``: write a station's stored data to a file."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from airquality_dagster import settings
from airquality_dagster.cli.stored import stored_frames
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.network.deployments import local_periods
from airquality_dagster.network.pollutants import DATE, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.storage.files import replaced

PLACE, SITE_KIND = "place", "site_kind"
"""Columns of a file that say where the station stood; empty while it was not deployed."""
_NESTED = ["colocation", "colocations", "colocations_pooled", "trust", "left_out"]


def export_station(name: str, *, is_raw: bool, kind: str, output: Path, for_excel: bool = False) -> None:
    """Write all stored days of a station with their validity, or all stored hours with their flags, and where it stood.

    Args:
        name: name of the station, or of a pair: then its comparison is written.
        is_raw: write hours instead of days; not of a pair.
        kind: ``csv``, ``parquet`` or ``json``.
        output: file to write; an existing file is replaced when the new file is complete.
        for_excel: write CSV in a form that Excel recognizes.

    Raises:
        SettingsError: there is no such station, the file cannot be written, or Excel does not read its kind.
        MongoDBIOManagerError: nothing is stored.
    """
    if for_excel and kind != "csv":
        raise SettingsError(f"--excel is for --format csv, not {kind}: leave it out")
    network = load_network(settings.stations_file())
    if any(pair.name == name for pair in network.pairs):
        _export_comparison(network, name, kind, output, for_excel=for_excel)
        return
    station = network.station(name)
    with local_services(with_api=False) as services, dagster_instance(services.instance_folder) as instance:
        stored = stored_frames(services, instance, network)
        if is_raw:
            flags = stored(station.quality_asset).drop(columns=SIMULATED, errors="ignore")
            # Hours that are not flagged yet are exported without flags. Version 0.1.0 stored sensors with any name.
            frame = stored(station.raw_asset).merge(flags, on=TIMESTAMP, how="left", suffixes=("_sensor", ""))
        else:
            frame = stored(station.aggregates_asset)
    frame = _with_dates(_with_nulls(_with_sites(frame, station, network.time_zone)))
    _write(frame, kind, output, for_excel=for_excel)
    err.print(f"{len(frame)} {'hours' if is_raw else 'days'} of {name} written to {output}")


def _export_comparison(network: Network, name: str, kind: str, output: Path, *, for_excel: bool) -> None:
    """Write the stored comparison of a pair, one row a reading and part of the time."""
    with local_services(with_api=False) as services, dagster_instance(services.instance_folder) as instance:
        stored = stored_frames(services, instance, network)(network.comparison_asset(network.pair(name)))
    frame = _with_nulls(_flat(stored))
    _write(frame, kind, output, for_excel=for_excel)
    err.print(f"{len(frame)} rows of {name} written to {output}")


def _flat(stored: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison with one column for each number of its differences, without what only the first rows have.

    The windows, points and times left out are in MongoDB and in `airquality compare --format json`.
    """
    columns = {}
    for column in stored.columns.difference(_NESTED, sort=False):
        if column.startswith("difference_"):
            for part in ("mean", "low", "high", "median", "detectable"):
                columns[f"{column}_{part}"] = [_number(difference, part) for difference in stored[column]]
        else:
            columns[column] = stored[column]
    return pd.DataFrame(columns)


def _number(difference: object, part: str) -> float:
    value = difference.get(part) if isinstance(difference, dict) else None
    return np.nan if value is None else float(value)


def _write(frame: pd.DataFrame, kind: str, output: Path, *, for_excel: bool) -> None:
    write = _write_excel_csv if for_excel else _WRITERS[kind]
    try:
        with replaced(output) as unfinished:
            write(frame, unfinished)
    except OSError as error:
        raise SettingsError(
            f"--output {output} cannot be written ({error.strerror or error}): name another file"
        ) from error
    if SIMULATED in frame and (frame[SIMULATED] == True).any():  # noqa: E712
        err.print(SIMULATED_NOTE)


def _with_sites(frame: pd.DataFrame, station: Station, zone: ZoneInfo) -> pd.DataFrame:
    """Return the frame with place and kind of site of each hour, or of the midnight that a day begins with."""
    if TIMESTAMP in frame:
        moments = pd.DatetimeIndex(frame[TIMESTAMP])
    else:
        midnights = (datetime.combine(day, time(), zone).astimezone(UTC) for day in frame[DATE].dt.date)
        moments = pd.DatetimeIndex(list(midnights))
    place, kind = np.full((2, len(frame)), None, dtype=object)
    for deployment, start, end in local_periods(station.deployments, zone):
        is_there = moments >= pd.Timestamp(start)
        if end is not None:
            is_there &= moments < pd.Timestamp(end)
        place[is_there], kind[is_there] = deployment.place or None, deployment.kind
    return frame.assign(**{PLACE: place, SITE_KIND: kind})


def _with_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with None for missing texts and lists, and without an empty ``simulated`` column."""
    if SIMULATED in frame and frame[SIMULATED].isna().all():
        frame = frame.drop(columns=SIMULATED)
    objects = frame.select_dtypes("object").columns
    return frame.assign(**{name: frame[name].where(frame[name].notna(), None) for name in objects})


def _with_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with days as dates without a time, which no program moves to another day."""
    return frame.assign(**{DATE: frame[DATE].dt.date}) if DATE in frame else frame


def _write_excel_csv(frame: pd.DataFrame, path: Path) -> None:
    # Without a BOM, Excel takes UTF-8 for another encoding; a time with an offset stays text.
    times = {name: frame[name].dt.tz_localize(None) for name in frame.select_dtypes("datetimetz").columns}
    _mapped(frame.assign(**times), _text).to_csv(path, index=False, encoding="utf-8-sig")


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    _mapped(frame, _text).to_csv(path, index=False)


def _mapped(frame: pd.DataFrame, text: Callable[[object], object]) -> pd.DataFrame:
    objects = frame.select_dtypes("object").columns
    return frame.assign(**{name: frame[name].map(text) for name in objects})


def _text(value: object) -> object:
    """Return a list of names, or reasons with their hours, as one text, separated by spaces.

    >>> _text(["humid", "restated"]), _text({"stuck": 15, "missing": 3})
    ('humid restated', 'stuck=15 missing=3')
    """
    if isinstance(value, dict):
        return " ".join(f"{name}={count}" for name, count in value.items())
    return " ".join(value) if isinstance(value, list) else value


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    # A column has one type, but days of version 0.1.0 hold `R_invalid` as text.
    texts = _mapped(frame, lambda value: json.dumps(value) if isinstance(value, dict) else value)
    table = pa.Table.from_pandas(texts, preserve_index=False)
    fields = [field.with_type(_parquet_type(field.type)) for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields, table.schema.metadata)), path)


def _parquet_type(kind: pa.DataType) -> pa.DataType:
    """Return a type that other programs read: Spark knows neither nanoseconds nor columns without a type."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_list(kind):
        return pa.list_(_parquet_type(kind.value_type))
    return pa.string() if pa.types.is_null(kind) else kind


def _write_json(frame: pd.DataFrame, path: Path) -> None:
    # DataFrame.to_json rounds to 15 digits; a reading may need 17.
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    path.write_text(json.dumps(records, default=lambda date: date.isoformat(), allow_nan=False), encoding="utf-8")


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "json": _write_json,
}
