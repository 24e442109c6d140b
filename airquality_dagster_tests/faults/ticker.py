"""A platform whose clock a test sets: it reads moments from stdin, makes the tick of each, and says what failed."""

import json
import sys
from datetime import datetime

import time_machine

from airquality_dagster.automation.instance import all_runs, due_runs
from airquality_dagster.cli.execution import execute
from airquality_dagster.errors import AirQualityError
from airquality_dagster.local.runs import end_dead_runs
from airquality_dagster.local.services import dagster_instance, local_services
from airquality_dagster.network.stations import Network, load_network


def faults_of_tick(network: Network, now: datetime, kind: str) -> list[str]:
    with (
        local_services() as services,
        time_machine.travel(now, tick=True),
        dagster_instance(services.instance_folder) as instance,
    ):
        end_dead_runs(instance)
        runs = all_runs(network, now) if kind == "reconcile" else due_runs(instance, network, now)
        return execute(services, instance, network, runs).faults


if __name__ == "__main__":
    network = load_network(None)
    for line in sys.stdin:
        moment, _, kind = line.strip().partition(" ")
        try:
            faults = faults_of_tick(network, datetime.fromisoformat(moment), kind)
        except AirQualityError as error:  # MongoDB was killed before the first run
            faults = [str(error)]
        print(json.dumps(faults), flush=True)
