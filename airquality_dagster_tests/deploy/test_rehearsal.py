"""Deploy, break, heal, deploy what is broken, roll back: the playbook on this machine, with nothing left out.

`make rehearsal` writes what happened to docs/rehearsal.md.
"""

import os
import re
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from airquality_dagster_tests.deploy.rig import (
    OPERATOR,
    PROGRAMS,
    PROJECT,
    SECRETS,
    Deployment,
    build_wheels,
    deployment,
    lacking,
    timed,
)
from airquality_dagster_tests.processes import wait_until

SMOKE_BREAKS = (
    "readings/days.py",
    "    in_period, hours =",
    "    raise RuntimeError('broken on purpose')\n    in_period, hours =",
)
# No smoke test starts a code server.
CODE_SERVER_BREAKS = (
    "definitions.py",
    "    return network_definitions(",
    "    import sys\n\n    if 'grpc' in sys.argv:\n        raise RuntimeError('broken on purpose')\n"
    "    return network_definitions(",
)
MONTHS = iter(("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09"))


class Log:
    """What happened, as Markdown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, what: str, does: Callable[[], Any], shown: Callable[[Any], str] = str) -> Any:
        """Do something and note how long it took and what came of it."""
        at = datetime.now(UTC)
        result, seconds = timed(does)
        self.lines.append(f"{at:%H:%M:%S}  {what}: {shown(result)} ({seconds:.0f} s)")
        return result

    def quote(self, text: str) -> None:
        """Add output of a command."""
        self.lines.append(textwrap.indent(text.strip(), "          "))


def told(text: str, pattern: str) -> str:
    """Return what an output says that matches, each once."""
    return "\n".join(dict.fromkeys(re.findall(pattern, " ".join(text.split()))))


def state(deployed: Deployment) -> str:
    return f"release {deployed.release}, {len(deployed.pids())} of {len(PROGRAMS)} programs run"


def answers(deployed: Deployment) -> dict[str, tuple[int, int]]:
    """Return what the proxy answers to a stranger and to the operator."""
    return {
        path: (
            requests.get(deployed.proxy + path, timeout=30).status_code,
            requests.get(deployed.proxy + path, auth=OPERATOR, timeout=30).status_code,
        )
        for path in ("/", "/dagster/")
    }


@pytest.mark.parametrize(("module", "text", "instead"), [SMOKE_BREAKS, CODE_SERVER_BREAKS])
def test_what_the_rehearsal_breaks_is_in_the_code(module, text, instead):
    assert (PROJECT / "airquality_dagster" / module).read_text().count(text) == 1
    assert text in instead


@pytest.mark.long
@pytest.mark.skipif(bool(lacking()), reason=f"lacks {lacking()}")
def test_a_release_is_deployed_heals_and_a_broken_one_is_rolled_back(tmp_path):
    log = Log()
    with deployment(tmp_path) as deployed:
        log.step(
            "servers", lambda: deployed.mongodb, lambda _: "Postgres, three guarded members of a MongoDB replica set"
        )
        try:
            rehearse(deployed, log, tmp_path)
        except BaseException:
            for path in sorted((deployed.root / "log").glob("*.log")):
                print(f"== {path.name}\n{path.read_text()[-3000:]}")
            raise
        finally:
            print("\n".join(log.lines))
    if page := os.environ.get("REHEARSAL_PAGE"):
        write_page(PROJECT / page, log)


def rehearse(deployed: Deployment, log: Log, folder: Path) -> None:
    deploys(deployed, log, "1.0.0", build_wheels(folder, "1.0.0"))
    assert answers(deployed) == {"/": (401, 503), "/dagster/": (401, 200)}, "no dashboard yet, which the server says"
    month = next(MONTHS)
    assert log.step(f"{month} of both stations from the UI", lambda: deployed.load_month(month)) == "SUCCESS"
    assert log.step("`airquality run` of the release", lambda: deployed.run("airquality", "run").returncode) == 0
    found = log.step("a stranger, the operator", lambda: answers(deployed), shown_answers)
    assert found == {"/": (401, 200), "/dagster/": (401, 200)}
    metrics = deployed.run("curl", "-s", f"http://127.0.0.1:{deployed.variables['airquality_dashboard_port']}/metrics")
    assert 'airquality_up{part="mongodb"} 1.0' in metrics.stdout
    assert 'airquality_up{part="dagster"} 1.0' in metrics.stdout

    for program in PROGRAMS:
        log.step(f"SIGKILL of {program}", lambda program=program: deployed.kill(program), lambda _: "started again")
        assert deployed.health().returncode == 0
    log.step("SIGKILL of MongoDB's primary", deployed.kill_mongodb_primary, lambda _: "another member took over")
    log.step("SIGKILL of Postgres", deployed.postgres.kill, lambda _: "started again")
    healthy = log.step("health", deployed.health, lambda done: ", ".join(done.stdout.split("\n")[:-1]))
    assert healthy.returncode == 0, healthy.stderr
    month = next(MONTHS)
    assert log.step(f"{month} from the UI, after all that", lambda: deployed.load_month(month)) == "SUCCESS"
    assert deployed.stored_hours(month) > 1000

    before = deployed.pids()
    broken = build_wheels(folder, "1.1.0", SMOKE_BREAKS)
    done = log.step("deploy 1.1.0, whose days cannot be made", lambda: deployed.deploy("1.1.0", broken), exit_of)
    log.quote(told(done.stdout, r"failed: station\d_aggregates: [\w ]+|release [\w.]+ did not pass [\w-]+"))
    assert done.returncode != 0
    assert deployed.release == "1.0.0"
    assert deployed.pids() == before, "nothing that runs was touched"
    log.step("now", lambda: state(deployed))

    broken = build_wheels(folder, "1.2.0", CODE_SERVER_BREAKS)
    done = log.step("deploy 1.2.0, whose code server does not start", lambda: deployed.deploy("1.2.0", broken), exit_of)
    log.quote(
        told(
            done.stdout,
            r"release [\w.]+ is not healthy: [^\"]*?user code server|release [\w.]+ was not healthy; [\w. ]+?is healthy",
        )
    )
    assert done.returncode != 0
    assert "1.0.0 runs again and is healthy" in " ".join(done.stdout.split())
    assert deployed.release == "1.0.0"
    assert deployed.health().returncode == 0
    log.step("now", lambda: state(deployed))
    month = next(MONTHS)
    assert log.step(f"{month} from the UI", lambda: deployed.load_month(month)) == "SUCCESS"
    found = log.step("secrets in logs, state and Ansible's output", lambda: leaks(deployed, done.stdout), shown_leaks)
    assert found == []

    deploys(deployed, log, "1.3.0", build_wheels(folder, "1.3.0"))
    done = log.step("back by hand: rollback.yml", lambda: deployed.play("rollback.yml"), exit_of)
    assert done.returncode == 0, done.stdout
    assert deployed.release == "1.0.0"
    pruned = log.step("`airquality prune`", lambda: deployed.run("airquality", "prune"), exit_of)
    assert pruned.returncode == 0, pruned.stderr
    verified = log.step("`airquality verify`", lambda: deployed.run("airquality", "verify"), exit_of)
    assert verified.returncode == 0, verified.stdout


def leaks(deployed: Deployment, output: str) -> list[str]:
    """Return where a secret stands but in the files of `etc`, which are for it."""
    secrets = [secret for plain in SECRETS for secret in (plain.encode(), quote(plain, safe="").encode())]
    contents = {"Ansible's output": output.encode()}
    for folder in ("log", "state"):
        files = (path for path in (deployed.root / folder).rglob("*") if path.is_file())
        contents |= {str(path.relative_to(deployed.root)): path.read_bytes() for path in files}
    assert sum(map(len, contents.values())) > 50_000
    return [place for place, content in contents.items() if any(secret in content for secret in secrets)]


def shown_leaks(found: list[str]) -> str:
    return f"found in {', '.join(found)}" if found else "none found"


def shown_answers(found: dict[str, tuple[int, int]]) -> str:
    return "; ".join(f"{path} {stranger}, {operator}" for path, (stranger, operator) in found.items())


def deploys(deployed: Deployment, log: Log, version: str, wheels: Path) -> None:
    done = log.step(f"deploy {version}", lambda: deployed.deploy(version, wheels), exit_of)
    assert done.returncode == 0, done.stdout
    wait_until(lambda: len(deployed.pids()) == len(PROGRAMS), "all programs")
    assert deployed.release == version
    log.step("now", lambda: state(deployed))


def exit_of(done: Any) -> str:
    return f"exit {done.returncode}"


def write_page(page: Path, log: Log) -> None:
    begin, end = "<!-- made by `make rehearsal` -->", "<!-- end -->"
    text = page.read_text()
    head, rest = text.split(begin)
    lines = "\n".join(line.rstrip() for line in log.lines)
    page.write_text(f"{head}{begin}\n```text\n{lines}\n```\n{end}{rest.split(end)[1]}")
