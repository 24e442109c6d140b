"""What the stations measure: one table of API name, field, unit, plausible range and limit value.

Types, schemas, documents and axes derive from `PARAMETERS`; to add a pollutant is to add a row.
"""

import re
from dataclasses import dataclass

MICROGRAMS = "µg/m³"
MILLIGRAMS = "mg/m³"


@dataclass(frozen=True)
class Limit:
    """A limit or guideline value that a daily mean is compared with.

    Args:
        value: in the parameter's unit, for a mean over 24 hours.
        source: the guideline that sets it.
    """

    value: float
    source: str


@dataclass(frozen=True)
class Parameter:
    """One measured quantity.

    Args:
        api_name: the name in AirQino's answers.
        field: the name in documents and frames.
        label: the name that people read.
        unit: the unit of the stored values.
        plausible: lowest and highest value, both included, that the quality control takes for a
            reading; `None` where no range is known.
        plausible_source: where the range comes from.
        daily_limit: what a 24-hour mean is compared with, where there is such a value.
    """

    api_name: str
    field: str
    label: str
    unit: str
    plausible: tuple[float, float] | None
    plausible_source: str
    daily_limit: Limit | None = None

    @property
    def description(self) -> str:
        """Label and unit, as in ``PM2.5 (µg/m³)``."""
        return f"{self.label} ({self.unit})"


_WHO = "WHO global air quality guidelines 2021, 24-hour mean"
_AIRQO = "AirQo-api, VALID_SENSOR_RANGES"

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "CO", "co", "CO", MILLIGRAMS, (0.0, 57.7),
        "top of the US EPA AQI, 50.4 ppm, at 25 °C and 1013 hPa", Limit(4.0, _WHO),
    ),
    Parameter("NO2", "no2", "NO₂", MICROGRAMS, (0.0, 3850.0), f"{_AIRQO}: 0 to 2049 ppb", Limit(25.0, _WHO)),
    # WHO's guideline for ozone is for a mean over 8 hours: a daily mean has no limit to compare with.
    Parameter("O3", "o3", "O₃", MICROGRAMS, (0.0, 1185.0), "top of the US EPA AQI (1 h), 604 ppb"),
    Parameter("PM10", "pm10", "PM10", MICROGRAMS, (0.0, 1000.0), _AIRQO, Limit(45.0, _WHO)),
    Parameter("PM2.5", "pm2_5", "PM2.5", MICROGRAMS, (0.0, 1000.0), _AIRQO, Limit(15.0, _WHO)),
    Parameter("T", "temperature", "Air temperature", "°C", (0.0, 45.0), _AIRQO),
    Parameter(
        "T. int.", "internal_temperature", "Internal temperature", "counts", None,
        "raw counts of the sensor: no range is published",
    ),
    Parameter("RH", "relative_humidity", "Relative humidity", "%", (0.0, 100.0), "definition of the quantity"),
)  # fmt: skip

BY_API_NAME = {parameter.api_name: parameter for parameter in PARAMETERS}
BY_FIELD = {parameter.field: parameter for parameter in PARAMETERS}

# Fields of a stored hour that are no reading.
TIMESTAMP = "timestamp"
STATION_ID = "station_id"
PROVISIONAL = "provisional"
SIMULATED = "simulated"
RESERVED_FIELDS = frozenset({"_id", TIMESTAMP, STATION_ID, PROVISIONAL, SIMULATED})


def field_of(api_name: str) -> str:
    """Return the field under which a sensor's readings are kept.

    A sensor in the table has its field there; any other is kept under its normalised name: lower
    case, every run of other characters than letters and digits one underscore.

    >>> field_of("PM2.5"), field_of("T. int."), field_of("VOC"), field_of("PM 1.0")
    ('pm2_5', 'internal_temperature', 'voc', 'pm_1_0')
    """
    if api_name in BY_API_NAME:
        return BY_API_NAME[api_name].field
    field = re.sub(r"[^a-z0-9]+", "_", api_name.lower()).strip("_") or "sensor"
    return f"sensor_{field}" if field in RESERVED_FIELDS or field in BY_FIELD else field
