"""The record of the faults that were made: `make faults` writes it into docs/reliability.md."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.local.serving import running

_BEGIN, _END = "<!-- made by `make faults` -->\n", "<!-- end -->"
_RECORD: list[tuple[str, str, str, int, int]] = []


@pytest.fixture
def sandbox() -> Iterator[str]:
    """A sound sandbox."""
    with running(create_app(SimulatedSource())) as url:
        yield url


@pytest.fixture
def record():
    """Note a fault: what it was, what was promised, what happened, readings lost and doubled."""

    def note(fault: str, promised: str, happened: str, lost: int, doubled: int) -> None:
        _RECORD.append((fault, promised, happened, lost, doubled))
        assert (lost, doubled) == (0, 0)

    return note


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    page = os.environ.get("FAULTS_PAGE")
    if not page or exitstatus:
        return
    path = Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    table, _, after = rest.partition(_END)
    rows = {str(row[0]): f"| {' | '.join(map(str, row))} |" for row in _RECORD}
    if not _is_whole(session):
        # What was not made this time stays as it was seen last.
        rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()[4:]} | rows
    lost, doubled = (sum(int(line.rstrip(" |").split(" | ")[column]) for line in rows.values()) for column in (-2, -1))
    lines = [
        f"{len(rows)} faults; readings lost: {lost}, doubled: {doubled}.\n",
        "| fault | promised | happened | lost | doubled |\n| --- | --- | --- | --- | --- |",
        *rows.values(),
    ]
    path.write_text(before + _BEGIN + "\n".join(lines) + "\n" + _END + after, encoding="utf-8")


def _is_whole(session: pytest.Session) -> bool:
    """Return whether every fault was asked for, as by `make faults`."""
    option = session.config.option
    folders = [Path(argument).resolve() for argument in session.config.args]
    return not option.keyword and not option.markexpr and folders == [Path(__file__).parent]
