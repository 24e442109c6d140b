"""The ``airquality`` command."""

import functools
import importlib
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import click

from airquality_dagster.cli.encoding import show_all_characters
from airquality_dagster.errors import AirQualityError, SettingsError
from airquality_dagster.network.deployments import FIRST_YEAR, LAST_YEAR
from airquality_dagster.network.facts import MONTH_PATTERN

_ENVIRONMENT = (
    "Environment: MONGODB_URI, MONGODB_DATABASE, AIRQINO_BASE_URL, AIRQINO_TOKEN_URL, AIRQINO_CLIENT_ID, "
    "AIRQINO_CLIENT_SECRET, AIRQINO_USERNAME, AIRQINO_PASSWORD, AIRQINO_REFRESH_TOKEN, AIRQUALITY_HOME, "
    "AIRQUALITY_STATIONS, AIRQUALITY_ALERT_URLS, AIRQUALITY_UI_URL, AIRQUALITY_DASHBOARD_DIR, "
    "AIRQUALITY_DASHBOARD_URL, AIRQUALITY_OPEN_DATA_DIR. Without MONGODB_URI an embedded MongoDB is used, without "
    "AIRQINO_BASE_URL and credentials a sandbox with simulated readings."
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_VERBOSE = "Show the stack trace of an error."


class _Group(click.Group):
    """Prints an error in one line and exits with 1; ``--verbose`` also prints the stack trace."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        show_all_characters()
        try:
            result = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(1)
        except (click.Abort, KeyboardInterrupt):
            _print_error("interrupted")
            sys.exit(1)
        # Commands return False if something failed; --help and --version return their exit code.
        sys.exit(1 if result is False else 0)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        # --verbose may stand before and after the command's name.
        cmd.params.append(
            click.Option(["--verbose"], is_flag=True, expose_value=False, callback=_be_verbose, help=_VERBOSE)
        )
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("verbose"):
                traceback.print_exc()
            from dagster_mongodb import MongoDBIOManagerError  # imported here: `airquality --help` is fast

            is_explained = isinstance(error, (AirQualityError, MongoDBIOManagerError))
            _print_error(str(error) if is_explained else f"{type(error).__name__}: {error} (--verbose shows where)")
            return False


def _be_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().params["verbose"] = True


def _print_error(message: str) -> None:
    click.echo(f"airquality: {' '.join(message.split())}", err=True)


@click.group(cls=_Group, epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help=_VERBOSE)
@click.version_option(package_name="airquality-dagster")
def main(verbose: bool) -> None:
    """Store the hourly readings of AirQino stations in MongoDB, check their quality, and aggregate them by day."""
    from airquality_dagster.local.environment import prepare_environment

    prepare_environment(os.environ)
    # When a service manager stops a command, the command stops the services that it started.
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class _Month(click.ParamType):
    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(MONTH_PATTERN, value):
            raise SettingsError(f"{param.opts[0] if param else 'month'} is {value!r}, not a month like 2023-01")
        return str(value)


class _Date(click.ParamType):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        option = param.opts[0] if param else "date"
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise SettingsError(f"{option} is {value!r}, not a date like 2023-01-31") from None
        if not FIRST_YEAR < day.year < LAST_YEAR:
            raise SettingsError(f"{option} is {value!r}: the year {day.year} cannot be")
        return day


class _SimulateOption(click.Option):
    """Lists the kinds in the help of its command; they are imported only then, so that other commands are fast."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from airquality_dagster.airqino.sandbox.simulations import KINDS

        kinds = "; ".join(f"{name}: {kind.description}" for name, kind in KINDS.items())
        self.help = f"{_SIMULATE} KIND is one of: {kinds}."
        return super().get_help_record(ctx)


_SIMULATE = (
    "Simulate a fault of sensors or an event, like gain:283164601, at one station or at every station; repeatable. "
    "docs/sandbox.md shows what to look at."
)
_WITH_SIMULATIONS = click.option(
    "--simulate", "simulations", multiple=True, metavar="KIND[:STATION_ID]", cls=_SimulateOption
)
_ONLY_STATIONS = click.option("--station", "names", multiple=True, help="Only the station with this name; repeatable.")


def _runs(function: str) -> Callable[[Callable[[], None]], Callable[..., Any]]:
    """Make a command call a function of this package with its options.

    The module is imported when the command runs, so that ``airquality --help`` is fast.

    Args:
        function: ``module:function``.
    """
    module, _, name = function.partition(":")

    def decorate(command: Callable[[], None]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(**options: Any) -> Any:
            return getattr(importlib.import_module(f"airquality_dagster.cli.{module}"), name)(**options)

        return call

    return decorate


@main.command()
@_WITH_SIMULATIONS
@_runs("passes:run_due")
def run() -> None:
    """Run the hourly job once: fetch the due months, store and aggregate them.

    A new installation loads the last year; later runs fetch the current month and missed months.
    Without MONGODB_URI it starts an embedded MongoDB, without AIRQINO_BASE_URL and credentials a sandbox
    with simulated readings, and stops both at the end. Exit code 1 if a station failed.
    """


@main.command()
@click.option("--from", "first", type=_Month(), required=True, help="First month, included.")
@click.option("--to", "last", type=_Month(), required=True, help="Last month, included.")
@_ONLY_STATIONS
@_runs("passes:run_backfill")
def backfill() -> None:
    """Fetch and aggregate a range of months again, whether they are stored or not.

    Nothing is stored twice: unchanged hours stay, corrected hours are revised. If a month cannot be
    fetched, the other months are still stored. Exit code 1 if anything failed.

    Example: airquality backfill --from 2022-12 --to 2023-12 --station station1
    """


@main.command()
@click.argument("name", metavar="[STATION]", required=False)
@click.option("--all", "is_all", is_flag=True, help="All files of open data; --output names their folder.")
@click.option("--raw", "is_raw", is_flag=True, help="Hourly readings with their flags instead of daily aggregates.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet", "json"]))
@click.option("--output", type=click.Path(path_type=Path), help="File to write, or folder of --all.")
@click.option("--excel", "for_excel", is_flag=True, help="CSV that Excel recognizes: with a BOM, times without +00:00.")
@_runs("export:export")
def export() -> None:
    """Write a station's daily aggregates (or hourly readings) to a file, with their validity; or all open data.

    Values are unchanged, times are in UTC, days are dates without a time, missing values are empty (CSV) or
    null; in CSV, spaces separate the names of a list. Days have valid means or the reasons why there is none,
    hours have flags (docs/data.md). An existing file is replaced when the new file is complete.

    With the name of a pair instead of a station, it writes the stored comparison (docs/comparison.md). With --all it
    writes the files of open data that have changed (docs/open-data.md).

    Example: airquality export station1 --raw --format csv --output station1.csv
    """


@main.command()
@click.argument("name", metavar="PAIR")
@click.option("--from", "first", type=_Date(), help="First local date, included.")
@click.option("--to", "last", type=_Date(), help="Last local date, included.")
@click.option("--format", "kind", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_runs("compare:compare")
def compare() -> None:
    """Compare the two stations of a pair: by how much the air differs, how sure that is, and what may be said.

    Differences are second minus first, raw and on one scale, with 95 % intervals; the scale is that of the weeks in
    which the two stood side by side (docs/comparison.md). Pairs are named in the stations file.

    Example: airquality compare paving --from 2023-05-15 --to 2023-12-06
    """


@main.command()
@click.argument("name", metavar="STATION")
@click.option("--from", "first", type=_Date(), required=True, help="Local date of the first origin.")
@click.option("--to", "last", type=_Date(), required=True, help="Local date of the last origin, included.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON file to write.")
@_runs("backtest:run_backtest")
def backtest() -> None:
    """Forecast each hour of a past period with what was known then, and print what the forecasts are worth.

    Models are fitted as they would have been, on the 1st and the 15th of each month. Hours count as known when they are
    over, in the oldest version that is kept; late arrival is not replayed. Skill is 1 minus the ratio of the errors to
    those of saying "as now" (docs/forecast.md).

    Example: airquality backtest station1 --from 2023-09-01 --to 2023-12-05 --output station1.json
    """


@main.command()
@_runs("status:show_status")
def status() -> None:
    """Show for each station the newest hour, coverage, valid hours, daily means, last run, and failed checks."""


@main.command()
@_ONLY_STATIONS
@click.option("--source", "with_source", is_flag=True, help="Also fetch every stored month from the API and compare.")
@_runs("verify:verify")
def verify() -> None:
    """Check that stored data are consistent: hours, revisions, flags, days, months and years, to the last digit.

    It computes flags and aggregates again from the stored hours and compares. It changes nothing. Exit code 1 if
    anything differs.
    """


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_runs("backup:backup")
def backup() -> None:
    """Write the whole database to a new folder, in the format of mongodump.

    The platform may run meanwhile: each document is complete, and the first run after a restore fetches
    later changes again. Restore it with airquality restore, or with mongorestore.

    Example: airquality backup backups/2026-06-01
    """


@main.command()
@click.argument("backup", type=click.Path(exists=True, path_type=Path))
@_runs("backup:restore")
def restore() -> None:
    """Restore a backup (of airquality backup or mongodump) to MONGODB_DATABASE; it overwrites nothing.

    BACKUP is its folder, or a tar file of it. Files may be compressed with gzip, as by mongodump --gzip.
    """


@main.command()
@click.option("--keep-days", type=click.IntRange(1), default=90, show_default=True, help="Keep runs that ended since.")
@_runs("prune:prune")
def prune() -> None:
    """Delete old runs of Dagster: every tick adds events and logs, and nothing else deletes them.

    Readings are not touched. It keeps runs with the newest materialization of a month: the schedule needs them.

    Example: airquality prune --keep-days 30
    """


@main.command("alert-test")
@_runs("alert_test:send_test")
def alert_test() -> None:
    """Send a test message to the services of AIRQUALITY_ALERT_URLS. Exit code 1 if one did not accept it."""


@main.command()
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@_runs("dashboard:write_dashboard")
def dashboard() -> None:
    """Write the dashboard of the stored data: one HTML file that needs no network.

    The file is AIRQUALITY_HOME/dashboard/index.html, or in AIRQUALITY_DASHBOARD_DIR. The hourly job writes it, too.
    """


@main.command("simulate-network")
@click.argument("count", type=click.IntRange(1, 10_000), metavar="N")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("simulated-stations.yaml"),
    show_default=True,
    help="Stations file to write; it must not exist.",
)
@click.option("--first-month", type=_Month(), help="First month of the network; by default the month one year ago.")
@_runs("simulate_network:simulate_network")
def simulate_network() -> None:
    """Write a stations file with N simulated stations, to try a network of that size.

    The sandbox simulates any station. Use the file with AIRQUALITY_STATIONS, and with an AIRQUALITY_HOME that does not
    hold your readings.

    Example: airquality simulate-network 100
    """


@main.command()
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI on 127.0.0.1.")
@click.option("--dashboard-port", type=int, help="Port of the dashboard on 127.0.0.1; the next free one after --port.")
@click.option("--no-load", is_flag=True, help="Load what is due with the next tick of the schedule only.")
@_WITH_SIMULATIONS
@_runs("dev:run_dev")
def dev() -> None:
    """Run the Dagster UI with dashboard, schedules, daemon, MongoDB and sandbox, until Ctrl-C.

    It first loads what is due, as the hourly schedule does at minute 5; the UI shows the runs. It stops everything
    that it started on Ctrl-C, on SIGTERM, or when its terminal closes.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. There is no login.")
@click.option("--port", default=3001, show_default=True, help="Port to listen on; 0 selects a free port.")
@click.option(
    "--draw-every",
    "draw_every_minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Draw the page in this process, and write open data once a day: for runs on machines without its files.",
)
@click.option("--tls-certificate", type=_FILE, help="Certificate with its chain, PEM: serve HTTPS.")
@click.option("--tls-key", type=_FILE, help="Key of the certificate, PEM, without a password.")
@_runs("serve:run_serve")
def serve() -> None:
    """Serve the dashboard, open data (/v3, /docs, /files/), and /metrics for Prometheus, until Ctrl-C.

    Clients of OpenAQ speak HTTPS only: give a certificate, or put a proxy with one in front. Use the command if daemon
    and webserver run as services; airquality dev serves the same itself.
    """


@main.command()
@click.option(
    "--ui", default="http://127.0.0.1:3000", show_default=True, help="URL of the Dagster UI, without a proxy."
)
@click.option("--dashboard", help="Also check the dashboard: URL of airquality serve.")
@click.option("--wait", "wait_seconds", default=0.0, metavar="SECONDS", help="Wait until everything works.")
@_runs("health:check_health")
def health() -> None:
    """Check a deployed platform: MongoDB, Dagster's daemons, the code location, the dashboard.

    Exit code 1 if a part does not work. It changes nothing, and needs the platform's MONGODB_URI and DAGSTER_HOME.

    Example: airquality health --wait 60
    """


@main.command()
@click.option("--port", default=8900, show_default=True, help="Port on 127.0.0.1; 0 selects a free port.")
@click.option(
    "--replay",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of captured answers, named STATION_ID.json.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the simulated readings.")
@click.option("--auth", is_flag=True, help="Require a token, with the AIRQINO_* credentials of the environment.")
@click.option("--token-seconds", default=300, show_default=True, help="Lifetime of an access token.")
@click.option("--end-excluded", is_flag=True, help="Exclude end_date from the period.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[=NUMBER[xTIMES]][@STATION_ID]",
    help="Simulate a fault of the API, like status=503x2 or empty@283164601; repeatable. POST /sandbox/faults does the "
    "same while the sandbox runs.",
)
@_WITH_SIMULATIONS
@_runs("sandbox:run_sandbox")
def sandbox() -> None:
    """Serve a local AirQino API, simulated or from captured answers, until Ctrl-C.

    Set AIRQINO_BASE_URL to use it. With --auth it accepts the credentials of the environment, by default
    airqino-api / sandbox / sandbox (client, user, password).
    """
