"""Programs that others use read the files as they are meant: the same date and the same number in each."""

import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import frictionless
import pandas as pd
import polars as pl
import pytest

from airquality_dagster_tests.publishing.files.stored_station import LONG, STATIONS, store_station

DAY = date(2023, 12, 31)
HOUR = datetime(2023, 12, 31, 22, tzinfo=UTC)


def test_frictionless_finds_nothing_to_say(files, database, write):
    store_station(database, "station2", simulated=True)
    database["paving_comparison"].insert_one(
        {"_id": {"pollutant": "pm2_5", "period": "hour", "part": "07"}, "hours": 150, "difference_raw": {"mean": 3.0}}
    )
    database["raw_station1"].update_one({"_id": HOUR}, {"$set": {"voc": 7.5}})
    write({**STATIONS, "pairs": [{"name": "paving", "first": "station1", "second": "station2"}]})
    report = frictionless.validate(files / "datapackage.json")
    assert report.flatten(["place", "message"]) == []
    assert len(report.tasks) == 16 + 16 + 2 + 1


def test_frictionless_finds_a_number_that_was_changed(files):
    path = files / "station1" / "days-2023.csv"
    path.write_text(path.read_text().replace("2023-12-31", "31/12/2023"))
    report = frictionless.validate(files / "datapackage.json")
    assert {task.place for task in report.tasks if not task.valid} == {"station1/days-2023.csv"}


def test_frictionless_reads_the_values_with_their_types(files):
    package = frictionless.Package(files / "datapackage.json")
    for name in ("station1-days-2023.csv", "station1-excel-fr-days-2023.csv"):
        (row,) = package.get_resource(name).read_rows()
        assert row["date"] == DAY
        assert float(row["pm2_5_valid_mean"]) == LONG
    for name in ("station1-hours-2023.csv", "station1-excel-fr-hours-2023.csv"):
        row = package.get_resource(name).read_rows()[0]
        assert row["timestamp"].replace(tzinfo=UTC) == HOUR
        assert row["pm2_5_valid"] is True
        assert float(row["pm2_5"]) == LONG


def test_each_column_has_a_description_and_each_quantity_its_unit(files):
    package = frictionless.Package(files / "datapackage.json")
    for one in package.resources:
        if one.format != "csv":
            continue
        fields = {field.name: field for field in one.schema.fields}
        assert all(field.description for field in fields.values()), one.path
        for name, unit in (("pm2_5", "µg/m³"), ("pm2.5", "µg/m³"), ("co_valid_mean", "mg/m³"), ("RH", "%")):
            assert name not in fields or fields[name].to_descriptor()["unit"] == unit


def test_pandas_and_polars_read_the_same(files):
    days, hours = (files / "station1" / f"{table}-2023.csv" for table in ("days", "hours"))
    assert pd.read_csv(days, parse_dates=["date"])["date"][0].date() == DAY
    assert pd.read_csv(days)["pm2_5_valid_mean"][0] == LONG
    assert pd.read_csv(hours, parse_dates=["timestamp"])["timestamp"][0] == HOUR
    assert pd.read_csv(hours)["pm2_5_valid"].tolist() == [True, False]
    assert pd.read_parquet(days.with_suffix(".parquet"))["date"][0] == DAY
    row = pl.read_csv(days, try_parse_dates=True)
    assert (row["date"][0], row["pm2_5_valid_mean"][0]) == (DAY, LONG)
    french = pd.read_csv(files / "station1" / "excel-fr-days-2023.csv", sep=";", decimal=",", parse_dates=["date"])
    assert (french["date"][0].date(), french["pm2_5_valid_mean"][0]) == (DAY, LONG)


def test_duckdb_reads_all_stations_and_years_at_once(files, database, write):
    store_station(database, "station2")
    database["raw_station2"].update_one({"_id": HOUR}, {"$set": {"voc": 7.5}})
    write()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        days = connection.execute(
            f"SELECT station, date, pm2_5_valid_mean FROM read_parquet('{files}/*/days-*.parquet', union_by_name = true) "
            "WHERE pm2_5_valid_mean IS NOT NULL ORDER BY station"
        ).fetchall()
        assert days == [("station1", DAY, LONG), ("station2", DAY, LONG)]
        hours = connection.execute(
            f"SELECT station, timestamp, pm2_5 FROM read_parquet('{files}/*/hours-*.parquet', union_by_name = true) "
            "WHERE pm2_5_valid ORDER BY station"
        ).fetchall()
        assert hours == [("station1", HOUR, LONG), ("station2", HOUR, LONG)]
        in_csv = connection.execute(f"SELECT date, pm2_5_valid_mean FROM '{files}/station1/days-2023.csv'").fetchall()
        assert in_csv == [(DAY, LONG)]


def test_openair_has_the_columns_that_its_functions_ask_for(files):
    # What `openair::checkPrep` asks of a data frame: a column `date` of POSIXct, made by `as.POSIXct(date, tz = "UTC")`.
    frame = pd.read_csv(files / "station1" / "openair-2023.csv")
    times = pd.to_datetime(frame["date"], format="%Y-%m-%d %H:%M:%S").dt.tz_localize("UTC")
    assert times[0] == HOUR
    assert frame["pm2.5"][0] == LONG
    assert {"date", "site", "co", "no2", "o3", "pm10", "pm2.5", "air_temp", "RH"} <= set(frame)


R = """
path <- commandArgs(TRUE)
hours <- read.csv(file.path(path, "openair-2023.csv"), check.names = FALSE)
hours$date <- as.POSIXct(hours$date, tz = "UTC")
cat(format(hours$date[1], "%Y-%m-%dT%H"), class(hours$simulated), sprintf("%.15f", hours$pm2.5[1]), "\\n")
all <- read.csv(file.path(path, "hours-2023.csv"))
cat(sum(all$pm2_5_valid), sprintf("%.15f", all$pm2_5[all$pm2_5_valid]), "\\n")
days <- read.csv2(file.path(path, "excel-fr-days-2023.csv"), fileEncoding = "UTF-8-BOM")
cat(format(as.Date(days$date[1])), sprintf("%.15f", days$pm2_5_valid_mean[1]), "\\n")
"""


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_times_numbers_and_booleans(files, tmp_path):
    (tmp_path / "read.R").write_text(R)
    done = subprocess.run(
        ["Rscript", "--vanilla", str(tmp_path / "read.R"), str(files / "station1")],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    number = f"{LONG:.15f}"
    assert done.stdout.split() == ["2023-12-31T22", "logical", number, "1", number, "2023-12-31", number]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("table", ["days", "hours"])
def test_a_french_libreoffice_reads_dates_and_numbers(files, tmp_path, table):
    cells = libreoffice_cells(files / "station1" / f"excel-fr-{table}-2023.csv", tmp_path)
    header, first = cells[0], dict(zip([value for _, value in cells[0]], cells[1], strict=False))
    assert header[0] == ("string", "date" if table == "days" else "timestamp")
    kind, moment = cells[1][0]
    assert kind == "date"
    assert moment == ("2023-12-31" if table == "days" else "2023-12-31T22:00:00")
    kind, number = first["pm2_5_valid_mean" if table == "days" else "pm2_5"]
    assert kind == "float"
    assert float(number) == pytest.approx(LONG, rel=1e-14)  # a spreadsheet has 15 digits
    assert first["station"] == ("string", "station1")


def libreoffice_cells(path: Path, folder: Path) -> list[list[tuple[str, str]]]:
    """Open CSV in LibreOffice with French settings, and return the type and value of each cell."""
    # https://wiki.documentfoundation.org/Documentation/DevGuide/Spreadsheet_Documents#Filter_Options_for_the_CSV_Filter:
    # semicolon, quotes, UTF-8, from line 1, French (0x040c), special numbers are recognized.
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile",
         "--infilter=CSV:59,34,76,1,,1036,false,true", "--convert-to", "fods", "--outdir", str(folder), str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    tree = ElementTree.parse(folder / f"{path.stem}.fods")
    name = re.compile(r"\{.*\}")
    rows = []
    for row in tree.iter("{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-row"):
        cells: list[tuple[str, str]] = []
        for cell in row:
            plain = {name.sub("", key): value for key, value in cell.attrib.items()}
            kind = plain.get("value-type", "")
            value = plain.get("date-value") or plain.get("value") or "".join(cell.itertext()).strip()
            cells += [(kind, value)] * int(plain.get("number-columns-repeated", 1))
        rows.append(cells)
    return rows
