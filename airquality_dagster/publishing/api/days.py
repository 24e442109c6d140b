"""``/v3/sensors/…/days``: daily values of a sensor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response

from airquality_dagster.publishing.api.aggregates import MEAN, VALID_MEAN, Periods, Sensor, aggregates, utc
from airquality_dagster.publishing.api.answers import answer
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.measurements import Aggregate
from airquality_dagster.publishing.api.models import Answer, Summary
from airquality_dagster.publishing.api.queries import Dates, Datetimes, Paging, SensorId, Values
from airquality_dagster.publishing.api.spans import first_dates
from airquality_dagster.publishing.api.stored import Document, are_simulated, collection_of, page_of_documents
from airquality_dagster.publishing.api.summary import summaries
from airquality_dagster.readings.days import CROSS_SENSITIVE
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.storage.valid_hours import valid_values

# Days that are nearer to each other are read together.
_LONGEST_GAP = np.timedelta64(14, "D")


class DaysQuery(Paging, Dates, Values):
    """Parameters of a request for days."""


class DailyQuery(Paging, Datetimes, Values):
    """Parameters of a request for days by moments."""


def days_router(catalogue: Catalogue, database: Database[Document]) -> APIRouter:
    """Return the routes of daily values.

    Args:
        catalogue: the network's stations and sensors.
        database: of the network.
    """
    router = APIRouter(prefix="/sensors/{sensors_id}", tags=["values"])

    @router.get("/days", summary="Daily values of a sensor", response_model=Answer[Aggregate])
    def days(sensors_id: SensorId, query: Annotated[DaysQuery, Query()]) -> Response:
        """Means of local days, in order of time; a valid mean needs 18 valid hours."""
        return _days(catalogue, database, sensors_id, query)

    @router.get("/measurements/daily", summary="As /days", response_model=Answer[Aggregate])
    @router.get("/hours/daily", summary="As /days", response_model=Answer[Aggregate])
    def daily(sensors_id: SensorId, query: Annotated[DailyQuery, Query()]) -> Response:
        """Means of local days that end in a span of time, in order of time."""
        return _days(catalogue, database, sensors_id, query)

    return router


def _days(
    catalogue: Catalogue, database: Database[Document], sensors_id: int, query: DaysQuery | DailyQuery
) -> Response:
    network = catalogue.network
    sensor = Sensor(network, *catalogue.sensor(sensors_id))
    statistic = VALID_MEAN if query.only_valid else MEAN
    documents, found = page_of_documents(
        collection_of(database, sensor.station.aggregates_asset),
        {"_id": first_dates(query, network.time_zone, "day"), f"{sensor.field}_{statistic}": {"$type": "number"}},
        [*sensor.fields, CROSS_SENSITIVE],
        query,
    )
    periods = Periods(network, "day", pd.DatetimeIndex([one["_id"] for one in documents]))
    rows = aggregates(
        documents,
        sensor,
        periods,
        _summaries(database, sensor, periods, [one.get(f"{sensor.field}_{VALID_MEAN}") for one in documents]),
        [sensor.field in (one.get(CROSS_SENSITIVE) or ()) for one in documents],
        only_valid=query.only_valid,
    )
    return answer(network, rows, query, found, is_simulated=are_simulated(database, sensor.station, rows))


def _summaries(
    database: Database[Document], sensor: Sensor, periods: Periods, means: Sequence[float | None]
) -> list[Summary | None]:
    """Return summaries of the valid hours of days, None for days without a valid mean."""
    is_valid = np.array([mean is not None for mean in means], dtype=bool)
    hours, readings = valid_values(
        database,
        sensor.station.raw_asset,
        sensor.station.quality_asset,
        sensor.field,
        _runs(periods.begins[is_valid], periods.ends[is_valid]),
        highest_valid_level=int(HIGHEST_VALID_LEVEL),
    )
    return summaries(hours, readings, utc(periods.begins), utc(periods.ends), means)


def _runs(begins: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> list[tuple[datetime, datetime]]:
    """Return few periods that hold all days, without long gaps."""
    if not len(begins):
        return []
    is_first = np.append(True, utc(begins)[1:] - utc(ends)[:-1] > _LONGEST_GAP)
    is_last = np.append(is_first[1:], True)
    edges = zip(begins[is_first], ends[is_last], strict=True)
    return [(begin.to_pydatetime(), end.to_pydatetime()) for begin, end in edges]
