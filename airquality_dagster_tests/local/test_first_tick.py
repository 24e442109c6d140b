"""The first tick of `airquality dev`: an answer of another form is an error that it can say."""

import pytest

from airquality_dagster.errors import LocalServiceError
from airquality_dagster.local.first_tick import launch_last_tick
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.scripted_server import Reply, scripted_server


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"data": None},
        {"data": {"scheduleOrError": None}},
        {"data": {"scheduleOrError": {"__typename": "ScheduleNotFoundError", "message": "no schedule"}}},
        {"data": {"scheduleOrError": {"__typename": "Schedule", "potentialTickTimestamps": []}}},
        {"errors": [{"message": "unknown field"}]},
    ],
    ids=str,
)
def test_an_answer_of_another_form_is_an_error_that_names_the_ui(body):
    with scripted_server(lambda request, number: Reply(body=body)) as ui, pytest.raises(LocalServiceError) as error:
        launch_last_tick(ui.url, "location", load_network())
    assert "UI" in str(error.value)
