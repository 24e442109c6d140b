"""The examples of README.md are run."""

import re
from pathlib import Path

import dagster as dg
import pytest

from dagster_mongodb_tests.tables import QUIET, shared_instance

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
    assert len(EXAMPLES) == 4


def test_the_first_example_stores_what_the_page_says(run_example, database):
    run_example(0)
    documents = re.findall(r'`(\{"_id".*?\})`', PAGE)
    assert list(database["cities"].find()) == list(map(eval, documents)) != []


def test_the_other_examples_do_what_the_page_says(run_example, database, capsys):
    names = run_example(1)
    assets = [names["readings"], names["warm_hours"], names["mean"]]
    resources = names["defs"].resources
    for _ in range(2):
        result = dg.materialize(assets[:2], partition_key="2024-01-01", resources=resources, **RUN)
    (event,) = result.asset_materializations_for_node("readings")
    assert event.metadata["unchanged"].value == 24
    assert capsys.readouterr().out.endswith("3\n")
    dg.materialize(assets, selection=[names["mean"]], resources=resources, **RUN)
    assert database["mean"].find_one({}, {"_id": False}) == {"mean": 11.5}

    # What another program changed is a version of its own.
    database["readings"].update_one({"value": 23}, {"$set": {"value": 25}})
    dg.materialize([names["readings"]], partition_key="2024-01-01", resources=resources, **RUN)
    capsys.readouterr()
    run_example(2)
    assert capsys.readouterr().out.startswith("2024-01-01 23:00:00+00:00 1 ")

    names = run_example(3)
    dg.materialize([names["highest"]], resources=names["defs"].resources, **RUN)
    assert capsys.readouterr().out.endswith("23.0\n")
