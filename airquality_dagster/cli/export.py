"""``airquality export``: a station's stored data as a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pandas as pd
from dagster_mongodb import MongoDBIOManagerError

from airquality_dagster import settings
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err
from airquality_dagster.errors import AirQualityError, SettingsError
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import load_network
from airquality_dagster.storage.files import replaced


def export_station(name: str, *, is_raw: bool, kind: str, output: Path) -> None:
    """Write everything that is stored of a station: days with their validity, or hours with their flags.

    Args:
        name: of the station.
        is_raw: hours instead of days.
        kind: ``csv``, ``parquet`` or ``json``.
        output: file to write; replaced once the new one is complete.

    Raises:
        SettingsError: there is no such station, or the file cannot be written.
        AirQualityError: nothing is stored.
    """
    from airquality_dagster.component import network_definitions

    network = load_network(settings.stations_file())
    station = network.station(name)
    with local_services(with_api=False) as services, dagster_instance(services.instance_folder) as instance:
        loaded = network_definitions(network, services.started)

        def stored(asset: str) -> pd.DataFrame:
            value = loaded.load_asset_value(asset_key(asset), python_type=pd.DataFrame, instance=instance)
            return cast("pd.DataFrame", value)

        try:
            if is_raw:
                flags = stored(station.quality_asset).drop(columns=SIMULATED, errors="ignore")
                # An hour that was not flagged yet stays, without flags.
                frame = stored(station.raw_asset).merge(flags, on=TIMESTAMP, how="left")
            else:
                frame = stored(station.aggregates_asset)
        except MongoDBIOManagerError as error:
            raise AirQualityError(str(error)) from error
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
    """Return the frame with None where texts and lists are missing, and without a label that no row has."""
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
    """Return a list of names, or reasons with their hours, as one text, separated by blanks.

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
    # Not DataFrame.to_json: it rounds to 15 digits, a reading may need 17.
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    path.write_text(json.dumps(records, default=lambda date: date.isoformat(), allow_nan=False), encoding="utf-8")


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "json": _write_json,
}
