"""``airquality sandbox``: a local AirQino API in the foreground."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from airquality_dagster import settings
from airquality_dagster.airqino.sandbox.faults import FaultSwitch, parse_fault
from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.simulations import parse_simulations
from airquality_dagster.airqino.sandbox.sources import ReplaySource, SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.cli.terminal import out, print_simulations
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.serving import LOOPBACK, listen, serve
from airquality_dagster.network.stations import load_network


def run_sandbox(
    port: int,
    replay: Path | None,
    seed: int,
    auth: bool,
    token_seconds: int,
    *,
    end_excluded: bool,
    faults: Sequence[str] = (),
    simulations: Sequence[str] = (),
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        port: port on loopback; 0 selects a free port.
        replay: folder of captured answers; None simulates.
        seed: seed of the simulation.
        auth: whether calls need a token.
        token_seconds: lifetime of an access token.
        end_excluded: whether the period excludes ``end_date``.
        faults: faults of the API to simulate, as texts for `parse_fault`.
        simulations: faults of sensors and events, as texts for `parse_simulations`.

    Raises:
        CaptureError: the folder to replay holds no captured answers.
        SettingsError: a fault or a simulation is not valid, or captured answers were to be changed by one.
        StationsFileError: the stations file is not valid.
        LocalServiceError: the port is taken.
    """
    switch = FaultSwitch()
    for fault in faults:
        switch.add(parse_fault(fault))
    if replay and simulations:
        raise SettingsError("--simulate does not change captured answers: leave out --simulate or --replay")
    simulated = parse_simulations(simulations, load_network(settings.stations_file())) if simulations else ()
    source = ReplaySource(replay) if replay else SimulatedSource(seed, simulations=simulated)
    realm = None
    if auth:
        realm = Realm(
            client_id=settings.variable(settings.AIRQINO_CLIENT_ID) or "airqino-api",
            client_secret=settings.variable(settings.AIRQINO_CLIENT_SECRET),
            username=settings.variable(settings.AIRQINO_USERNAME) or "sandbox",
            password=settings.variable(settings.AIRQINO_PASSWORD) or "sandbox",
            token_seconds=token_seconds,
        )
    with contextlib.suppress(KeyboardInterrupt):
        listener = listen(port)
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        out.print(f"AirQino sandbox on {url}: [bold]{escape(source.description)}[/]")
        if realm is not None:
            out.print(f"It requires a token: AIRQINO_TOKEN_URL={url}{TOKEN_PATH}")
        print_simulations(simulated)
        for fault in switch.listed():
            out.print(f"[bold red]Simulated fault:[/] {fault}")
        out.print(f"Use it with AIRQINO_BASE_URL={url}; Ctrl-C ends it.")
        serve(create_app(source, realm, end_included=not end_excluded, faults=switch), listener)
