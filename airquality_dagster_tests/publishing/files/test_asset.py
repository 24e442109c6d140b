"""``open_data`` and ``airquality export --all``: who writes the files, and what is told of them."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.component import network_definitions
from airquality_dagster.definitions import defs
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import Network
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.platform import QUIET, metadata
from airquality_dagster_tests.publishing.files.conftest import assert_checksums_match, contents
from airquality_dagster_tests.publishing.files.stored_station import STATIONS, store_station


def run(definitions: dg.Definitions, instance: dg.DagsterInstance, job: str = "open_data_job"):
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, run_config=QUIET, raise_on_error=False
    )


def test_the_job_writes_the_files_and_tells_how_many_and_where(platform, instance, tmp_path, monkeypatch):
    store_station(platform.database)
    monkeypatch.setenv("AIRQUALITY_DASHBOARD_URL", "https://air.example.org/")
    folder = tmp_path / "home" / "open-data"
    for written in (True, False):
        result = run(defs(), instance)
        assert result.success
        told = metadata(result, "open_data")
        count = len(contents(folder))
        assert (told["files_written"], told["files_unchanged"]) == ((count, 0) if written else (0, count))
    assert told["url"] == "https://air.example.org/files/"
    assert told["path"] == str(folder)
    assert told["stations"] == 1
    assert told["bytes"] == sum(
        path.stat().st_size for path in folder.rglob("*.*") if path.suffix in {".csv", ".parquet"}
    )
    assert told["simulated"] is False
    assert_checksums_match(folder)


def test_a_network_with_a_key_prefix_writes_into_its_own_folder(platform, instance, tmp_path, monkeypatch):
    monkeypatch.setenv(settings.AIRQUALITY_OPEN_DATA_DIR, str(tmp_path / "elsewhere"))
    network = Network.model_validate({**STATIONS, "key_prefix": "abidjan"})
    platform.database["abidjan.raw_station1"].insert_one({"_id": datetime(2024, 1, 1, tzinfo=UTC), "pm2_5": 1.0})
    assert run(network_definitions(network), instance, "abidjan_open_data_job").success
    assert (tmp_path / "elsewhere" / "abidjan" / "station1" / "hours-2024.csv").is_file()
    assert not (tmp_path / "home" / "open-data").exists()


def test_a_folder_that_cannot_be_written_fails_the_run_in_one_line(platform, instance, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(settings.AIRQUALITY_OPEN_DATA_DIR, str(tmp_path / "file"))
    result = run(defs(), instance)
    assert not result.success
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    assert "AIRQUALITY_OPEN_DATA_DIR" in str(event.step_failure_data.user_failure_data or event.step_failure_data.error)


@pytest.fixture
def export(home, mongodb_uri, database, use_stations):
    """Call ``airquality export``."""

    def export(*arguments: str):
        variables = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name}
        stations = str(use_stations(STATIONS))
        return airquality("export", *arguments, home=home, AIRQUALITY_STATIONS=stations, **variables)

    return export


def test_the_command_writes_what_has_changed(export, home, database):
    store_station(database)
    folder = home / "open-data"
    for counts in ("28 files written, 0 unchanged, 0 removed", "0 files written, 28 unchanged, 0 removed"):
        done = export("--all")
        assert done.returncode == 0, done.stderr
        assert counts in done.stdout.replace("\n", " ")
        assert "imulated" not in done.stdout
    assert_checksums_match(folder)


def test_the_command_writes_into_another_folder_and_says_that_data_are_simulated(export, tmp_path, database):
    store_station(database, simulated=True)
    done = export("--all", "--output", str(tmp_path / "there"))
    assert done.returncode == 0, done.stderr
    assert "Simulated" in done.stdout
    assert (tmp_path / "there" / "station1" / "hours-2023.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all", "station1"], "--all writes all files of all stations"),
        (["--all", "--format", "csv"], "--all writes all files of all stations"),
        (["station1"], "name a station or pair with --format and --output, or write all files with --all"),
        ([], "name a station or pair with --format and --output, or write all files with --all"),
    ],
)
def test_options_that_do_not_go_together_are_explained(export, arguments, message):
    done = export(*arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_one_table_makes_both_the_files_and_the_export_of_a_station(export, tmp_path, database):
    store_station(database)
    assert export("--all", "--output", str(tmp_path / "all")).returncode == 0
    for table, options in (("hours", ["--raw"]), ("days", [])):
        output = tmp_path / f"{table}.csv"
        assert export("station1", *options, "--format", "csv", "--output", str(output)).returncode == 0
        header, *rows = output.read_text().splitlines()
        of_years = [(tmp_path / "all" / "station1" / f"{table}-{year}.csv").read_text() for year in (2023, 2024)]
        assert [text.splitlines()[0] for text in of_years] == [header, header]
        assert [row for text in of_years for row in text.splitlines()[1:]] == rows


@pytest.mark.long
def test_simulated_hours_of_the_platform_become_simulated_files(platform, instance, tmp_path):
    with running(create_app(SimulatedSource())) as url:
        platform.use(url)
        assert platform.run("2026-01").success
    assert run(defs(), instance).success
    folder = tmp_path / "home" / "open-data"
    assert "SIMULATED DATA, NOT MEASURED" in (folder / "README.md").read_text()
    assert (folder / "station2" / "days-2026.parquet").is_file()
