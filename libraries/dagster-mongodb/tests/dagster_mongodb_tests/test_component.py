"""The component: in Python, from a defs.yaml, and with the `dg` command."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_mongodb import MongoDBIOManager, MongoDBIOManagerComponent, OptionsError
from pymongo.database import Database

NAME = "dagster_mongodb.MongoDBIOManagerComponent"
SECRET = "open-sesame"
FILES = {
    "pyproject.toml": """
[project]
name = "somebody"
version = "1"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "somebody"
[tool.dg.cli]
suppress_warnings = ["project_and_activated_venv_mismatch"]
""",
    "somebody/__init__.py": "",
    "somebody/definitions.py": """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
""",
    "somebody/defs/__init__.py": "",
    "somebody/defs/cities.py": """
import dagster as dg


@dg.asset(metadata={"primary_key": "city"})
def cities() -> list[dict]:
    return [{"city": "Oslo", "height": 23}]
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of somebody who has an asset and no IO manager."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run_dg(project: Path, *arguments: str, succeeds: bool = True) -> str:
    """Run the `dg` command in a project, as in an activated environment; return what it prints."""
    program = Path(sys.executable).with_name("dg")
    activated = {"VIRTUAL_ENV": sys.prefix, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [program, *arguments],
        cwd=project,
        env={**os.environ, **activated, "DO_NOT_TRACK": "1", "PYTHONPATH": os.pathsep.join([str(project), *sys.path])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == succeeds, said
    return said


def shown_values(component: MongoDBIOManagerComponent) -> dict[str, Any]:
    """Return what Dagster shows of the fields of the IO manager: JSON of a value, or the name of a variable."""
    from dagster._core.remote_representation.external_data import RepositorySnap

    repository = dg.Definitions.merge(
        component.build_defs(dg.ComponentTree.for_test().load_context)
    ).get_repository_def()
    (resource,) = RepositorySnap.from_def(repository).resources or []
    return {name: getattr(value, "name", value) for name, value in resource.configured_values.items()}


def component(attributes: str) -> MongoDBIOManagerComponent:
    return MongoDBIOManagerComponent.resolve_from_yaml(f"database: weather\n{attributes}")


def test_every_field_of_the_io_manager_is_an_attribute_with_the_same_default_and_description():
    fields = MongoDBIOManager.model_fields
    attributes = MongoDBIOManagerComponent.model_fields
    assert set(attributes) - {"resource_key"} == set(fields)
    schema = MongoDBIOManagerComponent.model().model_json_schema()["properties"]
    for name, field in fields.items():
        assert attributes[name].default == field.default, name
        assert field.description, name
        assert schema[name]["description"].startswith(field.description), name


def test_the_attributes_reach_the_io_manager():
    given = {
        "uri": "mongodb://host/",
        "database": "2024",  # stays a text, though Dagster would make a number of it
        "app_name": "app",
        "read_preference": "secondary",
        "write_concern": "2",
        "batch_size": 7,
    }
    made = MongoDBIOManagerComponent.resolve_from_dict({**given, "resource_key": "mongo"})
    resources = made.build_defs(dg.ComponentTree.for_test().load_context).resources or {}
    assert list(resources) == ["mongo"]
    assert {name: getattr(resources["mongo"], name) for name in given} == given


@pytest.mark.parametrize("template", ["{{ env.MONGODB_URI }}", "{{env('MONGODB_URI')}}", '{{ env("MONGODB_URI") }}'])
def test_a_variable_is_shown_by_its_name_and_needs_no_value_until_a_run(template, monkeypatch):
    attributes = f"uri: {json.dumps(template)}"
    without_value = shown_values(component(attributes))
    monkeypatch.setenv("MONGODB_URI", f"mongodb://me:{SECRET}@host/")
    for values in (without_value, shown_values(component(attributes))):
        assert values["uri"] == "MONGODB_URI"
        assert values["database"] == '"weather"'


def test_every_text_may_be_a_variable():
    variables = {"uri": "A", "app_name": "B", "read_preference": "C", "write_concern": "D"}
    made = component("\n".join(f'{name}: "{{{{ env.{variable} }}}}"' for name, variable in variables.items()))
    assert shown_values(made).items() >= variables.items()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://me:{}@host/",
        "mongodb+srv://me:{}@host/?w=majority",
        "mongodb://h1:27017,h2/?tlsCertificateKeyFilePassword={}",
        "mongodb://me:{{{{ env.PASSWORD }}}}@host/",
        "{{{{ env('UNSET', 'mongodb://me:{}@host/') }}}}",
    ],
)
def test_a_password_that_dagster_would_show_is_refused_and_not_repeated(uri, monkeypatch):
    monkeypatch.setenv("PASSWORD", SECRET)
    made = component(f"uri: {json.dumps(uri.format(SECRET))}")
    assert SECRET not in repr(made)
    with pytest.raises(OptionsError, match="contains a password") as raised:
        made.build_defs(dg.ComponentTree.for_test().load_context)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("uri", ["mongodb://h1:27017,h2:27018/", "mongodb://CN=me@host/?authMechanism=MONGODB-X509"])
def test_a_uri_without_a_password_may_stand_in_the_file(uri):
    assert shown_values(component(f"uri: {json.dumps(uri)}"))["uri"] == json.dumps(uri)


@pytest.mark.long
def test_what_dg_scaffolds_stores_an_asset_with_the_uri_of_the_env_file(
    project: Path, mongodb_uri: str, database: Database[Any]
):
    assert NAME in run_dg(project, "list", "components", "--json")
    run_dg(project, "scaffold", "defs", NAME, "mongodb", "--database", database.name)
    assert "validated successfully" in run_dg(project, "check", "yaml", "--validate-requirements")
    # Definitions load where the variable is not set; a run says what is missing.
    said = run_dg(project, "launch", "--assets", "cities", succeeds=False)
    assert 'environment variable "MONGODB_URI" which is not set' in said
    (project / ".env").write_text(f"MONGODB_URI={mongodb_uri}\n", encoding="utf-8")
    run_dg(project, "launch", "--assets", "cities")
    assert list(database["cities"].find()) == [{"_id": "Oslo", "height": 23}]


@pytest.mark.long
def test_the_python_that_dg_scaffolds_loads(project: Path):
    run_dg(project, "scaffold", "defs", NAME, "mongodb", "--format", "python", "--uri-variable", "MONGO")
    assert 'uri=dg.EnvVar("MONGO")' in (project / "somebody/defs/mongodb/component.py").read_text(encoding="utf-8")
    assert "io_manager" in run_dg(project, "list", "defs", "--json")
