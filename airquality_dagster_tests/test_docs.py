"""What README and docs say of fields, checks, commands, variables, files and rooms is what the code has."""

import json
import re
from itertools import pairwise
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from airquality_dagster import settings
from airquality_dagster.assets.schemas import (
    DAILY_COLUMNS,
    FORECAST_COLUMNS,
    FORECAST_MODEL_COLUMNS,
    FORECAST_SCORE_COLUMNS,
    HOURLY_COLUMNS,
    QUALITY_COLUMNS,
    SUMMARY_COLUMNS,
)
from airquality_dagster.checks.keys import check_keys
from airquality_dagster.cli.main import main
from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS, Threshold
from airquality_dagster.network.stations import load_network
from airquality_dagster.publishing.dashboard.page import PAGE as PAGE_FOLDER
from airquality_dagster.readings.flags import Flag
from airquality_dagster.readings.forecast_score import QUANTILES

ROOT = Path(__file__).parents[1]
PACKAGE, PAGES = ROOT / "airquality_dagster", [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
PAGE = TEXTS["docs/data.md"]
# What was is told where it changed.
PRESENT = {name: text for name, text in TEXTS.items() if name != "CHANGELOG.md"}


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
        _number(limits.noise_floor),
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
    keys = [key for key, name in check_keys(load_network()).items() if name != "station2"]
    assert checks == [key.name.replace("station1", "<station>") for key in keys]


@pytest.mark.parametrize(
    ("columns", "of_readings"),
    [
        (HOURLY_COLUMNS, ()),
        (
            DAILY_COLUMNS,
            ("mean", "min", "max", "hours", "valid_mean", "valid_hours", "percent_complete", "invalid", "aqi", "who"),
        ),
        (QUALITY_COLUMNS, ("qc", "flags")),
        (
            SUMMARY_COLUMNS,
            (
                *("mean", "valid_mean", "valid_max", "valid_days", "valid_hours", "percent_complete"),
                *("invalid", "days_above_guideline", "who"),
            ),
        ),
        (
            FORECAST_COLUMNS,
            (
                *(f"{method}_{name}" for method in ("model", "persistence") for name in QUANTILES),
                *(*QUANTILES, "method", "withheld"),
            ),
        ),
        (FORECAST_SCORE_COLUMNS, ("7_days", "28_days", "is_withheld")),
        (FORECAST_MODEL_COLUMNS, ()),
    ],
    ids=["hours", "days", "flags", "summaries", "forecasts", "scores", "models"],
)
def test_the_page_names_every_field(columns, of_readings):
    patterns = {f"{field}_{statistic}" for field in BY_FIELD for statistic in of_readings}
    for column in columns.columns:
        name = column.name
        if name in patterns:
            statistic = next(one for one in of_readings if name.endswith(f"_{one}"))
            assert f"`R_{statistic}`" in PAGE, name
        elif name not in ("timestamp", "date", "field"):  # the keys
            assert f"`{name}`" in PAGE, name


def test_the_page_names_the_bands_of_the_european_index():
    texts = json.loads((PAGE_FOLDER / "texts.json").read_text())
    for number in range(1, 7):
        assert f"{number} {texts[f'eaqi{number}']['en']}" in PAGE


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 150


def test_every_link_leads_to_a_file_and_a_heading():
    for name, text in TEXTS.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            assert file.exists(), (name, target)
            assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), (name, target)


def anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub makes of headings."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_picture_is_shown_by_a_page():
    shown = set(re.findall(r"images/([\w-]+\.\w+)", "".join(TEXTS.values())))
    assert shown == {picture.name for picture in (ROOT / "docs" / "images").iterdir()}


def test_every_command_is_there_with_its_options_and_every_command_is_named():
    assert isinstance(main, click.Group)
    named = set()
    for name, text in PRESENT.items():
        for word, options in re.findall(
            r"(?:^|[`/(]|\bor )airquality ([a-z][a-z-]+)([^`#\n]*)", text, flags=re.MULTILINE
        ):
            named.add(word)
            known = {option for parameter in main.commands[word].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", options)) <= known, (name, word, options)
    assert named == set(main.commands)


def test_every_target_of_make_is_there():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for name, text in PRESENT.items():
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE)) <= set(targets), name


def test_every_variable_is_explained_once():
    variables = [value for name, value in vars(settings).items() if name == value]
    assert len(variables) > 10
    for variable in variables:
        rows = [name for name, text in PRESENT.items() for line in text.splitlines() if f"| `{variable}` |" in line]
        assert rows == ["docs/configuration.md"], variable


def test_every_path_that_a_page_names_is_there():
    library = ROOT / "libraries" / "dagster-mongodb"
    tests = [ROOT / "airquality_dagster_tests", library / "tests"]
    places = [ROOT, PACKAGE, library, PACKAGE / "publishing" / "dashboard", *tests]
    for name, text in PRESENT.items():
        for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|yaml|yml|js|json|toml|md))`", text):
            assert any((place / path).exists() for place in places), (name, path)


def test_every_step_of_a_reading_is_a_function_that_is_there():
    steps = re.findall(r"`([\w/]+\.(?:py|js))`: `(\w+)`", TEXTS["docs/architecture.md"])
    assert len(steps) > 15
    for path, function in steps:
        place = ROOT / "libraries" / "dagster-mongodb" if path.startswith("dagster_mongodb") else PACKAGE
        text = (place / path).read_text(encoding="utf-8")
        assert re.search(rf"\b(def|function) {function}\(", text), (path, function)


def test_the_picture_of_the_rooms_is_that_of_the_code():
    rooms = pytest.importorskip("docs.rooms", reason="grimp is not installed", exc_type=ImportError)
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.picture(), "call make rooms"
    described = re.findall(r"^\| `(\w+)` \|", TEXTS["docs/architecture.md"], flags=re.MULTILINE)
    assert described == [*(room for layer in rooms.layers() for room in layer), rooms.LIBRARY]


def test_the_tests_that_the_page_of_faults_names_exist():
    named = re.findall(r"`([a-z_/]+\.py)(?:::|`: `)(test_\w+)", PRESENT["docs/reliability.md"])
    assert len(named) > 15
    for path, test in named:
        (file,) = [file for file in ROOT.glob(f"**/{path}") if ".venv" not in file.parts]
        assert f"def {test}" in file.read_text(encoding="utf-8"), (path, test)
