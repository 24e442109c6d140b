"""How a station stands now."""

from datetime import timedelta

import numpy as np
import pytest

from airquality_dagster.network.pollutants import HEADLINES
from airquality_dagster.publishing.dashboard.present import HEADLINE_FIELDS, present_state
from airquality_dagster_tests.publishing.dashboard.records import flagged, record_of, sound_days, spoil
from airquality_dagster_tests.readings.series import FIRST, ordinary

HOURS = 24 * 10
NEWEST = FIRST + timedelta(hours=HOURS - 1)


def test_the_present_state_is_that_of_the_newest_hour():
    hours = ordinary(HOURS)
    record = record_of(hours)
    state = present_state(record)
    assert state is not None
    assert state["hour"] == NEWEST.isoformat()
    assert state["aqi"] == record.quality["aqi_nowcast"].iloc[-1]
    assert state["readings"]["pm2_5"] == {"value": hours["pm2_5"].iloc[-1], "is_valid": True, "flags": []}
    assert state["stored_hours"] == 24
    assert state["last_hours"] == pytest.approx(list(hours["pm2_5"].iloc[-48:]), rel=1e-3)


def test_cards_show_the_headline_parameters_and_first_the_one_of_the_index():
    assert set(HEADLINE_FIELDS) == {parameter.field for parameter in HEADLINES}
    assert HEADLINE_FIELDS[0] == "pm2_5"
    state = present_state(record_of(ordinary(HOURS)))
    assert state is not None
    assert tuple(state["readings"]) == HEADLINE_FIELDS


def test_the_band_holds_since_the_hour_after_the_last_other_one():
    hours = ordinary(HOURS)
    hours["pm2_5"], hours["pm10"] = 20.0 + np.arange(HOURS) % 3, 40.0
    hours.loc[HOURS - 5 :, "pm2_5"] = 80.0 + np.arange(5) % 2
    hours.loc[HOURS - 5 :, "pm10"] = 120.0 + np.arange(5) % 2
    state = present_state(record_of(hours))
    assert state is not None
    quality = record_of(hours).quality
    categories = quality["aqi_nowcast"].map(lambda aqi: aqi > 150).to_numpy()
    first = len(categories) - 1
    while categories[first - 1] == categories[-1]:
        first -= 1
    assert state["since"] == quality["timestamp"].iloc[first].isoformat()


def test_days_above_the_guideline_are_counted_of_valid_days_only():
    days = sound_days(40)
    days.loc[37, "pm2_5_who"] = "AQG"
    spoil(days, 38, "pm2_5", stuck=24)
    state = present_state(record_of(ordinary(HOURS), days=days))
    assert state is not None
    # Of the last 30 days, one is not valid and one meets the guideline.
    assert state["exceedances"] == {"days": 28, "valid_days": 29}


@pytest.mark.parametrize(("hour", "is_unconfirmed"), [(-1, True), (-12, True), (-13, False)])
def test_an_index_is_not_confirmed_while_an_hour_of_its_nowcast_is_not(hour, is_unconfirmed):
    record = flagged(record_of(ordinary(HOURS)), "unconfirmed", level=3, hours=[hour], fields=["pm2_5"])
    state = present_state(record)
    assert state is not None
    assert (state["pollutant"], state["is_unconfirmed"]) == ("pm2_5", is_unconfirmed)


def test_another_pollutant_leaves_the_index_confirmed():
    state = present_state(flagged(record_of(ordinary(HOURS)), "unconfirmed", level=3, hours=[-1], fields=["no2"]))
    assert state is not None
    assert state["is_unconfirmed"] is False


def test_a_european_index_that_is_withheld_has_its_reason():
    record = record_of(ordinary(HOURS))
    record.quality["eaqi"], record.quality["eaqi_withheld"] = None, "no_particulate_matter"
    state = present_state(record)
    assert state is not None
    assert (state["eaqi"], state["eaqi_withheld"]) == (None, "no_particulate_matter")


def test_an_hour_away_from_its_place_is_told_though_its_index_is_null():
    record = flagged(record_of(ordinary(HOURS)), "off_site", level=4, hours=[-1])
    state = present_state(record)
    assert state is not None
    assert state["is_off_site"] is True
    assert state["readings"]["pm2_5"]["is_valid"] is False
