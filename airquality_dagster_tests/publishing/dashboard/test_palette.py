"""Colours that everybody can tell apart."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

import airquality_dagster.publishing.dashboard
from airquality_dagster.publishing.dashboard.palette import AQI_COLOURS, contrast, ink_on
from airquality_dagster.readings.flags import FAILED, Flag

PAGE = Path(airquality_dagster.publishing.dashboard.__file__).parent / "page"

# Machado, Oliveira, Fernandes 2009 (doi 10.1109/TVCG.2009.113), severity 1.0, of linear RGB.
DEFICIENCIES = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# A difference of 2.3 is just noticeable side by side; bands lie apart on a page.
CLEARLY_DIFFERENT = 15


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB of linear sRGB, white D65."""
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(matrix) @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_bands_of_the_index_stay_apart_for_colour_blind_people(deficiency):
    seen = [lab(np.array(DEFICIENCIES[deficiency]) @ linear(colour)) for colour in AQI_COLOURS]
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(one - other) > CLEARLY_DIFFERENT


def test_bands_get_darker_with_the_index_beyond_moderate():
    lightness = [lab(linear(colour))[0] for colour in AQI_COLOURS]
    assert all(one > other + 5 for one, other in pairwise(lightness[1:]))


@pytest.mark.parametrize("colour", AQI_COLOURS)
def test_the_word_on_a_band_has_the_contrast_of_level_aa(colour):
    assert contrast(colour, ink_on(colour)) >= 4.5


@pytest.mark.parametrize("name", ["ink", "faint", "accent", "limit", "invalid", "first", "second"])
def test_colours_of_words_have_the_contrast_of_level_aa_on_paper_in_both_schemes(name):
    schemes = (PAGE / "page.css").read_text(encoding="utf-8").split("@media print")[0].split("prefers-color-scheme")
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        assert contrast(colours[name], colours["paper"]) >= 4.5


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_causes_of_days_that_are_not_valid_stay_apart_for_colour_blind_people(deficiency):
    causes = (PAGE / "theme.js").read_text(encoding="utf-8").partition("const CAUSES = {")[2].partition("};")[0]
    colours = re.findall(r'(\w+): "(#[0-9a-f]{6})"', causes)
    assert {flag.name.lower() for flag in Flag if flag & FAILED and flag.name} < {name for name, _ in colours}
    seen = [lab(np.array(DEFICIENCIES[deficiency]) @ linear(colour)) for _, colour in colours]
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(one - other) > CLEARLY_DIFFERENT - 1
