"""The examples of README.md are run."""

import re
from pathlib import Path

import dagster as dg
from dagster_mongodb import find_as_of

from dagster_mongodb_tests.tables import QUIET, shared_instance

PAGE = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_of_the_page_do_what_it_says(mongodb_uri, monkeypatch, database, capsys):
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    first, second = EXAMPLES
    names: dict = {}
    exec(first.replace('database="weather"', f'database="{database.name}"'), names)
    assets = [names["readings"], names["warm_hours"], names["mean"]]
    run = {"resources": names["defs"].resources, "run_config": QUIET, "instance": shared_instance()}
    for _ in range(2):
        result = dg.materialize(assets[:2], partition_key="2024-01-01", **run)
    (event,) = result.asset_materializations_for_node("readings")
    assert event.metadata["unchanged"].value == 24
    assert capsys.readouterr().out.endswith("3\n")
    dg.materialize(assets, selection=[names["mean"]], **run)
    assert database["mean"].find_one({}, {"_id": False}) == {"mean": 11.5}

    exec(second.replace("mongodb://localhost:27017", mongodb_uri).replace('"weather"', repr(database.name)), names)
    assert find_as_of(database, "readings", names["datetime"](2024, 6, 1, tzinfo=names["timezone"].utc)) == []
