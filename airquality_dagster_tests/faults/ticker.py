"""A platform whose clock a test sets: it reads moments from stdin, makes the tick of each, and says what failed."""

import json
import sys
from datetime import datetime

import time_machine

from airquality_dagster.automation.instance import all_runs, due_runs
from airquality_dagster.cli.execution import execute
from airquality_dagster.local.services import dagster_instance, end_dead_runs
from airquality_dagster.network.stations import load_network

if __name__ == "__main__":
    network = load_network(None)
    for line in sys.stdin:
        moment, _, kind = line.strip().partition(" ")
        now = datetime.fromisoformat(moment)
        with time_machine.travel(now, tick=True), dagster_instance() as instance:
            end_dead_runs(instance)
            runs = all_runs(network, now) if kind == "reconcile" else due_runs(instance, network, now)
            report = execute(instance, network, runs)
        print(json.dumps(report.faults), flush=True)
