"""The captured year: what can be said of a paved and an unpaved street, against a computation in plain numpy."""

import json
import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.network.colocation import compared_periods, measured_periods, side_by_side
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.comparison import comparison_rows
from airquality_dagster.readings.comparison_hours import PairHours, StationHours
from airquality_dagster.readings.flags import flag_hours
from airquality_dagster_tests.conftest import CAPTURES, needs_captures

pytestmark = needs_captures

FROM, TO = pd.Timestamp("2023-05-15", tz="UTC"), pd.Timestamp("2023-12-07", tz="UTC")
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "comparison.md"
SIDE_BY_SIDE = slice("2023-02-15", "2023-03-28 10:00")


@cache
def pair() -> PairHours:
    network, future = load_network(), datetime(2100, 1, 1, tzinfo=UTC)
    stations = []
    for station in network.stations:
        answer = json.loads((CAPTURES / f"{station.airqino_id}.json").read_text())
        parsed = parse_hourly_answer(answer, start=datetime(2000, 1, 1, tzinfo=UTC), end=future, now=future)
        hourly = hourly_frame([parsed], station_id=station.airqino_id, now=future, absent=math.nan)
        flagged = flag_hours(hourly, siting=station.siting(network.time_zone))
        hours = pd.DatetimeIndex(flagged.hours["timestamp"])
        stations.append(StationHours.of_flags(flagged.readings.set_axis(hours), flagged.flags.set_axis(hours)))
    zone = network.time_zone
    return PairHours.of(
        *stations,
        side_by_side=side_by_side(*network.stations, zone),
        compared=compared_periods(*network.stations, zone, future),
        measured=measured_periods(*network.stations, zone, future),
    )


@cache
def whole(field: str):
    data = pair().of_field(field, FROM, TO, [])
    return comparison_rows(data, pair().relations(field), load_network().time_zone, with_parts=False)[0]


@pytest.mark.parametrize(("field", "raw", "lowest", "highest"), [("pm2_5", 7.1, 3.0, 4.4), ("pm10", 6.1, 5.7, 6.5)])
def test_more_than_half_of_the_difference_of_pm2_5_is_the_instruments_and_little_of_pm10(field, raw, lowest, highest):
    row = whole(field)
    assert row["difference_raw"]["mean"] == pytest.approx(raw, abs=0.2)
    assert lowest < row["difference_one_scale"]["mean"] < highest
    assert row["difference_one_scale"]["low"] > 1
    assert row["withheld"] is None
    assert (row["instruments_share"] > 0.5) == (field == "pm2_5")
    # The winter in Europe would say more: the result depends on the window.
    europe, abidjan = row["colocations"]
    assert europe["difference_one_scale"] > abidjan["difference_one_scale"] + 1
    assert abidjan["difference_one_scale"] == row["difference_one_scale"]["mean"]


@pytest.mark.parametrize(("field", "label"), [("pm2_5", "PM2.5"), ("pm10", "PM10")])
def test_the_table_of_the_documentation_has_the_digits_of_the_comparison(field, label):
    row = whole(field)
    raw, scaled = (
        f"{row[name]['mean']:+.1f} ({row[name]['low']:.1f} to {row[name]['high']:.1f})"
        for name in ("difference_raw", "difference_one_scale")
    )
    others = (row["colocations"][0], row["colocations_pooled"])
    cells = [f"{label}, µg/m³", raw, f"**{scaled}**", f"{100 * row['instruments_share']:.0f} %"]
    cells += [f"{one['difference_one_scale']:+.1f}" for one in others]
    documentation = DOCUMENTATION.read_text(encoding="utf-8")
    assert f"| {' | '.join(cells)} |\n" in documentation
    if field == "pm2_5":
        assert f"({row['hours']} hours of PM2.5, {row['days']} full days)" in documentation


def test_how_much_of_pm2_5_comes_from_the_instruments_depends_on_the_weeks():
    row = whole("pm2_5")
    raw = row["difference_raw"]["mean"]
    by = [row["colocations"][1], row["colocations"][0], row["colocations_pooled"]]
    assert [round(100 * (1 - one["difference_one_scale"] / raw)) for one in by] == [56, 18, 34]


@pytest.mark.parametrize("field", ["pm2_5", "pm10"])
def test_plain_numpy_agrees_to_three_digits(field):
    first, second = (station.sound[field] for station in (pair().first, pair().second))
    beside = pd.concat([first, second], axis=1)[SIDE_BY_SIDE].dropna().to_numpy()
    _, _, axes = np.linalg.svd(beside - beside.mean(axis=0))
    slope = axes[0, 1] / axes[0, 0]
    intercept = beside[:, 1].mean() - slope * beside[:, 0].mean()
    apart = pd.concat([pair().first.valid[field], pair().second.valid[field]], axis=1)[FROM:TO].dropna().to_numpy()
    row = whole(field)
    assert row["colocation"]["slope"] == pytest.approx(slope, rel=1e-3)
    assert row["colocation"]["intercept"] == pytest.approx(intercept, rel=1e-3)
    assert row["difference_raw"]["mean"] == pytest.approx((apart[:, 1] - apart[:, 0]).mean(), rel=1e-3)
    on_scale = apart[:, 1] - intercept - slope * apart[:, 0]
    assert row["difference_one_scale"]["mean"] == pytest.approx(on_scale.mean(), rel=1e-3)
    # Independent days would give a narrower interval.
    days = pd.Series(on_scale).groupby(np.arange(len(on_scale)) // 24).mean()
    half = 1.96 * days.std() / np.sqrt(len(days))
    assert row["difference_one_scale"]["high"] - row["difference_one_scale"]["low"] > 2 * half


@pytest.mark.parametrize(
    ("field", "reason"), [("no2", "cross_sensitive"), ("o3", "side_by_side_disagree"), ("co", "no_hours")]
)
def test_nothing_can_be_said_of_the_gases(field, reason):
    assert whole(field)["withheld"] == reason
    assert whole(field)["difference_one_scale"]["mean"] is None
