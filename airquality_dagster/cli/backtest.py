"""``airquality backtest``: forecasts of a past period, made with what was known then."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.cli.terminal import SIMULATED_NOTE, err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.services import local_services
from airquality_dagster.network.pollutants import BY_FIELD, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.flags import HOURS_BEFORE
from airquality_dagster.readings.forecast import Forecast, Quantiles
from airquality_dagster.readings.forecast_backtest import WARM_UP_DAYS, backtest
from airquality_dagster.readings.forecast_features import hours_since_1970
from airquality_dagster.readings.forecast_known import KnownReadings
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD, MOST_DAYS
from airquality_dagster.readings.forecast_score import Score, ScoredForecasts, score
from airquality_dagster.storage.files import replaced
from airquality_dagster.storage.known import first_versions

_NOTHING = Quantiles(np.nan, np.nan, np.nan)


def run_backtest(name: str, *, first: date, last: date, output: Path) -> None:
    """Forecast each hour of a past period with what was known then, write the forecasts, and print what they are worth.

    Args:
        name: name of the station.
        first, last: local dates of the first and last origin, both included.
        output: file to write; an existing file is replaced when the new one is complete.

    Raises:
        SettingsError: there is no such station, no hour of it in the period, or the file cannot be written.
    """
    network = load_network(settings.stations_file())
    station = network.station(name)
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}: swap them")
    if not output.absolute().parent.is_dir():
        # Before minutes of computing.
        raise SettingsError(f"--output {output} cannot be written: its folder does not exist; make it first")
    start, end = (
        datetime.combine(day, time(), network.time_zone).astimezone(UTC) for day in (first, last + timedelta(days=1))
    )
    since = start - timedelta(days=MOST_DAYS + WARM_UP_DAYS + 31, hours=HOURS_BEFORE)
    with local_services(with_api=False) as services, services.open_database() as database:
        # Until the last target, so that forecasts can be scored.
        last_target = end + timedelta(hours=max(HOURS_AHEAD))
        # The hour that is not over is a mean of some minutes.
        full_until = datetime.now(UTC) - timedelta(hours=1)
        hourly = first_versions(database, station.raw_asset, since, min(last_target, full_until))
    in_period = (hourly[TIMESTAMP] >= start) & (hourly[TIMESTAMP] < end)
    if not in_period.any():
        raise SettingsError(
            f"no hour of {name} is stored from {first} to {last}: fetch these months with airquality backfill"
        )
    known = KnownReadings(hourly, siting=station.siting(network.time_zone))
    made = _forecasts(known, start, end, total=int(in_period.sum()))
    try:
        with replaced(output) as unfinished:
            unfinished.write_text(json.dumps([_entry(one) for one in made if one.published], indent=0) + "\n")
    except OSError as error:
        raise SettingsError(
            f"--output {output} cannot be written ({error.strerror or error}): name another file"
        ) from error
    published = sum(one.published is not None for one in made)
    err.print(f"{published} forecasts of {name} written to {output}; {len(made) - published} withheld")
    _show(made, known.final)
    if SIMULATED in hourly and hourly[SIMULATED].notna().any():
        err.print(SIMULATED_NOTE)


def _forecasts(known: KnownReadings, start: datetime, end: datetime, *, total: int) -> list[Forecast]:
    made: list[Forecast] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} hours"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=err.is_terminal) as progress:
        for field in FORECAST_FIELDS:
            task = progress.add_task(BY_FIELD[field].label, total=total)
            for number, one in enumerate(backtest(known, field, start, end)):
                made.append(one)
                if number % len(HOURS_AHEAD) == 0:
                    progress.advance(task)
    return made


def _entry(one: Forecast) -> dict[str, object]:
    """Return what the file has of a forecast: docs/forecast.md."""
    said = one.published or _NOTHING
    return {
        "pollutant": one.field,
        "origin": _iso(one.origin),
        "hours_ahead": one.hours_ahead,
        "target": _iso(one.target),
        "p10": round(said.p10, 4),
        "p50": round(said.p50, 4),
        "p90": round(said.p90, 4),
        "method": one.method,
    }


def _show(made: Sequence[Forecast], readings: pd.DataFrame) -> None:
    """Print the errors of what was said, beside those of persistence."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    for title in ("ahead", "hours", "RMSE", "RMSE as now", "RMSE skill", "MAE skill", "pinball skill", "p10 to p90"):
        table.add_column(title, justify="right")
    for field in FORECAST_FIELDS:
        for hours_ahead in HOURS_AHEAD:
            said = [one for one in made if (one.field, one.hours_ahead) == (field, hours_ahead) and one.published]
            found = _score(said, readings[field]) if said else None
            if found:
                table.add_row(BY_FIELD[field].label, f"{hours_ahead} h", *_cells(found))
    if table.row_count:
        out.print(table)


def _score(said: Sequence[Forecast], readings: pd.Series) -> Score | None:
    targets = pd.DatetimeIndex([one.target for one in said])

    def table(quantiles: Sequence[Quantiles | None]) -> np.ndarray:
        return np.array([(one.p10, one.p50, one.p90) for one in (each or _NOTHING for each in quantiles)])

    return score(
        ScoredForecasts(
            np.array([one.hours_ahead for one in said]),
            hours_since_1970(targets),
            readings.reindex(targets).to_numpy("float64"),
            table([one.published for one in said]),
            table([one.persistence for one in said]),
        )
    )


def _cells(found: Score) -> tuple[str, ...]:
    shares = (found.rmse_skill, found.mae_skill, found.pinball_skill, found.coverage)
    return (
        str(found.hours),
        f"{found.rmse:.2f}",
        f"{found.persistence_rmse:.2f}",
        *(f"{100 * share:.1f} %" for share in shares),
    )


def _iso(moment: pd.Timestamp) -> str:
    return moment.isoformat().replace("+00:00", "Z")
