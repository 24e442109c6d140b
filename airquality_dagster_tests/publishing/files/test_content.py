"""What is in the files of open data: each reading in its state, in its year, to the last digit."""

import copy
import csv
import json
import re
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster_tests.publishing.files.conftest import contents
from airquality_dagster_tests.publishing.files.stored_station import (
    FAILED,
    LONG,
    MISSING,
    NOT_JUDGED,
    STATIONS,
    VALID,
    store_station,
)


def rows(path, **options):
    return list(csv.DictReader(path.open(encoding="utf-8-sig"), **options))


def hours(files) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(files / "station1" / f"hours-{year}.parquet") for year in (2023, 2024)])


def test_a_station_has_a_folder_with_a_file_a_table_and_year(files):
    kinds = ("hours-{}.csv", "hours-{}.parquet", "openair-{}.csv", "excel-fr-hours-{}.csv")
    kinds += ("days-{}.csv", "days-{}.parquet", "excel-fr-days-{}.csv")
    assert {path for path in contents(files) if path.startswith("station")} == {
        *(f"station1/{kind.format(year)}" for kind in kinds for year in (2023, 2024)),
        "station1/periods.csv",
        "station1/periods.parquet",
        "stations.csv",
    }


def test_not_valid_and_missing_and_not_judged_are_told_apart(files):
    told = hours(files).set_index("timestamp")[["pm2_5", "pm2_5_valid", "pm2_5_qc"]]
    told = told.astype(object).where(told.notna(), None)
    assert dict(zip(told.index, told.itertuples(index=False, name=None), strict=True)) == {
        VALID: (LONG, True, 1),
        FAILED: (80.0, False, 4),
        MISSING: (None, False, 9),
        NOT_JUDGED: (3.25, False, None),
    }


def test_hours_are_in_the_file_of_their_utc_year_and_days_in_that_of_their_local_date(database, folder, write):
    store_station(database)
    stations = copy.deepcopy(STATIONS)
    stations["network"]["time_zone"] = "Asia/Kolkata"
    write(stations)
    # 22:00 UTC of New Year's Eve is 03:30 of the new year in Kolkata: the hour stays with its UTC year.
    hours_of = [row["timestamp"] for row in rows(folder / "station1" / "hours-2023.csv")]
    assert hours_of == ["2023-12-31 22:00:00+00:00", "2023-12-31 23:00:00+00:00"]
    assert [row["date"] for row in rows(folder / "station1" / "days-2024.csv")] == ["2024-01-01"]


@pytest.mark.parametrize("table", ["hours", "days"])
def test_each_column_has_one_type_in_each_file_of_its_kind(database, folder, write, table):
    store_station(database)
    # Nothing is known of this one but that hours came.
    database["raw_station2"].insert_one({"_id": VALID, "station_id": 283181971})
    database["station2_aggregates"].insert_one({"_id": datetime(2023, 12, 31, tzinfo=UTC), "hours": 1})
    write()
    schemas = [pq.read_schema(path).remove_metadata() for path in sorted(folder.glob(f"*/{table}-*.parquet"))]
    assert len(schemas) == 3
    assert all(schema == schemas[0] for schema in schemas)


def test_csv_and_parquet_hold_every_stored_value(files, database):
    by_hour = {row["timestamp"]: row for year in (2023, 2024) for row in rows(files / f"station1/hours-{year}.csv")}
    in_parquet = hours(files).set_index("timestamp")
    for document in database["raw_station1"].find():
        row = by_hour[str(document["_id"])]
        for field in BY_FIELD:
            stored = document.get(field)
            text, value = row[field], in_parquet.loc[document["_id"], field]
            assert (text == "") if stored is None else (float(text) == stored)
            assert pd.isna(value) if stored is None else (value == stored)


def test_lists_and_reasons_are_one_text_in_csv_and_whole_in_parquet(files):
    row = rows(files / "station1" / "hours-2023.csv")[0]
    assert row["pm2_5_flags"] == "humid restated"
    assert hours(files)["pm2_5_flags"].iloc[0].tolist() == ["humid", "restated"]
    assert rows(files / "station1" / "days-2024.csv")[0]["pm2_5_invalid"] == "missing=23 stuck=1"
    days = pd.read_parquet(files / "station1" / "days-2024.parquet")
    assert json.loads(days["pm2_5_invalid"][0]) == {"missing": 23, "stuck": 1}


def test_openair_gets_valid_readings_only_under_its_own_names_and_times(files):
    named = [row for year in (2023, 2024) for row in rows(files / "station1" / f"openair-{year}.csv")]
    assert [(row["date"], row["site"], row["pm2.5"], row["co"]) for row in named] == [
        ("2023-12-31 22:00:00", "station1", repr(LONG), "-0.125"),
        ("2023-12-31 23:00:00", "station1", "", "-0.125"),
        ("2024-01-01 00:00:00", "station1", "", "-0.125"),
        ("2024-01-01 01:00:00", "station1", "", ""),
    ]


def test_a_french_spreadsheet_gets_semicolons_decimal_commas_and_a_bom(files):
    path = files / "station1" / "excel-fr-hours-2023.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    first, second = rows(path, delimiter=";")
    assert first["timestamp"] == "2023-12-31 22:00:00"
    assert first["pm2_5"] == repr(LONG).replace(".", ",")
    assert float(second["pm2_5"].replace(",", ".")) == 80.0
    assert (first["pm2_5_valid"], second["pm2_5_valid"]) == ("VRAI", "FAUX")
    assert first["place"] == "Pharmacie du Bonheur; près de l’église"
    (day,) = rows(files / "station1" / "excel-fr-days-2023.csv", delimiter=";")
    assert (day["date"], day["pm2_5_mean"]) == ("2023-12-31", "0,30000000000000004")


def test_periods_name_their_first_date(files):
    assert [(row["period"], row["start"], row["pm2_5_valid_mean"]) for row in rows(files / "station1/periods.csv")] == [
        ("month", "2023-12-01", repr(LONG)),
        ("year", "2023-01-01", repr(LONG)),
    ]
    assert pd.read_parquet(files / "station1" / "periods.parquet")["start"][0] == date(2023, 12, 1)


def test_the_places_of_all_stations_are_listed(files):
    listed = rows(files / "stations.csv")
    assert [(row["station"], row["place"], row["site_kind"], row["outdoor"], row["from"]) for row in listed] == [
        ("station1", "Pharmacie du Bonheur; près de l’église", "street", "TRUE", "2023-12-01 00:00:00+00:00"),
        ("station2", "", "", "TRUE", ""),
    ]


def test_a_sensor_that_nobody_foresaw_is_kept_with_one_type(database, files, write):
    database["raw_station1"].update_one({"_id": VALID}, {"$set": {"voc": 7}})
    database["station1_quality"].update_one({"_id": VALID}, {"$set": {"voc_qc": 2, "voc_flags": ["restated"]}})
    write()
    row = rows(files / "station1" / "hours-2023.csv")[0]
    assert (row["voc"], row["voc_qc"], row["voc_flags"]) == ("7.0", "2.0", "restated")
    types = {field.name: str(field.type) for field in pq.read_schema(files / "station1" / "hours-2023.parquet")}
    assert (types["voc"], types["voc_flags"]) == ("double", "list<element: string>")


def test_a_pair_has_its_comparison_with_a_column_for_each_number(database, folder, write):
    part = {"mean": 3.0, "low": 2.5, "high": 3.5, "median": 3.0, "detectable": 0.7, "block_days": 3}
    database["paving_comparison"].insert_one(
        {"_id": {"pollutant": "pm2_5", "period": "hour", "part": "07"}, "hours": 150, "difference_raw": part}
    )
    write({**STATIONS, "pairs": [{"name": "paving", "first": "station1", "second": "station2"}]})
    (row,) = rows(folder / "comparisons" / "comparison-paving.csv")
    assert (row["part"], row["hours"], row["difference_raw_low"]) == ("07", "150", "2.5")
    assert row["difference_one_scale_mean"] == ""
    assert (folder / "comparisons" / "comparison-paving.parquet").is_file()


def test_simulated_data_are_marked_in_rows_titles_readme_and_package(database, folder, write):
    store_station(database, simulated=True)
    store_station(database, "station2")
    write()
    package = json.loads((folder / "datapackage.json").read_text())
    assert package["title"].startswith("SIMULATED DATA, NOT MEASURED")
    assert package["description"].startswith("SIMULATED DATA, NOT MEASURED")
    readme = (folder / "README.md").read_text().splitlines()
    assert "**SIMULATED DATA, NOT MEASURED**: a sandbox made the readings of station1." in readme[2]
    assert sum("DONNÉES SIMULÉES" in line for line in readme) == 1
    for one in package["resources"]:
        is_simulated = one["path"].startswith("station1/")
        assert one["simulated"] is is_simulated
        assert one["title"].startswith("SIMULATED DATA") is is_simulated
        if is_simulated and one["path"].endswith(".csv"):
            french = "excel-fr" in one["path"]
            told = {row["simulated"] for row in rows(folder / one["path"], delimiter=";" if french else ",")}
            assert told == {"VRAI" if french else "TRUE"}
    assert not any("SIMULATED DATA, NOT" in path.read_text() for path in folder.glob("station2/*.csv"))


def test_measured_data_are_not_called_simulated(files):
    package = json.loads((files / "datapackage.json").read_text())
    assert not package["simulated"]
    assert "SIMULATED DATA, NOT" not in package["title"] + (files / "README.md").read_text()
    assert {row["simulated"] for row in rows(files / "station1" / "hours-2023.csv")} == {"FALSE"}


def test_without_a_licence_each_place_says_so(files):
    package = json.loads((files / "datapackage.json").read_text())
    assert "licenses" not in package
    for text in (package["licence"], package["description"], (files / "README.md").read_text()):
        assert "no licence was chosen: ask the owner" in text
    assert "aucune licence n’a été choisie" in (files / "README.md").read_text()


def test_licence_attribution_and_contact_are_those_of_the_network(database, folder, write):
    store_station(database)
    stations = copy.deepcopy(STATIONS)
    stations["network"] |= {
        "owner": "City of Abidjan",
        "licence": "CC-BY-4.0",
        "attribution": "City of Abidjan, AirQino",
        "contact": "air@example.org",
    }
    write(stations)
    package = json.loads((folder / "datapackage.json").read_text())
    url = "https://creativecommons.org/licenses/by/4.0/"
    assert [(one["name"], one["path"]) for one in package["licenses"]] == [("CC-BY-4.0", url)]
    assert package["attribution"] == "City of Abidjan, AirQino"
    assert package["contributors"] == [{"title": "City of Abidjan", "role": "publisher", "email": "air@example.org"}]
    readme = (folder / "README.md").read_text()
    assert all(text in readme for text in (url, "City of Abidjan, AirQino", "air@example.org"))


@pytest.mark.parametrize("name", ["hours-2023.csv", "days-2023.csv", "excel-fr-days-2023.csv"])
def test_whether_rows_are_simulated_stands_on_the_first_screen(files, name):
    header = next(files.glob(f"*/{name}")).read_text(encoding="utf-8-sig").partition("\n")[0]
    assert "simulated" in re.split("[,;]", header)[:4]


def test_the_surface_of_a_place_is_in_the_list_of_stations(database, write, folder):
    deployment = {"from": "2023-05-06", "place": "Pharmacie", "kind": "street", "surface": "paved"}
    write({**STATIONS, "stations": [{**STATIONS["stations"][0], "deployments": [deployment]}]})
    assert pd.read_csv(folder / "stations.csv")["surface"].tolist() == ["paved"]


def test_a_reading_that_was_withdrawn_after_it_was_judged_is_not_valid(database, write, folder):
    store_station(database)
    database["raw_station1"].update_one({"_id": VALID}, {"$set": {"pm2_5": None}})
    write()
    hours = pd.read_parquet(folder / "station1" / f"hours-{VALID.year}.parquet").set_index("timestamp")
    assert (hours.loc[VALID, "pm2_5_qc"], hours.loc[VALID, "pm2_5_valid"]) == (1, False)
