"""The embedded MongoDB: found, started, shared, killed, and started again."""

import itertools
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient

from airquality_dagster.errors import LocalServiceError, MongoDBUnavailableError
from airquality_dagster.local import mongod
from airquality_dagster.local.mongod import embedded_mongod, find_mongod
from airquality_dagster_tests.processes import environment, processes_of, wait_until


def pid_of(uri: str) -> int:
    with MongoClient(uri) as client:
        return client.admin.command("serverStatus")["pid"]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_data_outlive_the_server_and_nothing_is_left_running(tmp_path):
    with embedded_mongod(tmp_path / "mongodb") as uri:
        pid = pid_of(uri)
        with MongoClient(uri) as client:
            client.test.things.insert_one({"_id": 1})
    assert not is_running(pid)
    with embedded_mongod(tmp_path / "mongodb") as uri, MongoClient(uri) as client:
        assert client.test.things.find_one() == {"_id": 1}
    assert processes_of(tmp_path) == []


def test_it_listens_on_loopback_only(tmp_path):
    with embedded_mongod(tmp_path / "mongodb") as uri, MongoClient(uri) as client:
        assert client.admin.command("getCmdLineOpts")["parsed"]["net"]["bindIp"] == "127.0.0.1"


def test_data_survive_a_killed_server(tmp_path):
    with embedded_mongod(tmp_path / "mongodb") as uri:
        with MongoClient(uri) as client:
            client.test.get_collection("things", write_concern=None).insert_one({"_id": 1})
            client.admin.command("fsync")
        pid = pid_of(uri)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid), "the end of mongod")
    with embedded_mongod(tmp_path / "mongodb") as uri, MongoClient(uri) as client:
        assert client.test.things.find_one() == {"_id": 1}


def test_two_at_once_share_a_server_and_the_last_one_stops_it(tmp_path):
    with embedded_mongod(tmp_path / "mongodb") as first:
        pid = pid_of(first)
        with embedded_mongod(tmp_path / "mongodb") as second:
            assert second == first
        assert is_running(pid)
    assert not is_running(pid)


def test_a_server_that_a_killed_command_left_behind_is_used_and_then_stopped(tmp_path):
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom airquality_dagster.local.mongod import embedded_mongod\n"
        f"with embedded_mongod(Path({str(tmp_path / 'mongodb')!r})) as uri:\n    print(uri, flush=True)\n    time.sleep(600)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment(tmp_path)
    )
    assert command.stdout is not None
    left_behind = command.stdout.readline().strip()
    command.kill()
    command.wait()
    command.stdout.close()
    pid = pid_of(left_behind)
    with embedded_mongod(tmp_path / "mongodb") as uri:
        assert uri == left_behind
    wait_until(lambda: not is_running(pid), "the end of mongod")


def test_two_homes_have_two_servers(tmp_path):
    with embedded_mongod(tmp_path / "one") as one, embedded_mongod(tmp_path / "two") as two:
        assert one != two
        assert pid_of(one) != pid_of(two)


def test_a_home_keeps_its_address_and_the_port_of_a_server_that_ended_is_not_the_next_homes(tmp_path):
    # Another program may have the port that a folder prefers.
    folders = (tmp_path / str(number) for number in itertools.count())
    home = next(folder for folder in folders if mongod._free_port(port := mongod._preferred_port(folder)) == port)
    with embedded_mongod(home) as one:
        os.kill(pid_of(one), signal.SIGKILL)
        with embedded_mongod(tmp_path / "two") as two:
            assert one != two
    with embedded_mongod(home) as again:
        assert again == one


def test_a_port_that_another_server_takes_at_the_last_moment_is_left_to_it(tmp_path, monkeypatch):
    find_port, asked = mongod._free_port, []

    with socket.create_server(("127.0.0.1", 0)) as taken:

        def taken_first(wanted: int) -> int:
            asked.append(wanted)
            return taken.getsockname()[1] if len(asked) == 1 else find_port(0)

        monkeypatch.setattr(mongod, "_free_port", taken_first)
        with embedded_mongod(tmp_path / "mongodb") as uri:
            assert not uri.endswith(f":{taken.getsockname()[1]}")
    assert len(asked) == 2


def test_a_mongod_on_the_path_comes_first(tmp_path, monkeypatch):
    own = tmp_path / "mongod"
    own.write_text("#!/bin/sh\n")
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod() == own


def test_without_any_mongod_the_error_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LocalServiceError, match=r"airquality-dagster\[local\].*MONGODB_URI"):
        find_mongod()


def test_a_mongod_that_ends_at_once_is_reported_with_its_log(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "mongod"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with (
        pytest.raises(LocalServiceError, match=r"mongod ended with code 3.*mongod.log"),
        embedded_mongod(tmp_path / "mongodb"),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LocalServiceError, match=r"file/mongodb cannot be written.*AIRQUALITY_HOME"),
        embedded_mongod(tmp_path / "file" / "mongodb"),
    ):
        pass


def test_a_server_that_ended_by_itself_is_named_and_whoever_got_its_port_is_left_alone(tmp_path):
    heirs = []

    def lose_the_server():
        with embedded_mongod(tmp_path / "one") as uri:
            pid = pid_of(uri)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not is_running(pid), "the end of mongod")
            folder = tmp_path / "heir"
            folder.mkdir()
            port = uri.rpartition(":")[2]
            command = [find_mongod(), "--dbpath", folder, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket"]
            heirs.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            wait_until(lambda: pid_of(uri) == heirs[0].pid, "the other server")
            raise MongoDBUnavailableError("does not answer")

    with pytest.raises(LocalServiceError, match="the embedded mongod has ended"):
        lose_the_server()
    assert heirs[0].poll() is None
    heirs[0].terminate()
    heirs[0].wait(30)
