"""``airquality export``: write a station's stored data to a file."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from airquality_dagster import settings
from airquality_dagster.cli.stored import stored_frames
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import load_network
from airquality_dagster.storage.files import replaced


def export_station(name: str, *, is_raw: bool, kind: str, output: Path) -> None:
    """Write all stored days of a station with their validity, or all stored hours with their flags.

    Args:
        name: name of the station.
        is_raw: write hours instead of days.
        kind: ``csv``, ``parquet`` or ``json``.
        output: file to write; an existing file is replaced when the new file is complete.

    Raises:
        SettingsError: there is no such station, or the file cannot be written.
        MongoDBIOManagerError: nothing is stored.
    """
    network = load_network(settings.stations_file())
    station = network.station(name)
    with local_services(with_api=False) as services, dagster_instance(services.instance_folder) as instance:
        stored = stored_frames(services, instance, network)
        if is_raw:
            flags = stored(station.quality_asset).drop(columns=SIMULATED, errors="ignore")
            # Hours that are not flagged yet are exported without flags. Version 0.1.0 stored sensors with any name.
            frame = stored(station.raw_asset).merge(flags, on=TIMESTAMP, how="left", suffixes=("_sensor", ""))
        else:
            frame = stored(station.aggregates_asset)
    frame = _with_nulls(frame)
    try:
        with replaced(output) as unfinished:
            _WRITERS[kind](frame, unfinished)
    except OSError as error:
        raise SettingsError(
            f"--output {output} cannot be written ({error.strerror or error}): name another file"
        ) from error
    err.print(f"{len(frame)} {'hours' if is_raw else 'days'} of {name} written to {output}")
    if SIMULATED in frame and (frame[SIMULATED] == True).any():  # noqa: E712
        err.print(SIMULATED_NOTE)


def _with_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with None for missing texts and lists, and without an empty ``simulated`` column."""
    if SIMULATED in frame and frame[SIMULATED].isna().all():
        frame = frame.drop(columns=SIMULATED)
    objects = frame.select_dtypes("object").columns
    return frame.assign(**{name: frame[name].where(frame[name].notna(), None) for name in objects})


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
    _mapped(frame, lambda value: json.dumps(value) if isinstance(value, dict) else value).to_parquet(path, index=False)


def _write_json(frame: pd.DataFrame, path: Path) -> None:
    # DataFrame.to_json rounds to 15 digits; a reading may need 17.
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    path.write_text(json.dumps(records, default=lambda date: date.isoformat(), allow_nan=False), encoding="utf-8")


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "json": _write_json,
}
