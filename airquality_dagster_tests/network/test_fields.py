"""Which field a sensor's readings are stored in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.assets.schemas import DAILY_COLUMNS, HOURLY_COLUMNS, QUALITY_COLUMNS, SUMMARY_COLUMNS
from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS, field_of, fields_of, renamed_sensors

COMPUTED = {
    column.name
    for schema in (HOURLY_COLUMNS, QUALITY_COLUMNS, DAILY_COLUMNS, SUMMARY_COLUMNS)
    for column in schema.columns
    if column.name not in BY_FIELD
}
STATISTICS = {column.removeprefix(field) for column in COMPUTED for field in BY_FIELD if column.startswith(f"{field}_")}
KNOWN = {parameter.api_name: parameter.field for parameter in PARAMETERS}


def test_of_names_that_are_alike_none_keeps_the_field_that_each_has_alone():
    both = fields_of(["VOC", "voc", "CO2"])
    assert both["CO2"] == "co2"
    assert len({both["VOC"], both["voc"], field_of("VOC"), field_of("voc")}) == 3
    assert all(field.startswith("voc_") for name, field in both.items() if name != "CO2")


def test_known_sensors_and_harmless_ones_have_the_names_that_they_always_had():
    assert fields_of(KNOWN) == KNOWN
    harmless = {
        "CO2": "co2", "VOC": "voc", "PM 1": "pm_1", "PM1": "pm1", "NOx": "nox", "Noise (dB)": "noise_db",
        "VOC (µg/m³)": "voc_g_m", "Temp. °C": "temp_c", "co": "sensor_co", "station_id": "sensor_station_id",
        "_id": "id", "valid": "valid", "mean": "mean",
    }  # fmt: skip
    assert fields_of(harmless) == harmless
    assert renamed_sensors({**KNOWN, "VOC": "voc"}) == {}


@pytest.mark.parametrize("column", sorted(COMPUTED))
def test_no_name_reaches_a_column_that_the_platform_computes(column):
    for name in (column, column.upper(), column.replace("_", " "), f" {column}.", column.replace("pm2_5", "PM2.5")):
        assert field_of(name) not in COMPUTED


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
def test_no_name_ends_as_a_column_does_that_begins_with_a_reading(statistic):
    assert not field_of(f"VOC{statistic}").endswith(tuple(STATISTICS))


def all_columns(fields: dict[str, str]) -> list[str]:
    """Return the columns of hours, flags, days and summaries of these fields."""
    fixed = [column for column in COMPUTED if not column.startswith(tuple(BY_FIELD))]
    return [*fixed, *fields.values(), *(f"{field}{statistic}" for field in fields.values() for statistic in STATISTICS)]


# Ways to begin a statistic, such as "_valid" of "_valid_mean".
BEGINNINGS = {statistic[:end] for statistic in STATISTICS for end in range(1, len(statistic)) if statistic[end] == "_"}


@pytest.mark.parametrize("beginning", sorted(BEGINNINGS))
def test_no_statistic_of_one_sensor_is_that_of_another(beginning):
    columns = all_columns(fields_of([*KNOWN, *(f"{sensor}{beginning}" for sensor in KNOWN), "VOC", f"VOC{beginning}"]))
    assert len(set(columns)) == len(columns)


names = st.lists(
    st.text(max_size=12)
    | st.sampled_from(
        ["", ".", "-", "温度", "湿度", "Температура 1", "Влажность 1", "🌡", "💧", "VOC", "voc", "Voc", "a\0b"]
    )
    | st.sampled_from(["$set", "a.b", "a b", "\ud800", "x" * 5000, "x" * 5001, "sensor", "sensor_co", "co", "K", "k"])
    | st.builds(
        "".join,
        st.lists(st.sampled_from(["PM2.5", "VOC", "aqi", "expected", "valid", "_valid", *STATISTICS]), max_size=3),
    ),
    unique=True,
)


@given(names)
def test_distinct_names_have_distinct_fields_and_so_have_all_that_is_computed_of_them(given_names):
    fields = fields_of([*KNOWN, *given_names])
    assert fields == fields_of(reversed([*KNOWN, *given_names]))
    assert len(set(fields.values())) == len({*KNOWN, *given_names})
    for field in fields.values():
        assert field.isascii()
        assert field.replace("_", "").isalnum()
        assert len(field) <= 120
    columns = all_columns(fields)
    assert len(set(columns)) == len(columns)
