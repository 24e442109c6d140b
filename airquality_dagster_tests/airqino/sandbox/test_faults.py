"""Switching faults on and off: at the start, and while the sandbox runs."""

import pytest
import requests

from airquality_dagster.airqino.sandbox.faults import Fault, FaultSwitch, parse_fault
from airquality_dagster.airqino.sandbox.server import FAULTS_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.errors import SettingsError
from airquality_dagster.local.serving import running

PATH = "/v3/getStationHourlyAvg/7?start_date=20230101-0000&end_date=20230102-0000"


def test_a_fault_is_switched_while_the_sandbox_runs_and_off_again():
    with running(create_app(SimulatedSource())) as url:
        healthy = requests.get(url + PATH, timeout=60).json()
        assert requests.post(url + FAULTS_PATH, json={"kind": "empty", "station": 7}, timeout=60).status_code == 200
        assert requests.get(url + FAULTS_PATH, timeout=60).json()[0]["kind"] == "empty"
        assert requests.get(url + PATH, timeout=60).json()["data"] == []
        assert requests.get(url + PATH.replace("/7", "/8"), timeout=60).json()["data"] != []
        assert requests.delete(url + FAULTS_PATH, timeout=60).json() == []
        assert requests.get(url + PATH, timeout=60).json() == healthy


def test_a_fault_is_made_as_often_as_asked():
    switch = FaultSwitch()
    switch.add(Fault(kind="status", value=503, times=2))
    with running(create_app(SimulatedSource(), faults=switch)) as url:
        assert [requests.get(url + PATH, timeout=60).status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_a_connection_breaks_on_purpose(kind):
    switch = FaultSwitch()
    switch.add(Fault(kind=kind))
    with running(create_app(SimulatedSource(), faults=switch)) as url, pytest.raises(requests.RequestException):
        requests.get(url + PATH, timeout=60)


def test_what_is_no_fault_is_refused_with_those_that_there_are():
    with running(create_app(SimulatedSource())) as url:
        answer = requests.post(url + FAULTS_PATH, json={"kind": "earthquake"}, timeout=60)
    assert answer.status_code == 422
    assert "earthquake" in answer.text
    for text in ("earthquake", "status=many", "status=503xtwice", "empty@station1"):
        with pytest.raises(SettingsError, match="KIND"):
            parse_fault(text)
