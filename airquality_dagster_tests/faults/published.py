"""What the sandbox published of a month, against what is stored."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.network.pollutants import field_of

# The month before: old enough to be final, recent enough not to be restated by the simulation.
NOW = datetime.now(UTC)
END = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
START = (END - timedelta(days=1)).replace(day=1)
MONTH = f"{START:%Y-%m}"

Hours = Mapping[datetime, Mapping[str, Any]]


def published_hours(airqino_id: int) -> Hours:
    """Return the hours of the month, as a sound sandbox answers them."""
    rows = SimulatedSource().answer(airqino_id, START, END - timedelta(hours=1), NOW)["data"]
    return {datetime.fromisoformat(row.pop("timestamp")).replace(tzinfo=UTC): row for row in rows}


IN_MONTH = {"_id": {"$gte": START, "$lt": END}}


def stored_hours(database, station: str) -> Hours:
    """Return the documents of a station's month by their hour."""
    return {document["_id"]: document for document in database[f"raw_{station}"].find(IN_MONTH)}


def lost_values(published: Hours, stored: Hours) -> int:
    """Return how many published values are not stored as published."""
    return sum(
        value is not None and stored.get(hour, {}).get(field_of(sensor)) != value
        for hour, row in published.items()
        for sensor, value in row.items()
    )
