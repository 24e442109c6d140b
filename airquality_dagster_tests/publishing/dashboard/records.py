"""Records of a station for tests, as `station_record` reads them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.siting import Siting
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.dashboard.record import NEWEST_HOURS, StationRecord
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.forecast import Forecast, Quantiles
from airquality_dagster.readings.forecast_model import HOURS_AHEAD
from airquality_dagster.readings.forecast_score import Score
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster_tests.readings.series import FIRST

NETWORK = Network.model_validate({
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2022-12"},
    "stations": [{"name": "station1", "airqino_id": 1, "label": "SMART1", "silent_after_hours": 12}],
})  # fmt: skip
(STATION,) = NETWORK.stations
QUANTILES = Quantiles(18.0, 24.0, 31.0)
SCORE = Score(
    hours=600, rmse=5.1, mae=3.4, persistence_rmse=6.1, persistence_mae=3.9, rmse_skill=0.164, mae_skill=0.13,
    pinball_skill=0.16, coverage=0.79,
)  # fmt: skip


def sound_days(count: int, first: datetime = FIRST) -> pd.DataFrame:
    """Return daily aggregates of sensors that all work: of each day the fields that the page shows."""
    sound = {"mean": 21.0, "valid_mean": 20.0, "valid_hours": 24, "percent_complete": 100, "invalid": None}
    sound |= {"aqi": 71, "who": "IT-4"}
    days = [
        {"date": pd.Timestamp(first + timedelta(days=day)), "expected_hours": 24, "cross_sensitive": None}
        | {f"{parameter.field}_{name}": value for parameter in PARAMETERS for name, value in sound.items()}
        for day in range(count)
    ]
    return pd.DataFrame(days)


def spoil(days: pd.DataFrame, day: int, field: str, **reason: int) -> None:
    """Take a day's valid mean of a field away: so many hours have these flags."""
    valid_hours = 24 - sum(reason.values())
    changes = {"valid_mean": None, "valid_hours": valid_hours, "invalid": reason, "aqi": None, "who": None}
    for name, value in {**changes, "percent_complete": 100 * valid_hours // 24}.items():
        days.at[day, f"{field}_{name}"] = value


def month_rows(*starts: str, mean: float = 21.0, valid_mean: float | None = 20.0) -> pd.DataFrame:
    """Return monthly summaries, all alike."""
    months = pd.DataFrame({"start": pd.to_datetime(list(starts), utc=True)})
    for parameter in PARAMETERS:
        months[f"{parameter.field}_mean"], months[f"{parameter.field}_valid_mean"] = mean, valid_mean
        months[f"{parameter.field}_invalid"] = None
    return months


def forecast_rows(forecasts: Iterable[Forecast], *, made_after: timedelta = timedelta(minutes=65)) -> pd.DataFrame:
    """Return forecasts of PM2.5 as they are read from MongoDB.

    Args:
        forecasts: in order of origin and hours ahead.
        made_after: so long after their origins.
    """
    names = ["origin", "hours_ahead", "target"]
    rows = [{**{name: getattr(one, name) for name in names}, **one.document} for one in forecasts]
    fields = [f"pm2_5_{name}" for name in ("p10", "p50", "p90", "method", "withheld")]
    frame = pd.DataFrame(rows, columns=[*names, *fields])
    frame["origin"], frame["target"] = (pd.to_datetime(frame[name], utc=True) for name in ("origin", "target"))
    return frame.assign(made_at=frame["origin"] + made_after)


def forecasts_from(origin: datetime, quantiles: Quantiles = QUANTILES, **more: Any) -> list[Forecast]:
    """Return forecasts of an origin for all hours ahead, all alike."""
    published = {} if "withheld" in more or "persistence" in more else {"model": quantiles}
    return [Forecast("pm2_5", pd.Timestamp(origin), ahead, **published, **more) for ahead in HOURS_AHEAD]


def flagged(
    record: StationRecord, flag: str, *, level: int, hours: Iterable[int], fields: Iterable[str] | None = None
) -> StationRecord:
    """Add a flag to some hours of a record, counted from the newest (-1), and set their level.

    Args:
        record: to be changed.
        flag: its name.
        level: QARTOD's.
        hours: places of the hours.
        fields: the readings, all if left out.
    """
    for field in fields or [parameter.field for parameter in PARAMETERS]:
        for hour in hours:
            place = record.quality.index[hour]
            former = record.quality.at[place, f"{field}_flags"]
            record.quality.at[place, f"{field}_flags"] = [*(former if isinstance(former, list) else []), flag]
            record.quality.at[place, f"{field}_qc"] = level
            record.hours.at[record.hours.index[hour], f"{field}_qc"] = level
    return record


def record_of(hours: pd.DataFrame, *, days: pd.DataFrame | None = None, station: Station = STATION) -> StationRecord:
    """Return the record of hours, flagged as the assets do it, and of days, all sound if none are given."""
    # Their NO2 and O3 follow the same day, and are no mirror of each other.
    quality = hourly_quality(flag_hours(hours, siting=Siting(cross_sensitive={"no2": False})))
    return StationRecord(
        station=station,
        hours=hours.merge(quality, on="timestamp").assign(provisional=None),
        quality=quality.iloc[-NEWEST_HOURS:].reset_index(drop=True),
        days=sound_days(len(hours) // 24) if days is None else days,
        months=month_rows("2023-01-01"),
        revisions=pd.DataFrame({"hour": [], "valid_until": []}, dtype="datetime64[ms, UTC]"),
        forecasts=forecast_rows([]),
        score=None,
    )
