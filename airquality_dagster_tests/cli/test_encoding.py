"""Output to terminals and pipes that do not know every character."""

import io
import sys

import pytest

from airquality_dagster.cli.encoding import show_all_characters
from airquality_dagster_tests.processes import airquality

TEXT = "station1: PM2.5 12 µg/m³, O₃ 3 – 4, 温度 … \ud800"
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_each_text_is_shown_in_each_encoding_as_well_as_it_can_be(monkeypatch, encoding):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding, errors="strict"))
    show_all_characters()
    print(TEXT, flush=True)
    text = shown.getvalue().decode(encoding)
    assert text.startswith("station1: PM2.5 12 ")
    if encoding == "ascii":
        assert text == "station1: PM2.5 12 ug/m3, O3 3 - 4, ?? ... ?\n"
    if encoding == "utf-8":
        assert text == TEXT.replace("\ud800", "?") + "\n"


@pytest.mark.long
@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, PLAIN], ids=["ascii output", "ASCII everywhere"])
def test_a_pass_with_ascii_output_ends_with_0_and_prints_its_figures(home, mongodb_uri, database, variables):
    variables = {**variables, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database.name}
    for arguments in (("backfill", "--from", "2023-01", "--to", "2023-01"), ("status",), ("verify",)):
        done = airquality(*arguments, home=home, **variables)
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).isascii()
    assert database["raw_station1"].count_documents({}) > 600
