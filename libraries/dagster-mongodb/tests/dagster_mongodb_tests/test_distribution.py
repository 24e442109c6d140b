"""What is published: the wheel and the source distribution, built and installed as by a user."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import dagster_mongodb
import pytest
import tomllib
from dagster_shared.libraries import DagsterLibraryRegistry

LIBRARY = Path(__file__).parents[2]
PACKAGE = {path.relative_to(LIBRARY).as_posix() for path in (LIBRARY / "dagster_mongodb").rglob("*.py")}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that must succeed, without what this process added to the path; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution; the wheel is built from the latter."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, LIBRARY)
    return folder


def test_the_version_stands_in_one_place_and_dagster_and_the_changelog_know_it():
    version = dagster_mongodb.__version__
    assert DagsterLibraryRegistry.get()["dagster-mongodb"] == version
    assert re.search(r"(?m)^## (\S+)", (LIBRARY / "CHANGELOG.md").read_text(encoding="utf-8")).group(1) == version
    project = tomllib.loads((LIBRARY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "dagster_mongodb.__version__"}


def test_every_public_name_is_exported_and_documented():
    for name in dagster_mongodb.__all__:
        assert getattr(dagster_mongodb, name).__doc__, name


@pytest.mark.long
def test_the_distributions_have_what_they_need_and_nothing_else(distributions: Path):
    run(sys.executable, "-m", "twine", "check", "--strict", *distributions.iterdir())
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
    notes = f"dagster_mongodb-{dagster_mongodb.__version__}.dist-info"
    written = {f"{notes}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt")}
    assert names == PACKAGE | written | {"dagster_mongodb/py.typed", f"{notes}/licenses/LICENSE"}

    (source,) = distributions.glob("*.tar.gz")
    with tarfile.open(source) as files:
        sources = {name.partition("/")[2] for name in files.getnames()}
    assert PACKAGE | {"dagster_mongodb/py.typed", "LICENSE", "README.md", "CHANGELOG.md", "Makefile"} <= sources
    assert "tests/dagster_mongodb_tests/conftest.py" in sources
    assert not [name for name in sources if re.search(r"__pycache__|\.pyc$|\.hypothesis|\.pytest_cache|\.env", name)]


@pytest.mark.long
def test_the_wheel_alone_imports_without_extras_and_dg_knows_its_component(distributions: Path, tmp_path: Path):
    (wheel,) = distributions.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    extras = "import importlib.util as u; print([u.find_spec(name) for name in ('pyarrow', 'polars')])"
    assert run(programs / "python", "-c", extras, cwd=tmp_path) == "[None, None]\n"
    exported = (
        "import dagster_mongodb; print(*[name for name in dagster_mongodb.__all__ if hasattr(dagster_mongodb, name)])"
    )
    assert run(programs / "python", "-W", "error", "-c", exported, cwd=tmp_path).split() == dagster_mongodb.__all__
    (notes,) = (tmp_path / "venv").rglob("dagster_mongodb-*.dist-info")
    (registered,) = PathDistribution(notes).entry_points
    assert (registered.group, registered.value) == ("dagster_dg_cli.registry_modules", "dagster_mongodb")
