"""``<station>_forecast`` as the hourly job stores it."""

import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.assets.forecast import NO_MODEL
from airquality_dagster.local.serving import running
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD


@pytest.fixture
def simulated(platform):
    with running(create_app(SimulatedSource())) as url:
        platform.use(url)
        yield platform


def test_before_the_first_model_the_reason_is_stored(simulated):
    assert simulated.run("2026-01").success
    forecasts = list(simulated.database["station1_forecast"].find())
    assert [one["_id"]["hours_ahead"] for one in forecasts] == list(HOURS_AHEAD)
    newest = simulated.database["raw_station1"].find_one(sort=[("_id", -1)])["_id"]
    assert {one["_id"]["origin"] for one in forecasts} == {newest}
    assert {one[f"{field}_withheld"] for one in forecasts for field in FORECAST_FIELDS} == {NO_MODEL}
