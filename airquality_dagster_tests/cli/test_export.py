"""``airquality export``: files that other programs read as they are meant."""

import csv
import json
from datetime import UTC, date, datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.marks import long


@pytest.mark.parametrize(
    ("kind", "read", "reasons"),
    [("csv", pd.read_csv, "stuck=15 missing=3"), ("parquet", pd.read_parquet, '{"stuck": 15, "missing": 3}')],
)
def test_days_of_both_versions_are_exported_together(tmp_path, home, mongodb_uri, database, kind, read, reasons):
    path = tmp_path / f"days.{kind}"
    stored = [None, "only 9 valid hours", {"stuck": 15, "missing": 3}]
    database["station1_aggregates"].insert_many(
        {"_id": datetime(2025, 1, day, tzinfo=UTC), "co_invalid": value, "aqi_pollutants": ["co"]}
        for day, value in enumerate(stored, start=1)
    )
    run = airquality(
        "export", "station1", "--format", kind, "--output", str(path),
        home=home, MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    days = read(path)
    assert days["co_invalid"].tolist()[1:] == ["only 9 valid hours", reasons]
    assert pd.isna(days["co_invalid"][0])
    assert list(days["aqi_pollutants"][0]) == (["co"] if kind == "parquet" else list("co"))


DAYS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
HOURS = [datetime(2024, 2, 29, hour, tzinfo=UTC) for hour in (0, 22, 23)]


@pytest.fixture
def export(tmp_path, home, mongodb_uri, database):
    """Export a station with three hours and three days, none of which has an invalid reading, and return the file."""
    database["station1_aggregates"].insert_many(
        {
            "_id": datetime(day.year, day.month, day.day, tzinfo=UTC),
            "co_mean": 0.1,
            "co_invalid": None,
            "aqi_pollutants": [],
        }
        for day in DAYS
    )
    database["raw_station1"].insert_many({"_id": hour, "station_id": 283164601, "co": 0.25} for hour in HOURS)
    database["station1_quality"].insert_many({"_id": hour, "co_qc": 1, "co_flags": []} for hour in HOURS)

    def run(*options: str, **others: str):
        path = tmp_path / "export"
        variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name, **others}
        done = airquality("export", "station1", *options, "--output", str(path), home=home, **variables)
        assert done.returncode == 0, done.stderr
        return path

    return run


def test_days_in_csv_are_plain_dates(export):
    path = export("--format", "csv")
    assert [row["date"] for row in csv.DictReader(path.open())] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert pa.csv.read_csv(path).schema.field("date").type == pa.date32()
    assert pl.read_csv(path, try_parse_dates=True)["date"].to_list() == DAYS


def test_days_in_json_are_plain_dates(export):
    assert [day["date"] for day in json.loads(export("--format", "json").read_text())] == [str(day) for day in DAYS]


def test_days_in_parquet_are_dates_without_a_time(export):
    path = export("--format", "parquet")
    assert pq.read_schema(path).field("date").type == pa.date32()
    assert pl.read_parquet(path)["date"].to_list() == DAYS
    assert pd.read_parquet(path)["date"].tolist() == DAYS


def test_hours_in_parquet_are_utc_in_microseconds_which_spark_reads(export):
    path = export("--raw", "--format", "parquet")
    column = pq.ParquetFile(path).schema.column(0)
    assert column.name == "timestamp"
    assert json.loads(column.logical_type.to_json()) | {
        "isAdjustedToUTC": True,
        "timeUnit": "microseconds",
    } == json.loads(column.logical_type.to_json())
    assert pq.read_table(path)["timestamp"].to_pylist() == HOURS
    assert pl.read_parquet(path)["timestamp"].to_list() == HOURS


@pytest.mark.parametrize("options", [(), ("--raw",)])
def test_each_column_in_parquet_has_a_type_even_if_it_holds_nothing(export, options):
    def holds_null(kind: pa.DataType) -> bool:
        return pa.types.is_null(kind) or (pa.types.is_list(kind) and holds_null(kind.value_type))

    schema = pq.read_schema(export(*options, "--format", "parquet"))
    assert [field.name for field in schema if holds_null(field.type)] == []


def test_hours_in_csv_and_json_keep_their_offset(export):
    assert [row["timestamp"] for row in csv.DictReader(export("--raw", "--format", "csv").open())] == [
        str(hour) for hour in HOURS
    ]
    hours = json.loads(export("--raw", "--format", "json").read_text())
    assert [hour["timestamp"] for hour in hours] == [hour.isoformat() for hour in HOURS]


@pytest.mark.parametrize("options", [(), ("--raw",)])
def test_csv_for_excel_has_a_bom_and_times_that_it_takes_for_times(export, options):
    assert not export(*options, "--format", "csv").read_bytes().startswith(b"\xef\xbb\xbf")
    path = export(*options, "--format", "csv", "--excel")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(path.open(encoding="utf-8-sig")))
    assert rows[0][0] == ("timestamp" if options else "date")
    assert [row[0] for row in rows[1:]] == (
        [f"{hour:%Y-%m-%d %H:%M:%S}" for hour in HOURS] if options else [str(day) for day in DAYS]
    )


STATIONS = """
network: {name: Pune, time_zone: Asia/Kolkata, first_month: "2024-02"}
stations:
  - name: station1
    airqino_id: 283164601
    deployments:
      - {from: 2024-02-28, to: 2024-03-01, place: Roof, kind: background}
      - {from: 2024-03-01 04:30, place: A desk, kind: indoor}
"""


@pytest.mark.parametrize(
    ("options", "sites"),
    [
        # 00:00, 22:00 and 23:00 UTC are 05:30, 03:30 and 04:30 of the next day.
        (("--raw",), [("Roof", "background"), (None, None), ("A desk", "indoor")]),
        # A day is where its midnight was, 18:30 UTC of the day before.
        ((), [("Roof", "background"), ("Roof", "background"), (None, None)]),
    ],
)
@pytest.mark.parametrize(
    ("kind", "read"), [long("csv", pd.read_csv), ("parquet", pd.read_parquet), long("json", pd.read_json)]
)
def test_a_file_says_where_the_station_stood(export, tmp_path, kind, read, options, sites):
    (tmp_path / "stations.yaml").write_text(STATIONS)
    frame = read(export(*options, "--format", kind, AIRQUALITY_STATIONS=str(tmp_path / "stations.yaml")))
    columns = (frame[name].astype(object).where(frame[name].notna(), None) for name in ("place", "site_kind"))
    assert list(zip(*columns, strict=True)) == sites


@pytest.mark.parametrize("options", [(), long(("--raw",))])
def test_a_station_without_deployments_has_empty_columns_of_its_place(export, tmp_path, options):
    (tmp_path / "stations.yaml").write_text(STATIONS[: STATIONS.index("    deployments")])
    path = export(*options, "--format", "parquet", AIRQUALITY_STATIONS=str(tmp_path / "stations.yaml"))
    assert pd.read_parquet(path)[["place", "site_kind"]].isna().all(axis=None)


@pytest.mark.parametrize("kind", ["parquet", long("json")])
def test_another_kind_of_file_is_not_made_for_excel(tmp_path, home, kind):
    path = tmp_path / "export"
    done = airquality("export", "station1", "--format", kind, "--excel", "--output", str(path), home=home)
    assert done.returncode == 1
    assert "--excel is for --format csv" in done.stderr
    assert not path.exists()
