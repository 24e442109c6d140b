"""A pair of stations for tests: its stations file, and its hours in MongoDB."""

from datetime import timedelta
from typing import Any

from pymongo.database import Database

from airquality_dagster_tests.readings.compared_pair import APART, BEGIN, DAYS, two_readings

END = APART + timedelta(days=DAYS)


def pair_of_stations() -> dict[str, Any]:
    """Return the content of the stations file."""
    return {
        "network": {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2023-02"},
        "stations": [
            {"name": name, "airqino_id": number, "deployments": _deployments(name)}
            for number, name in enumerate(("paved", "unpaved"), 1)
        ],
        "pairs": [{"name": "paving", "first": "paved", "second": "unpaved", "question": "What does paving do?"}],
    }


def _deployments(name: str) -> list[dict[str, Any]]:
    return [
        {"from": BEGIN.date(), "to": APART.date(), "kind": "colocation", "place": "Lab"},
        {"from": APART.date(), "kind": "street", "place": f"Street of {name}"},
    ]


def store_pair(database: Database[Any]) -> None:
    """Store the hours as raw and quality assets do: those of the side-by-side weeks are off site."""
    for name, readings in zip(("paved", "unpaved"), two_readings(), strict=True):
        rows = readings.astype(object).where(readings.notna(), None).to_dict("index")
        database[f"raw_{name}"].insert_many({"_id": hour.to_pydatetime(), **row} for hour, row in rows.items())
        database[f"{name}_quality"].insert_many(
            {
                "_id": hour.to_pydatetime(),
                **{f"{field}_qc": 4 if hour < APART else 1 for field in row},
                **{f"{field}_flags": ["off_site", "humid"] if hour < APART else [] for field in row},
            }
            for hour, row in rows.items()
        )
