"""Writers that are killed, writers at the same time, and readers meanwhile."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from dagster_mongodb import ConcurrentWriteError
from pymongo import MongoClient
from pymongo.monitoring import CommandStartedEvent, CommandSucceededEvent

from dagster_mongodb_tests import killed_writer
from dagster_mongodb_tests.commands import Listener, listen
from dagster_mongodb_tests.killed_writer import NEW, OLD, SWAPPED
from dagster_mongodb_tests.replica_sets import step_down

MOST_COMMANDS = 40


def stored(database) -> dict[int, str]:
    return {document["_id"]: document["text"] for document in database["table"].find()}


def test_a_writer_killed_between_any_two_commands_leaves_old_or_new_versions_and_the_next_write_completes_it(
    mongodb_uri, database
):
    for number in range(1, MOST_COMMANDS):
        database.client.drop_database(database.name)
        killed_writer.write(mongodb_uri, database.name, kind="keyed", rows=OLD)
        returncode = killed_writer.exit_code_of_writer(
            mongodb_uri, database.name, kind="keyed", rows=NEW, number=number
        )
        if returncode == 0:
            break
        assert returncode == -9

        left = stored(database)
        assert all(text in (OLD.get(key), NEW.get(key)) for key, text in left.items())
        # What is neither changed nor deleted is there, whatever happened.
        assert {key for key in OLD if key in NEW} <= left.keys()
        kept = {revision["document"]["_id"] for revision in database["table_revisions"].find()}
        # No former version is gone before it is kept.
        assert {key for key in OLD if left.get(key) != OLD[key]} <= kept

        killed_writer.write(mongodb_uri, database.name, kind="keyed", rows=NEW)
        assert stored(database) == NEW
        former = [revision["document"] for revision in database["table_revisions"].find()]
        assert sorted((document["_id"], document["text"]) for document in former) == [
            (key, text) for key, text in OLD.items() if NEW.get(key) != text
        ]
    print(f"{number - 1} kills")
    assert number > 8, "the writer sent fewer commands than a write needs: nothing was tried"
    assert returncode == 0


def test_a_writer_without_keys_that_is_killed_loses_no_row_and_the_next_write_completes_it(mongodb_uri, database):
    for number in range(1, MOST_COMMANDS):
        database.client.drop_database(database.name)
        killed_writer.write(mongodb_uri, database.name, kind="unkeyed", rows=OLD)
        returncode = killed_writer.exit_code_of_writer(
            mongodb_uri, database.name, kind="unkeyed", rows=NEW, number=number
        )
        if returncode == 0:
            break
        rows = sorted((document["id"], document["text"]) for document in database["table"].find())
        old, new = sorted(OLD.items()), sorted(NEW.items())
        assert rows in (old, sorted(old + new), new)
        killed_writer.write(mongodb_uri, database.name, kind="unkeyed", rows=NEW)
        assert sorted((document["id"], document["text"]) for document in database["table"].find()) == new
    print(f"{number - 1} kills")
    assert number > 4
    assert returncode == 0


def new_rows(kind: str) -> dict[int, str]:
    return SWAPPED if kind.startswith("unique") else NEW


def wanted_rows(kind: str) -> list[tuple[int, str]]:
    """Return what is stored after the old and then the new rows were written."""
    if kind == "set":
        return sorted({**OLD, **NEW}.items())
    return sorted([*(OLD.items() if kind == "append" else ()), *new_rows(kind).items()])


def stored_rows(database) -> list[tuple[int, str]]:
    return sorted((document.get("id", document["_id"]), document["text"]) for document in database["table"].find())


def check_revisions(database, new: dict[int, str]) -> None:
    """Each version that is not current is kept once."""
    kept = [revision["document"] for revision in database["table_revisions"].find()]
    former = [(key, text) for key, text in OLD.items() if new.get(key) != text]
    assert sorted((document["_id"], document["text"]) for document in kept) == former


@pytest.fixture
def replica_set_that_forgets(replica_set):
    """A replica set that ends the transactions of killed writers after a second instead of a minute."""
    with MongoClient(replica_set) as client:
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=1)
        yield replica_set
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=60)


@pytest.mark.parametrize("server", ["mongodb_uri", pytest.param("replica_set_that_forgets", marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["unique", "unique unkeyed", "set", "append"])
def test_a_writer_in_any_mode_that_is_killed_loses_and_doubles_nothing_after_the_next_write(request, kind, server):
    uri, name = request.getfixturevalue(server), f"killed_{kind}".replace(" ", "_")
    with MongoClient(uri) as client:
        database, new, wanted = client[name], new_rows(kind), wanted_rows(kind)
        for number in range(1, MOST_COMMANDS):
            client.drop_database(name)
            killed_writer.write(uri, name, kind=kind, rows=OLD)
            returncode = killed_writer.exit_code_of_writer(uri, name, kind=kind, rows=new, number=number)
            if returncode == 0:
                break
            left = stored_rows(database)
            assert set(left) <= {*OLD.items(), *new.items()}
            if kind == "append":
                assert Counter(OLD.items()) <= Counter(left) <= Counter(wanted)
            elif kind == "set":
                assert {key for key, _ in left} >= OLD.keys()
            if server != "mongodb_uri" and kind.startswith("unique"):
                assert left in (sorted(OLD.items()), wanted)  # nothing between
            killed_writer.write(uri, name, kind=kind, rows=new)
            assert stored_rows(database) == wanted
            if kind == "unique":
                check_revisions(database, new)
        client.drop_database(name)
    print(f"{kind}: {number - 1} kills")
    assert number > 4
    assert returncode == 0


@pytest.mark.parametrize("server", ["mongodb_uri", "replica_set"])
def test_writers_that_swap_unique_values_at_the_same_time_leave_the_rows_of_one(request, server):
    uri = request.getfixturevalue(server)
    texts = list(OLD.values())
    versions = [dict(zip(OLD, texts[turn:] + texts[:turn], strict=True)) for turn in range(4)]
    with MongoClient(uri) as client, ThreadPoolExecutor(4) as writers:
        client.drop_database("swapped")
        for _ in range(5):
            for result in [writers.submit(write_until_done, uri, "swapped", rows, "unique") for rows in versions]:
                result.result()
            # Documents of several writers together, but each text once.
            assert sorted(text for _, text in stored_rows(client["swapped"])) == sorted(texts)


def test_appends_at_the_same_time_each_add_their_rows_once(replica_set):
    with MongoClient(replica_set) as client, ThreadPoolExecutor(4) as writers:
        client.drop_database("appended")
        appended = [{number: f"row {number} of {writer}" for number in range(20)} for writer in range(20)]
        # Each of them is repeated at the same time.
        for result in [
            writers.submit(write_until_done, replica_set, "appended", rows, "append") for rows in appended * 2
        ]:
            result.result()
        assert stored_rows(client["appended"]) == sorted(item for rows in appended for item in rows.items())


def test_on_a_replica_set_a_reader_finds_unique_values_before_or_after_they_are_swapped(replica_set):
    texts = list(OLD.values())
    versions = [OLD, dict(zip(OLD, [*texts[1:], texts[0]], strict=True))]
    with MongoClient(replica_set) as client:
        client.drop_database("polled")
        killed_writer.write(replica_set, "polled", kind="unique", rows=OLD)
        seen, is_over = [], threading.Event()

        def poll() -> None:
            while not is_over.is_set():
                with client.start_session(snapshot=True) as session:
                    seen.append({d["_id"]: d["text"] for d in client["polled"]["table"].find(session=session)})

        reader = threading.Thread(target=poll)
        reader.start()
        try:
            for _ in range(20):
                for rows in reversed(versions):
                    killed_writer.write(replica_set, "polled", kind="unique", rows=rows)
        finally:
            is_over.set()
            reader.join()
    assert len(seen) > 40
    assert all(rows in versions for rows in seen)


def test_writers_of_one_slice_at_the_same_time_leave_one_version_of_each_row(mongodb_uri, database):
    versions = [{key: f"{text} of writer {writer}" for key, text in OLD.items()} for writer in range(4)]
    with ThreadPoolExecutor(4) as writers:
        for _ in range(10):
            for result in [writers.submit(write_until_done, mongodb_uri, database.name, rows) for rows in versions]:
                result.result()
            left = stored(database)
            assert left.keys() == OLD.keys()
            assert all(text in [rows[key] for rows in versions] for key, text in left.items())


def write_until_done(uri: str, database: str, rows: dict[int, str], kind: str = "keyed") -> None:
    """Write rows as a run that is retried does: what others keep changing is an error that says so."""
    for _ in range(20):
        try:
            killed_writer.write(uri, database, kind=kind, rows=rows)
            return
        except ConcurrentWriteError:
            pass
    raise AssertionError("not written in 20 runs")


def test_every_version_that_a_change_stream_saw_superseded_is_a_revision(replica_set):
    versions = [
        {key: f"{text} of writer {writer}, {turn}" for key, text in OLD.items() if key % (writer + 1) == 0}
        for turn in range(5)
        for writer in range(4)
    ]
    with MongoClient(replica_set) as client, ThreadPoolExecutor(4) as writers:
        database = client["streamed"]
        with database["table"].watch() as stream:
            for result in [writers.submit(write_until_done, replica_set, "streamed", rows) for rows in versions]:
                result.result()
            database["table"].insert_one({"_id": "end"})
            superseded, current = [], {}
            for event in stream:
                key = event["documentKey"]["_id"]
                if key == "end":
                    break
                if key in current:
                    superseded.append(current.pop(key))
                if event["operationType"] != "delete":
                    current[key] = (key, event["fullDocument"]["text"])
        kept = [(r["document"]["_id"], r["document"]["text"]) for r in database["table_revisions"].find()]
    assert len(superseded) > 100
    print(f"{len(superseded)} versions superseded by four writers")
    # A version may be kept of which the replacement then failed, never the other way round.
    assert set(superseded) <= set(kept)


def test_a_reader_never_finds_fewer_rows_than_the_smaller_of_old_and_new(mongodb_uri, database):
    killed_writer.write(mongodb_uri, database.name, kind="keyed", rows=OLD)
    counts, is_over = [], threading.Event()

    def poll() -> None:
        while not is_over.is_set():
            counts.append(len(list(database["table"].find())))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for _ in range(20):
            for rows in (NEW, OLD):
                killed_writer.write(mongodb_uri, database.name, kind="keyed", rows=rows)
    finally:
        is_over.set()
        reader.join()
    assert len(counts) > 40
    assert min(counts) >= min(len(OLD), len(NEW))


def test_on_a_replica_set_rows_without_keys_are_rewritten_at_one_moment(replica_set):
    with MongoClient(replica_set) as client:
        database, few, many = client["test"], dict(list(OLD.items())[:7]), OLD
        killed_writer.write(replica_set, "test", kind="unkeyed", rows=many)
        counts, is_over = [], threading.Event()

        def poll() -> None:
            while not is_over.is_set():
                # A snapshot: without one, a cursor may pass a row before a commit and another after it.
                with client.start_session(snapshot=True) as session:
                    counts.append(len(list(database["table"].find(session=session))))

        reader = threading.Thread(target=poll)
        reader.start()
        try:
            for _ in range(20):
                for rows in (few, many):
                    killed_writer.write(replica_set, "test", kind="unkeyed", rows=rows)
        finally:
            is_over.set()
            reader.join()
    assert len(counts) > 40
    assert set(counts) == {len(few), len(many)}


def test_on_a_replica_set_keyed_rows_are_written_and_their_revisions_kept(replica_set):
    with MongoClient(replica_set) as client:
        for rows in (OLD, NEW):
            killed_writer.write(replica_set, "keyed", kind="keyed", rows=rows)
        assert stored(client["keyed"]) == NEW
        assert client["keyed"]["table_revisions"].count_documents({}) == len(
            [key for key in OLD if NEW.get(key) != OLD[key]]
        )


class StepDown(Listener):
    """Makes the primary step down before the n-th command that is sent, or after it."""

    def __init__(self, uri: str, number: int, *, after: bool) -> None:
        self.uri, self.left, self.after, self.has_happened = uri, number, after, False

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            step_down(self.uri)
            self.has_happened = True

    def started(self, event: CommandStartedEvent) -> None:
        if not self.after:
            self.count()

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if self.after:
            self.count()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["keyed", "unkeyed", "unique", "unique unkeyed", "set", "append"])
def test_a_primary_that_steps_down_at_any_command_loses_doubles_and_tears_nothing(three_members, monkeypatch, kind):
    step_downs, wanted = 0, wanted_rows(kind)
    with MongoClient(three_members) as client:
        for number in range(1, MOST_COMMANDS):
            name = f"step_{kind}_{number}".replace(" ", "_")
            killed_writer.write(three_members, name, kind=kind, rows=OLD)
            fault = StepDown(three_members, number, after=bool(number % 2))
            with monkeypatch.context() as patch:
                # Only to the client of this write, which no other write shares.
                listen(patch, fault)
                killed_writer.write(three_members, name, kind=kind, rows=new_rows(kind), app_name=name)
            assert stored_rows(client[name]) == wanted
            if kind in ("keyed", "unique"):
                check_revisions(client[name], new_rows(kind))
            client.drop_database(name)
            if not fault.has_happened:
                break
            step_downs += 1
    print(f"{step_downs} step-downs")
    assert step_downs > 5
    assert not fault.has_happened
