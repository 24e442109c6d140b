"""What docs/data.md says of thresholds, flags, checks and fields is what the code has."""

import json
from pathlib import Path

import pytest

from airquality_dagster.assets.schemas import DAILY_COLUMNS, QUALITY_COLUMNS, SUMMARY_COLUMNS
from airquality_dagster.checks.station import station_checks
from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS, Threshold
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.dashboard.page import PAGE as PAGE_FOLDER
from airquality_dagster.readings.flags import Flag

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")


def _number(threshold: Threshold | None) -> str:
    return "–" if threshold is None else f"{threshold.value:g}"


@pytest.mark.parametrize("parameter", [parameter for parameter in PARAMETERS if parameter.quality], ids=str)
def test_the_page_has_the_thresholds_of_the_pollutant_table(parameter):
    limits = parameter.quality
    cells = [
        f"`{parameter.field}`",
        parameter.unit,
        f"{limits.lowest.value:g} to {limits.highest.value:g}",
        _number(limits.suspect_above),
        _number(limits.detection),
        _number(limits.stuck_hours),
        _number(limits.stuck_zero_hours or limits.stuck_hours),
        _number(limits.least_spike),
    ]
    assert f"| {' | '.join(cells)} |" in PAGE


def test_the_page_explains_every_flag_and_no_other():
    rows = PAGE.split("### Flags")[1].split("Thresholds, from")[0].splitlines()
    named = [line.split("`")[1] for line in rows if line.startswith("| `")]
    assert named == [flag.name.lower() for flag in Flag if flag.name]


def test_the_page_lists_every_check_at_its_asset():
    lines = PAGE.split("## Checks")[1].splitlines()
    checks = [line.split("|")[2].strip(" `") for line in lines if line.startswith("| ") and "`" in line.split("|")[2]]
    expected = station_checks(Station(name="station", airqino_id=1))
    assert checks == [name for names in expected.values() for name in names]


@pytest.mark.parametrize(
    ("columns", "of_readings"),
    [
        (
            DAILY_COLUMNS,
            ("mean", "min", "max", "hours", "valid_mean", "valid_hours", "percent_complete", "invalid", "who"),
        ),
        (QUALITY_COLUMNS, ("qc", "flags")),
        (
            SUMMARY_COLUMNS,
            ("valid_mean", "valid_max", "valid_days", "valid_hours", "percent_complete", "days_above_guideline", "who"),
        ),
    ],
    ids=["daily", "hourly", "summaries"],
)
def test_the_page_names_every_field(columns, of_readings):
    patterns = {f"{field}_{statistic}" for field in BY_FIELD for statistic in of_readings}
    for column in columns.columns:
        name = column.name
        if name in patterns:
            statistic = next(one for one in of_readings if name.endswith(f"_{one}"))
            assert f"`R_{statistic}`" in PAGE, name
        elif name not in ("timestamp", "date"):  # the keys
            assert f"`{name}`" in PAGE, name


def test_the_page_names_the_bands_of_the_european_index():
    texts = json.loads((PAGE_FOLDER / "texts.json").read_text())
    for number in range(1, 7):
        assert f"{number} {texts[f'eaqi{number}']['en']}" in PAGE
