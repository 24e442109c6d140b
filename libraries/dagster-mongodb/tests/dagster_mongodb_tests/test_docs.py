"""The examples of README.md are run."""

import inspect
import re
from pathlib import Path

import dagster as dg
import dagster_mongodb
import numpy as np
import pytest
from dagster_mongodb import MongoDBIOManager, Read
from dagster_mongodb.options import WRITE_OPTIONS

from dagster_mongodb_tests.tables import QUIET, read_directly, shared_instance, write_directly

PAGE = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
RUN = {"run_config": QUIET, "instance": shared_instance()}


@pytest.fixture
def run_example(mongodb_uri, database, monkeypatch):
    """Run an example on the database of the test, and return its names."""
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)

    def run(number: int) -> dict:
        names: dict = {}
        example = EXAMPLES[number].replace("mongodb://localhost:27017", mongodb_uri)
        exec(example.replace('"weather"', f'"{database.name}"'), names)
        return names

    return run


def test_the_page_has_the_examples_that_are_run():
    assert len(EXAMPLES) == 6


def test_the_first_example_stores_what_the_page_says(run_example, io_manager, database):
    names = run_example(0)
    dg.materialize([names["cities"]], resources={"io_manager": io_manager}, **RUN)
    documents = re.findall(r'`(\{"_id": "\w+", "height".*?\})`', PAGE)
    assert list(database["cities"].find()) == list(map(eval, documents)) != []


def test_the_example_of_partitions_does_what_the_page_says(run_example, database, capsys):
    names = run_example(1)
    assets = [names["readings"], names["warm_hours"], names["mean"]]
    resources = names["defs"].resources
    for _ in range(2):
        result = dg.materialize(assets[:2], partition_key="2024-01-01", resources=resources, **RUN)
    (event,) = result.asset_materializations_for_node("readings")
    assert event.metadata["mongodb/unchanged"].value == 24
    assert capsys.readouterr().out.endswith("3\n")
    dg.materialize(assets, selection=[names["mean"]], resources=resources, **RUN)
    assert database["mean"].find_one({}, {"_id": False}) == {"mean": 11.5}

    # What another program changed is a version of its own.
    database["readings"].update_one({"value": 23}, {"$set": {"value": 25}})
    dg.materialize([names["readings"]], partition_key="2024-01-01", resources=resources, **RUN)
    capsys.readouterr()
    run_example(4)
    assert capsys.readouterr().out.startswith("2024-01-01 23:00:00+00:00 1 ")

    names = run_example(5)
    dg.materialize([names["highest"]], resources=names["defs"].resources, **RUN)
    assert capsys.readouterr().out.endswith("23.0\n")


def test_the_handler_of_the_page_keeps_its_type(run_example, mongodb_uri, database):
    manager = run_example(2)["MyIOManager"](uri=mongodb_uri, database=database.name)
    rows = np.array([(1, "a"), (2, "b")], dtype=[("id", "int64"), ("text", "O")])
    write_directly(manager, rows, primary_key="id")
    assert read_directly(manager, np.ndarray).tolist() == rows.tolist()


def test_the_adoption_of_the_page_lets_an_asset_replace_documents_of_another_program(run_example, io_manager, database):
    database["cities"].insert_one({"_id": "Oslo", "height": 23})
    cities = run_example(0)["cities"]
    run_example(3)
    result = dg.materialize([cities], resources={"io_manager": io_manager}, **RUN)
    (event,) = result.asset_materializations_for_node("cities")
    assert (event.metadata["mongodb/inserted"].value, event.metadata["mongodb/unchanged"].value) == (1, 1)


@pytest.mark.parametrize("table", ["field", "metadata", "metadata and `mongo.Read`"])
def test_the_tables_of_options_name_all_of_them(table):
    (rows,) = re.findall(rf"^\| {re.escape(table)} \|.*\n\|[- |]*\n((?:\|.*\n)*)", PAGE, flags=re.MULTILINE)
    named = {name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    expected = {
        "field": set(MongoDBIOManager.model_fields),
        "metadata": {*WRITE_OPTIONS, "write_mode"},
        "metadata and `mongo.Read`": set(inspect.signature(Read).parameters),
    }
    assert named == expected[table]


def test_what_the_page_says_of_the_modules_is_there():
    (listed,) = re.findall(r"^```\n(io_manager.py.*?)```", PAGE, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"\b(\w+\.py|\w+/)", listed))
    package = Path(dagster_mongodb.__file__).parent
    there = {path.name + "/" * path.is_dir() for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert named == there - {"__init__.py", "errors.py", "__pycache__/"}
