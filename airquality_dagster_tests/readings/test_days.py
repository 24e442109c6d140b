import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.assets.schemas import DAILY_COLUMNS
from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.siting import Siting
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import HOURS_BEFORE, flag_hours
from airquality_dagster_tests.readings.series import hourly, varied

NAN = math.nan
ABIDJAN = ZoneInfo("Africa/Abidjan")


def days_of(frame: pd.DataFrame, zone: ZoneInfo = ABIDJAN) -> pd.DataFrame:
    return daily_aggregates(flag_hours(frame), zone)


def test_a_day_has_mean_least_most_and_hours_of_what_was_published():
    values = [float(number) for number in range(24)]
    (day,) = days_of(hourly(pm2_5=values)).to_dict("records")
    assert day["date"] == pd.Timestamp("2023-01-01", tz="UTC")
    assert day["hours"] == 24
    assert (day["pm2_5_mean"], day["pm2_5_min"], day["pm2_5_max"], day["pm2_5_hours"]) == (
        11.5,
        0.0,
        23.0,
        24,
    )
    assert (day["pm2_5_valid_mean"], day["pm2_5_valid_hours"]) == (11.5, 24)


def test_the_published_mean_includes_what_quality_control_refuses_and_the_valid_mean_does_not():
    values = [-0.5] * 6 + [0.5, 0.25] * 9
    (day,) = days_of(hourly(co=values)).to_dict("records")
    assert (day["co_mean"], day["co_min"], day["co_hours"]) == (0.15625, -0.5, 24)
    assert (day["co_valid_mean"], day["co_valid_hours"]) == (0.375, 18)


@pytest.mark.parametrize(("valid", "is_valid"), [(18, True), (17, False)])
def test_a_valid_mean_needs_18_valid_hours(valid, is_valid):
    values = [*varied(valid, 0.5), *[-0.1] * (24 - valid)]
    (day,) = days_of(hourly(co=values)).to_dict("records")
    assert day["co_valid_hours"] == valid
    assert math.isnan(day["co_valid_mean"]) is not is_valid


def test_every_parameter_of_the_table_has_its_fields_also_without_a_reading():
    frame = days_of(hourly(pm2_5=[1.0]))
    statistics = ("mean", "min", "max", "hours", "valid_mean", "valid_hours", "percent_complete", "invalid")
    expected = ["date", "hours", *(f"{parameter.field}_{name}" for parameter in PARAMETERS for name in statistics)]
    assert list(frame.columns)[: len(expected)] == expected
    assert {column.name for column in DAILY_COLUMNS.columns} == {*frame.columns, "simulated"}
    assert frame["co_hours"].tolist() == [0]
    assert frame["co_mean"].isna().all()


def test_a_sensor_that_is_not_in_the_table_is_aggregated_too():
    frame = days_of(hourly(voc=[1.0, 3.0]))
    assert frame["voc_mean"].tolist() == [2.0]
    assert frame["voc_valid_hours"].tolist() == [2]


def test_a_column_without_any_reading_that_is_not_in_the_table_leaves_no_trace():
    frame = days_of(hourly(voc=[math.nan]))
    assert "voc_mean" not in frame


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Europe/Rome", datetime(2023, 3, 25, 23, tzinfo=UTC), 23),
        ("Europe/Rome", datetime(2023, 10, 28, 22, tzinfo=UTC), 25),
    ],
)
def test_a_local_day_has_the_hours_of_its_time_zone(zone, first, hours):
    frame = days_of(hourly(first, pm2_5=[1.0] * (hours + 2)), ZoneInfo(zone))
    assert frame["hours"].tolist() == [hours, 2]
    assert frame["date"].iloc[0] == pd.Timestamp(first.astimezone(ZoneInfo(zone)).date(), tz="UTC")


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns", "Australia/Lord_Howe"]
)
def test_in_zones_with_half_hours_each_day_of_a_whole_year_is_complete(zone):
    hours = 24 * 368
    frame = days_of(hourly(datetime(2023, 12, 30, tzinfo=UTC), pm2_5=varied(hours)), ZoneInfo(zone)).iloc[1:-1]
    assert (frame["hours"] == frame["expected_hours"]).all()
    assert (frame["pm2_5_percent_complete"] == 100).all()
    assert set(frame["expected_hours"]) <= {23, 24, 25}
    assert frame["pm2_5_valid_mean"].notna().all()


def test_in_zones_with_half_hours_an_hour_belongs_to_the_day_on_which_it_starts():
    frame = days_of(hourly(datetime(2023, 1, 1, 17, tzinfo=UTC), pm2_5=varied(4)), ZoneInfo("Asia/Kolkata"))
    # 18:00 UTC is 23:30 of the first day, 19:00 is 00:30 of the second.
    assert frame["hours"].tolist() == [2, 2]


def test_a_day_with_a_simulated_hour_is_labelled():
    flags = [math.nan] * 24 + [math.nan, True]
    frame = hourly(pm2_5=[1.0] * 26, simulated=flags)
    assert days_of(frame)["simulated"].tolist() == [False, True]


def test_no_hours_are_no_days():
    assert days_of(hourly(pm2_5=[1.0]).iloc[:0]).empty


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Hours of PM10, ozone and CO of some days, with gaps, faults and hours of all zones, in any order."""
    length = draw(st.integers(1, 24 * 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    faults = rng.random((3, length))
    readings = rng.normal([[60], [100], [2]], [[10], [20], [0.5]], (3, length))
    readings[faults < 0.03], readings[faults > 0.97] = NAN, -99
    frame = hourly(datetime(2023, 3, 24, tzinfo=UTC), pm10=readings[0], o3=readings[1], co=readings[2])
    return frame[rng.random(length) > 0.05].sample(frac=1, random_state=rng.integers(2**32))


def by_hour_and_day(frame: pd.DataFrame, zone: ZoneInfo, field: str) -> tuple[dict, dict[str, list[datetime]]]:
    """Return hour → valid reading, and date → its hours, by plain Python."""
    valid_readings = flag_hours(frame).valid_readings[field]
    hours = [hour.to_pydatetime() for hour in sorted(frame["timestamp"])]
    valid = {hour: value for hour, value in zip(hours, valid_readings, strict=True) if not math.isnan(value)}
    days: dict[str, list[datetime]] = {}
    for hour in hours:
        days.setdefault(f"{hour.astimezone(zone):%Y-%m-%d}", []).append(hour)
    return valid, days


ZONES = st.sampled_from([
    "Africa/Abidjan", "Europe/Rome", "America/Bogota", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide",
    "America/St_Johns", "Australia/Lord_Howe",
]).map(ZoneInfo)  # fmt: skip


@given(histories(), ZONES)
def test_days_equal_an_independent_computation_whatever_the_order_of_rows(frame, zone):
    valid, days = by_hour_and_day(frame, zone, "pm10")
    published = {hour.to_pydatetime(): value for hour, value in zip(frame["timestamp"], frame["pm10"], strict=True)}
    daily = days_of(frame, zone)
    assert [f"{date:%Y-%m-%d}" for date in daily["date"]] == sorted(days)
    for _, day in daily.iterrows():
        hours = days[f"{day['date']:%Y-%m-%d}"]
        present = [published[hour] for hour in hours if not math.isnan(published[hour])]
        passed = [valid[hour] for hour in hours if hour in valid]
        assert (day["hours"], day["pm10_hours"], day["pm10_valid_hours"]) == (len(hours), len(present), len(passed))
        mean = math.fsum(present) / len(present) if present else NAN
        np.testing.assert_allclose(day["pm10_mean"], mean, atol=1e-9)
        expected = math.fsum(passed) / len(passed) if len(passed) >= 18 else NAN
        np.testing.assert_allclose(day["pm10_valid_mean"], expected, atol=1e-9)
        assert (day["pm10_invalid"] is None) == (len(passed) >= 18)


@given(histories(), ZONES)
def test_the_highest_8_hour_mean_equals_an_independent_computation(frame, zone):
    valid, _ = by_hour_and_day(frame, zone, "o3")
    for _, day in days_of(frame, zone).iterrows():
        # The means that end on the day: of the hours up to each of its hours, six of eight being there.
        begin = datetime(day["date"].year, day["date"].month, day["date"].day, tzinfo=zone).astimezone(UTC)
        # The first full hour: in zones with half hours, a day begins within an hour.
        begin = begin.replace(minute=0) + timedelta(hours=begin.minute > 0)
        ends = [begin + timedelta(hours=number) for number in range(day["expected_hours"])]
        means = []
        for end in ends:
            window = [valid[hour] for age in range(8) if (hour := end - timedelta(hours=age)) in valid]
            if len(window) >= 6:
                means.append(math.fsum(window) / len(window))
        expected = max(means) if len(means) >= 18 else NAN
        np.testing.assert_allclose(day["o3_max_8h"], expected, atol=1e-9)


@given(histories(), ZONES, st.data())
def test_to_take_a_valid_hour_away_never_makes_a_day_more_valid(frame, zone, data):
    frame = frame.sort_values("timestamp", ignore_index=True)
    is_valid = flag_hours(frame).is_valid[["pm10", "o3", "co"]].all(axis=1)
    candidates = list(is_valid.index[is_valid])
    if not candidates:
        return
    before = days_of(frame, zone).set_index("date")
    after = days_of(frame.drop(index=data.draw(st.sampled_from(candidates))), zone).set_index("date")
    for field in ("pm10", "o3", "co"):
        assert (after[f"{field}_valid_hours"] <= before[f"{field}_valid_hours"].reindex(after.index)).all()
    for column in ("pm10_valid_mean", "o3_valid_mean", "co_max_8h", "o3_max_8h", "o3_max_1h", "aqi"):
        appeared = after[column].notna() & before[column].reindex(after.index).isna()
        assert not appeared.any()


def test_the_reason_for_no_valid_mean_counts_the_hours_of_each_flag():
    values = [*varied(10), -11.0, -11.1, -11.2, -11.3, *[NAN] * 2]
    (day,) = days_of(hourly(pm2_5=values)).to_dict("records")
    assert day["pm2_5_invalid"] == {"missing": 10, "out_of_range": 4}
    assert (day["pm2_5_percent_complete"], day["expected_hours"]) == (41, 24)


def test_coverage_never_rounds_up_to_complete():
    (day,) = days_of(hourly(pm2_5=varied(23))).to_dict("records")
    assert day["pm2_5_percent_complete"] == 95
    fall = hourly(datetime(2023, 10, 28, 22, tzinfo=UTC), pm2_5=varied(24))
    assert days_of(fall, ZoneInfo("Europe/Rome"))["pm2_5_percent_complete"].tolist() == [96]


def test_the_night_before_counts_in_the_8_hour_mean_of_the_morning_also_across_a_month_s_end():
    values = [*[10.0 + number % 3 for number in range(16)], *[7.0 + number % 3 for number in range(8)]]
    january = hourly(datetime(2023, 1, 31, tzinfo=UTC), co=values)
    february = hourly(datetime(2023, 2, 1, tzinfo=UTC), co=[1.0 + 0.1 * (number % 3) for number in range(24)])
    alone = days_of(february)["co_max_8h"].iloc[0]
    together = daily_aggregates(flag_hours(february, surrounding=january), ABIDJAN)["co_max_8h"].iloc[0]
    assert alone < 2
    # From 17:00 to 01:00, as Directive 2008/50/EC has it: seven hours of January and the first of February.
    assert together == pytest.approx((math.fsum(values[17:]) + 1.0) / 8)


def test_indices_of_a_day_come_from_valid_values_only_and_say_which():
    day_of_pm = [*[40.0 + number % 3 for number in range(18)], *[999.0] * 6]
    stuck = days_of(hourly(pm2_5=day_of_pm, pm10=[80.0 + number % 3 for number in range(24)])).iloc[0]
    assert stuck["pm2_5_valid_hours"] == 18
    assert (stuck["aqi"], stuck["aqi_category"], stuck["aqi_pollutant"]) == (
        115,
        "Unhealthy for sensitive groups",
        "pm2_5",
    )
    assert stuck["aqi_pollutants"] == ["pm2_5", "pm10"]
    assert (stuck["pm2_5_who"], stuck["pm10_who"], stuck["o3_who"]) == ("IT-2", "IT-2", None)
    assert stuck["who_exceeded"] == ["pm2_5", "pm10"]


def test_a_day_without_a_valid_value_has_no_index():
    day = days_of(hourly(pm2_5=[400.0] * 24)).iloc[0]
    assert pd.isna(day["aqi"])
    assert day["aqi_category"] is None
    assert (day["aqi_pollutants"], day["who_exceeded"]) == ([], [])
    assert pd.isna(day["pm2_5_aqi"])
    assert day["o3_8h_means"] == 0


def test_each_pollutant_has_its_own_aqi_and_the_highest_is_the_day_s():
    (day,) = days_of(hourly(pm2_5=varied(24, 20.0), pm10=varied(24, 100.0))).to_dict("records")
    assert (day["pm2_5_aqi"], day["pm10_aqi"], day["aqi"]) == (72, 74, 74)
    assert all(pd.isna(day[f"{field}_aqi"]) for field in ("co", "no2", "o3"))


def test_a_day_with_fewer_than_18_valid_8_hour_means_has_no_maximum_and_counts_them():
    first, second = days_of(hourly(o3=[*varied(24, 60.0), *varied(12, 60.0)])).to_dict("records")
    assert (first["o3_8h_means"], first["o3_valid_hours"]) == (19, 24)
    assert first["o3_max_1h"] > 60
    assert first["o3_max_8h"] > 60
    assert (second["o3_8h_means"], second["o3_valid_hours"]) == (14, 12)
    assert math.isnan(second["o3_max_1h"])
    assert math.isnan(second["o3_max_8h"])


def test_the_first_day_of_a_history_is_told_in_hours_of_the_day_and_not_of_the_history():
    frame = hourly(datetime(2023, 1, 1, 14, tzinfo=UTC), co=varied(34))
    first, second = days_of(frame).to_dict("records")
    assert (first["co_8h_means"], second["co_8h_means"]) == (5, 24)
    assert math.isnan(first["co_max_8h"])
    assert second["co_max_8h"] > 0


def test_a_cross_sensitive_channel_has_valid_means_but_no_index_and_no_guideline():
    frame = hourly(no2=varied(48, 300.0), pm2_5=varied(48, 3.0))
    with_no2, without = (
        daily_aggregates(flag_hours(frame, siting=siting), ABIDJAN).iloc[1]
        for siting in (Siting(), Siting(cross_sensitive={"no2": True}))
    )
    assert (with_no2["aqi_pollutant"], with_no2["no2_who"], with_no2["cross_sensitive"]) == ("no2", "above IT-1", [])
    assert without["no2_valid_mean"] == with_no2["no2_valid_mean"]
    assert without["no2_max_1h"] == with_no2["no2_max_1h"]
    assert (without["aqi_pollutant"], without["no2_aqi"], without["no2_who"]) == ("pm2_5", pd.NA, None)
    assert (without["aqi_pollutants"], without["who_exceeded"], without["cross_sensitive"]) == (["pm2_5"], [], ["no2"])


def test_the_first_day_of_a_month_is_the_same_in_one_load_and_alone():
    hours = pd.date_range("2024-01-01", "2024-04-01", freq="h", tz="UTC", inclusive="left")
    co = pd.Series([0.5 + 0.01 * (number % 3 - 1) for number in range(len(hours))], index=hours)
    co["2024-02-10 00:00":"2024-02-16 22:00"] = -0.2
    co["2024-02-29 17:00":"2024-02-29 23:00"] = 1.2
    frame = hourly(hours[0].to_pydatetime(), co=list(co))
    moments = frame["timestamp"]
    start, end = pd.Timestamp("2024-03-01", tz="UTC"), pd.Timestamp("2024-04-01", tz="UTC")
    is_march = (moments >= start) & (moments < end)
    is_around = (moments >= start - timedelta(hours=HOURS_BEFORE)) & ~is_march
    alone = daily_aggregates(flag_hours(frame[is_march], surrounding=frame[is_around]), ABIDJAN)
    together = daily_aggregates(flag_hours(frame), ABIDJAN)
    expected = together[together["date"] >= start].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)
    assert not math.isnan(alone["co_max_8h"].iloc[0])
