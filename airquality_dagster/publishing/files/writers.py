"""Tables as files: CSV, CSV for openair and for French spreadsheets, Parquet, JSON."""

import json
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from airquality_dagster.publishing.files.tables import Table
from airquality_dagster.readings.columns import Column

Writer = Callable[[Table, BinaryIO], None]

BOOLEANS, FRENCH_BOOLEANS = ("TRUE", "FALSE"), ("VRAI", "FAUX")
"""How CSV says true and false: R reads no other spelling, and Excel speaks French in French."""

_SECONDS = "%Y-%m-%d %H:%M:%S"
_ARROW_TYPES = {
    # Spark knows no nanoseconds.
    "date": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "int": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "array": pa.list_(pa.string()),
    "object": pa.string(),
}


def write_csv(table: Table, file: BinaryIO) -> None:
    """Write CSV: UTF-8, commas, times with their offset, and spaces between the names of a list."""
    _text(table, f"{_SECONDS}+00:00").to_csv(file, index=False, mode="wb", lineterminator="\n")


def write_plain_csv(table: Table, file: BinaryIO) -> None:
    """Write CSV with times that have no offset, as openair wants them."""
    _text(table, _SECONDS).to_csv(file, index=False, mode="wb", lineterminator="\n")


def write_excel_csv(table: Table, file: BinaryIO) -> None:
    """Write CSV that Excel recognizes, with a BOM and without offsets.

    Without a BOM, it takes UTF-8 for another encoding. A time with an offset stays text.
    """
    _text(table, _SECONDS).to_csv(file, index=False, mode="wb", encoding="utf-8-sig", lineterminator="\n")


def write_french_csv(table: Table, file: BinaryIO) -> None:
    """Write CSV that a French Excel or LibreOffice opens by a double click: semicolons, decimal commas, a BOM."""
    text = _text(table, _SECONDS, FRENCH_BOOLEANS)
    for column in table.columns:
        if column.type == "double":
            # The shortest text that is this number; `to_csv(decimal=",")` rounds.
            text[column.name] = text[column.name].map(lambda value: repr(value).replace(".", ","), na_action="ignore")
    text.to_csv(file, index=False, mode="wb", sep=";", encoding="utf-8-sig", lineterminator="\n")


def write_parquet(table: Table, file: BinaryIO) -> None:
    """Write Parquet: each column has the type of its kind in each file, with its unit and description."""
    frame = table.frame.copy(deep=False)
    for column in table.columns:
        if column.type == "object":
            frame[column.name] = frame[column.name].map(_json, na_action="ignore")
        elif column.type == "array":
            frame[column.name] = frame[column.name].map(_listed, na_action="ignore")
    schema = pa.schema([_arrow_field(column) for column in table.columns])
    pq.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False), file)


def write_json(table: Table, file: BinaryIO) -> None:
    """Write a list of objects; days and times in ISO 8601."""
    # DataFrame.to_json rounds to 15 digits; a reading may need 17.
    frame = table.frame
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    text = json.dumps(records, default=lambda date: date.isoformat(), allow_nan=False)
    file.write(text.encode())


def as_text(value: object) -> object:
    """Return a list of names, or reasons with their hours, as one text, separated by spaces.

    >>> as_text(["humid", "restated"]), as_text({"stuck": 15, "missing": 3})
    ('humid restated', 'stuck=15 missing=3')
    """
    if isinstance(value, dict):
        return " ".join(f"{name}={count}" for name, count in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _text(table: Table, time_format: str, booleans: tuple[str, str] = BOOLEANS) -> pd.DataFrame:
    """Return the frame with lists, documents, times and booleans as texts."""
    text = table.frame.copy(deep=False)
    for column in table.columns:
        if column.type in {"array", "object"}:
            text[column.name] = text[column.name].map(as_text, na_action="ignore")
        elif column.type == "date":
            text[column.name] = text[column.name].dt.strftime(time_format)
        elif column.type == "bool":
            text[column.name] = np.where(text[column.name], *booleans)
    return text


def _json(value: object) -> object:
    # Days of version 0.1.0 hold `R_invalid` as text.
    return json.dumps(value) if isinstance(value, dict) else value


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [str(value)]


def _arrow_field(column: Column) -> pa.Field:
    metadata = {"description": column.description, **({"unit": column.unit} if column.unit else {})}
    return pa.field(column.name, _ARROW_TYPES[column.type], metadata=metadata)
