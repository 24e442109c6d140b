"""Runs of a command whose steps do not even begin are failures, not runs of which nothing is said."""

from pathlib import Path

import dagster as dg
import pytest

from airquality_dagster.automation.due_forecasts import DueForecasts
from airquality_dagster.cli.execution import draw_dashboard, execute_forecasts, execute_neighbours, execute_open_data
from airquality_dagster.local.services import Services
from airquality_dagster.network.stations import load_network


def forecasts(services, instance, network):
    return execute_forecasts(services, instance, network, DueForecasts(network.stations, network.stations))


@pytest.mark.parametrize("execute", [forecasts, execute_neighbours, draw_dashboard, execute_open_data])
def test_a_resource_that_fails_is_told(platform, instance, mongodb_uri, database, monkeypatch, execute):
    for resource, kind in (("MongoDBIOManager", dg.IOManagerDefinition), ("MongoDBResource", dg.ResourceDefinition)):
        broken = kind(lambda context: 1 / 0)
        monkeypatch.setattr(f"airquality_dagster.component.{resource}", lambda broken=broken, **options: broken)
    services = Services({}, mongodb_uri, database.name, "", Path())
    faults = execute(services, instance, load_network(None)).faults
    assert faults
    assert all("division by zero" in fault for fault in faults)


def test_without_anything_due_nothing_runs(platform, instance, mongodb_uri, database):
    services = Services({}, mongodb_uri, database.name, "", Path())
    assert execute_forecasts(services, instance, load_network(None), DueForecasts((), ())).faults == []
    assert instance.get_runs_count() == 0


def test_what_fails_of_a_station_is_told_and_the_others_are_made(platform, instance, mongodb_uri, database):
    network = load_network(None)
    database.create_collection("station1_forecast_model", capped=True, size=4096)
    services = Services({}, mongodb_uri, database.name, "", Path())
    report = execute_forecasts(services, instance, network, DueForecasts(network.stations, network.stations))
    (fault,) = report.faults
    assert "station1_forecast_model" in fault
    assert database["station2_forecast_model"].count_documents({}) == 3
    assert database["station1_forecast_scores"].count_documents({}) == 6
