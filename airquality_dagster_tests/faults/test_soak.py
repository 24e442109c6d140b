"""Weeks of hourly ticks against a sandbox that goes wrong at random, while MongoDB and the run are killed."""

import contextlib
import json
import random
import subprocess
import sys
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from airquality_dagster.airqino.sandbox.faults import KINDS, Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.local.serving import running
from airquality_dagster.network.pollutants import PROVISIONAL, field_of
from airquality_dagster_tests.faults.commands import STATIONS
from airquality_dagster_tests.faults.test_process_faults import own_mongod
from airquality_dagster_tests.processes import environment, free_port

BEGIN = datetime(2026, 10, 20, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAULTY = 0.2  # of the answers
NUMBERS = {
    "status": (500, 503, 404, 403),
    "status_without_body": (502,),
    "retry_after": (1,),
    "slow": (0.2,),
    "drip": (1e6,),
    "drip_headers": (1e6,),
    "token_later": (0.5,),
}


class MoodySource(SimulatedSource):
    """Answers at a time that the test sets, and has one of five answers go wrong."""

    def __init__(self, switch: FaultSwitch, seed: int) -> None:
        super().__init__()
        self.now, self.switch, self.random = BEGIN, switch, random.Random(seed)
        self.answers = self.faulty = 0
        self.is_moody = True

    def answer(self, station_id, start, end, now):
        ahead = now - datetime.now(UTC)  # of a clock that is skewed
        self.answers += 1
        if self.is_moody and self.random.random() < FAULTY:
            kind = self.random.choice(KINDS)
            value = self.random.choice(NUMBERS.get(kind, (0,)))
            self.switch.add(Fault(kind=kind, value=value, station=station_id, times=1))
            self.faulty += 1
        return super().answer(station_id, start, end, self.now + max(ahead, timedelta(0)))


class Ticker:
    """The platform in a process of its own."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.variables = folder, variables
        self.start()

    def start(self) -> None:
        with (self.folder / "ticker.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "airquality_dagster_tests.faults.ticker"],
                env=self.variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def tick(self, moment: datetime, kind: str = "") -> list[str] | None:
        """Make a tick; return what failed, None if the process was killed meanwhile."""
        try:
            self.process.stdin.write(f"{moment.isoformat()} {kind}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            return json.loads(line)
        assert self.process.wait(30) == -9, (self.folder / "ticker.log").read_text()[-3000:]
        self.start()
        return None

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


@contextlib.contextmanager
def killing(process: subprocess.Popen, after: float):
    """Kill a process after some seconds, while the block goes on."""
    timer = threading.Timer(after, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.mark.long
@pytest.mark.parametrize(("ticks", "mongod_kills", "run_kills"), [(7, 1, 1), (500, 10, 20)])
def test_weeks_of_faults_lose_no_hour_and_no_version(tmp_path, record, ticks, mongod_kills, run_kills):
    rng = random.Random(6)
    switch = FaultSwitch()
    source = MoodySource(switch, seed=6)
    realm = Realm(client_id="client", username="user", password="hunter2")
    port, folder = free_port(), tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    killed = rng.sample(range(1, ticks - 1), mongod_kills + run_kills)
    kills = dict.fromkeys(killed[:mongod_kills], "mongod") | dict.fromkeys(killed[mongod_kills:], "run")
    # A machine that was away for hours, and for weeks.
    outages = {ticks // 2: 10 * HOUR, ticks - 2: timedelta(weeks=5)}
    versions: dict[tuple[str, datetime], set[bytes]] = defaultdict(set)
    outcomes = defaultdict(int)
    uri = f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=3000"

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(running(create_app(source, realm, faults=switch)))
        ticker = Ticker(
            tmp_path,
            environment(
                tmp_path,
                DAGSTER_HOME=str(folder),
                MONGODB_URI=uri,
                AIRQINO_BASE_URL=url,
                AIRQINO_TOKEN_URL=url + TOKEN_PATH,
                AIRQINO_CLIENT_ID="client",
                AIRQINO_USERNAME="user",
                AIRQINO_PASSWORD="hunter2",
            ),
        )
        stack.callback(ticker.end)
        client = stack.enter_context(MongoClient(uri, tz_aware=True, document_class=RawBSONDocument))
        servers = stack.enter_context(contextlib.ExitStack())
        server = servers.enter_context(own_mongod(tmp_path / "db", port))
        database = client["airquality"]
        for number in range(ticks):
            source.now += outages.get(number, HOUR)
            # The tick after an outage shall need no second one.
            source.is_moody = number not in outages
            if not source.is_moody:
                switch.clear()
            with contextlib.ExitStack() as meanwhile:
                if victim := kills.get(number) if number not in outages else None:
                    process = server if victim == "mongod" else ticker.process
                    meanwhile.enter_context(killing(process, rng.uniform(0.1, 1.5)))
                faults = ticker.tick(source.now)
            outcomes["killed" if faults is None else "failed" if faults else "whole"] += 1
            if victim == "mongod":
                servers.close()
                server = servers.enter_context(own_mongod(tmp_path / "db", port))
            if number in outages:
                assert faults == []
                assert lost_and_doubled(database, source, months=1) == (0, 0)
            note_versions(database, versions, source.now - timedelta(days=70))
        source.is_moody = False
        switch.clear()
        source.now += HOUR
        assert ticker.tick(source.now, "reconcile") == []
        lost, doubled = lost_and_doubled(database, source, months=12)
        note_versions(database, versions, BEGIN - timedelta(days=500))
        forgotten, superseded = forgotten_versions(database, versions)
        hours = sum(database[f"raw_{station}"].count_documents({}) for station in STATIONS)
    assert forgotten == 0
    assert superseded > 0
    record(
        f"soak: {ticks} hourly ticks; {source.faulty} of {source.answers} answers faulty, MongoDB killed {mongod_kills} times, "
        f"the run {run_kills} times, away for 10 hours and for 5 weeks",
        "each published hour once with its last value, each superseded version kept",
        f"{outcomes['whole']} ticks whole, {outcomes['failed']} failed in part, {outcomes['killed']} killed; {hours} hours "
        f"stored, {superseded} superseded versions, {forgotten} of them not kept",
        lost,
        doubled,
    )


def lost_and_doubled(database, source: MoodySource, months: int) -> tuple[int, int]:
    """Return how many values that the source has now are not stored, and how many hours are stored besides."""
    lost = besides = 0
    start = (source.now.replace(day=1, hour=0, minute=0) - timedelta(days=31 * months)).replace(day=1)
    for station, airqino_id in STATIONS.items():
        answer = SimulatedSource().answer(airqino_id, start, source.now, source.now)
        published = {datetime.fromisoformat(row.pop("timestamp")).replace(tzinfo=UTC): row for row in answer["data"]}
        stored = {document["_id"]: document for document in database[f"raw_{station}"].find({"_id": {"$gte": start}})}
        besides += len(stored.keys() - published.keys())
        for hour, row in published.items():
            document = stored.get(hour, {})
            # The newest hour goes on while the tick asks for it.
            if hour + HOUR > source.now:
                continue
            lost += sum(value is not None and document.get(field_of(name)) != value for name, value in row.items())
            besides += "voc" in document
    return lost, besides


def note_versions(database, versions: dict[tuple[str, datetime], set[bytes]], start: datetime) -> None:
    """Note the final versions of hours that are stored now."""
    for station in STATIONS:
        for document in database[f"raw_{station}"].find({"_id": {"$gte": start}}):
            if not document.get(PROVISIONAL):
                versions[station, document["_id"]].add(document.raw)


def forgotten_versions(database, versions: dict[tuple[str, datetime], set[bytes]]) -> tuple[int, int]:
    """Return how many versions are neither stored nor kept as a revision, and how many were superseded at all."""
    forgotten = superseded = 0
    for station in STATIONS:
        stored = {document["_id"]: document.raw for document in database[f"raw_{station}"].find()}
        kept = defaultdict(set)
        for revision in database[f"raw_{station}_revisions"].find():
            kept[revision["document"]["_id"]].add(bson.encode(revision["document"]))
        for (of, hour), seen in versions.items():
            former = seen - {stored[hour]} if of == station else set()
            superseded += len(former)
            forgotten += len(former - kept[hour])
    return forgotten, superseded
