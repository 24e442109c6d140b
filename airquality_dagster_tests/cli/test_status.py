"""``airquality status``: the index of now, with what one must know of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airquality_dagster_tests.processes import airquality

NOW = datetime.now(UTC)
NEWEST = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
MOVED = NEWEST - timedelta(days=2)
STATIONS = f"""
network: {{name: Abidjan, time_zone: Africa/Abidjan, first_month: "2022-12"}}
stations:
  - {{name: front, airqino_id: 1}}
  - name: away
    airqino_id: 2
    deployments:
      - {{from: 2020-05-06, place: Pharmacie du Bonheur, kind: street}}
      - {{from: {MOVED:%Y-%m-%d %H:%M}, place: "Turin [lab]", kind: colocation}}
  - {{name: mirrored, airqino_id: 3}}
  - {{name: late, airqino_id: 4}}
"""


def store(database, station: str, newest: datetime = NEWEST, **judgement: Any) -> None:
    """Store a day of readings; the newest hour has this judgement."""
    hours = [newest - timedelta(hours=age) for age in range(24)]
    sound = {"aqi_nowcast": 71, "aqi_nowcast_pollutant": "pm2_5", "eaqi": 3, "pm2_5_qc": 1, "pm10_qc": 1, "no2_qc": 1}
    database[f"raw_{station}"].insert_many([{"_id": hour, "pm2_5": 20.0} for hour in hours])
    judged = [{"_id": hour, **sound} for hour in hours]
    judged[0] |= judgement
    database[f"{station}_quality"].insert_many(judged)


@pytest.fixture
def status(database, mongodb_uri, tmp_path):
    stations = tmp_path / "stations.yaml"
    stations.write_text(STATIONS, encoding="utf-8")

    def text() -> str:
        run = airquality(
            "status",
            home=tmp_path / "home",
            MONGODB_URI=mongodb_uri,
            MONGODB_DATABASE=database.name,
            AIRQUALITY_STATIONS=str(stations),
            COLUMNS="200",
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    return text


def forecast(database, station: str, target: datetime, **fields: Any) -> None:
    """Store a forecast of PM2.5 two hours ahead, and its score."""
    said = {"pm2_5_p10": 12.4, "pm2_5_p50": 18.0, "pm2_5_p90": 26.5, "pm2_5_method": "model", "pm2_5_withheld": None}
    key = {"origin": target - timedelta(hours=2), "hours_ahead": 2}
    database[f"{station}_forecast"].insert_one({"_id": key, "target": target, **said, **fields})
    score = {"hours": 640, "mae_skill": 0.173}
    database[f"{station}_forecast_scores"].insert_one(
        {"_id": {"date": NEWEST.replace(hour=0), "hours_ahead": 2}, "pm2_5_28_days": score, "pm2_5_is_withheld": False}
    )


def test_it_tells_what_comes_in_two_hours_and_what_that_is_worth_or_why_it_does_not(status, database):
    target = NEWEST + timedelta(hours=2)
    none = dict.fromkeys(("pm2_5_p10", "pm2_5_p50", "pm2_5_p90", "pm2_5_method"))
    forecast(database, "front", target)
    forecast(database, "mirrored", target, **none, pm2_5_withheld="loses_to_persistence")
    forecast(database, "late", target - timedelta(hours=20))
    text = status()
    worth = "; 17 % better than as now (640 h of 28 days)"
    assert f"front: PM2.5 at {target:%H}:00 UTC: 12 to 26 µg/m³, about 18{worth}" in text
    assert f"mirrored: no forecast of PM2.5 (loses to persistence){worth}" in text
    assert f"late: no forecast of PM2.5 (no new hour){worth}" in text
    assert "away: no forecast of PM2.5 yet" in text


def test_it_tells_a_front_a_station_elsewhere_and_a_channel_without_a_signal(status, database):
    store(database, "front", aqi_nowcast=162, pm2_5_flags=["unconfirmed"], pm2_5_qc=3)
    store(database, "away", aqi_nowcast=None, eaqi=None, pm2_5_flags=["off_site"], pm2_5_qc=4)
    store(
        database, "mirrored", eaqi=None, eaqi_withheld="no_particulate_matter", no2_flags=["cross_sensitive"], no2_qc=3
    )
    store(database, "late", NEWEST - timedelta(hours=20))
    lines = {line.partition(": ")[0]: line for line in reversed(status().splitlines()) if ": " in line}
    assert lines["front"] == "front: now AQI 162, Unhealthy (PM2.5, not confirmed yet), European index 3 of 6"
    since = f"{MOVED:%Y-%m-%d %H:%M} UTC"
    assert lines["away"] == f"away: not at its place since {since}: Turin [lab], colocation; no index"
    assert lines["mirrored"] == (
        "mirrored: now AQI 71, Moderate (PM2.5), no European index (no particulate matter); "
        "in no index, for want of a signal of its own: NO₂"
    )
    assert lines["late"] == "late: no current index"
