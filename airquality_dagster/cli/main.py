"""The ``airquality`` command."""

import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import click

from airquality_dagster.errors import AirQualityError, SettingsError
from airquality_dagster.network.stations import MONTH_PATTERN

_ENVIRONMENT = (
    "Environment: MONGODB_URI, MONGODB_DATABASE, AIRQINO_BASE_URL, AIRQINO_TOKEN_URL, AIRQINO_CLIENT_ID, "
    "AIRQINO_CLIENT_SECRET, AIRQINO_USERNAME, AIRQINO_PASSWORD, AIRQINO_REFRESH_TOKEN, AIRQUALITY_HOME, "
    "AIRQUALITY_STATIONS, AIRQUALITY_ALERT_URLS, AIRQUALITY_UI_URL, AIRQUALITY_DASHBOARD_DIR, "
    "AIRQUALITY_DASHBOARD_URL. Without MONGODB_URI an embedded MongoDB is used, without AIRQINO_BASE_URL and "
    "credentials a sandbox with simulated readings."
)


_VERBOSE = "Show the stack trace of an error."


class _Group(click.Group):
    """Says what went wrong in one line and exits with 1; ``--verbose`` shows the stack trace, too."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        try:
            result = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(1)
        except (click.Abort, KeyboardInterrupt):
            _say("interrupted")
            sys.exit(1)
        # --help and --version return their exit code, commands whether all went well.
        sys.exit(1 if result is False else 0)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        # --verbose is taken before and after the command's name.
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
            known = isinstance(error, AirQualityError)
            _say(str(error) if known else f"{type(error).__name__}: {error} (--verbose shows where)")
            return False


def _be_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().params["verbose"] = True


def _say(message: str) -> None:
    click.echo(f"airquality: {' '.join(message.split())}", err=True)


@click.group(cls=_Group, epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help=_VERBOSE)
@click.version_option(package_name="airquality-dagster")
def main(verbose: bool) -> None:
    """Keep the hourly readings of AirQino stations in MongoDB, aggregate them by day, and judge them."""
    # A service manager's stop ends a command in order: what it started is stopped, too.
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class _Month(click.ParamType):
    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        import re

        if not re.fullmatch(MONTH_PATTERN, value):
            raise SettingsError(f"{param.opts[0] if param else 'month'} is {value!r}, not a month like 2023-01")
        return str(value)


@main.command()
def run() -> bool:
    """Make one pass of the hourly job: fetch what is due, store it, aggregate it.

    A fresh installation loads the last year; later passes fetch the current month and what was missed.
    Without MONGODB_URI an embedded MongoDB is started, without AIRQINO_BASE_URL and credentials a sandbox
    with simulated readings; both are stopped in the end. Exit code 1 if a station failed.
    """
    from airquality_dagster.cli.passes import run_due

    return run_due()


@main.command()
@click.option("--from", "first", type=_Month(), required=True, help="First month, included.")
@click.option("--to", "last", type=_Month(), required=True, help="Last month, included.")
@click.option("--station", "stations", multiple=True, help="Only this station (its name); can be given again.")
def backfill(first: str, last: str, stations: tuple[str, ...]) -> bool:
    """Fetch and aggregate a range of months again, whether they are stored or not.

    Nothing is stored twice: what is unchanged stays, what the source corrected is revised. A month that
    cannot be fetched does not keep the others from being stored. Exit code 1 if anything failed.

    Example: airquality backfill --from 2022-12 --to 2023-12 --station station1
    """
    from airquality_dagster.cli.passes import run_backfill

    return run_backfill(first, last, stations)


@main.command()
@click.argument("station")
@click.option("--raw", is_flag=True, help="The hourly readings and their flags instead of the daily aggregates.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet", "json"]), required=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
def export(station: str, raw: bool, kind: str, output: Path) -> None:
    """Write a station's daily aggregates (or hourly readings) to a file, with their validity.

    Every stored value as it is, times in UTC, missing values empty (CSV) or null, lists of names in CSV
    separated by blanks. Days have valid means and the reasons where there is none, hours their flags
    (docs/data.md). An existing file is replaced once the new one is complete.

    Example: airquality export station1 --raw --format csv --output station1.csv
    """
    from airquality_dagster.cli.export import export_station

    export_station(station, is_raw=raw, kind=kind, output=output)


@main.command()
def status() -> None:
    """Show per station the newest hour, coverage, valid hours, last daily means, last run, and red checks."""
    from airquality_dagster.cli.status import show_status

    show_status()


@main.command()
@click.option("--station", "stations", multiple=True, help="Only this station (its name); can be given again.")
@click.option("--source", is_flag=True, help="Compare with the API, too: asks it for every stored month.")
def verify(stations: tuple[str, ...], source: bool) -> bool:
    """Compare what is stored with itself: hours, revisions, flags, days, months and years, to the last digit.

    Everything that was computed is computed again from the stored hours. Nothing is changed. Exit code 1 if
    anything differs.
    """
    from airquality_dagster.cli.verify import verify as verify_stored

    return verify_stored(stations, with_source=source)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Write the whole database to a new folder, in the format of mongodump.

    It can be done while the platform runs: each document is whole, and what changes meanwhile is fetched
    again by the first run after a restore. Restore it with airquality restore, or with mongorestore.

    Example: airquality backup backups/2026-06-01
    """
    from airquality_dagster.cli.backup import backup as write_backup

    write_backup(folder)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(folder: Path) -> None:
    """Write a backup (of airquality backup or mongodump) to MONGODB_DATABASE; nothing is written over."""
    from airquality_dagster.cli.backup import restore as read_backup

    read_backup(folder)


@main.command()
@click.option("--keep-days", type=click.IntRange(1), default=90, show_default=True, help="Keep what ended since.")
def prune(keep_days: int) -> None:
    """Forget old runs of Dagster: their events and logs grow by each tick, and nothing else removes them.

    Readings are not touched. Runs that last made a month of an asset are kept, however old: the schedule asks them.

    Example: airquality prune --keep-days 30
    """
    from airquality_dagster.cli.prune import prune as prune_runs

    prune_runs(keep_days)


@main.command("alert-test")
def alert_test() -> bool:
    """Send a test message to the services of AIRQUALITY_ALERT_URLS. Exit code 1 if one did not take it."""
    from airquality_dagster.cli.alert_test import send_test

    return send_test()


@main.command()
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
def dashboard(is_opened: bool) -> None:
    """Write the dashboard of what is stored: one HTML file that needs no network.

    It is at AIRQUALITY_HOME/dashboard/index.html, or in AIRQUALITY_DASHBOARD_DIR. Each pass of the hourly job writes
    it, too.
    """
    from airquality_dagster.cli.dashboard import write_dashboard

    write_dashboard(is_opened=is_opened)


@main.command("simulate-network")
@click.argument("count", type=click.IntRange(1, 10_000), metavar="N")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("simulated-stations.yaml"),
    show_default=True,
    help="Stations file to write; it must not exist.",
)
@click.option("--first-month", type=_Month(), help="First month of the network; by default that of a year ago.")
def simulate_network(count: int, output: Path, first_month: str | None) -> None:
    """Write a stations file of N simulated stations, to see what a network of that size costs.

    The sandbox simulates any station. Use the file with AIRQUALITY_STATIONS, and another AIRQUALITY_HOME than that of
    your readings.

    Example: airquality simulate-network 100
    """
    from airquality_dagster.cli.simulate_network import simulate_network as write_network

    write_network(count, output, first_month)


@main.command()
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI on 127.0.0.1.")
@click.option("--dashboard-port", type=int, help="Port of the dashboard on 127.0.0.1; the next free one after --port.")
def dev(port: int, dashboard_port: int | None) -> None:
    """Open the Dagster UI with dashboard, schedules, daemon, MongoDB and sandbox, until Ctrl-C.

    Ends everything it started on Ctrl-C, SIGTERM, or when its terminal goes.
    """
    from airquality_dagster.cli.dev import run_dev

    run_dev(port, dashboard_port)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. There is no login.")
@click.option("--port", default=3001, show_default=True, help="Port of it; 0 takes a free one.")
@click.option(
    "--draw-every",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Draw the page here, too: for runs on other machines, whose files are not here.",
)
def serve(host: str, port: int, draw_every: float | None) -> None:
    """Serve the dashboard, and at /metrics the state of the network for Prometheus, until Ctrl-C.

    For a platform whose daemon and webserver run by themselves; airquality dev serves the dashboard, too.
    """
    from airquality_dagster.cli.serve import run_serve

    run_serve(host, port, draw_every)


@main.command()
@click.option("--ui", default="http://127.0.0.1:3000", show_default=True, help="The Dagster UI, not through a proxy.")
@click.option("--dashboard", help="Ask for the dashboard, too: URL of airquality serve.")
@click.option("--wait", "wait_seconds", default=0.0, metavar="SECONDS", help="Wait for what does not work yet.")
def health(ui: str, dashboard: str | None, wait_seconds: float) -> bool:
    """Say whether a deployed platform works: MongoDB, Dagster's daemons, the code location, the dashboard.

    Exit code 1 if one does not. It changes nothing, and needs MONGODB_URI and DAGSTER_HOME of the platform.

    Example: airquality health --wait 60
    """
    from airquality_dagster.cli.health import check_health

    return check_health(ui, dashboard, wait_seconds)


@main.command()
@click.option("--port", default=8900, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--replay",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of captured answers, STATION_ID.json.",
)
@click.option("--seed", default=0, show_default=True, help="Of the simulation: another seed, other readings.")
@click.option("--auth", is_flag=True, help="Ask for a token, with the AIRQINO_* credentials of the environment.")
@click.option("--token-seconds", default=300, show_default=True, help="How long an access token lives.")
@click.option("--end-excluded", is_flag=True, help="Leave end_date out of the answered period.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[=NUMBER[xTIMES]][@STATION_ID]",
    help="Go wrong on purpose, as in status=503x2 or empty@283164601; can be given again. POST /sandbox/faults does "
    "the same while it runs.",
)
def sandbox(
    port: int,
    replay: Path | None,
    seed: int,
    auth: bool,
    token_seconds: int,
    end_excluded: bool,
    faults: tuple[str, ...],
) -> None:
    """Serve a local AirQino API, simulated or from captured answers, until Ctrl-C.

    Point the platform at it with AIRQINO_BASE_URL. With --auth it takes the credentials of the
    environment, or else airqino-api / sandbox / sandbox (client, user, password).
    """
    from airquality_dagster.cli.sandbox import run_sandbox

    run_sandbox(port, replay, seed, auth, token_seconds, end_excluded=end_excluded, faults=faults)
