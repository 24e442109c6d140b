"""What Prometheus is told of forecasts."""

from datetime import UTC, datetime, timedelta

from airquality_dagster.network.stations import load_network
from airquality_dagster.watching.metrics import metrics_registry

DATE = datetime(2023, 3, 4, tzinfo=UTC)


def row(date: datetime, skill: float | None, *, withheld: bool) -> dict:
    """Return a document of scores two hours ahead."""
    return {
        "_id": {"date": date, "hours_ahead": 2},
        **{f"{field}_28_days": None for field in ("pm10", "co")},
        **{f"{field}_is_withheld": False for field in ("pm10", "co")},
        "pm2_5_28_days": {"hours": 600, "mae_skill": skill},
        "pm2_5_is_withheld": withheld,
    }


def test_the_newest_scores_are_metrics(database, instance):
    former, newest = row(DATE - timedelta(days=1), 0.2, withheld=False), row(DATE, -0.1, withheld=True)
    database["station1_forecast_scores"].insert_many([former, newest])
    registry = metrics_registry(load_network(None), database, instance)

    def value(name: str, station: str = "station1", pollutant: str = "pm2_5") -> float | None:
        labels = {"station": station, "pollutant": pollutant, "hours_ahead": "2"}
        return registry.get_sample_value(f"airquality_forecast_{name}", labels)

    assert (value("mae_skill_28_days"), value("withheld")) == (-0.1, 1.0)
    assert (value("mae_skill_28_days", pollutant="co"), value("withheld", pollutant="co")) == (None, 0.0)
    assert value("withheld", station="station2") is None
