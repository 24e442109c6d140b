"""What may be said of a comparison, in English and French."""

from datetime import UTC, datetime

import pytest

from airquality_dagster.readings.comparison_statements import Names, statements

NAMES = Names("station1 (A)", "station2 (B)")
WINDOW = {
    "from": datetime(2023, 2, 15, tzinfo=UTC),
    "to": datetime(2023, 3, 28, 11, tzinfo=UTC),
    "source": "declared",
    "r2": 0.99,
    "difference_one_scale": 3.1,
}
FORMER = {**WINDOW, "from": datetime(2022, 12, 6, tzinfo=UTC), "difference_one_scale": 5.8}
ROW = {
    "pollutant": "pm2_5",
    "from": datetime(2023, 5, 15, tzinfo=UTC),
    "to": datetime(2023, 12, 6, 17, tzinfo=UTC),
    "hours": 4920,
    "days": 204,
    "valid_hours_first": 4920,
    "valid_hours_second": 4936,
    "hours_left_out": 0,
    "difference_raw": {"mean": 7.06, "low": 6.2, "high": 7.9, "detectable": 1.2},
    "difference_one_scale": {"mean": 3.1, "low": 2.3, "high": 4.0, "detectable": 1.2},
    "instruments_share": 0.561,
    "colocation": WINDOW,
    "colocations": [FORMER, WINDOW],
    "trust": {"age_days": 151, "ratio_change": 0.1, "may_be_drift": 1.0, "state": "trusted"},
    "left_out": [],
    "withheld": None,
}


def test_a_difference_is_told_with_interval_share_and_the_other_window():
    said = statements(ROW, NAMES)
    assert said["valid_statement"] == (
        "On one scale, PM2.5 at station2 (B) is 3.1 µg/m³ higher than at station1 (A) (95 % interval 2.3 to 4.0; "
        "2023-05-15 to 2023-12-06, 4920 hours); the readings differ by 7.1 µg/m³, of which 56 % are the instruments'; by "
        "the side-by-side weeks of 2022-12-06 to 2023-03-28 it would be 5.8 µg/m³."
    )
    assert said["valid_statement_fr"].startswith(
        "Ramenée à une même échelle, la concentration de PM2.5 à station2 (B) est supérieure de 3,1 µg/m³ à celle de "
        "station1 (A) (intervalle à 95 % : 2,3 à 4,0 ; "
    )


def test_a_deficit_is_told_without_a_minus_sign():
    lower = {**ROW, "difference_one_scale": {"mean": -3.1, "low": -4.0, "high": -2.3, "detectable": 1.2}}
    assert (
        "is 3.1 µg/m³ lower than at station1 (A) (95 % interval 2.3 to 4.0"
        in statements(lower, NAMES)["valid_statement"]
    )


def test_no_difference_is_told_with_what_would_have_been_seen():
    none = {**ROW, "difference_one_scale": {"mean": 0.2, "low": -0.6, "high": 1.0, "detectable": 1.14}}
    said = statements(none, NAMES)
    assert said["valid_statement"].startswith(
        "No difference of PM2.5 between station1 (A) and station2 (B) can be told"
    )
    assert "one of 1.1 or more would have been told" in said["valid_statement"]
    assert "0,20 µg/m³" in said["valid_statement_fr"]


@pytest.mark.parametrize(
    "reason",
    [
        "no_hours",
        "too_few_days",
        "left_out",
        "cross_sensitive",
        "no_side_by_side",
        "side_by_side_too_short",
        "side_by_side_disagree",
        "relation_expired",
        "relation_drifted",
        "side_by_side_differ",
    ],
)
def test_every_reason_is_told_in_both_languages(reason):
    said = statements({**ROW, "withheld": reason}, NAMES)
    assert said["valid_statement"].startswith("Nothing can be said of a difference of PM2.5")
    assert ", because " in said["valid_statement"]
    assert said["valid_statement_fr"].startswith("Rien ne peut être dit d’une différence de PM2.5")
    assert ", car " in said["valid_statement_fr"]
    assert not set("{}") & set("".join(said.values()))


def test_times_that_are_left_out_are_told_with_the_reason():
    time = {"from": datetime(2023, 8, 1, tzinfo=UTC), "to": None, "reason": "level", "station": "second"}
    said = statements({**ROW, "left_out": [time]}, NAMES)
    assert "left out, because PM2.5 of one station changed its level: 2023-08-01 to the end." in said["valid_statement"]


def test_side_by_side_weeks_that_nobody_confirmed_are_told():
    found = {**ROW, "colocation": {**WINDOW, "source": "found"}}
    assert "nobody has confirmed them" in statements(found, NAMES)["valid_statement"]


def test_french_elides_before_a_vowel():
    assert "d’O₃" in statements({**ROW, "pollutant": "o3"}, NAMES)["valid_statement_fr"]
