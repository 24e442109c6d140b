"""The columns of all tables: name, type, unit and description, derived from the pollutant table.

Dagster's schemas, the files of open data and their descriptions are made of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from airquality_dagster.network.pollutants import (
    BY_FIELD,
    DATE,
    PROVISIONAL,
    RULES_VERSION,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
)
from airquality_dagster.readings.days import (
    CROSS_SENSITIVE,
    EXPECTED_HOURS,
    HOURS,
    HOURS_FOR_A_VALID_DAY,
    MAXIMA,
    RUNNING_MEANS,
)
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS
from airquality_dagster.readings.forecast_score import SCORED_DAYS
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS
from airquality_dagster.readings.indices import WHO_ANNUAL_LEVELS, WHO_LEVELS
from airquality_dagster.readings.periods import LEAST_PERCENT, PERIOD, START


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: in documents and files.
        type: ``date`` (a moment, or a date as midnight UTC), ``int``, ``double``, ``bool``, ``string``, ``array`` (of
            names) or ``object`` (a document).
        description: for people.
        unit: of its values; empty if they have none.
    """

    name: str
    type: str
    description: str
    unit: str = ""


Columns = tuple[Column, ...]

_Template = tuple[str, str, str]
"""Name, type and description of a column; ``{field}``, ``{label}`` and ``{unit}`` stand for those of a parameter."""

_DAILY_TEMPLATES: tuple[_Template, ...] = (
    ("{field}_mean", "double", "{label}: mean of all readings of the day as published, {unit}"),
    ("{field}_min", "double", "{label}: lowest reading of the day as published, {unit}"),
    ("{field}_max", "double", "{label}: highest reading of the day as published, {unit}"),
    ("{field}_hours", "int", "{label}: hours with a reading"),
    (
        "{field}_valid_mean",
        "double",
        "{label}: mean of the readings that pass quality control, {unit}; "
        f"null under {HOURS_FOR_A_VALID_DAY} of 24 hours",
    ),
    ("{field}_valid_hours", "int", "{label}: hours whose reading passes quality control"),
    ("{field}_percent_complete", "int", "{label}: valid of expected hours, %, truncated to whole per cent"),
    (
        "{field}_invalid",
        "object",
        "{label}: flag → hours that this flag made invalid; null if there is a valid mean",
    ),
)
_QUALITY_STATISTICS: tuple[_Template, ...] = (
    ("{field}_qc", "int", "{label}: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing (QARTOD)"),
    ("{field}_flags", "array", "{label}: names of its flags"),
)
_SUMMARY_STATISTICS: tuple[_Template, ...] = (
    ("{field}_mean", "double", "{label}: mean of the daily means as published, {unit}"),
    (
        "{field}_valid_mean",
        "double",
        f"{{label}}: mean of the valid daily means, {{unit}}; null under {LEAST_PERCENT} % of days",
    ),
    ("{field}_valid_max", "double", "{label}: highest valid daily mean, {unit}"),
    ("{field}_valid_days", "int", "{label}: days with a valid mean"),
    ("{field}_valid_hours", "int", "{label}: valid hours"),
    (
        "{field}_percent_complete",
        "int",
        "{label}: data capture: valid of expected hours, %, truncated to whole per cent",
    ),
    (
        "{field}_invalid",
        "object",
        "{label}: flag → hours that it made invalid on days with hours but no valid mean; null if the period has one",
    ),
)
# Hours of a mean → description of the day's highest mean.
_MAXIMA = {
    1: f"{{label}}: highest valid hour, {{unit}}; null under {HOURS_FOR_A_VALID_DAY} valid hours",
    8: f"{{label}}: highest 8-hour mean that ends on the day, {{unit}}; null under {HOURS_FOR_A_VALID_DAY} of 24 means",
}


def _of(fields: Iterable[str], *templates: _Template) -> list[Column]:
    """Return the columns of some templates for each of some fields of the pollutant table."""
    return [
        Column(
            name.format(field=field),
            kind,
            description.format(field=field, label=BY_FIELD[field].label, unit=BY_FIELD[field].unit),
            BY_FIELD[field].unit if "{unit}" in description else "",
        )
        for field in fields
        for name, kind, description in templates
    ]


DAILY_STATISTICS: Columns = tuple(_of(BY_FIELD, *_DAILY_TEMPLATES))
"""What each day has of each reading."""

_RULES = Column(RULES_VERSION, "int", "version of the quality rules")

HOURLY: Columns = (
    Column(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
    Column(STATION_ID, "int", "AirQino id of the station"),
    *_of(BY_FIELD, ("{field}", "double", "{label} ({unit}), as published")),
    Column(PROVISIONAL, "bool", "true while the hour may still change, then absent"),
    Column(SIMULATED, "bool", "true for readings of the sandbox, absent from measured readings"),
)

DAILY: Columns = (
    Column(DATE, "date", "the local date, as midnight UTC; kept as _id"),
    Column(HOURS, "int", "stored hours of the day"),
    *DAILY_STATISTICS,
    Column(EXPECTED_HOURS, "int", "hours of the local day"),
    *(column for name, (field, hours) in MAXIMA.items() for column in _of([field], (name, "double", _MAXIMA[hours]))),
    *_of(
        RUNNING_MEANS.values(),
        ("{field}_8h_means", "int", "{label}: valid 8-hour means that end on the day, one per hour"),
    ),
    *_of(WHO_LEVELS, ("{field}_aqi", "int", "{label}: its US EPA AQI (2024); null without a valid value")),
    Column("aqi", "int", "US EPA AQI (2024): the highest of its pollutants; null if none is valid"),
    Column("aqi_category", "string", "name of the AQI's category"),
    Column("aqi_pollutant", "string", "the pollutant that determines the AQI"),
    Column("aqi_pollutants", "array", "the pollutants with a valid value"),
    *_of(
        WHO_LEVELS,
        ("{field}_who", "string", "strictest level of WHO 2021 that {field} meets: AQG, IT-4 … above IT-1"),
    ),
    Column("who_exceeded", "array", "pollutants above the WHO 2021 guideline, of those with a valid value"),
    Column(CROSS_SENSITIVE, "array", "pollutants whose readings mirror another gas: in no index"),
    _RULES,
    Column(SIMULATED, "bool", "true if an hour of the day is simulated"),
)

QUALITY: Columns = (
    Column(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
    *_of(BY_FIELD, *_QUALITY_STATISTICS),
    Column("eaqi", "int", "European Air Quality Index (2024), 1 good to 6 extremely poor: the worst"),
    Column("eaqi_pollutant", "string", "the pollutant that determines it"),
    Column("eaqi_pollutants", "array", "the pollutants with a valid reading"),
    Column("eaqi_withheld", "string", "why there is no European index: null, or no_particulate_matter"),
    *_of(NOWCAST_POLLUTANTS, ("{field}_nowcast", "double", "{label}: NowCast of the US EPA, {unit}")),
    Column("aqi_nowcast", "int", "US EPA AQI of the NowCast: the higher of PM2.5 and PM10"),
    Column("aqi_nowcast_pollutant", "string", "the pollutant that determines it"),
    _RULES,
    Column(SIMULATED, "bool", "true for hours of the sandbox"),
)

SUMMARY: Columns = (
    Column(PERIOD, "string", "month or year; with start kept as _id"),
    Column(START, "date", "first local date, as midnight UTC"),
    Column("days", "int", "days with at least one hour"),
    Column("expected_days", "int", "days of the period"),
    Column(EXPECTED_HOURS, "int", "hours of the period"),
    *_of(BY_FIELD, *_SUMMARY_STATISTICS),
    *_of(WHO_LEVELS, ("{field}_days_above_guideline", "int", "{field}: days above WHO's short-term guideline")),
    *_of(WHO_ANNUAL_LEVELS, ("{field}_who", "string", "{field}: level of WHO 2021 of the annual mean; years only")),
    Column("aqi_max", "int", "highest daily AQI"),
    _RULES,
    Column(SIMULATED, "bool", "true if a day of the period is simulated"),
)

_DIFFERENCE = "mean, low, high (95 %), median, detectable (four times out of five), block_days of the bootstrap"

COMPARISON: Columns = (
    Column("pollutant", "string", "name of the reading; with period and part kept as _id"),
    Column("period", "string", "all, hour, day_kind, humidity, dust, season or month"),
    Column("part", "string", "all; 00 to 23 (local); weekday, weekend; dry, wet; calm, dusty; DJF …; YYYY-MM"),
    Column("from", "date", "the first hour, UTC"),
    Column("to", "date", "end of the last hour, UTC"),
    Column("hours", "int", "hours at which both have a valid reading"),
    Column("days", "int", "local days with at least three quarters of the hours"),
    Column("mean_first", "double", "mean of the first station over these hours, in the unit of the reading"),
    Column("mean_second", "double", "the same of the second"),
    Column("mean_first_one_scale", "double", "mean of the first, on the scale of the second"),
    Column("background", "double", "mean of the lower envelope of both; PM2.5 and PM10"),
    Column("difference_raw", "object", f"second minus first: {_DIFFERENCE}"),
    Column("difference_one_scale", "object", "the same with the first on the scale of the second"),
    Column("instruments_share", "double", "share of the raw difference that comes from the instruments"),
    Column("withheld", "string", "why nothing can be said about the air; null if something can; all only"),
    Column("valid_answer", "string", "first sentence of the statement; all only"),
    Column("valid_answer_fr", "string", "the same in French"),
    Column("valid_statement", "string", "what may be said, or why nothing; all only"),
    Column("valid_statement_fr", "string", "the same in French"),
    Column("colocation", "object", "the relation that is used: line, intervals, points; all only"),
    Column("colocations", "array", "each side-by-side window, and the difference by it alone; all only"),
    Column("colocations_pooled", "object", "the relation of all of them together; null if there is one"),
    Column("trust", "object", "age of the relation, change of the ratio since, state; all only"),
    Column("left_out", "array", "times that are left out: from, to, reason, station; all only"),
    Column("hours_left_out", "int", "paired hours in these; all only"),
    Column("valid_hours_first", "int", "valid hours of the first station; all only"),
    Column("valid_hours_second", "int", "valid hours of the second; all only"),
    Column("cross_sensitive", "double", "share of the hours at which a channel mirrors another gas; all only"),
    Column("inputs", "string", "digest of all that the comparison was made of; all only"),
    Column("version", "int", "version of the method"),
    Column(SIMULATED, "bool", "true if a station has hours of the sandbox"),
)


FORECAST: Columns = (
    Column("origin", "date", "start of the newest full hour that was known, UTC; with hours_ahead kept as _id"),
    Column("hours_ahead", "int", "1, 2, 3, 6, 12 or 24"),
    Column("target", "date", "start of the hour that is forecast, UTC"),
    Column("made_at", "date", "when the forecast was made, UTC"),
    *_of(
        FORECAST_FIELDS,
        ("{field}_p10", "double", "{label}: one reading in ten is lower, {unit}"),
        ("{field}_p50", "double", "{label}: half of the readings are lower, {unit}"),
        ("{field}_p90", "double", "{label}: one reading in ten is higher, {unit}"),
        ("{field}_method", "string", "{label}: model, or persistence (as now); null if nothing is forecast"),
        ("{field}_withheld", "string", "{label}: why nothing is forecast; null if something is"),
        *(
            (f"{{field}}_{method}_{name}", "double", f"{{label}}: {name} by {words}, also while withheld, {{unit}}")
            for method, words in (("model", "the model"), ("persistence", "persistence"))
            for name in ("p10", "p50", "p90")
        ),
    ),
    Column(SIMULATED, "bool", "true if an hour of the week before the origin is simulated"),
)

FORECAST_MODEL: Columns = (
    Column("field", "string", "name of the reading; kept as _id"),
    Column("version", "int", "version of the method"),
    Column("fitted_at", "date", "the hours before this moment were fitted, UTC"),
    Column("valid_hours", "int", "valid hours of the history"),
    Column("horizons", "array", "for each hour ahead: coefficients, and residuals of past forecasts"),
)

_SCORE = (
    "over {days} days: hours, rmse, mae, persistence_rmse, persistence_mae (in {{unit}}), rmse_skill, mae_skill, "
    "pinball_skill (0.15: 15 % better than persistence), coverage (share of readings from p10 to p90); null without any"
)
FORECAST_SCORE: Columns = (
    Column("date", "date", "targets before this UTC date, as midnight UTC; with hours_ahead kept as _id"),
    Column("hours_ahead", "int", "1, 2, 3, 6, 12 or 24"),
    *_of(
        FORECAST_FIELDS,
        *(("{field}_" + f"{days}_days", "object", "{label}, " + _SCORE.format(days=days)) for days in SCORED_DAYS),
        ("{field}_is_withheld", "bool", "{label}: whether the model was withheld before this date"),
    ),
)
