"""The check of a station's forecasts: whether a model loses to saying "as now"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airquality_dagster.checks.outcome import CheckOutcome, Checks, Finding, table_metadata
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS
from airquality_dagster.readings.forecast_score import SCORED_DAYS


@dataclass(frozen=True)
class ScoredStation:
    """Input of the check.

    Args:
        station: its name.
        rows: the scores of a date, one an hour ahead (`assets.forecast_scores.scored_forecasts`).
    """

    station: str
    rows: Sequence[Mapping[str, Any]]


def forecast_has_skill(scored: ScoredStation) -> CheckOutcome:
    """Say which models are withheld, because over 7 days they lost to saying "as now"."""
    findings, lines = [], []
    for field in FORECAST_FIELDS:
        withheld = [f"{row['hours_ahead']} h" for row in scored.rows if row[f"{field}_is_withheld"]]
        if withheld:
            findings.append(
                Finding(
                    f"forecasts of {BY_FIELD[field].label} {', '.join(withheld)} ahead are withheld: over 7 days they "
                    "were no better than the reading at their origin. They come back by themselves once they are; if "
                    "they do not within a month, look for a change at the station"
                )
            )
        lines += [
            (BY_FIELD[field].label, f"{row['hours_ahead']} h", days, *_numbers(row[f"{field}_{days}_days"]))
            for row in scored.rows
            for days in SCORED_DAYS
            if row[f"{field}_{days}_days"]
        ]
    header = ["", "ahead", "days", "hours", "RMSE", "MAE", "RMSE skill", "MAE skill", "pinball skill", "p10 to p90"]
    sound = "no model is withheld" if lines else "no forecast could be scored yet"
    return CheckOutcome(scored.station, findings, sound, table_metadata("scores", header, lines))


CHECKS: Checks[ScoredStation] = {"forecast_has_skill": forecast_has_skill}


def _numbers(score: Mapping[str, float]) -> tuple[str, ...]:
    shares = ("rmse_skill", "mae_skill", "pinball_skill", "coverage")
    return (
        str(score["hours"]),
        *(f"{score[name]:.1f}" for name in ("rmse", "mae")),
        *(f"{100 * score[name]:.0f} %" for name in shares),
    )
