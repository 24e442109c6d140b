"""Indices against published examples, their tables' edges, and monotony."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS
from airquality_dagster.readings.indices import (
    EAQI_POLLUTANTS,
    WHO_ANNUAL_LEVELS,
    WHO_LEVELS,
    aqi_of_pollutants,
    eaqi_bands,
    nowcast,
    who_level,
    worst,
)

NAN = math.nan


def micrograms_from_ppb(ppb: float, field: str) -> float:
    """Return the mass concentration of a gas in µg/m³, or in mg/m³ of ppm."""
    return ppb / ppb_per_microgram(field)


def ppb_per_microgram(field: str) -> float:
    """Return the ppb at 1 µg/m³, or the ppm at 1 mg/m³; the scales of ozone are in ppm."""
    scale = BY_FIELD[field].aqi[0]
    return scale.unit_factor * (1000 if field == "o3" else 1)


SCALES = ("pm2_5", "pm10", "co", "no2", "o3_8h", "o3_1h")


UNIT_FACTORS = {scale.name: scale.unit_factor for parameter in PARAMETERS for scale in parameter.aqi}


def aqi(scale: str, concentrations: list[float]) -> pd.Series:
    """Return the AQI of concentrations in the unit of the scale."""
    in_table_unit = pd.DataFrame({scale: concentrations}, dtype="float64") / UNIT_FACTORS[scale]
    return aqi_of_pollutants(in_table_unit).iloc[:, 0]


def one(scale: str, concentration: float) -> int | None:
    (index,) = aqi(scale, [concentration])
    return None if pd.isna(index) else int(index)


@pytest.mark.parametrize(
    ("scale", "concentration", "index"),
    [
        # EPA's Technical Assistance Document, "Using the table and the equation" and "values from multiple
        # pollutants": 8-hour ozone 0.07853333 ppm, PM2.5 35.92431999 µg/m³, CO 8.47532711 ppm.
        ("o3_8h", 0.07853333, 126),
        ("pm2_5", 35.92431999, 102),
        ("co", 8.47532711, 90),
        # The same document: 1-hour ozone 0.162 ppm; the equation gives 147.49, rounded to the nearest.
        ("o3_1h", 0.162, 147),
        # By hand from the equation: 50 / 53 × 40; 151 + 49 / 288 × (500 - 361).
        ("no2", 40, 38),
        ("no2", 500, 175),
        ("pm10", 100, 73),
    ],
)
def test_the_aqi_is_that_of_published_examples(scale, concentration, index):
    assert one(scale, concentration) == index


def test_the_aqi_of_the_published_day_of_several_pollutants_is_126():
    day = pd.DataFrame(
        {
            "o3_8h": [micrograms_from_ppb(78.53333, "o3")],
            "pm2_5": [35.92431999],
            "co": [micrograms_from_ppb(8.47532711, "co")],
        }
    )
    indices = aqi_of_pollutants(day)
    assert indices.iloc[0].to_dict() == {"o3": 126, "pm2_5": 102, "co": 90}
    assert worst(indices).tolist() == ["o3"]


EDGES = {
    "pm2_5": (0.1, [(0, 9.0), (9.1, 35.4), (35.5, 55.4), (55.5, 125.4), (125.5, 225.4), (225.5, 325.4)]),
    "pm10": (1, [(0, 54), (55, 154), (155, 254), (255, 354), (355, 424), (425, 604)]),
    "co": (0.1, [(0, 4.4), (4.5, 9.4), (9.5, 12.4), (12.5, 15.4), (15.5, 30.4), (30.5, 50.4)]),
    "no2": (1, [(0, 53), (54, 100), (101, 360), (361, 649), (650, 1249), (1250, 2049)]),
    "o3_8h": (0.001, [(0, 0.054), (0.055, 0.070), (0.071, 0.085), (0.086, 0.105), (0.106, 0.200)]),
}
BANDS = [(0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500)]


@pytest.mark.parametrize("scale", EDGES)
def test_the_aqi_of_each_edge_of_the_2024_table_is_that_of_the_table_and_is_cut_not_rounded(scale):
    step, bands = EDGES[scale]
    for (low, high), (low_index, high_index) in zip(bands, BANDS, strict=False):
        assert (one(scale, low), one(scale, high)) == (low_index, high_index)
        # What lies between two bands belongs to the lower one.
        assert one(scale, high + 0.99 * step) == high_index
        assert one(scale, high + 1e-12) == high_index


def test_ozone_of_an_hour_counts_from_0_125_ppm_only_and_that_of_8_hours_ends_at_300():
    assert one("o3_1h", 0.124) is None
    assert one("o3_1h", 0.125) == 101
    assert one("o3_8h", 0.25) == 300
    day = pd.DataFrame({"o3_8h": [micrograms_from_ppb(60, "o3")], "o3_1h": [micrograms_from_ppb(200, "o3")]})
    assert aqi_of_pollutants(day)["o3"].tolist() == [195]
    assert aqi_of_pollutants(day.assign(o3_1h=micrograms_from_ppb(100, "o3")))["o3"].tolist() == [67]


def test_above_500_the_line_goes_on():
    assert one("pm2_5", 325.4) == 500
    assert one("pm2_5", 425.4) == 699


@pytest.mark.parametrize("scale", SCALES)
@given(st.lists(st.floats(0, 3000), min_size=2, max_size=30))
def test_the_aqi_never_falls_as_the_concentration_rises(scale, concentrations):
    indices = aqi(scale, sorted(concentrations)).dropna()
    assert indices.is_monotonic_increasing


def reference_nowcast(newest_first: list[float]) -> float:
    """EPA's seven steps, for readings of the last 12 hours; NaN where one is missing."""
    present = [(age, value) for age, value in enumerate(newest_first[:12]) if not math.isnan(value)]
    if sum(age < 3 for age, _ in present) < 2:
        return NAN
    values = [value for _, value in present]
    weight = max(min(values) / max(values), 0.5) if max(values) > 0 else 1.0
    return sum(value * weight**age for age, value in present) / sum(weight**age for age, _ in present)


def test_the_nowcast_is_that_of_published_examples():
    # AirNow's forum, "The NowCast for PM2.5 and PM10": newest 13, oldest 50 µg/m³.
    hours = [50, 80, 75, 90, 82, 53, 64, 74, 21, 10, 16, 13]
    newest = nowcast(pd.Series(hours, dtype="float64")).iloc[-1]
    assert f"{newest:.1f}" == "17.4"
    assert one("pm2_5", newest) == 66
    # Wikipedia, "NowCast (air quality index)": one hour of 71 µg/m³ among zeros is half of it.
    pulse = nowcast(pd.Series([0.0] * 11 + [71.0])).iloc[-1]
    assert f"{pulse:.1f}" == "35.5"


@given(st.lists(st.floats(0, 500) | st.just(NAN), min_size=1, max_size=40))
def test_the_nowcast_equals_epa_s_steps_and_needs_two_of_the_last_three_hours(hours):
    found = nowcast(pd.Series(hours, dtype="float64"))
    expected = [reference_nowcast(hours[number::-1]) for number in range(len(hours))]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("field", "uppers"),
    [
        ("pm2_5", [5, 15, 50, 90, 140]),
        ("pm10", [15, 45, 120, 195, 270]),
        ("no2", [10, 25, 60, 100, 150]),
        ("o3", [60, 100, 120, 160, 180]),
    ],
)
def test_the_european_index_has_the_bands_of_2024(field, uppers):
    values = [value for upper in uppers for value in (upper, upper + 0.01)]
    bands = eaqi_bands(pd.DataFrame({field: values}))[field]
    assert bands.tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]


def test_the_worst_pollutant_decides_and_missing_ones_do_not():
    bands = eaqi_bands(pd.DataFrame({"pm2_5": [16.0, NAN, NAN], "o3": [50.0, 170.0, NAN], "no2": [5.0, 5.0, NAN]}))
    assert bands.max(axis=1).tolist()[:2] == [3, 5]
    assert worst(bands).tolist() == ["pm2_5", "o3", None]
    assert set(bands.columns) <= set(EAQI_POLLUTANTS)


@pytest.mark.parametrize("levels", [WHO_LEVELS, WHO_ANNUAL_LEVELS], ids=["short term", "annual"])
def test_who_levels_are_met_up_to_and_with_their_value_and_never_stricter_above(levels):
    for field, of_field in levels.items():
        limits, names = zip(*of_field, strict=True)
        assert who_level(field, pd.Series(limits, dtype="float64"), levels).tolist() == list(names)
        above = who_level(field, pd.Series([limit + 1e-6 for limit in limits]), levels).tolist()
        assert above == [*names[1:], "above IT-1"]
        assert list(limits) == sorted(limits)


def test_the_guidelines_of_the_issue_are_those_of_who_2021():
    assert {field: of_field[0] for field, of_field in WHO_LEVELS.items()} == {
        "pm2_5": (15, "AQG"),
        "pm10": (45, "AQG"),
        "no2": (25, "AQG"),
        "o3": (100, "AQG"),
        "co": (4, "AQG"),
    }


@pytest.mark.parametrize(("field", "micrograms"), [("no2", 1.8804), ("o3", 1.9619), ("co", 1.1449)])
def test_a_ppb_of_each_gas_is_what_published_tables_say_at_25_degrees(field, micrograms):
    assert micrograms * ppb_per_microgram(field) == pytest.approx(1, abs=1e-4)
