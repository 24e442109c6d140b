"""The forecast of a station, and what former ones were worth, as the card and the hourly chart show them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, TIMESTAMP
from airquality_dagster.publishing.dashboard.numbers import rounded
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS
from airquality_dagster.publishing.dashboard.record import (
    NEWEST_HOURS,
    SAID_HOURS_AHEAD,
    SCORE_DAYS,
    StationRecord,
)
from airquality_dagster.readings.forecast import Quantiles
from airquality_dagster.readings.forecast_categories import category_probabilities
from airquality_dagster.readings.forecast_score import LEAST_SCORED_HOURS, QUANTILES, is_in_time

SHOWN_FIELD = HEADLINE_FIELDS[0]
"""The pollutant whose forecast the page shows."""
SHARES = {
    "tenth": 1 / 10,
    "eighth": 1 / 8,
    "sixth": 1 / 6,
    "fifth": 1 / 5,
    "quarter": 1 / 4,
    "third": 1 / 3,
}
"""Words for how much better forecasts were."""
# Other shares are said in percent; below the least of all, a forecast is no better.
_LEAST_WITH_WORD, _MOST_WITH_WORD, _LEAST_SKILL = 0.09, 0.38, 0.02
# No forecast is certain.
_HIGHEST_PERCENT = 99


def forecast_content(record: StationRecord) -> dict[str, Any] | None:
    """Return what the page shows of a station's newest forecast; None where none is stored.

    Returns:
        ``field``; ``origin``, the newest hour that it is made of, and when it was ``made_at``; ``said``, the forecast
        `SAID_HOURS_AHEAD` ahead, as in `_said`; ``ahead`` and the quantiles ``p10``, ``p50`` and ``p90`` of these hours
        ahead, those that are withheld left out; ``past``, what was forecast `SAID_HOURS_AHEAD` before each of the
        `NEWEST_HOURS` hours up to the newest, None where nothing was; ``score``, as in `score_content`.
    """
    forecasts = record.forecasts
    said = forecasts[forecasts["hours_ahead"] == SAID_HOURS_AHEAD]
    if said.empty or record.newest_hour is None:
        return None
    newest = forecasts[forecasts["origin"] == said["origin"].max()]
    published = newest[newest[f"{SHOWN_FIELD}_withheld"].isna()]
    first = newest.iloc[0]
    return {
        "field": SHOWN_FIELD,
        "origin": first["origin"].isoformat(),
        "made_at": first["made_at"].isoformat(),
        "said": _said(newest[newest["hours_ahead"] == SAID_HOURS_AHEAD].iloc[0]),
        "ahead": published["hours_ahead"].tolist(),
        **{name: rounded(published[f"{SHOWN_FIELD}_{name}"].to_numpy("float64")) for name in QUANTILES},
        "past": _past(record),
        "score": score_content(record.score),
    }


def _said(row: pd.Series) -> dict[str, Any]:
    """Return the forecast of one hour in numbers.

    Returns:
        ``target``, its hour; ``withheld``, why nothing is said, or None; and else ``method``, ``low`` and ``high``
        (p10 and p90), the most probable ``band`` of the hourly European index (1 to 6), and how probable it is in
        ``percent``.
    """
    withheld = row[f"{SHOWN_FIELD}_withheld"]
    said: dict[str, Any] = {"target": row["target"].isoformat(), "withheld": None if pd.isna(withheld) else withheld}
    if said["withheld"]:
        return said
    quantiles = Quantiles(*(float(row[f"{SHOWN_FIELD}_{name}"]) for name in QUANTILES))
    probabilities = category_probabilities(quantiles, BY_FIELD[SHOWN_FIELD].eaqi)
    place = int(np.argmax(probabilities))
    low, high = rounded(np.array([quantiles.p10, quantiles.p90]))
    return said | {
        "method": row[f"{SHOWN_FIELD}_method"],
        "low": low,
        "high": high,
        "band": place + 1,
        "percent": min(round(100 * probabilities[place]), _HIGHEST_PERCENT),
    }


def _past(record: StationRecord) -> list[float | None]:
    """Return the medians of the forecasts of the newest hours, those that are not over included."""
    every_hour = pd.date_range(end=record.hours[TIMESTAMP].iloc[-1], periods=NEWEST_HOURS, freq="h")
    of_hour = record.forecasts[record.forecasts["hours_ahead"] == SAID_HOURS_AHEAD]
    forecasts = of_hour[is_in_time(of_hour)]
    medians = forecasts.set_index("target")[f"{SHOWN_FIELD}_p50"].astype("float64")
    return rounded(medians.reindex(every_hour).to_numpy())


def score_content(scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what forecasts were worth; None where too few are scored.

    Args:
        scores: the newest document of ``<station>_forecast_scores`` of `SAID_HOURS_AHEAD`, None if there is none.

    Returns:
        ``end``, the last date; ``mae``, and ``as_now``, that of persistence, in the unit of the reading;
        ``coverage``, the share of the readings from p10 to p90 in percent; and how much better the forecasts were:
        ``share``, one of `SHARES`, or ``percent`` where no word is near; None and None: no better.
    """
    score = scores and scores[f"{SHOWN_FIELD}_{SCORE_DAYS}_days"]
    if not scores or not score or score["hours"] < LEAST_SCORED_HOURS:
        return None
    skill = score["mae_skill"]  # decides whether a model is withheld
    mae, as_now = rounded(np.array([score["mae"], score["persistence_mae"]]))
    return {
        "end": f"{scores['_id']['date'] - timedelta(days=1):%Y-%m-%d}",
        "mae": mae,
        "as_now": as_now,
        "coverage": round(100 * score["coverage"]),
        "share": share_in_words(skill),
        "percent": round(100 * skill) if skill >= _LEAST_SKILL and not share_in_words(skill) else None,
    }


def share_in_words(skill: float) -> str | None:
    """Return the nearest of `SHARES`, None where none is near.

    >>> share_in_words(0.162), share_in_words(0.05), share_in_words(0.45)
    ('sixth', None, None)
    """
    if not _LEAST_WITH_WORD <= skill <= _MOST_WITH_WORD:
        return None
    return min(SHARES, key=lambda word: abs(SHARES[word] - skill))
