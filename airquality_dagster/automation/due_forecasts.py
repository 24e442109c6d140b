"""Which models of forecasts are to be fitted, and which forecasts scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, VERSION, refit_due
from airquality_dagster.storage.forecasts import newest_full_hour, newest_score_date, stored_models

MOST_FITS = 50
"""Stations whose models one run fits: less than a minute."""


@dataclass(frozen=True)
class DueForecasts:
    """What is due.

    Args:
        fitted: stations whose models are to be fitted.
        scored: stations whose forecasts are to be scored.
    """

    fitted: Sequence[Station]
    scored: Sequence[Station]


def due_forecasts(
    database: Database[dict[str, Any]], network: Network, now: datetime, *, most: int | None = None
) -> DueForecasts:
    """Return what is due at a moment, by what MongoDB holds.

    A station without hours has nothing due. A model is due on the 1st and the 15th of a month, and if the method is
    another one; a score once a day (UTC).

    Args:
        database: database of the network.
        network: the network.
        now: the moment, tz-aware.
        most: highest number of stations to fit; None: all.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    fitted, scored = [], []
    for station in network.stations:
        if newest_full_hour(database, station.raw_asset, now) is None:
            continue
        models = stored_models(database, station.forecast_model_asset, ["version", "fitted_at"])
        current = {
            one["field"] for one in models if one.get("version") == VERSION and one.get("fitted_at") == refit_due(now)
        }
        if not current.issuperset(FORECAST_FIELDS):
            fitted.append(station)
        last = newest_score_date(database, station.forecast_scores_asset)
        if last is None or last < today:
            scored.append(station)
    return DueForecasts(fitted[:most], scored)
