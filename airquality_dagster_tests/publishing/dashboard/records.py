"""Records of a station for tests, as `station_record` reads them."""

import pandas as pd

from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.dashboard.record import RECENT_HOURS, StationRecord
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import period_summaries

NETWORK = Network.model_validate({
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2022-12"},
    "stations": [{"name": "station1", "airqino_id": 1, "label": "SMART1", "silent_after_hours": 12}],
})  # fmt: skip
(STATION,) = NETWORK.stations


def record_of(hours: pd.DataFrame, station: Station = STATION) -> StationRecord:
    """Return the record of hours, flagged and aggregated as the assets do."""
    flagged = flag_hours(hours)
    quality, days = hourly_quality(flagged), daily_aggregates(flagged, NETWORK.time_zone)
    summaries = period_summaries(days, NETWORK.time_zone)
    return StationRecord(
        station=station,
        hours=hours.merge(quality, on="timestamp").assign(provisional=None),
        recent=quality.iloc[-RECENT_HOURS:].reset_index(drop=True),
        days=days,
        months=summaries[summaries["period"] == "month"],
        revisions=pd.DataFrame({"hour": [], "valid_until": []}, dtype="datetime64[ms, UTC]"),
    )
