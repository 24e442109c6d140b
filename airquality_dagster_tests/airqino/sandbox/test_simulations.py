"""Named simulations: each shows in the answers what its name says, and changes nothing else."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from airquality_dagster.airqino.answer import parse_hourly_answer
from airquality_dagster.airqino.sandbox.simulations import KINDS, SHOWN, Simulation, parse_simulations
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.errors import SettingsError
from airquality_dagster.network.stations import Network

NOW = datetime(2026, 6, 15, 12, 34, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 15, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
STATION, OTHER = 283164601, 283181971
PARTICLES = {"PM2.5", "PM10"}
ALL = {"CO", "T", "T. int.", "NO2", "O3", "PM10", "PM2.5", "RH", "timestamp"}

# Kind → the first and last hour that it may change, and the sensors.
CHANGES = {
    "front": (NOW.replace(minute=0) - 2 * HOUR, NOW, PARTICLES),
    "indoors": (MIDNIGHT - 3 * WEEK, NOW, ALL - {"CO"}),
    "gain": (MIDNIGHT - 3 * WEEK, NOW, PARTICLES),
    "drift": (MIDNIGHT - 8 * WEEK, NOW, PARTICLES),
    "clipped": (NOW - 400 * DAY, NOW, {"CO", "O3"}),
    "power-cut": (MIDNIGHT + HOUR, MIDNIGHT + 6 * HOUR, ALL - PARTICLES),
    "stuck": (MIDNIGHT - DAY, NOW, PARTICLES),
    "dead": (MIDNIGHT - 3 * DAY, NOW, PARTICLES),
    "repeated-day": (MIDNIGHT - DAY, MIDNIGHT - HOUR, ALL),
    "time-shift": (MIDNIGHT - 3 * WEEK, NOW, ALL),
}


def answer(*kinds, station=STATION, start=NOW - 80 * DAY, end=None, now=NOW, seed=0):
    simulations = [Simulation(kind, STATION) for kind in kinds]
    return SimulatedSource(seed, simulations=simulations).answer(station, start, end, now)


def by_hour(*kinds, **options):
    rows = answer(*kinds, **options)["data"]
    return {datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC): row for row in rows}


def table(*kinds, **options):
    frame = pd.DataFrame.from_dict(by_hour(*kinds, **options), orient="index").drop(columns="timestamp")
    return frame.astype(float).asfreq("h")


def test_every_kind_is_tried_here():
    assert CHANGES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_simulation_changes_its_sensors_in_its_period_and_every_other_byte_stays(kind, seed):
    first, last, sensors = CHANGES[kind]
    sound, simulated = by_hour(seed=seed), by_hour(kind, seed=seed)
    changed = {hour for hour in sound.keys() | simulated.keys() if sound.get(hour) != simulated.get(hour)}
    # A gap of the last days would hide the simulation.
    filled = {hour for hour in simulated.keys() - sound.keys() if hour >= NOW.replace(minute=0) - SHOWN}
    assert changed
    for hour in changed - filled:
        assert first <= hour <= last
        before, after = sound.get(hour), simulated.get(hour)
        if kind in ("power-cut", "time-shift", "repeated-day") and (before is None or after is None):
            continue
        different = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert different <= sensors
    assert list(simulated) == sorted(simulated)


@pytest.mark.parametrize("kind", CHANGES)
def test_another_station_and_the_header_stay(kind):
    assert json.dumps(answer(kind, station=OTHER)) == json.dumps(answer(station=OTHER))
    assert answer(kind)["header"] == answer()["header"]
    assert answer(kind)["header"]["simulated"] is True


@pytest.mark.parametrize("kind", CHANGES)
def test_an_hour_is_the_same_whatever_period_is_asked_for_and_parses(kind):
    year = by_hour(kind)
    for start, end in ((MIDNIGHT, NOW), (MIDNIGHT - 30 * DAY, MIDNIGHT - 20 * DAY), (MIDNIGHT - DAY, MIDNIGHT)):
        part = by_hour(kind, start=start, end=end)
        assert part == {hour: row for hour, row in year.items() if start <= hour <= end}
        assert part
    body = json.loads(json.dumps(answer(kind)))
    assert parse_hourly_answer(body, start=NOW - 400 * DAY, end=NOW + DAY, now=NOW).rejected == ()


@pytest.mark.parametrize("kind", CHANGES)
def test_a_station_with_a_gap_now_shows_its_simulation_nevertheless(kind):
    hours = list(by_hour(start=NOW - 300 * DAY))
    gap = max(range(1, len(hours)), key=lambda number: hours[number] - hours[number - 1])
    now = hours[gap] - HOUR + timedelta(minutes=30)
    sound, simulated = (by_hour(*kinds, start=now - 10 * DAY, now=now) for kinds in ((), (kind,)))
    assert max(sound) < now - 5 * HOUR
    assert max(simulated) == hours[gap] - HOUR
    assert simulated != sound


def test_a_front_began_two_hours_ago_with_dust_as_the_coast_knows_it():
    front, sound = table("front"), table()
    now = pd.Timestamp(NOW).floor("h")
    assert (front["PM2.5"][now - 2 * HOUR :] > 100).all()
    assert (front["PM10"][now - 2 * HOUR :] > 400).all()
    assert front["PM10"][now - 3 * HOUR] == sound["PM10"][now - 3 * HOUR]


def test_indoors_temperature_and_particles_no_longer_follow_the_other_station_and_humidity_is_flat():
    inside, outside = table("indoors"), table(station=OTHER)
    for period, limits in (
        (slice(MIDNIGHT - 3 * WEEK, MIDNIGHT), (-0.9, 0.5)),
        (slice(MIDNIGHT - 9 * WEEK, MIDNIGHT - 4 * WEEK), (0.85, 1)),
    ):
        assert limits[0] < inside["T"][period].corr(outside["T"][period]) < limits[1]
    room = inside[MIDNIGHT - 3 * WEEK :]
    assert abs(room["PM2.5"].corr(outside["PM2.5"])) < 0.3
    assert room["RH"].std() < 2
    assert room["NO2"].corr(room["O3"]) < -0.95


def test_a_gain_doubles_particles_and_nothing_before():
    ratio = (table("gain")["PM2.5"] / table()["PM2.5"]).dropna()
    np.testing.assert_allclose(ratio[MIDNIGHT - 3 * WEEK :], 2, rtol=1e-5)
    np.testing.assert_array_equal(ratio[: MIDNIGHT - 3 * WEEK - HOUR], 1)


def test_a_drift_rises_by_a_quarter_each_week():
    ratio = (table("drift")["PM10"] / table()["PM10"]).dropna()
    assert ratio[MIDNIGHT - 4 * WEEK] == pytest.approx(2, rel=1e-5)
    assert ratio.iloc[-1] == pytest.approx(3, abs=0.05)
    assert ratio.is_monotonic_increasing or (ratio.diff().dropna() > -1e-5).all()


def test_a_clipped_series_is_the_unclipped_one_with_zero_for_what_is_negative():
    clipped, sound = table("clipped"), table()
    for sensor in ("CO", "O3"):
        both = pd.DataFrame({"clipped": clipped[sensor], "sound": sound[sensor]}).dropna()
        assert (both["sound"] < 0).any()
        np.testing.assert_array_equal(both["clipped"], both["sound"].clip(lower=0))


def test_after_a_power_cut_no2_jumps_up_ozone_falls_below_zero_and_temperature_falls():
    cut, sound = by_hour("power-cut"), by_hour()
    assert all(MIDNIGHT + number * HOUR not in cut for number in range(1, 5))
    first, second = (
        {name: cut[hour][name] - sound[hour][name] for name in ("NO2", "O3", "T", "PM2.5")}
        for hour in (MIDNIGHT + 5 * HOUR, MIDNIGHT + 6 * HOUR)
    )
    assert first["NO2"] == pytest.approx(10)
    assert first["T"] == pytest.approx(-10)
    assert cut[MIDNIGHT + 5 * HOUR]["O3"] < 0
    assert 0 < second["NO2"] < first["NO2"] / 2
    assert first["PM2.5"] == 0


def test_before_the_morning_the_power_cut_is_that_of_the_night_before():
    now = MIDNIGHT + 3 * HOUR
    cut = by_hour("power-cut", now=now)
    assert MIDNIGHT + 2 * HOUR in cut
    assert MIDNIGHT - DAY + 2 * HOUR not in cut


@pytest.mark.parametrize("sensor", sorted(PARTICLES))
def test_a_stuck_sensor_repeats_its_last_value_and_a_dead_one_reads_zero(sensor):
    stuck, dead = table("stuck")[sensor], table("dead")[sensor]
    assert stuck[MIDNIGHT - DAY :].unique().tolist() == [stuck[MIDNIGHT - DAY - HOUR]]
    assert dead[MIDNIGHT - 3 * DAY :].unique().tolist() == [0.0]
    assert dead[MIDNIGHT - 3 * DAY - HOUR] > 0


def test_yesterday_repeats_the_day_before_and_today_does_not():
    hours = by_hour("repeated-day")
    yesterday = [MIDNIGHT - DAY + number * HOUR for number in range(24)]
    assert all({**hours[hour], "timestamp": ""} == {**hours[hour - DAY], "timestamp": ""} for hour in yesterday)
    assert hours[MIDNIGHT]["PM2.5"] != hours[MIDNIGHT - DAY]["PM2.5"]


def test_a_shifted_clock_reads_each_hour_an_hour_late():
    late, sound = table("time-shift"), table()
    period = slice(MIDNIGHT - 2 * WEEK, MIDNIGHT - 4 * DAY)
    pd.testing.assert_frame_equal(late[period], sound.shift(1)[period], check_freq=False)


def test_simulations_are_combined_and_without_a_station_meant_for_all():
    source = SimulatedSource(simulations=[Simulation("gain"), Simulation("front", STATION)])
    rows = {
        station: {row["timestamp"]: row for row in source.answer(station, None, None, NOW)["data"]}
        for station in (STATION, OTHER)
    }
    newest = "2026-06-15 11:00:00"
    sound = {station: by_hour(station=station)[NOW.replace(minute=0) - HOUR]["PM2.5"] for station in (STATION, OTHER)}
    assert rows[OTHER][newest]["PM2.5"] == pytest.approx(2 * sound[OTHER], abs=1e-5)
    assert rows[STATION][newest]["PM2.5"] == pytest.approx(2 * sound[STATION] + 100, abs=1e-5)


NETWORK = Network.model_validate(
    {
        "network": {"name": "Test", "time_zone": "Africa/Abidjan", "first_month": "2026-01"},
        "stations": [{"name": "one", "airqino_id": STATION}, {"name": "two", "airqino_id": OTHER}],
    }
)


def test_options_are_parsed():
    parsed = parse_simulations(["front", f"gain:{OTHER}"], NETWORK)
    assert parsed == (Simulation("front"), Simulation("gain", OTHER))
    assert str(OTHER) in str(parsed[1])
    assert "every station" in str(parsed[0])


@pytest.mark.parametrize("text", ["earthquake", "", "front:7", "front:", "front:station1", "gain=2", "FRONT"])
def test_an_unknown_kind_or_station_is_answered_with_those_there_are(text):
    with pytest.raises(SettingsError) as refused:
        parse_simulations([text], NETWORK)
    for name in (repr(text), *KINDS, str(STATION), str(OTHER)):
        assert name in str(refused.value)
