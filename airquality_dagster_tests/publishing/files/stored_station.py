"""Stored documents of a small station: two years of hours that meet, in each state that a reading can have."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

STATIONS = {
    "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2023-12", "country": "CI"},
    "stations": [
        {
            "name": "station1",
            "airqino_id": 283164601,
            "label": "SMART188",
            "city": "Abidjan",
            "deployments": [
                {"from": "2023-12-01", "place": "Pharmacie du Bonheur; près de l’église", "kind": "street"},
            ],
        },
        {"name": "station2", "airqino_id": 283181971},
    ],
}

LONG = 12.345678901234567
"""A number that needs all of its 17 digits."""
FIRST = datetime(2023, 12, 31, 22, tzinfo=UTC)
VALID, FAILED, MISSING, NOT_JUDGED = (FIRST + timedelta(hours=number) for number in range(4))
"""Hours by what is known of their PM2.5; the last two are in 2024."""
DAYS = [datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]


def store_station(database: Database[Any], name: str = "station1", **added: Any) -> None:
    """Store a station; ``added`` are further fields of its hours, days and periods, such as ``simulated``."""
    readings = {VALID: LONG, FAILED: 80.0, MISSING: None, NOT_JUDGED: 3.25}
    database[f"raw_{name}"].insert_many(
        {"_id": hour, "station_id": 283164601, "pm2_5": value, "co": -0.125, **added}
        for hour, value in readings.items()
    )
    judged: dict[datetime, dict[str, Any]] = {
        VALID: {"pm2_5_qc": 1, "pm2_5_flags": ["humid", "restated"], "co_qc": 3},
        FAILED: {"pm2_5_qc": 4, "pm2_5_flags": ["stuck"], "co_qc": 3},
        MISSING: {"pm2_5_qc": 9, "pm2_5_flags": ["missing"], "co_qc": 3},
    }
    database[f"{name}_quality"].insert_many({"_id": hour, **flags, "rules": 2} for hour, flags in judged.items())
    database[f"{name}_aggregates"].insert_many(
        [
            {"_id": DAYS[0], "hours": 24, "pm2_5_mean": 0.1 + 0.2, "pm2_5_valid_mean": LONG, "pm2_5_invalid": None,
             "aqi": 57, "aqi_pollutants": ["pm2_5"], "who_exceeded": [], "pm2_5_who": "AQG", "rules": 2, **added},
            {"_id": DAYS[1], "hours": 2, "pm2_5_mean": 3.25, "pm2_5_valid_mean": None, "aqi": None,
             "pm2_5_invalid": {"missing": 23, "stuck": 1}, "aqi_pollutants": [], "rules": 2, **added},
        ]
    )  # fmt: skip
    database[f"{name}_summaries"].insert_many(
        {"_id": {"period": period, "start": start}, "days": 1, "pm2_5_valid_mean": LONG, "rules": 2, **added}
        for period, start in (("month", datetime(2023, 12, 1, tzinfo=UTC)), ("year", datetime(2023, 1, 1, tzinfo=UTC)))
    )
