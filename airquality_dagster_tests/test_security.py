"""Secrets are nowhere, logins need no more than they should, and what is not trusted is refused."""

import base64
import contextlib
import ssl
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from urllib.parse import quote

import bson
import dagster as dg
import pytest
import trustme
from dagster_mongodb_tests.mongod import running_mongod
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.sandbox.faults import Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.errors import AirQinoUnavailableError
from airquality_dagster.local.serving import running
from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.dev import hourly_state, miss_a_tick, running_dev
from airquality_dagster_tests.faults.published import END, MONTH, START
from airquality_dagster_tests.processes import wait_until
from airquality_dagster_tests.scripted_server import Reply, scripted_server

WRITER, READER, ROOT = "wr1ter/p@ss:wort", "re@der-kept-apart", "r00t-of-all"
CLIENT_SECRET, PASSWORD, HOOK = "cl1ent-s3cret-9c2f", "p@ss wörd & more", "h00k-t0ken-51aa"
DATABASE = "airquality"
BACKFILL = ("backfill", "--from", MONTH, "--to", MONTH)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address and folder of a mongod with a writer and a reader, as docs/security.md sets them up."""
    folder = tmp_path_factory.mktemp("guarded")
    with running_mongod(folder, "--auth", "--logpath", str(folder / "mongod.log")) as address:
        with MongoClient(f"mongodb://{address}") as client:
            client.admin.command("createUser", "root", pwd=ROOT, roles=["root"])
        with MongoClient(f"mongodb://root:{ROOT}@{address}") as client:
            roles = {"pipeline": (WRITER, "readWrite"), "analyst": (READER, "read")}
            for user, (password, role) in roles.items():
                client[DATABASE].command("createUser", user, pwd=password, roles=[{"role": role, "db": DATABASE}])
        yield address, folder


def uri(user: str, password: str, address: str) -> str:
    return f"mongodb://{user}:{quote(password, safe='')}@{address}/{DATABASE}?serverSelectionTimeoutMS=3000"


def forms(secret: str) -> set[bytes]:
    """Return a secret as it may be written: plain, quoted for URLs and JSON, and in base64 behind a user."""
    written = {secret, quote(secret), quote(secret, safe=""), secret.encode("unicode_escape").decode()}
    coded = {
        base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("user", "client", "pipeline", "analyst")
    }
    return {text.encode() for text in written | coded}


def places_of(secrets: list[str], *folders: Path, **texts: bytes) -> list[str]:
    """Return where a secret stands, in files or texts."""
    contents = {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert sum(map(len, contents.values())) > 1_000_000
    return [
        f"{secret} in {place}"
        for place, content in {**contents, **texts}.items()
        for secret in secrets
        if any(form in content for form in forms(secret))
    ]


@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_no_secret_is_in_any_file_log_event_document_output_or_page(guarded, tmp_path, is_whole):
    address, server_folder = guarded
    switch = FaultSwitch()
    realm = Realm("client", "user", PASSWORD, CLIENT_SECRET)
    outputs: list[str] = []
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(running(create_app(SimulatedSource(), realm, faults=switch)))
        hook = stack.enter_context(scripted_server(lambda request, number: Reply(status=200)))
        variables = {
            "MONGODB_URI": uri("pipeline", WRITER, address),
            "AIRQINO_BASE_URL": api,
            "AIRQINO_TOKEN_URL": api + TOKEN_PATH,
            "AIRQINO_CLIENT_ID": "client",
            "AIRQINO_CLIENT_SECRET": CLIENT_SECRET,
            "AIRQINO_USERNAME": "user",
            "AIRQINO_PASSWORD": PASSWORD,
            "AIRQUALITY_ALERT_URLS": f"json://user:{HOOK}@{hook.url.removeprefix('http://')}/{HOOK} json://u:{HOOK}@127.0.0.1:9/",
        }

        def command(*arguments: str, code: int = 0, **changed: str) -> None:
            done = airquality("--verbose", *arguments, home=tmp_path / "home", **{**variables, **changed})
            assert done.returncode == code, done.stdout + done.stderr
            outputs.extend([done.stdout, done.stderr])

        command(*BACKFILL)
        command("status")
        command("alert-test", code=1)  # the second service is away
        # What is wrong is told with a stack trace, and may show what it should not.
        command("status", code=1, MONGODB_URI=uri("pipeline", WRITER + "x", address))
        command(*BACKFILL, code=1, AIRQINO_PASSWORD=PASSWORD + "x")
        switch.add(Fault(kind="token_dies"))
        command(*BACKFILL, "--station", "station1", code=1)
        switch.clear()
        texts = {}
        if is_whole:
            command("verify", "--source")
            command("export", "station1", "--format", "json", "--output", str(tmp_path / "days.json"))
            command(*BACKFILL, code=1, MONGODB_URI=uri("pipeline", WRITER, "127.0.0.1:9"))
            command(*BACKFILL, code=1, MONGODB_URI=f"mongodb://pipeline:{WRITER}@{address}/")
            command(*BACKFILL, code=1, AIRQINO_CLIENT_SECRET=CLIENT_SECRET + "x")
            command(*BACKFILL, code=1, AIRQINO_TOKEN_URL="http://127.0.0.1:9/token")
            for kind in ("html", "reset"):
                switch.add(Fault(kind=kind))
                command(*BACKFILL, "--station", "station1", code=1)
                switch.clear()
            texts = daemon_texts(tmp_path, variables, switch, hook)
        alerts = "".join(request.body for request in hook.received)
        tokens = [*realm._access, *realm._refresh]
        assert tokens
        with MongoClient(f"mongodb://root:{ROOT}@{address}", document_class=bson.raw_bson.RawBSONDocument) as client:
            stored = b"".join(
                document.raw
                for name in client[DATABASE].list_collection_names()
                for document in client[DATABASE][name].find()
            )
    found = places_of(
        [WRITER, READER, CLIENT_SECRET, PASSWORD, HOOK, *tokens],
        tmp_path,
        server_folder,
        output="".join(outputs).encode(),
        alerts=alerts.encode(),
        documents=stored,
        **texts,
    )
    assert found == []
    assert places_of(["raw_station1"], tmp_path)  # what is there is found


def daemon_texts(folder: Path, variables: dict[str, str], switch: FaultSwitch, hook) -> dict[str, bytes]:
    """Let the daemon run a tick that fails and is told; return what the UI and the list of processes show."""
    with running_dev(folder, **variables) as dev:
        wait_until(lambda: "hourly_schedule" in repr(dev.graphql(INSTIGATORS)), "the UI")
        with dg.DagsterInstance.from_config(str(folder / "home" / "dagster")) as instance:
            wait_until(lambda: hourly_state(instance) is not None, "the daemon's note of the schedule")
    miss_a_tick(folder / "home")
    switch.add(Fault(kind="html", station=283164601))
    with running_dev(folder, **variables) as dev:
        wait_until(lambda: any("station1" in request.body for request in hook.received[1:]), "the alert", 150)
        pages = [dev.graphql(query) for query in (INSTIGATORS, RESOURCES, RUNS)]
        assert "pipeline" not in repr(pages)
        assert "MONGODB_URI" in repr(pages)
        lines = b"".join(path.read_bytes() for path in command_lines())
    return {"pages": repr(pages).encode(), "command_lines": lines}


REPOSITORY = (
    'repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "airquality_dagster.definitions"}'
)
INSTIGATORS = (
    f"{{ schedulesOrError({REPOSITORY}) {{ ... on Schedules {{ results {{ name scheduleState {{ ticks "
    "{ error { message stack } skipReason } } } } } }"
)
RESOURCES = (
    f"{{ allTopLevelResourceDetailsOrError({REPOSITORY}) {{ ... on ResourceDetailsList {{ results "
    "{ name description configuredValues { key value type } } } } }"
)
RUNS = (
    "{ runsOrError { ... on Runs { results { runConfigYaml tags { key value } eventConnection { events { __typename "
    "... on MessageEvent { message } ... on ExecutionStepFailureEvent { error { message stack causes "
    "{ message stack } } } } } } } } }"
)


def command_lines() -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"dagster" in path.read_bytes()]


def test_what_is_written_at_home_is_for_its_owner_only(tmp_path, mongodb_uri):
    assert airquality("verify", home=tmp_path / "home", MONGODB_URI=mongodb_uri).returncode == 1  # nothing is stored
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_an_analyst_reads_everything_and_writes_nothing(guarded, tmp_path):
    address, _ = guarded
    load = (*BACKFILL, "--station", "station1")
    with running(create_app(SimulatedSource())) as api:
        writer, reader = uri("pipeline", WRITER, address), uri("analyst", READER, address)
        assert airquality(*load, home=tmp_path / "home", MONGODB_URI=writer, AIRQINO_BASE_URL=api).returncode == 0
        for arguments in (
            ("status",),
            ("verify", "--station", "station1"),
            ("backup", str(tmp_path / "backup")),
            ("export", "station1", "--raw", "--format", "csv", "--output", str(tmp_path / "hours.csv")),
        ):
            done = airquality(*arguments, home=tmp_path / "home", MONGODB_URI=reader)
            assert done.returncode == 0, done.stderr
        with MongoClient(writer) as client:
            client[DATABASE]["raw_station1"].delete_one({})
        refused = airquality(*load, home=tmp_path / "other", MONGODB_URI=reader, AIRQINO_BASE_URL=api)
    assert refused.returncode == 1
    assert "is not allowed to do this" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    with MongoClient(reader, tz_aware=True) as client:
        hours = {"_id": {"$gte": START, "$lt": END}}
        assert client[DATABASE]["raw_station1"].count_documents(hours) > 600
        for write in (
            lambda: client[DATABASE]["raw_station1"].delete_many({}),
            lambda: client[DATABASE].drop_collection("raw_station1"),
            lambda: client["other"]["new"].insert_one({}),
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                write()
    with MongoClient(writer) as client, pytest.raises(OperationFailure, match="not authorized"):
        client["other"]["new"].insert_one({})


def test_a_certificate_that_nobody_vouches_for_is_refused():
    """Of the API; MongoDB's driver checks certificates, too, unless its URI says otherwise."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted_server(lambda request, number: Reply(body=answer()), context) as server:
        client = AirQinoClient(server.url, attempts=1)
        with pytest.raises(AirQinoUnavailableError, match="TLS failed"):
            client.hourly_averages(1, START.astimezone(UTC), END)
        assert server.received == []
