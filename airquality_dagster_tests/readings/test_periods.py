import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from airquality_dagster.assets.schemas import SUMMARY_COLUMNS
from airquality_dagster.network.siting import Siting
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster.readings.periods import SUMMARISED, period_summaries
from airquality_dagster_tests.readings.series import hourly, varied

ABIDJAN = ZoneInfo("Africa/Abidjan")


def summaries(frame: pd.DataFrame, zone: ZoneInfo = ABIDJAN) -> pd.DataFrame:
    daily = daily_aggregates(flag_hours(frame), zone)
    columns = [column for column in SUMMARISED if column in daily]
    return period_summaries(daily[columns], zone).set_index(["period", "start"])


def test_a_month_has_data_capture_and_the_mean_of_its_valid_days():
    month = summaries(hourly(pm2_5=varied(24 * 31, 20.0))).loc[("month", pd.Timestamp("2023-01-01", tz="UTC"))]
    assert (month["days"], month["expected_days"], month["expected_hours"]) == (31, 31, 744)
    assert (month["pm2_5_valid_days"], month["pm2_5_valid_hours"], month["pm2_5_percent_complete"]) == (31, 744, 100)
    assert month["pm2_5_valid_mean"] == pytest.approx(sum(varied(24 * 31, 20.0)) / 744, abs=0.01)
    assert month["pm2_5_days_above_guideline"] == 31
    assert month["co_valid_days"] == 0
    assert math.isnan(month["co_valid_mean"])


@pytest.mark.parametrize(("days", "is_valid"), [(24, True), (23, False)])
def test_a_month_needs_three_quarters_of_its_days_and_a_year_too(days, is_valid):
    found = summaries(hourly(pm2_5=varied(24 * days)))
    month = found.loc[("month", pd.Timestamp("2023-01-01", tz="UTC"))]
    assert math.isnan(month["pm2_5_valid_mean"]) is not is_valid
    assert month["pm2_5_percent_complete"] == 24 * days * 100 // 744
    year = found.loc[("year", pd.Timestamp("2023-01-01", tz="UTC"))]
    assert (year["expected_days"], year["expected_hours"]) == (365, 8760)
    assert math.isnan(year["pm2_5_valid_mean"])
    assert year["pm2_5_who"] is None


def test_the_annual_mean_is_compared_with_the_annual_guideline_and_months_are_not():
    found = summaries(hourly(pm2_5=varied(24 * 365, 9.0)))
    assert found.loc[("year", pd.Timestamp("2023-01-01", tz="UTC")), "pm2_5_who"] == "IT-4"
    assert found.loc["month"]["pm2_5_who"].isna().all()
    assert len(found.loc["month"]) == 12


def test_months_and_years_are_those_of_the_network_s_time_zone_with_the_hours_of_its_clocks():
    rome = summaries(hourly(datetime(2023, 2, 28, 23, tzinfo=UTC), pm2_5=varied(24 * 31)), ZoneInfo("Europe/Rome"))
    assert list(rome.index) == [
        ("month", pd.Timestamp("2023-03-01", tz="UTC")),
        ("month", pd.Timestamp("2023-04-01", tz="UTC")),
        ("year", pd.Timestamp("2023-01-01", tz="UTC")),
    ]
    assert rome["expected_hours"].tolist() == [743, 720, 8760]


def test_a_period_without_a_valid_mean_says_which_flags_took_its_hours():
    frame = hourly(pm2_5=varied(24 * 365))
    start = datetime(2023, 1, 31, tzinfo=UTC)
    siting = Siting(on_site=((start, datetime(2023, 9, 1, tzinfo=UTC)),))
    daily = daily_aggregates(flag_hours(frame, siting=siting), ABIDJAN)
    found = period_summaries(daily, ABIDJAN).set_index(["period", "start"])
    year = found.loc[("year", pd.Timestamp("2023-01-01", tz="UTC"))]
    assert year["pm2_5_valid_days"] == 213
    assert math.isnan(year["pm2_5_valid_mean"])
    assert year["pm2_5_invalid"] == {"off_site": 24 * 152}
    assert year["pm2_5_who"] is None
    march = found.loc[("month", pd.Timestamp("2023-03-01", tz="UTC"))]
    assert (march["pm2_5_invalid"], march["pm2_5_days_above_guideline"]) == (None, 0)
    october = found.loc[("month", pd.Timestamp("2023-10-01", tz="UTC"))]
    assert october["pm2_5_days_above_guideline"] is pd.NA


def test_a_channel_without_a_signal_of_its_own_is_compared_with_no_guideline():
    frame = hourly(no2=varied(24 * 365, 60.0), pm2_5=varied(24 * 365))
    daily = daily_aggregates(flag_hours(frame, siting=Siting(cross_sensitive={"no2": True})), ABIDJAN)
    year = period_summaries(daily, ABIDJAN).set_index("period").loc["year"]
    assert year["no2_valid_days"] == 365
    assert year["no2_valid_mean"] > 40
    assert (year["no2_who"], year["no2_days_above_guideline"]) == (None, pd.NA)


def test_its_columns_are_those_of_the_schema():
    found = summaries(hourly(pm2_5=varied(24))).reset_index()
    assert {column.name for column in SUMMARY_COLUMNS.columns} == {*found.columns, "simulated"}


def test_no_days_have_no_summary():
    assert summaries(hourly(pm2_5=varied(24)).iloc[:0]).empty
