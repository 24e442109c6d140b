"""What a forecast says, when it says nothing, and what it must not know."""

import copy

import bson
import numpy as np
import pandas as pd
import pytest
from bson.codec_options import CodecOptions

from airquality_dagster.readings.forecast import (
    LOSES_TO_PERSISTENCE,
    NOT_VALID,
    TOO_FEW_RECENT_HOURS,
    TOO_LITTLE_HISTORY,
    forecast,
)
from airquality_dagster.readings.forecast_features import WINDOW_HOURS, hours_since_1970
from airquality_dagster.readings.forecast_model import HOURS_AHEAD, VERSION, FieldModel, fit, refit_due
from airquality_dagster.readings.forecast_score import ScoredForecasts, scored
from airquality_dagster_tests.readings.forecast_series import after, valid

DAYS = 70
NOW = after(DAYS) - pd.Timedelta(hours=1)
MONGODB = CodecOptions(tz_aware=True)


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    return valid(DAYS + 3)


@pytest.fixture(scope="module")
def model(readings) -> FieldModel:
    return fit(readings, "pm2_5", after(DAYS - 5))


def past_forecasts(readings: pd.DataFrame, model: FieldModel, hours: int = 30) -> pd.DataFrame:
    """Return documents of the forecasts of the hours before `NOW`, and of `NOW`."""
    return pd.DataFrame(
        {"hours_ahead": one.hours_ahead, "target": one.target, **one.document}
        for origin in pd.date_range(end=NOW, periods=hours, freq="h")
        for one in forecast(readings, model, origin)
    )


def test_a_forecast_has_ordered_quantiles_that_are_never_negative(readings, model):
    clean = readings.copy()
    clean.loc[NOW - pd.Timedelta(hours=5) : NOW] = [0.0, 0.1]
    for hours in (readings, clean):
        for one in forecast(hours, model, NOW):
            for quantiles in (one.model, one.persistence):
                assert quantiles
                assert 0 <= quantiles.p10 <= quantiles.p50 <= quantiles.p90


def test_each_hour_ahead_has_its_target(readings, model):
    made = forecast(readings, model, NOW)
    assert [one.hours_ahead for one in made] == list(HOURS_AHEAD)
    assert [one.target - NOW for one in made] == [pd.Timedelta(hours=hours) for hours in HOURS_AHEAD]
    assert {one.method for one in made} == {"model"}


def test_what_comes_after_the_origin_changes_nothing(readings, model):
    changed = readings.copy()
    changed.loc[changed.index > NOW] = 999.0
    documents = past_forecasts(readings, model)
    known, also = (scored(documents, "pm2_5", hours["pm2_5"]) for hours in (readings, changed))
    assert forecast(changed, model, NOW, scored=also) == forecast(readings, model, NOW, scored=known)


def test_a_fit_does_not_look_at_hours_from_its_moment_on(readings):
    changed = readings.copy()
    changed.loc[changed.index >= after(60)] = 999.0
    before = readings[readings.index < after(60)]
    fitted, also, again = (fit(hours, "pm2_5", after(60)).to_document() for hours in (readings, changed, before))
    assert fitted == also == again


def test_an_hour_without_a_row_is_an_hour_without_a_valid_reading(readings):
    hours = readings.copy()
    hours.iloc[500:520] = np.nan
    without_rows = hours.dropna()
    assert fit(without_rows, "pm2_5", after(60)).to_document() == fit(hours, "pm2_5", after(60)).to_document()


def test_the_last_week_and_an_hour_are_enough(readings, model):
    assert forecast(readings.loc[:NOW].tail(WINDOW_HOURS), model, NOW) == forecast(readings, model, NOW)


def test_a_model_from_mongodb_forecasts_the_same_to_the_last_bit(readings, model):
    stored = bson.encode(model.to_document())
    assert len(stored) < 1_000_000
    read = FieldModel.from_document(bson.decode(stored, MONGODB))
    assert forecast(readings, read, NOW) == forecast(readings, model, NOW)
    assert read.to_document() == model.to_document()


def test_a_model_of_another_version_is_refused(model):
    with pytest.raises(ValueError, match="fit it again"):
        FieldModel.from_document({**model.to_document(), "version": 0})


def _without_two_horizons(document):
    document["horizons"] = document["horizons"][:-2]


def _with_a_short_ridge(document):
    ridge = document["horizons"][1]["ridge"]
    ridge |= {name: ridge[name][:1] for name in ("centre", "scale", "coefficients")}


def _with_nan(document):
    document["horizons"][1]["ridge"]["coefficients"][0] = np.nan


def _with_null(document):
    document["horizons"][1]["ridge"]["intercept"] = None


def _without_horizons(document):
    del document["horizons"]


def _of_another_field(document):
    document["field"] = "no2"


@pytest.mark.parametrize(
    "damage",
    [_without_two_horizons, _with_a_short_ridge, _with_nan, _with_null, _without_horizons, _of_another_field],
)
def test_a_damaged_model_is_refused_and_never_forecasts(model, damage):
    document = copy.deepcopy(model.to_document())
    damage(document)
    with pytest.raises(ValueError, match="damaged forecast model"):
        FieldModel.from_document(document)


def test_a_change_of_the_method_changes_its_version(readings, model):
    """If these numbers change, the method has: count `VERSION` up, and `benchmarks.forecast` says what it is worth."""
    peak = readings.copy()
    peak.loc[NOW] *= 20.0
    made = forecast(peak, model, NOW, scored=scored(past_forecasts(readings, model), "pm2_5", readings["pm2_5"]))
    expected = {
        1: (34.57820, 44.84348, 60.22623),
        2: (37.70278, 50.26272, 71.57062),
        3: (35.94095, 48.74221, 72.55619),
        6: (30.10378, 47.74410, 74.78425),
        12: (20.10838, 32.63150, 53.28535),
        24: (16.77886, 23.89254, 39.26341),
    }
    assert VERSION == 1
    for one in made:
        assert (one.model.p10, one.model.p50, one.model.p90) == pytest.approx(expected[one.hours_ahead], rel=1e-5)


def test_a_model_fitted_to_shuffled_readings_has_no_skill(readings):
    rng = np.random.default_rng(0)
    shuffled = readings.iloc[rng.permutation(len(readings))].set_axis(readings.index)
    fitted = fit(shuffled, "pm2_5", after(50))
    errors = []
    for origin in pd.date_range(after(50), after(69), freq="7h"):
        two_hours = forecast(readings, fitted, origin)[1]
        came = readings["pm2_5"][two_hours.target]
        errors.append((abs(two_hours.model.p50 - came), abs(two_hours.persistence.p50 - came)))
    of_model, of_persistence = np.mean(errors, axis=0)
    assert of_model > of_persistence


@pytest.mark.parametrize(
    ("days", "method", "withheld"),
    [(13, None, TOO_LITTLE_HISTORY), (15, "persistence", None), (44, "persistence", None), (46, "model", None)],
)
def test_a_new_station_says_nothing_then_as_now_then_what_a_model_says(readings, days, method, withheld):
    made = forecast(readings, fit(readings, "pm2_5", after(days)), after(days))
    assert {(one.method, one.withheld) for one in made} == {(method, withheld)}
    assert all((one.published is None) == (withheld is not None) for one in made)


def test_as_now_is_the_newest_valid_reading_of_three_hours(readings):
    hours = readings.copy()
    hours.loc[NOW, "pm2_5"] = np.nan
    made = forecast(hours, fit(hours, "pm2_5", after(20)), NOW)
    assert {round(one.published.p50, 9) for one in made} == {round(hours["pm2_5"][NOW - pd.Timedelta(hours=1)], 9)}


def test_with_one_valid_hour_of_the_last_three_nothing_is_said(readings, model):
    hours = readings.copy()
    hours.loc[NOW - pd.Timedelta(hours=1) : NOW, "pm2_5"] = np.nan
    assert {one.withheld for one in forecast(hours, model, NOW)} == {TOO_FEW_RECENT_HOURS}


def test_gaps_before_that_do_not_silence_a_forecast(readings, model):
    hours = readings.copy()
    hours.loc[NOW - pd.Timedelta(hours=100) : NOW - pd.Timedelta(hours=3)] = np.nan
    assert all(one.published for one in forecast(hours, model, NOW))
    without_rows = readings.loc[NOW - pd.Timedelta(hours=2) :]
    assert all(one.published for one in forecast(without_rows, model, NOW))


def test_after_an_outage_of_five_weeks_a_station_is_forecast_again_at_once():
    long = valid(140)
    outage = long.copy()
    outage.loc[after(100) : after(135)] = np.nan
    for fitted_at in (after(90), after(134), after(136)):
        made = forecast(outage, fit(outage, "pm2_5", fitted_at), after(137))
        assert {one.method for one in made} == {"model"}


def test_without_the_companion_there_is_a_forecast(readings):
    alone = readings[["pm2_5"]]
    assert all(one.published for one in forecast(alone, fit(alone, "pm2_5", after(60)), NOW))


def test_a_reading_that_was_not_valid_in_a_week_is_not_forecast(readings, model):
    hours = readings.assign(pm2_5=np.nan)
    assert {one.withheld for one in forecast(hours, model, NOW)} == {NOT_VALID}
    assert {one.withheld for one in forecast(readings, fit(readings, "co", after(60)), NOW)} == {NOT_VALID}


def test_a_withheld_forecast_is_kept_to_be_scored_and_not_published(readings, model):
    made = {one.hours_ahead: one for one in forecast(readings, model, NOW, withheld=[2])}
    assert made[2].withheld == LOSES_TO_PERSISTENCE
    assert made[2].published is None
    assert made[2].document["pm2_5_p50"] is None
    assert made[2].document["pm2_5_model_p50"] == made[2].model.p50
    assert made[3].withheld is None


def test_the_interval_follows_the_errors_of_the_last_days(readings, model):
    documents = past_forecasts(readings, model, hours=72)
    right = scored(documents, "pm2_5", readings["pm2_5"])
    wild = scored(documents, "pm2_5", readings["pm2_5"] * np.resize([0.3, 3.0], len(readings)))
    narrow, wide = (forecast(readings, model, NOW, scored=known)[0].model for known in (right, wild))
    assert wide.p90 - wide.p10 > 2 * (narrow.p90 - narrow.p10)


@pytest.mark.parametrize("factor", [3.0, 0.3])
def test_quantiles_are_ordered_after_weeks_in_which_all_readings_were_on_one_side(readings, factor):
    fitted = fit(readings, "pm2_5", after(46))
    targets = hours_since_1970(pd.date_range(fitted.fitted_at, NOW, freq="h"))
    made = np.full((len(targets), 3), 10.0)
    known = ScoredForecasts(np.full(len(targets), 2), targets, np.full(len(targets), 10 * factor), made, made)
    two_hours = forecast(readings, fitted, NOW, scored=known)[1]
    for one in (two_hours.model, two_hours.persistence):
        assert one
        assert one.p10 <= one.p50 <= one.p90


def test_past_forecasts_with_a_target_since_the_fit_are_enough(readings, model):
    documents = past_forecasts(readings, model, hours=150)
    since = documents[documents["target"] >= model.fitted_at]
    assert len(since) < len(documents)
    whole, part = (scored(some, "pm2_5", readings["pm2_5"]) for some in (documents, since))
    assert forecast(readings, model, NOW, scored=part) == forecast(readings, model, NOW, scored=whole)


@pytest.mark.parametrize(
    ("moment", "due"),
    [("2023-09-01 00:00", "2023-09-01"), ("2023-09-14 23:59", "2023-09-01"), ("2023-09-30 05:00", "2023-09-15")],
)
def test_models_are_refitted_on_the_1st_and_15th(moment, due):
    assert refit_due(pd.Timestamp(moment, tz="UTC")) == pd.Timestamp(due, tz="UTC")
