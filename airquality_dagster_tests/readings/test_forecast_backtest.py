"""The forecasts of a past period: with what was known then, and withheld in time."""

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.readings import forecast_backtest
from airquality_dagster.readings.flags import flag_hours, flags_as_of
from airquality_dagster.readings.forecast import LOSES_TO_PERSISTENCE
from airquality_dagster.readings.forecast_backtest import backtest
from airquality_dagster.readings.forecast_known import KnownReadings
from airquality_dagster.readings.forecast_model import fit
from airquality_dagster.readings.forecast_score import score, scored
from airquality_dagster_tests.readings.forecast_series import after, history

FIELDS = ("pm2_5", "pm10")
BEGIN, REFIT = pd.Timestamp("2023-03-25", tz="UTC"), pd.Timestamp("2023-04-01", tz="UTC")


def with_faults(hours: pd.DataFrame) -> pd.DataFrame:
    """Return a history with runs of equal readings, sudden ones, and gaps."""
    faulty = hours.copy()
    rng = np.random.default_rng(1)
    for place in rng.integers(300, len(faulty), 120):
        kind, length = rng.integers(3), int(rng.integers(2, 9))
        if kind == 0:
            faulty.loc[place : place + length, list(FIELDS)] = [7.3, 15.1]
        elif kind == 1:
            faulty.loc[place, "pm2_5"] = 150.0
        else:
            faulty.loc[place : place + length, list(FIELDS)] = np.nan
    return faulty.drop(index=range(900, 905)).reset_index(drop=True)


@pytest.fixture
def at_once(monkeypatch):
    """The period begins without forecasts of the days before it."""
    monkeypatch.setattr(forecast_backtest, "WARM_UP_DAYS", 0)


@pytest.fixture(scope="module")
def faulty() -> pd.DataFrame:
    return with_faults(history(100))


def test_readings_are_those_that_were_valid_as_of_each_hour(faulty):
    known = KnownReadings(faulty)
    differs = 0
    for origin in known.hours[800::17]:
        flagged = flags_as_of(faulty, origin)
        expected = flagged.valid_readings.set_axis(pd.DatetimeIndex(flagged.hours["timestamp"]))[list(FIELDS)]
        until = known.until(origin, FIELDS, hours=36)
        pd.testing.assert_frame_equal(until, expected.asfreq("h").tail(36), check_freq=False, check_names=False)
        differs += not until.equals(known.final.loc[until.index, list(FIELDS)])
    assert differs > 5, "no hour of this history was judged otherwise when it was new"


def test_the_whole_history_is_the_one_that_was_known(faulty):
    known = KnownReadings(faulty)
    for origin in known.hours[1200::111]:
        past = faulty[faulty["timestamp"] <= origin]
        expected = flag_hours(past, newest=origin).valid_readings.set_axis(pd.DatetimeIndex(past["timestamp"]))
        until = known.until(origin, FIELDS)
        pd.testing.assert_frame_equal(until, expected[list(FIELDS)].asfreq("h"), check_freq=False, check_names=False)


def test_before_the_first_hour_nothing_is_known(faulty):
    assert KnownReadings(faulty).until(after(-3), FIELDS).empty
    nothing = KnownReadings(faulty.head(0))
    assert nothing.until(after(0), FIELDS).empty
    assert list(backtest(nothing, "pm2_5", BEGIN, REFIT)) == []


@pytest.mark.usefixtures("at_once")
def test_what_comes_after_an_origin_changes_no_forecast_of_it(faulty):
    end = BEGIN + pd.Timedelta(days=2)
    changed = faulty.copy()
    later = changed["timestamp"] >= end
    changed.loc[later, list(FIELDS)] = np.random.default_rng(2).permutation(changed.loc[later, list(FIELDS)])
    before, after_change = (list(backtest(KnownReadings(hours), "pm2_5", BEGIN, end)) for hours in (faulty, changed))
    assert before == after_change
    assert len(before) == 2 * 24 * 6


@pytest.fixture(scope="module")
def sound() -> KnownReadings:
    return KnownReadings(history(100, seed=3))


def documents(forecasts) -> pd.DataFrame:
    return pd.DataFrame(
        {"origin": one.origin, "hours_ahead": one.hours_ahead, "target": one.target, **one.document}
        for one in forecasts
    )


@pytest.mark.usefixtures("at_once")
def test_intervals_hold_four_of_five_readings_and_the_model_beats_persistence(sound):
    made = documents(backtest(sound, "pm2_5", BEGIN, BEGIN + pd.Timedelta(days=16)))
    assert score(scored(made, "pm2_5", sound.final["pm2_5"])).coverage == pytest.approx(0.8, abs=0.03)
    for _, ahead in made[made["hours_ahead"] >= 2].groupby("hours_ahead"):
        found = score(scored(ahead, "pm2_5", sound.final["pm2_5"]))
        assert min(found.rmse_skill, found.mae_skill, found.pinball_skill) > 0.05


@pytest.mark.usefixtures("at_once")
def test_a_useless_model_is_withheld_within_a_week_and_a_good_one_is_back_in_time(sound, monkeypatch):
    def fit_to_noise_first(valid, field, fitted_at):
        if fitted_at < REFIT:
            rng = np.random.default_rng(0)
            valid = valid.iloc[rng.permutation(len(valid))].set_axis(valid.index)
        return fit(valid, field, fitted_at)

    monkeypatch.setattr(forecast_backtest, "fit", fit_to_noise_first)
    made = documents(backtest(sound, "pm2_5", BEGIN, REFIT + pd.Timedelta(days=9)))
    is_withheld = made[made["hours_ahead"] == 2].set_index("origin")["pm2_5_withheld"].eq(LOSES_TO_PERSISTENCE)
    assert not is_withheld[: BEGIN + pd.Timedelta(days=3)].any()
    assert is_withheld[BEGIN + pd.Timedelta(days=7) : REFIT].all()
    assert not is_withheld[REFIT + pd.Timedelta(days=8) :].any()
