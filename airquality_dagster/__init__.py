"""Hourly readings of AirQino air-quality stations, kept in MongoDB, judged and aggregated, as Dagster assets."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airquality_dagster.component import AirQualityNetwork

__all__ = ["AirQualityNetwork"]


def __getattr__(name: str) -> object:
    # Imported on first use, so that `airquality --help` does not wait for Dagster.
    if name == "AirQualityNetwork":
        from airquality_dagster.component import AirQualityNetwork

        return AirQualityNetwork
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
