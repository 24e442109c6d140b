"""What the stations measure: one row per quantity, with its names, unit, quality control, indices and guideline.

Types, schemas, documents and axes derive from `PARAMETERS`. To add a pollutant, add a row, and one to the parameters
of the API in publishing/api/parameters.py.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MICROGRAMS = "µg/m³"
MILLIGRAMS = "mg/m³"


@dataclass(frozen=True)
class Threshold:
    """A limit and its source.

    Args:
        value: in the parameter's unit, or in hours.
        source: law, guideline, paper or program, or a judgement of this project.
    """

    value: float
    source: str


@dataclass(frozen=True)
class QualityControl:
    """Thresholds of the quality control of one quantity. A test whose threshold is `None` is not run.

    Args:
        highest: of the plausible range, included.
        least: of the plausible range, included; None: minus the noise floor.
        suspect_above: higher readings are possible but rare.
        noise_floor: readings within it of zero do not differ from zero, and are valid down to minus it.
        stuck_hours: this many equal readings in a row mean that the sensor is stuck.
        stuck_zero_hours: the same for readings that are exactly zero; of a gas also for runs at or below zero.
        least_spike: a spike differs by more than this (median difference from the six hours around it).
        is_spike_scaled: a spike also differs by ten times what was usual in the fifteen days before.
    """

    highest: Threshold
    least: Threshold | None = None
    suspect_above: Threshold | None = None
    noise_floor: Threshold | None = None
    stuck_hours: Threshold | None = None
    stuck_zero_hours: Threshold | None = None
    least_spike: Threshold | None = None
    is_spike_scaled: bool = True

    @property
    def zero_hours(self) -> Threshold | None:
        """This many readings of exactly zero in a row mean that the sensor is stuck."""
        return self.stuck_zero_hours or self.stuck_hours

    @property
    def lowest(self) -> Threshold:
        """The lowest plausible reading."""
        if self.least is not None:
            return self.least
        floor = self.noise_floor.value if self.noise_floor else 0.0
        return Threshold(-floor, "minus the noise floor (US EPA, 2011, on negative values in AQS)")


@dataclass(frozen=True)
class AqiScale:
    """Breakpoints of the US EPA AQI for one statistic of a pollutant's day.

    Args:
        name: of the scale.
        statistic: ``valid_mean`` (24 hours), ``max_8h`` or ``max_1h``.
        step: a concentration is truncated (not rounded) to a multiple of it.
        highest: highest concentration of each of the six bands; the next band begins one step above. `None`: the scale
            does not have this band.
        first: where the first band begins.
        unit_factor: converts the parameter's unit to the unit of the scale.
    """

    name: str
    statistic: str
    step: str
    highest: tuple[str | None, ...]
    first: str = "0"
    unit_factor: float = 1.0


AT_GUIDELINE, ABOVE_TARGETS = "AQG", "above IT-1"
"""Names of WHO's guideline level, and of everything above its first interim target."""

Levels = tuple[tuple[float, str], ...]
"""Limits and names of the levels, from the guideline up to the first interim target."""


@dataclass(frozen=True)
class Guideline:
    """The levels of WHO's global air quality guidelines 2021, in the parameter's unit.

    Args:
        averaging: of the short-term levels: ``24 h``, or ``8 h`` for the day's highest 8-hour mean.
        short_term: levels of that mean.
        annual: levels of an annual mean; empty if WHO gives none.
    """

    averaging: str
    short_term: Levels
    annual: Levels = ()

    @property
    def statistic(self) -> str:
        """Statistic of a day that the short-term levels apply to."""
        return "valid_mean" if self.averaging == "24 h" else "max_8h"


@dataclass(frozen=True)
class Parameter:
    """One measured quantity.

    Args:
        api_name: the name in AirQino's answers.
        field: the name in documents and frames.
        label: the name on pages and in tables.
        unit: of the stored values.
        quality: thresholds of the quality control; `None` if no plausible range is known.
        guideline: WHO's levels, if there are any.
        aqi: scales of the US EPA AQI; the higher index counts.
        eaqi: highest hourly concentrations of the bands 1 to 5 of the European index.
        is_headline: shown where there is room for few pollutants: cards, the terminal, sparklines.
    """

    api_name: str
    field: str
    label: str
    unit: str
    quality: QualityControl | None = None
    guideline: Guideline | None = None
    aqi: tuple[AqiScale, ...] = ()
    eaqi: tuple[float, ...] = ()
    is_headline: bool = False

    @property
    def description(self) -> str:
        """Label and unit, as in ``PM2.5 (µg/m³)``."""
        return f"{self.label} ({self.unit})"


# V = R T / p in litres per mole at 25 °C and 1013.25 hPa (40 CFR part 50.3), R = 8.314462618 J/(mol K) (CODATA 2018).
_MOLAR_VOLUME = 8.314462618 * 298.15 / 1013.25 * 10


def _ppb_per_microgram(molar_mass: float) -> float:
    """Return the mixing ratio of a gas in ppb at 1 µg/m³, or in ppm at 1 mg/m³.

    Args:
        molar_mass: g/mol, from the standard atomic weights of IUPAC (2021).
    """
    return _MOLAR_VOLUME / molar_mass


# Factors from the units of the table to those of the AQI.
_CO_PPM = _ppb_per_microgram(28.010)
_NO2_PPB = _ppb_per_microgram(46.006)
_O3_PPM = _ppb_per_microgram(47.997) / 1000

_AIRQO = "AirQo-api, VALID_SENSOR_RANGES"
_AQI = "top of the US EPA AQI, at 25 °C and 1013 hPa"
_JUDGEMENT = "judgement of this project"

_SIDE_BY_SIDE = "four standard deviations of a unit beside another one (docs/data.md)"
_ZEROS = Threshold(8, f"{_JUDGEMENT}: the air of a city has no 8-hour mean of zero")

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "CO", "co", "CO", MILLIGRAMS,
        QualityControl(
            highest=Threshold(57.7, f"{_AQI}: 50.4 ppm"),
            suspect_above=Threshold(30, f"{_JUDGEMENT}; WHO's guideline for one hour is 35"),
            noise_floor=Threshold(0.26, _SIDE_BY_SIDE),
            # No zeros for longer: air of a city always has CO, and exactly zero is what a clipped sensor shows.
            stuck_hours=Threshold(6, _JUDGEMENT),
            least_spike=Threshold(1.0, _JUDGEMENT),
        ),
        Guideline("24 h", ((4, AT_GUIDELINE), (7, "IT-1"))),
        aqi=(AqiScale("co", "max_8h", "0.1", ("4.4", "9.4", "12.4", "15.4", "30.4", "50.4"), unit_factor=_CO_PPM),),
        is_headline=True,
    ),
    Parameter(
        "NO2", "no2", "NO₂", MICROGRAMS,
        QualityControl(
            highest=Threshold(3850, f"{_AIRQO}: 2049 ppb"),
            suspect_above=Threshold(400, _JUDGEMENT),
            noise_floor=Threshold(3, _SIDE_BY_SIDE),
            stuck_hours=Threshold(6, _JUDGEMENT),
            stuck_zero_hours=_ZEROS,
            least_spike=Threshold(10, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((25, AT_GUIDELINE), (50, "IT-2"), (120, "IT-1")),
            annual=((10, AT_GUIDELINE), (20, "IT-3"), (30, "IT-2"), (40, "IT-1")),
        ),
        aqi=(AqiScale("no2", "max_1h", "1", ("53", "100", "360", "649", "1249", "2049"), unit_factor=_NO2_PPB),),
        eaqi=(10, 25, 60, 100, 150),
    ),
    Parameter(
        "O3", "o3", "O₃", MICROGRAMS,
        QualityControl(
            highest=Threshold(1185, f"{_AQI}: 0.604 ppm"),
            suspect_above=Threshold(400, _JUDGEMENT),
            noise_floor=Threshold(14, _SIDE_BY_SIDE),
            stuck_hours=Threshold(6, _JUDGEMENT),
            stuck_zero_hours=_ZEROS,
            least_spike=Threshold(25, _JUDGEMENT),
        ),
        Guideline("8 h", ((100, AT_GUIDELINE), (120, "IT-2"), (160, "IT-1"))),
        aqi=(
            AqiScale("o3_8h", "max_8h", "0.001", ("0.054", "0.070", "0.085", "0.105", "0.200", None), "0", _O3_PPM),
            AqiScale("o3_1h", "max_1h", "0.001", (None, None, "0.164", "0.204", "0.404", "0.604"), "0.125", _O3_PPM),
        ),
        eaqi=(60, 100, 120, 160, 180),
    ),
    Parameter(
        "PM10", "pm10", "PM10", MICROGRAMS,
        QualityControl(
            highest=Threshold(1000, _AIRQO),
            suspect_above=Threshold(604, _AQI),
            noise_floor=Threshold(3.8, _SIDE_BY_SIDE),
            stuck_hours=Threshold(4, f"{_JUDGEMENT}; sensortoolkit takes 3"),
            stuck_zero_hours=Threshold(12, f"{_JUDGEMENT}: clean air after rain is zero for some hours"),
            least_spike=Threshold(50, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((45, AT_GUIDELINE), (50, "IT-4"), (75, "IT-3"), (100, "IT-2"), (150, "IT-1")),
            annual=((15, AT_GUIDELINE), (20, "IT-4"), (30, "IT-3"), (50, "IT-2"), (70, "IT-1")),
        ),
        aqi=(AqiScale("pm10", "valid_mean", "1", ("54", "154", "254", "354", "424", "604")),),
        eaqi=(15, 45, 120, 195, 270),
    ),
    Parameter(
        "PM2.5", "pm2_5", "PM2.5", MICROGRAMS,
        QualityControl(
            highest=Threshold(1000, _AIRQO),
            suspect_above=Threshold(500.4, "AirQo-api, range of its training data"),
            noise_floor=Threshold(2.9, _SIDE_BY_SIDE),
            stuck_hours=Threshold(4, f"{_JUDGEMENT}; sensortoolkit takes 3"),
            stuck_zero_hours=Threshold(12, f"{_JUDGEMENT}: clean air after rain is zero for some hours"),
            least_spike=Threshold(25, _JUDGEMENT),
        ),
        Guideline(
            "24 h",
            ((15, AT_GUIDELINE), (25, "IT-4"), (37.5, "IT-3"), (50, "IT-2"), (75, "IT-1")),
            annual=((5, AT_GUIDELINE), (10, "IT-4"), (15, "IT-3"), (25, "IT-2"), (35, "IT-1")),
        ),
        aqi=(AqiScale("pm2_5", "valid_mean", "0.1", ("9.0", "35.4", "55.4", "125.4", "225.4", "325.4")),),
        eaqi=(5, 15, 50, 90, 140),
        is_headline=True,
    ),
    Parameter(
        "T", "temperature", "Air temperature", "°C",
        QualityControl(
            least=Threshold(0, _AIRQO),
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
            least=Threshold(0, "definition of the quantity"),
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


def _pollutants(*first: str) -> tuple[Parameter, ...]:
    """Return the pollutants: the given fields in this order, then the others in the order of the table."""
    places = {field: place for place, field in enumerate(first)}
    return tuple(sorted(POLLUTANTS, key=lambda parameter: places.get(parameter.field, len(places))))


# Orders of lists and fields in stored documents. If two indices are equal, the first pollutant is named.
AQI_POLLUTANTS = _pollutants("pm2_5", "pm10", "co", "no2", "o3")
WHO_POLLUTANTS = _pollutants("pm2_5", "pm10", "no2", "co", "o3")
MAXIMA_POLLUTANTS = _pollutants("co", "o3", "no2")

# Fields of a stored hour beside its readings.
TIMESTAMP = "timestamp"
DATE = "date"  # replaces the timestamp in documents of days
STATION_ID = "station_id"
PROVISIONAL = "provisional"
SIMULATED = "simulated"
RULES_VERSION = "rules"  # version of the rules by which a document was computed
RESERVED_FIELDS = frozenset({"_id", TIMESTAMP, STATION_ID, PROVISIONAL, SIMULATED})

# Names of columns that the platform computes, beside those that begin with a reading.
_COMPUTED = frozenset({
    DATE, RULES_VERSION, "period", "start", "days", "hours", "expected", "expected_days", "expected_hours",
    "aqi", "aqi_category", "aqi_max", "aqi_nowcast", "aqi_nowcast_pollutant", "aqi_pollutant", "aqi_pollutants",
    "eaqi", "eaqi_pollutant", "eaqi_pollutants", "who_exceeded", "eaqi_withheld", "cross_sensitive",
    "place", "site_kind", "station", "flags", "qc",
})  # fmt: skip
# How columns that begin with a reading end. `x_valid` is none, but its mean would be `x_valid_mean`.
_ENDINGS = tuple(f"_{statistic}" for statistic in (
    "qc", "flags", "mean", "min", "max", "hours", "valid", "valid_days", "percent_complete", "invalid", "aqi", "who",
    "days_above_guideline", "nowcast", "max_1h", "max_8h", "8h_means",
))  # fmt: skip
_LONGEST_FIELD = 100


def field_of(api_name: str) -> str:
    """Return the field in which a sensor's readings are stored.

    A sensor outside the table is stored under its normalised name: lower case, and one underscore for every run of
    characters that are not letters or digits. No name reaches a field that the platform computes. If the
    normalised name says too little (letters of other scripts are lost), digits that only this name has are appended.

    >>> field_of("PM2.5"), field_of("T. int."), field_of("VOC"), field_of("PM 1.0")
    ('pm2_5', 'internal_temperature', 'voc', 'pm_1_0')
    >>> field_of("EAQI"), field_of("PM2.5_valid"), field_of("温度")
    ('sensor_eaqi', 'pm2_5_valid_9dc30e1c', 'sensor_1d0bfa3d')
    """
    if api_name in BY_API_NAME:
        return BY_API_NAME[api_name].field
    plain = _normalised(api_name)
    field = f"sensor_{plain}" if plain in RESERVED_FIELDS | _COMPUTED or plain in BY_FIELD else plain
    # Characters of Latin-1 that are lost, as in "Temp. (°C)" and "VOC (µg/m³)", do not tell sensors apart.
    is_lossy = any(character.isalnum() and ord(character) > 0xFF for character in api_name)
    if not plain or is_lossy or field.endswith(_ENDINGS) or len(field) > _LONGEST_FIELD:
        return _with_digits(field or "sensor", api_name)
    return field


def fields_of(api_names: Iterable[str]) -> dict[str, str]:
    """Return the field of each sensor of an answer: different names have different fields.

    If several names have one normalised name (``VOC`` and ``voc``), none of them keeps it: in an answer without the
    other, it may have meant either.

    >>> fields_of(["voc", "CO", "VOC"])
    {'CO': 'co', 'VOC': 'voc_6bce4013', 'voc': 'voc_bfbf54ff'}
    """
    fields = {api_name: field_of(api_name) for api_name in sorted(api_names)}
    while True:
        counts = Counter(fields.values())
        alike = [api_name for api_name, field in fields.items() if counts[field] > 1]
        if not alike:
            return fields
        fields.update((api_name, _with_digits(fields[api_name], api_name)) for api_name in alike)


def renamed_sensors(fields: Mapping[str, str]) -> dict[str, str]:
    """Return those sensors outside the table whose field is not their normalised name.

    Args:
        fields: result of `fields_of`.
    """
    return {name: field for name, field in fields.items() if name not in BY_API_NAME and field != _normalised(name)}


def _normalised(api_name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", api_name.lower()).strip("_")


def _with_digits(field: str, api_name: str) -> str:
    """Return a field with eight digits appended that no other name has."""
    digest = hashlib.sha256(f"{field}\0{api_name}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{field[:_LONGEST_FIELD]}_{digest[:8]}"
