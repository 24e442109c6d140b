"""What the stations measure: one table of API name, field, unit, thresholds of quality control and guideline.

Types, schemas, documents and axes derive from `PARAMETERS`; to add a pollutant is to add a row.
"""

import re
from dataclasses import dataclass

MICROGRAMS = "µg/m³"
MILLIGRAMS = "mg/m³"


@dataclass(frozen=True)
class Threshold:
    """A number that decides something, and who says so.

    Args:
        value: in the parameter's unit, or hours.
        source: law, guideline, paper or program; a judgement of ours says that it is one.
    """

    value: float
    source: str


@dataclass(frozen=True)
class QualityControl:
    """What the quality control of one quantity compares with; `None`: that test is not made.

    Args:
        lowest, highest: a reading outside (both included) is impossible.
        suspect_above: a higher reading is possible, and rare.
        detection: below it, a reading cannot be told from zero; further below zero, it is an offset.
        stuck_hours: as many equal readings, hour after hour, are none.
        stuck_zero_hours: the same of readings that are exactly zero.
        least_spike: a reading is a spike only if its median difference from the six hours around it is larger.
        is_spike_scaled: and only if it is ten times what was usual in the fifteen days before.
    """

    lowest: Threshold
    highest: Threshold
    suspect_above: Threshold | None = None
    detection: Threshold | None = None
    stuck_hours: Threshold | None = None
    stuck_zero_hours: Threshold | None = None
    least_spike: Threshold | None = None
    is_spike_scaled: bool = True


AT_GUIDELINE, ABOVE_TARGETS = "AQG", "above IT-1"
"""What WHO calls the level of its guideline, and what is above its first interim target."""

Levels = tuple[tuple[float, str], ...]
"""Values and names, from the guideline up to the first interim target."""


@dataclass(frozen=True)
class Guideline:
    """The levels of WHO's global air quality guidelines 2021, in the parameter's unit.

    Args:
        averaging: of the short-term levels: ``24 h``, or ``8 h``: the day's highest mean over 8 hours.
        short_term: levels of such a mean.
        annual: levels of an annual mean; empty where there are none.
    """

    averaging: str
    short_term: Levels
    annual: Levels = ()


@dataclass(frozen=True)
class Parameter:
    """One measured quantity.

    Args:
        api_name: the name in AirQino's answers.
        field: the name in documents and frames.
        label: the name that people read.
        unit: the unit of the stored values.
        quality: thresholds of the quality control; `None` where no range is known.
        guideline: what its means are compared with, where there is such a thing.
        is_headline: shown where there is room for few pollutants: cards, the terminal, sparklines.
    """

    api_name: str
    field: str
    label: str
    unit: str
    quality: QualityControl | None = None
    guideline: Guideline | None = None
    is_headline: bool = False

    @property
    def description(self) -> str:
        """Label and unit, as in ``PM2.5 (µg/m³)``."""
        return f"{self.label} ({self.unit})"


_AIRQO = "AirQo-api, VALID_SENSOR_RANGES"
_AQI = "top of the US EPA AQI, at 25 °C and 1013 hPa"
_EPA_TARGET = "US EPA performance target for air sensors, intercept (as in sensortoolkit 1.1.0)"
_JUDGEMENT = "judgement of this project"
_NO_CONCENTRATION = Threshold(0.0, "a concentration is not negative")
_ZEROS = Threshold(24, f"{_JUDGEMENT}: a clipped sensor shows zero for hours, not for a day")

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "CO", "co", "CO", MILLIGRAMS,
        QualityControl(
            lowest=_NO_CONCENTRATION,
            highest=Threshold(57.7, f"{_AQI}: 50.4 ppm"),
            suspect_above=Threshold(30, f"{_JUDGEMENT}; WHO's guideline for one hour is 35"),
            detection=Threshold(0.057, f"{_EPA_TARGET}, 0.05 ppm"),
            # No zeros for longer: air of a city always has CO, and exactly zero is what a clipped sensor shows.
            stuck_hours=Threshold(6, _JUDGEMENT),
            least_spike=Threshold(1.0, _JUDGEMENT),
        ),
        Guideline("24 h", ((4, AT_GUIDELINE), (7, "IT-1"))),
        is_headline=True,
    ),
    Parameter(
        "NO2", "no2", "NO₂", MICROGRAMS,
        QualityControl(
            lowest=_NO_CONCENTRATION,
            highest=Threshold(3850, f"{_AIRQO}: 2049 ppb"),
            suspect_above=Threshold(400, _JUDGEMENT),
            detection=Threshold(9.4, f"{_EPA_TARGET}, 5 ppb"),
            stuck_hours=Threshold(6, _JUDGEMENT),
            stuck_zero_hours=_ZEROS,
            least_spike=Threshold(50, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((25, AT_GUIDELINE), (50, "IT-2"), (120, "IT-1")),
            annual=((10, AT_GUIDELINE), (20, "IT-3"), (30, "IT-2"), (40, "IT-1")),
        ),
    ),
    Parameter(
        "O3", "o3", "O₃", MICROGRAMS,
        QualityControl(
            lowest=_NO_CONCENTRATION,
            highest=Threshold(1185, f"{_AQI}: 0.604 ppm"),
            suspect_above=Threshold(400, _JUDGEMENT),
            detection=Threshold(9.8, f"{_EPA_TARGET}, 5 ppb"),
            stuck_hours=Threshold(6, _JUDGEMENT),
            stuck_zero_hours=_ZEROS,
            least_spike=Threshold(50, _JUDGEMENT),
        ),
        Guideline("8 h", ((100, AT_GUIDELINE), (120, "IT-2"), (160, "IT-1"))),
    ),
    Parameter(
        "PM10", "pm10", "PM10", MICROGRAMS,
        QualityControl(
            lowest=_NO_CONCENTRATION,
            highest=Threshold(1000, _AIRQO),
            suspect_above=Threshold(604, _AQI),
            detection=Threshold(10, _EPA_TARGET),
            stuck_hours=Threshold(4, f"{_JUDGEMENT}; sensortoolkit takes 3"),
            stuck_zero_hours=Threshold(12, f"{_JUDGEMENT}: clean air after rain is zero for some hours"),
            least_spike=Threshold(100, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((45, AT_GUIDELINE), (50, "IT-4"), (75, "IT-3"), (100, "IT-2"), (150, "IT-1")),
            annual=((15, AT_GUIDELINE), (20, "IT-4"), (30, "IT-3"), (50, "IT-2"), (70, "IT-1")),
        ),
    ),
    Parameter(
        "PM2.5", "pm2_5", "PM2.5", MICROGRAMS,
        QualityControl(
            lowest=_NO_CONCENTRATION,
            highest=Threshold(1000, _AIRQO),
            suspect_above=Threshold(500.4, "AirQo-api, range of its training data"),
            detection=Threshold(5, _EPA_TARGET),
            stuck_hours=Threshold(4, f"{_JUDGEMENT}; sensortoolkit takes 3"),
            stuck_zero_hours=Threshold(12, f"{_JUDGEMENT}: clean air after rain is zero for some hours"),
            least_spike=Threshold(50, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((15, AT_GUIDELINE), (25, "IT-4"), (37.5, "IT-3"), (50, "IT-2"), (75, "IT-1")),
            annual=((5, AT_GUIDELINE), (10, "IT-4"), (15, "IT-3"), (25, "IT-2"), (35, "IT-1")),
        ),
        is_headline=True,
    ),
    Parameter(
        "T", "temperature", "Air temperature", "°C",
        QualityControl(
            lowest=Threshold(0, _AIRQO),
            highest=Threshold(45, _AIRQO),
            stuck_hours=Threshold(6, _JUDGEMENT),
            least_spike=Threshold(10, _JUDGEMENT),
            is_spike_scaled=False,
        ),
    ),
    # Raw counts of the sensor, not degrees: no range is published.
    Parameter("T. int.", "internal_temperature", "Internal temperature", "counts"),
    Parameter(
        "RH", "relative_humidity", "Relative humidity", "%",
        QualityControl(
            lowest=Threshold(0, "definition of the quantity"),
            highest=Threshold(100, "definition of the quantity"),
            stuck_hours=Threshold(12, f"{_JUDGEMENT}: fog is 100 % for hours"),
            least_spike=Threshold(40, _JUDGEMENT),
            is_spike_scaled=False,
        ),
    ),
)  # fmt: skip

BY_API_NAME = {parameter.api_name: parameter for parameter in PARAMETERS}
BY_FIELD = {parameter.field: parameter for parameter in PARAMETERS}
HEADLINES = tuple(parameter for parameter in PARAMETERS if parameter.is_headline)
POLLUTANTS = tuple(parameter for parameter in PARAMETERS if parameter.guideline)

# Fields of a stored hour beside its readings.
TIMESTAMP = "timestamp"
DATE = "date"  # of a day, in place of the timestamp
STATION_ID = "station_id"
PROVISIONAL = "provisional"
SIMULATED = "simulated"
RULES_VERSION = "rules"  # of a document that was computed: by which version of the rules
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
