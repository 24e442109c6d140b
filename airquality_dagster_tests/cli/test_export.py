"""``airquality export`` of documents that two versions stored."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from airquality_dagster_tests.processes import airquality


@pytest.mark.parametrize(
    ("kind", "read", "reasons"),
    [("csv", pd.read_csv, "stuck=15 missing=3"), ("parquet", pd.read_parquet, '{"stuck": 15, "missing": 3}')],
)
def test_days_of_both_versions_are_exported_together(tmp_path, mongodb_uri, database, kind, read, reasons):
    path = tmp_path / f"days.{kind}"
    stored = [None, "only 9 valid hours", {"stuck": 15, "missing": 3}]
    database["station1_aggregates"].insert_many(
        {"_id": datetime(2025, 1, day, tzinfo=UTC), "co_invalid": value, "aqi_pollutants": ["co"]}
        for day, value in enumerate(stored, start=1)
    )
    run = airquality(
        "export", "station1", "--format", kind, "--output", str(path),
        home=tmp_path / "home", MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database.name,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    days = read(path)
    assert days["co_invalid"].tolist()[1:] == ["only 9 valid hours", reasons]
    assert pd.isna(days["co_invalid"][0])
    assert list(days["aqi_pollutants"][0]) == (["co"] if kind == "parquet" else list("co"))
