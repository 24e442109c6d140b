"""What the forecast is worth, beside persistence and other ways to forecast.

    .venv/bin/python -m benchmarks.forecast --captures DIR [PART …] [--from 2023-09-01] [--to 2023-12-06] [--prophet]

Every origin is forecast with what was known then (`readings.forecast_backtest`), also while a model is withheld; a
target counts if its reading is valid in the end. The other ways, and the part ``cold-start``, use the final
flags. Prints as Markdown, by part, all of them if none is named:

- ``skill``: by horizon, error and skill over persistence, of the model and of other ways, on the same hours;
- ``weeks``: in which share of the weeks the model is better than persistence, and how often it is withheld;
- ``coverage``: share of the readings from p10 to p90, by quarter;
- ``exceedance``: what alerts above 35.4 µg/m³ would have been worth; categories by probability;
- ``cold-start``: skill by length of the history;
- ``cost``: seconds and memory of a refit, milliseconds of a forecast.

The method was tuned on the hours before 2023-09-01 only.
"""

import argparse
import resource
import statistics
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.forecast import LOSES_TO_PERSISTENCE, Quantiles, forecast
from airquality_dagster.readings.forecast_backtest import backtest
from airquality_dagster.readings.forecast_categories import category_probabilities, probability_above
from airquality_dagster.readings.forecast_features import (
    features,
    from_scale,
    hours_since_1970,
    simple_forecast,
    windows_of,
)
from airquality_dagster.readings.forecast_known import KnownReadings
from airquality_dagster.readings.forecast_model import HOURS_AHEAD, MODEL, fit, half_way_forecast, refit_due
from airquality_dagster.readings.forecast_ridge import fit_ridge
from airquality_dagster.readings.forecast_score import LEAST_SCORED_HOURS, QUANTILES
from benchmarks.forecast_rivals import climatology, damped_persistence, prophet
from benchmarks.histories import captured
from benchmarks.tables import print_head, print_row

PARTS = ("skill", "weeks", "coverage", "exceedance", "cold-start", "cost")
FIELDS = ("pm2_5", "pm10")
EXCEEDANCE = 35.4
HISTORY_DAYS = (14, 30, 45, 60, 90, 120)
_HOUR = pd.Timedelta(hours=1)

Made = dict[tuple[str, str], pd.DataFrame]
"""Station and field → forecasts: ``origin``, ``hours_ahead``, ``target``, ``came``, quantiles of model and persistence,
``withheld``."""


def made_forecasts(histories: dict[str, KnownReadings], begin: pd.Timestamp, end: pd.Timestamp) -> Made:
    """Return the forecasts of a period with what came."""
    made = {}
    for station, known in histories.items():
        for field in FIELDS:
            rows = [
                {
                    "origin": one.origin, "hours_ahead": one.hours_ahead, "target": one.target,
                    **{name.removeprefix(f"{field}_"): value for name, value in one.document.items()},
                }
                for one in backtest(known, field, begin, end)
            ]  # fmt: skip
            frame = pd.DataFrame(rows)
            frame["came"] = known.final[field].reindex(frame["target"]).to_numpy()
            made[station, field] = frame.dropna(subset=["came", "model_p50", "persistence_p50"])
    return made


def print_skill(made: Made, histories: dict[str, KnownReadings], *, with_prophet: bool) -> None:
    """Print errors and skill of all ways to forecast."""
    print_head(
        "station", "reading", "hours ahead", "way", "hours", "RMSE", "RMSE skill", "MAE skill", "pinball skill", "bias"
    )
    for (station, field), frame in made.items():
        readings = histories[station].final[field]
        origins = pd.DatetimeIndex(frame["origin"].unique())
        of_prophet = prophet(readings, origins) if with_prophet else {}
        for hours_ahead, some in frame.groupby("hours_ahead"):
            ahead = int(str(hours_ahead))
            rivals = {
                "damped persistence": damped_persistence(readings, origins, ahead),
                "climatology": climatology(readings, origins, ahead),
            }
            if of_prophet:
                rivals["Prophet"] = of_prophet[ahead]
            ways = {"persistence": some["persistence_p50"]}
            ways |= {
                name: pd.Series(way.reindex(some["origin"]).to_numpy(), some.index) for name, way in rivals.items()
            }
            ways[MODEL] = some["model_p50"]
            is_known = pd.concat(ways, axis=1).notna().all(axis=1)
            for name, way in ways.items():
                _print_way(station, field, ahead, name, some[is_known], way[is_known])


def _print_way(station: str, field: str, ahead: int, name: str, some: pd.DataFrame, way: pd.Series) -> None:
    error, reference = way - some["came"], some["persistence_p50"] - some["came"]
    pinball = "–"
    if name == MODEL:
        pinball = _percent(1 - _pinball(some, MODEL).mean() / _pinball(some, "persistence").mean())
    print_row(
        *(station, BY_FIELD[field].label, ahead, name, len(some), f"{_rmse(error):.2f}"),
        *(_percent(1 - _rmse(error) / _rmse(reference)), _percent(1 - error.abs().mean() / reference.abs().mean())),
        *(pinball, f"{error.mean():+.2f}"),
    )


def print_weeks(made: Made) -> None:
    """Print the share of weeks (Monday to Sunday, at least half of the hours) in which the model is better."""
    print_head("station", "reading", "hours ahead", "weeks", "better by RMSE", "by MAE", "by pinball", "hours withheld")
    for (station, field), frame in made.items():
        for hours_ahead, some in frame.groupby("hours_ahead"):
            losses = pd.DataFrame(
                {
                    f"{name}_{kind}": loss
                    for name in (MODEL, "persistence")
                    for kind, loss in (
                        ("squared", (some[f"{name}_p50"] - some["came"]) ** 2),
                        ("absolute", (some[f"{name}_p50"] - some["came"]).abs()),
                        ("pinball", _pinball(some, name)),
                    )
                }
            )
            by_week = losses.groupby(some["target"].dt.tz_localize(None).dt.to_period("W"))
            weeks = by_week.mean()[by_week.size() >= LEAST_SCORED_HOURS]
            better = [
                _percent(float((weeks[f"model_{kind}"] < weeks[f"persistence_{kind}"]).mean()))
                for kind in ("squared", "absolute", "pinball")
            ]
            withheld = float((some["withheld"] == LOSES_TO_PERSISTENCE).mean())
            print_row(station, BY_FIELD[field].label, hours_ahead, len(weeks), *better, _percent(withheld))


def print_coverage(made: Made) -> None:
    """Print the share of the readings from p10 to p90."""
    print_head("station", "reading", "quarter", *(f"{hours} h" for hours in HOURS_AHEAD))
    for (station, field), frame in made.items():
        is_covered = frame["came"].between(frame["model_p10"], frame["model_p90"])
        quarter = frame["target"].dt.tz_localize(None).dt.to_period("Q")
        for name, some in is_covered.groupby(quarter):
            shares = some.groupby(frame["hours_ahead"]).mean()
            print_row(station, BY_FIELD[field].label, name, *(_percent(shares[hours]) for hours in HOURS_AHEAD))


def print_exceedance(made: Made) -> None:
    """Print what alerts of PM2.5 two hours ahead are worth, and the ranked probability skill of categories."""
    print_head("station", "alert if", "exceedances", "hit", "false alarms", "critical success index", "Brier skill")
    for (station, field), frame in made.items():
        if field != "pm2_5":
            continue
        some = frame[frame["hours_ahead"] == 2]
        is_above = some["came"] > EXCEEDANCE
        chance, reference = (
            np.array([probability_above(one, EXCEEDANCE) for one in _quantiles(some, name)])
            for name in (MODEL, "persistence")
        )
        brier = 1 - float(((chance - is_above) ** 2).mean() / ((reference - is_above) ** 2).mean())
        alerts = {
            "as now": some["persistence_p50"] > EXCEEDANCE,
            "p50": some["model_p50"] > EXCEEDANCE,
            "probability ≥ 30 %": pd.Series(chance >= 0.3, some.index),
            "p90": some["model_p90"] > EXCEEDANCE,
        }
        for name, alert in alerts.items():
            hits, false = int((alert & is_above).sum()), int((alert & ~is_above).sum())
            index = hits / max(hits + false + int((~alert & is_above).sum()), 1)
            shown = _percent(brier) if name.startswith("probability") else "–"
            print_row(station, name, int(is_above.sum()), hits, false, f"{index:.2f}", shown)
    print()
    print_head("station", "reading", "hours ahead", "ranked probability skill of the European index's categories")
    for (station, field), frame in made.items():
        for ahead in (2, 24):
            some = frame[frame["hours_ahead"] == ahead]
            loss, reference = (_ranked_probability(some, name, field) for name in (MODEL, "persistence"))
            print_row(station, BY_FIELD[field].label, ahead, _percent(1 - loss / reference))


def _ranked_probability(some: pd.DataFrame, name: str, field: str) -> float:
    """Return the mean ranked probability score (Epstein 1969) of the categories."""
    highest = BY_FIELD[field].eaqi
    shares = np.array([category_probabilities(one, highest) for one in _quantiles(some, name)])
    came = some["came"].to_numpy()[:, np.newaxis] <= np.array(highest)
    return float(((shares.cumsum(axis=1)[:, :-1] - came) ** 2).sum(axis=1).mean())


def print_cold_start(histories: dict[str, KnownReadings], begin: pd.Timestamp, end: pd.Timestamp) -> None:
    """Print the skill two hours ahead by length of history, fitted on the 1st and 15th."""
    print_head("station", "reading", *(f"{days} days: RMSE, MAE skill" for days in HISTORY_DAYS))
    days = pd.date_range(begin.normalize(), end, freq="D", inclusive="left")
    fits = [day for day in days if day == refit_due(day)] or [refit_due(begin)]
    for station, known in histories.items():
        for field in FIELDS:
            skills = (_skill_of_history(known.final, field, days, [*fits, end]) for days in HISTORY_DAYS)
            print_row(station, BY_FIELD[field].label, *(", ".join(map(_percent, skill)) for skill in skills))


def _skill_of_history(valid: pd.DataFrame, field: str, days: int, moments: list[pd.Timestamp]) -> list[float]:
    """Return the skill by RMSE and MAE; a model of some days of history is fitted at each moment but the last."""
    windows, ahead = windows_of(valid, field), 2
    readings = valid[field].to_numpy()
    came = np.append(readings[ahead:], np.full(ahead, np.nan))
    predictors, simple, targets = features(windows, ahead), simple_forecast(windows, ahead), windows.origins + ahead
    corrections = np.append(windows.own[ahead:, -1], np.full(ahead, np.nan)) - simple
    errors = []
    for moment, until in pairwise(hours_since_1970(pd.DatetimeIndex(moments))):
        used = (targets < moment) & (windows.origins >= moment - days * 24) & ~np.isnan(corrections)
        ridge = fit_ridge(predictors[used], corrections[used], (moment - targets[used]) / 24)
        later = (windows.origins >= moment) & (windows.origins < until) & ~np.isnan(corrections)
        forecasts = half_way_forecast(ridge, predictors[later], simple[later])
        errors.append(from_scale(np.array([forecasts, windows.present[later]])) - came[later])
    of_model, of_persistence = np.concatenate(errors, axis=1)
    return [
        1 - _rmse(of_model) / _rmse(of_persistence),
        1 - float(np.abs(of_model).mean() / np.abs(of_persistence).mean()),
    ]


def print_cost(histories: dict[str, KnownReadings]) -> None:
    """Print what a refit and a forecast cost."""
    begin = time.perf_counter()
    models = {
        (station, field): fit(known.final, field, known.hours[-1] - 24 * _HOUR)
        for station, known in histories.items()
        for field in FIELDS
    }
    refit = time.perf_counter() - begin
    durations = []
    for _ in range(20):
        begin = time.perf_counter()
        for (station, _), model in models.items():
            forecast(histories[station].final, model, histories[station].hours[-1])
        durations.append((time.perf_counter() - begin) / len(histories) * 1000)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print_head("refit of all stations, s", "forecast of a station, ms (median)", "peak memory of the process, MiB")
    print_row(f"{refit:.2f}", f"{statistics.median(durations):.1f}", f"{memory:.0f}")


def _quantiles(some: pd.DataFrame, name: str) -> list[Quantiles]:
    columns = [some[f"{name}_{quantile}"] for quantile in QUANTILES]
    return [Quantiles(*map(float, row)) for row in zip(*columns, strict=True)]


def _pinball(some: pd.DataFrame, name: str) -> pd.Series:
    losses = []
    for quantile, share in QUANTILES.items():
        above = some["came"] - some[f"{name}_{quantile}"]
        losses.append(np.maximum(share * above, (share - 1) * above))
    return pd.Series(np.mean(losses, axis=0), some.index)


def _rmse(error: np.ndarray | pd.Series) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main() -> None:
    """Print the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--captures", type=Path, required=True, help="folder of captured answers")
    parser.add_argument("--from", dest="begin", default="2023-09-01", help="first origin, UTC")
    parser.add_argument("--to", dest="end", default="2023-12-06", help="end of the origins, UTC")
    parser.add_argument("--prophet", action="store_true", help="Prophet, too: fitted daily, about a second each")
    arguments = parser.parse_args()
    parts = arguments.parts or PARTS
    begin, end = (pd.Timestamp(day, tz="UTC") for day in (arguments.begin, arguments.end))
    network = load_network()
    stations = {str(station.airqino_id): station for station in network.stations}
    histories = {}
    for title, hours in captured(arguments.captures).items():
        station = stations[title.rpartition("(")[-1].rstrip(")")]
        histories[station.name] = KnownReadings(hours, siting=station.siting(network.time_zone))
    made = made_forecasts(histories, begin, end) if set(parts) - {"cold-start", "cost"} else {}
    for part in parts:
        print(f"\n## {part}\n")
        match part:
            case "skill":
                print_skill(made, histories, with_prophet=arguments.prophet)
            case "weeks":
                print_weeks(made)
            case "coverage":
                print_coverage(made)
            case "exceedance":
                print_exceedance(made)
            case "cold-start":
                print_cold_start(histories, begin, end)
            case "cost":
                print_cost(histories)
            case _:
                parser.error(f"no part {part}: {', '.join(PARTS)}")


if __name__ == "__main__":
    main()
