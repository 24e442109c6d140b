"""The local AirQino server: what it simulates, what it replays, and how it asks for a token."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from airquality_dagster.airqino.answer import parse_hourly_answer
from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.oauth2 import Credentials, TokenSource
from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import ReplaySource, SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.errors import CaptureError
from airquality_dagster.local.serving import running
from airquality_dagster_tests.builders import answer, row

NOW = datetime(2026, 6, 15, 12, 34, tzinfo=UTC)
STATION = 283164601


def simulated(start=None, end=None, *, now=NOW, station=STATION, seed=0):
    return SimulatedSource(seed).answer(station, start, end, now)["data"]


def by_hour(rows):
    return {entry["timestamp"]: entry for entry in rows}


def test_without_bounds_it_answers_a_year_up_to_the_current_hour():
    rows = simulated()
    assert rows[0]["timestamp"].startswith("2025-06-15")
    assert rows[-1]["timestamp"] == "2026-06-15 12:00:00"
    assert 0.9 * 8760 < len(rows) < 8761


@settings(max_examples=25, deadline=None)
@given(st.datetimes(datetime(2025, 6, 16), datetime(2026, 6, 14)), st.timedeltas(timedelta(0), timedelta(days=70)))
def test_an_hour_is_the_same_whatever_period_is_asked_for(start, length):
    year = by_hour(simulated())
    start = start.replace(tzinfo=UTC)
    rows = simulated(start, start + length)
    assert all(year[entry["timestamp"]] == entry for entry in rows)
    expected = [hour for hour in year if f"{start:%Y-%m-%d %H:%M:%S}" <= hour <= f"{start + length:%Y-%m-%d %H:%M:%S}"]
    assert [entry["timestamp"] for entry in rows] == expected


def test_another_seed_or_station_has_other_readings():
    first = by_hour(simulated())
    for other in (simulated(seed=1), simulated(station=7)):
        shared = [hour for hour in by_hour(other) if hour in first]
        assert sum(first[hour]["PM2.5"] == by_hour(other)[hour]["PM2.5"] for hour in shared[:500]) < 5


def test_it_has_the_quirks_of_the_api():
    rows = simulated()
    hours = [datetime.fromisoformat(entry["timestamp"]) for entry in rows]
    assert max(later - earlier for earlier, later in itertools.pairwise(hours)) > timedelta(hours=5), "gaps"
    assert any(entry["NO2"] is None for entry in rows), "nulls"
    assert any("RH" not in entry for entry in rows), "fields that are missing"
    assert any(entry["CO"] < 0 for entry in rows), "CO below zero"
    assert max(len(list(run)) for _, run in itertools.groupby(entry["O3"] for entry in rows)) > 12, "a stuck sensor"
    header = SimulatedSource().answer(STATION, None, None, NOW)["header"]
    assert abs(header["station_lon"] - -3.96) > 1, "wrong coordinates"


def test_the_newest_hour_changes_in_every_column_until_it_is_over():
    early, late, over = (
        by_hour(simulated(now=NOW.replace(hour=hour, minute=minute)))["2026-06-15 12:00:00"]
        for hour, minute in ((12, 5), (12, 50), (13, 0))
    )
    for name in ("CO", "PM2.5", "T"):
        assert len({early[name], late[name], over[name]}) == 3
    assert by_hour(simulated(now=NOW + timedelta(hours=5)))["2026-06-15 12:00:00"] == over


def test_history_is_restated_when_its_month_is_three_months_old():
    start, end = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)
    before = by_hour(simulated(start, end, now=datetime(2026, 6, 30, 23, 59, tzinfo=UTC)))
    after = by_hour(simulated(start, end, now=datetime(2026, 7, 1, tzinfo=UTC)))
    changed = [hour for hour in before if before[hour] != after[hour]]
    assert changed
    assert all(before[hour]["CO"] < 0 and after[hour]["CO"] == 0.0 for hour in changed)


def test_what_it_answers_parses_without_a_rejected_row_and_says_that_it_is_simulated():
    body = json.loads(json.dumps(SimulatedSource().answer(STATION, None, None, NOW)))
    parsed = parse_hourly_answer(body, start=NOW - timedelta(days=400), end=NOW + timedelta(days=1), now=NOW)
    assert parsed.rejected == ()
    assert parsed.simulated


@pytest.fixture(scope="module")
def pair():
    """A year of two stations, one row an hour."""
    tables = []
    for station in (STATION, 283181971):
        hours = pd.DataFrame(simulated(station=station))
        tables.append(hours.set_index(pd.to_datetime(hours.pop("timestamp"))).astype(float).asfreq("h"))
    return tables


def test_stations_share_weather_and_dust_with_differences_of_their_own(pair):
    first, second = pair
    assert 0.95 < first["T"].corr(second["T"]) < 0.995
    assert 0.65 < first["PM2.5"].corr(second["PM2.5"]) < 0.9
    assert 0.55 < first["O3"].corr(second["O3"]) < 0.8


def test_no2_is_ozone_upside_down_at_the_level_of_the_real_stations(pair):
    for station in pair:
        assert -0.985 < station["NO2"].corr(station["O3"]) < -0.965
        assert station["NO2"].mean() == pytest.approx(19.5, abs=0.6)
        assert 0.8 < station["NO2"].std() < 1.5
        assert station["O3"].mean() == pytest.approx(26, abs=2)
        assert 4.5 < station["O3"].std() < 9


def test_dust_fronts_of_the_harmattan_come_at_both_stations_and_stay_for_hours(pair):
    first, second = (station["PM10"] > 200 for station in pair)
    assert set(first.index.month[first]) <= {11, 12, 1, 2, 3}
    assert (first & second).sum() >= 12
    assert (first & second).rolling(3).sum().max() == 3
    assert pair[0]["PM2.5"].max() > 60


def test_smoke_of_an_evening_comes_at_one_station_for_an_hour_or_two(pair):
    without_fronts = slice("2025-06-15", "2025-10-31")
    high = []
    for station in pair:
        pm2_5 = station["PM2.5"][without_fronts]
        high.append(pm2_5 - pm2_5.rolling(9, center=True, min_periods=5).median() > 25)
    for own, other in (high, high[::-1]):
        assert (own & ~other).sum() >= 3
        assert set(own.index.hour[own]) <= {18, 19, 20, 21, 22}
        assert own.rolling(4).sum().max() <= 2


def test_after_a_power_cut_the_first_hour_has_no2_up_ozone_below_zero_and_temperature_down(pair):
    for station in pair:
        is_first = station["O3"].notna() & station["O3"].shift(1).isna() & (station["O3"] < 0)
        before = station.ffill().shift(1)[is_first]
        assert is_first.sum() >= 4
        assert ((station["NO2"][is_first] - before["NO2"]) > 5).all()
        assert (station["T"][is_first] - before["T"]).median() < -7


@pytest.fixture
def captures(tmp_path):
    body = answer(row("2023-01-01 00:00:00"), row("2023-01-01 01:00:00"), row("2023-01-01 02:00:00"))
    (tmp_path / "5.json").write_text(json.dumps(body))
    (tmp_path / "README.json").write_text("not a capture")
    return tmp_path


def get(url: str, station: int = 5, **query):
    return requests.get(f"{url}/v3/getStationHourlyAvg/{station}", params=query, timeout=60)


@pytest.mark.parametrize(("end_included", "hours"), [(True, 2), (False, 1)])
def test_a_replay_answers_the_captured_rows_of_the_period_unchanged(captures, end_included, hours):
    with running(create_app(ReplaySource(captures), end_included=end_included)) as url:
        response = get(url, start_date="20230101-0100", end_date="20230101-0200")
        assert [entry["timestamp"][11:13] for entry in response.json()["data"]] == ["01", "02"][:hours]
        assert get(url).json() == json.loads((captures / "5.json").read_text())
        assert "simulated" not in response.json()["header"]


def test_an_unknown_station_is_404_and_a_bad_date_400(captures):
    with running(create_app(ReplaySource(captures))) as url:
        assert get(url, station=6).status_code == 404
        assert get(url, start_date="2023-01-01").status_code == 400


def test_answers_are_compressed():
    with running(create_app(SimulatedSource())) as url:
        assert get(url).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"data": 5}', "no json"])
def test_a_folder_without_captures_or_with_a_broken_one_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "5.json").write_text(content)
    with pytest.raises(CaptureError, match=str(tmp_path)):
        ReplaySource(tmp_path)


FORM = {
    "grant_type": "password",
    "client_id": "client",
    "client_secret": "secret",
    "username": "user",
    "password": "password",
}


def realm(**changes) -> Realm:
    return Realm(
        **{"client_id": "client", "client_secret": "secret", "username": "user", "password": "password", **changes}
    )


def test_with_a_realm_calls_need_a_token_and_are_answered_401_with_an_empty_object_without():
    with running(create_app(SimulatedSource(), realm())) as url:
        assert (get(url).status_code, get(url).json()) == (401, {})
        token = requests.post(url + TOKEN_PATH, data=FORM, timeout=60).json()
        assert {"access_token", "expires_in", "refresh_token", "refresh_expires_in", "token_type"} <= token.keys()
        response = requests.get(
            f"{url}/v3/getStationHourlyAvg/5", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=60
        )
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "wrong"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_wrong_credentials_get_keycloak_s_errors(change, error):
    status, body = realm().grant({**FORM, **change})
    assert status in (400, 401)
    assert body["error"] == error


def test_the_client_works_against_the_realm_with_both_grants_and_short_tokens():
    keycloak = realm(token_seconds=1, client_secret=None)
    with running(create_app(SimulatedSource(), keycloak)) as url:
        for grant in (
            {"username": "user", "password": "password"},
            {"refresh_token": keycloak.issue()["refresh_token"]},
        ):
            credentials = Credentials(token_url=url + TOKEN_PATH, client_id="client", **grant)
            client = AirQinoClient(url, TokenSource(credentials, (5, 5)))
            for _ in range(3):
                assert client.hourly_averages(STATION, NOW - timedelta(days=400), NOW - timedelta(days=399))
            client.close()
