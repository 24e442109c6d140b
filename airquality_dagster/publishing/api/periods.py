"""``/v3/sensors/…/months`` and ``/years``: monthly and annual values of a sensor."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response

from airquality_dagster.publishing.api.aggregates import MEAN, VALID_MEAN, Periods, Sensor, aggregates, utc
from airquality_dagster.publishing.api.answers import answer
from airquality_dagster.publishing.api.days import DailyQuery, DaysQuery
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.measurements import Aggregate
from airquality_dagster.publishing.api.models import Answer
from airquality_dagster.publishing.api.queries import SensorId
from airquality_dagster.publishing.api.spans import Unit, first_dates
from airquality_dagster.publishing.api.stored import Document, are_simulated, collection_of, page_of_documents
from airquality_dagster.publishing.api.summary import summaries
from airquality_dagster.readings.days import CROSS_SENSITIVE
from airquality_dagster.readings.periods import PERIOD, START


def periods_router(catalogue: Catalogue, database: Database[Document]) -> APIRouter:
    """Return the routes of monthly and annual values.

    Args:
        catalogue: the network's stations and sensors.
        database: of the network.
    """
    router = APIRouter(prefix="/sensors/{sensors_id}", tags=["values"])

    @router.get("/days/monthly", summary="As /months", response_model=Answer[Aggregate])
    @router.get("/months", summary="Monthly values of a sensor", response_model=Answer[Aggregate])
    def months(sensors_id: SensorId, query: Annotated[DaysQuery, Query()]) -> Response:
        """Means of months that begin in a span of dates; a valid mean needs three quarters of the days."""
        return _periods(catalogue, database, sensors_id, query, "month")

    @router.get("/days/yearly", summary="As /years", response_model=Answer[Aggregate])
    @router.get("/years", summary="Annual values of a sensor", response_model=Answer[Aggregate])
    def years(sensors_id: SensorId, query: Annotated[DaysQuery, Query()]) -> Response:
        """Means of years that begin in a span of dates; a valid mean needs three quarters of the days."""
        return _periods(catalogue, database, sensors_id, query, "year")

    @router.get("/hours/monthly", summary="As /months", response_model=Answer[Aggregate])
    def monthly(sensors_id: SensorId, query: Annotated[DailyQuery, Query()]) -> Response:
        """Means of months that end in a span of time."""
        return _periods(catalogue, database, sensors_id, query, "month")

    @router.get("/hours/yearly", summary="As /years", response_model=Answer[Aggregate])
    def yearly(sensors_id: SensorId, query: Annotated[DailyQuery, Query()]) -> Response:
        """Means of years that end in a span of time."""
        return _periods(catalogue, database, sensors_id, query, "year")

    return router


def _periods(
    catalogue: Catalogue, database: Database[Document], sensors_id: int, query: DaysQuery | DailyQuery, unit: Unit
) -> Response:
    network = catalogue.network
    sensor = Sensor(network, *catalogue.sensor(sensors_id))
    statistic = VALID_MEAN if query.only_valid else MEAN
    documents, found = page_of_documents(
        collection_of(database, sensor.station.summaries_asset),
        {
            f"_id.{PERIOD}": unit,
            f"_id.{START}": first_dates(query, network.time_zone, unit),
            f"{sensor.field}_{statistic}": {"$type": "number"},
        },
        sensor.fields,
        query,
    )
    periods = Periods(network, unit, pd.DatetimeIndex([one["_id"][START] for one in documents]))
    days = _valid_days(database, sensor, periods)
    dates = np.array([one["_id"] for one in days], "datetime64[ms]")
    rows = aggregates(
        documents,
        sensor,
        periods,
        summaries(
            dates,
            np.array([one[f"{sensor.field}_{VALID_MEAN}"] for one in days], "float64"),
            utc(periods.first_dates),
            utc(periods.next_dates),
            [one.get(f"{sensor.field}_{VALID_MEAN}") for one in documents],
        ),
        _are_cross_sensitive(sensor, periods, days),
        only_valid=query.only_valid,
    )
    return answer(network, rows, query, found, is_simulated=are_simulated(database, sensor.station, rows))


def _valid_days(database: Database[Document], sensor: Sensor, periods: Periods) -> list[Document]:
    """Return the days with a valid mean, from the first period to the last."""
    if not len(periods.first_dates):
        return []
    first, end = periods.first_dates[0].to_pydatetime(), periods.next_dates[-1].to_pydatetime()
    mean = f"{sensor.field}_{VALID_MEAN}"
    days = collection_of(database, sensor.station.aggregates_asset)
    query = {"_id": {"$gte": first, "$lt": end}, mean: {"$type": "number"}}
    return list(days.find(query, {mean: True, CROSS_SENSITIVE: True}, sort=[("_id", 1)]))


def _are_cross_sensitive(sensor: Sensor, periods: Periods, days: Sequence[Document]) -> list[bool]:
    """Return whether the channel mirrors another gas on a valid day of each period."""
    dates = [one["_id"] for one in days if sensor.field in (one.get(CROSS_SENSITIVE) or ())]
    edges = (utc(dates_of) for dates_of in (periods.first_dates, periods.next_dates))
    before_begin, before_end = (np.searchsorted(np.array(dates, "datetime64[ms]"), edge) for edge in edges)
    return (before_end > before_begin).tolist()
