"""What may be said of a comparison, in English and French."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.readings.comparison_statements import Names, decimals_of, stated, written

NAMES = Names("station1 (A)", "station2 (B)")
ABIDJAN = ZoneInfo("Africa/Abidjan")
WINDOW = {
    "from": datetime(2023, 2, 15, tzinfo=UTC),
    "to": datetime(2023, 3, 28, 11, tzinfo=UTC),
    "source": "declared",
    "r2": 0.99,
    "slope": 1.14,
    "withheld": None,
    "share_of_hours": 1.0,
    "difference_one_scale": 3.1,
}
FORMER = {
    **WINDOW,
    "from": datetime(2022, 12, 6, tzinfo=UTC),
    "to": datetime(2023, 1, 21, tzinfo=UTC),
    "difference_one_scale": 5.8,
}
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


def statements(row, names: Names, zone: ZoneInfo = ABIDJAN) -> dict[str, str]:
    said = stated(row, names, zone)
    return {name: said[name] for name in ("valid_statement", "valid_statement_fr")}


def test_a_difference_is_told_with_interval_share_and_the_other_window():
    said = statements(ROW, NAMES)
    assert said["valid_statement"] == (
        "On one scale, that of the second station, PM2.5 at station2 (B) is 3.1 µg/m³ higher than at station1 (A) (95 % "
        "interval 2.3 to 4.0; 2023-05-15 to 2023-12-06). The raw readings differ by 7.1 µg/m³, of which 56 % are the "
        "instruments'. The scale comes from the side-by-side weeks of 2023-02-15 to 2023-03-28; by those of 2022-12-06 "
        "to 2023-01-20, the difference would be 5.8 µg/m³."
    )
    assert said["valid_statement_fr"] == (
        "Ramenée à une même échelle, celle de la seconde station, la concentration de PM2.5 à station2 (B) est "
        "supérieure de 3,1 µg/m³ à celle de station1 (A) (intervalle à 95 % : de 2,3 à 4,0 ; du 2023-05-15 au "
        "2023-12-06). Les mesures brutes diffèrent de 7,1 µg/m³, dont 56 % viennent des instruments. L’échelle vient "
        "des semaines côte à côte du 2023-02-15 au 2023-03-28 ; selon celles du 2022-12-06 au 2023-01-20, la différence "
        "serait de 5,8 µg/m³."
    )


def lower_row(raw: float, other: float = -3.3) -> dict:
    """Return a row in which the second has 4.0 less on one scale."""
    return {
        **ROW,
        "difference_raw": {"mean": raw, "low": raw - 0.8, "high": raw + 0.8, "detectable": 1.2},
        "difference_one_scale": {"mean": -4.0, "low": -4.8, "high": -3.2, "detectable": 1.2},
        "instruments_share": (raw + 4.0) / raw,
        "colocations": [{**FORMER, "difference_one_scale": other}, WINDOW],
    }


def test_a_deficit_is_told_without_a_minus_sign_in_the_whole_answer():
    said = statements(lower_row(-6.0, other=-9.0), NAMES)
    assert (
        "is 4.0 µg/m³ lower than at station1 (A) (95 % interval 3.2 to 4.8; 2023-05-15 to 2023-12-06). The "
        "raw readings differ by 6.0 µg/m³, of which 33 % are the instruments'."
    ) in said["valid_statement"]
    assert "the difference would be 9.0 µg/m³." in said["valid_statement"]
    assert "est inférieure de 4,0 µg/m³" in said["valid_statement_fr"]
    assert "la différence serait de 9,0 µg/m³." in said["valid_statement_fr"]
    assert "−" not in "".join(said.values())


def test_other_weeks_that_say_the_opposite_are_told_as_such():
    said = statements(lower_row(-6.0, other=1.5), NAMES)
    assert "the difference would be 1.5 µg/m³ in the other direction." in said["valid_statement"]
    assert "la différence serait de 1,5 µg/m³ dans l’autre sens." in said["valid_statement_fr"]


@pytest.mark.parametrize(
    ("raw", "english", "french"),
    [
        (
            -2.0,  # a share of -100 %
            "The raw readings differ by 2.0 µg/m³ only: the instruments hide part of the difference.",
            "Les mesures brutes ne diffèrent que de 2,0 µg/m³ : les instruments cachent une partie de la différence.",
        ),
        (
            2.0,  # 300 %
            "say the opposite, because of the instruments: there, station2 (B) is 2.0 µg/m³ higher.",
            "disent le contraire, à cause des instruments : la valeur à station2 (B) y est supérieure de 2,0 µg/m³.",
        ),
        (-3.99, "of which next to nothing is the instruments'.", "dont presque rien ne vient des instruments."),
        (-4.01, "of which next to nothing is the instruments'.", "dont presque rien ne vient des instruments."),
        (-8.0, "differ by 8.0 µg/m³, of which 50 % are the", "diffèrent de 8,0 µg/m³, dont 50 % viennent des"),
    ],
)
def test_a_share_is_told_only_where_it_is_one(raw, english, french):
    said = statements(lower_row(raw), NAMES)
    assert english in said["valid_statement"]
    assert french in said["valid_statement_fr"]


@pytest.mark.parametrize("share", [-2.9, 0.3, 4.05])
def test_without_a_difference_the_readings_may_be_the_instruments_alone(share):
    none = {**ROW, "difference_one_scale": {"mean": -0.2, "low": -1.0, "high": 0.6, "detectable": 1.14}}
    said = statements({**none, "instruments_share": share}, NAMES)
    assert (
        "or more would have been told four times out of five; the raw readings are 7.1 µg/m³ higher at station2 (B), "
        "but that may be the instruments' alone." in said["valid_statement"]
    )
    assert "the second minus the first is −0.2 µg/m³ (95 % interval −1.0 to 0.6;" in said["valid_statement"]
    assert "la seconde moins la première donne −0,2 µg/m³" in said["valid_statement_fr"]
    assert "mais cela peut venir des seuls instruments." in said["valid_statement_fr"]


def test_small_numbers_keep_two_digits_of_the_interval():
    carbon_monoxide = {
        **ROW,
        "pollutant": "co",
        "difference_raw": {"mean": 0.0045, "low": 0.004, "high": 0.005, "detectable": 0.0007},
        "difference_one_scale": {"mean": 0.0031, "low": 0.0023, "high": 0.0041, "detectable": 0.0013},
        "colocations": [WINDOW],
    }
    said = statements(carbon_monoxide, NAMES)["valid_statement"]
    assert "is 0.0031 mg/m³ higher" in said
    assert "interval 0.0023 to 0.0041;" in said
    assert "differ by 0.0045 mg/m³" in said


@pytest.mark.parametrize(
    ("low", "high", "decimals"), [(0.96, 4.0, 1), (2.1, 2.4, 2), (20.0, 34.0, 0), (0.0, 0.0, 1), (None, None, 1)]
)
def test_mean_and_interval_have_one_precision(low, high, decimals):
    assert decimals_of({"mean": 0.0 if low == 0 else 2.2, "low": low, "high": high}) == decimals


def test_zero_has_no_sign_and_what_is_unknown_is_a_dash():
    assert written(-0.001, 2) == "0.00"
    assert written(-0.1, 1) == "−0.1"
    assert written(None, 1) == "–"


def test_no_difference_is_told_with_what_would_have_been_seen():
    none = {**ROW, "difference_one_scale": {"mean": 0.2, "low": -0.6, "high": 1.0, "detectable": 1.14}}
    said = statements(none, NAMES)
    assert said["valid_statement"].startswith(
        "No difference of PM2.5 between station1 (A) and station2 (B) can be told"
    )
    assert "A difference of 1.1 µg/m³ or more would have been told" in said["valid_statement"]
    assert "0,2 µg/m³" in said["valid_statement_fr"]


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
        "copy",
        "relation_expired",
        "relation_aged",
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


@pytest.mark.parametrize("reason", ["relation_aged", "relation_drifted"])
def test_weeks_side_by_side_may_be_before_or_after(reason):
    trust = {"age_days": 609, "ratio_change": -0.4, "may_be_drift": 6.8, "state": "aged"}
    said = statements({**ROW, "withheld": reason, "trust": trust}, NAMES)
    assert "up to 20 months away" in said["valid_statement"]
    assert "jusqu’à 20 mois d’écart" in said["valid_statement_fr"]
    assert not [word for word in ("before", "auparavant") if word in "".join(said.values())]
    if reason == "relation_drifted":
        assert "changed so much since that 6.8 µg/m³ may be the instruments'." in said["valid_statement"]
        assert "depuis tant changé que 6,8 µg/m³ peuvent venir des instruments." in said["valid_statement_fr"]


def test_an_aged_relation_says_how_far_its_weeks_are_from_the_hours():
    said = statements({**ROW, "trust": {**ROW["trust"], "age_days": 609, "state": "aged"}}, NAMES)
    assert "2023-03-28, up to 20 months away from the hours that are compared; by those" in said["valid_statement"]
    assert "jusqu’à 20 mois d’écart des heures comparées" in said["valid_statement_fr"]


def test_of_several_windows_the_share_of_the_hours_is_told():
    said = statements({**ROW, "colocation": {**WINDOW, "share_of_hours": 0.623}}, NAMES)
    assert "For 62 % of the hours, the scale comes from the side-by-side weeks of 2023-02-15" in said["valid_statement"]
    assert "Pour 62 % des heures, l’échelle vient des semaines côte à côte du 2023-02-15" in said["valid_statement_fr"]


@pytest.mark.parametrize(("zone", "first", "last"), [("Asia/Kolkata", "14", "05"), ("America/Lima", "15", "06")])
def test_dates_are_those_of_the_network(zone, first, last):
    local = ZoneInfo(zone)
    moments = {
        "from": datetime(2023, 5, int(first), tzinfo=local),
        "to": datetime(2023, 12, 1 + int(last), tzinfo=local),
    }
    row = {**ROW, **moments, "colocation": {**WINDOW, **moments}, "left_out": [{**moments, "reason": "level"}]}
    row = {name: value.astimezone(UTC) if name in moments else value for name, value in row.items()}
    said = statements(row, NAMES, local)
    assert said["valid_statement"].count(f"2023-05-{first} to 2023-12-{last}") == 3
    assert said["valid_statement_fr"].count(f"du 2023-05-{first} au 2023-12-{last}") == 3


def sentences(said: str) -> int:
    return len(re.findall(r"\.(?= |$)", said))


def test_an_answer_has_at_most_two_more_sentences_and_stands_by_itself():
    times = [
        {"from": datetime(2023, month, 1, tzinfo=UTC), "to": datetime(2023, month, 2, tzinfo=UTC), "reason": "level"}
        for month in range(6, 11)
    ]
    full = {
        **ROW,
        "trust": {**ROW["trust"], "age_days": 609},
        "colocation": {**WINDOW, "source": "found"},
        "left_out": times,
    }
    untold = {**full, "difference_one_scale": {"mean": 0.2, "low": -0.6, "high": 1.0, "detectable": 1.14}}
    for row in (full, untold, ROW, {**full, "withheld": "no_side_by_side"}):
        for said in statements(row, NAMES).values():
            assert sentences(said) <= 3
            answer, _, _ = said.partition(". ")
            assert "PM2.5" in answer
            assert "station1 (A)" in answer
            assert "station2 (B)" in answer
    assert "2023-06-01, 2023-07-01, and 3 more (PM2.5 of one" in statements(full, NAMES)["valid_statement"]


@pytest.mark.parametrize(
    ("found", "english", "french"),
    [
        ({"r2": 0.31, "slope": 0.4}, "(r² 0.31, 2022-12-06 to", "(r² 0,31, du 2022-12-06 au"),
        ({"r2": 0.93, "slope": -1.2}, "answer in opposite directions", "répondent en sens contraire"),
        ({"r2": None, "slope": None}, "do not change when they are side by side", "ne changent pas côte à côte"),
    ],
)
def test_the_window_in_which_the_two_disagree_is_quoted(found, english, french):
    at_odds = {**FORMER, **found, "withheld": "disagree"}
    near = {**WINDOW, "r2": 0.87, "slope": 1.0, "withheld": "too_few_hours"}
    row = {**ROW, "withheld": "side_by_side_disagree", "colocation": near, "colocations": [at_odds, near]}
    said = statements(row, NAMES)
    assert english in said["valid_statement"]
    assert french in said["valid_statement_fr"]
    assert "0.87" not in said["valid_statement"]


def test_one_is_singular_and_french_zero_is_too():
    one = statements({**ROW, "withheld": "too_few_days", "days": 1}, NAMES)
    none = statements({**ROW, "withheld": "too_few_days", "days": 0}, NAMES)
    assert "1 day of the 14" in one["valid_statement"]
    assert "0 days of the 14" in none["valid_statement"]
    assert "1 jour sur les 14" in one["valid_statement_fr"]
    assert "0 jour sur les 14" in none["valid_statement_fr"]


def test_times_that_are_left_out_are_told_with_the_reason():
    time = {"from": datetime(2023, 8, 1, tzinfo=UTC), "to": None, "reason": "level", "station": "second"}
    said = statements({**ROW, "left_out": [time]}, NAMES)
    assert said["valid_statement"].endswith(
        "; left out are 2023-08-01 to the end (PM2.5 of one station changed its level)."
    )


def test_one_day_that_is_left_out_is_told_once():
    time = {"from": datetime(2023, 8, 1, tzinfo=UTC), "to": datetime(2023, 8, 2, tzinfo=UTC), "reason": "repeated_day"}
    said = statements({**ROW, "left_out": [time]}, NAMES)
    assert said["valid_statement"].endswith("; left out are 2023-08-01 (a day repeats the day before).")
    assert said["valid_statement_fr"].endswith(" ; temps écartés : le 2023-08-01 (une journée répète la précédente).")


def test_side_by_side_weeks_that_nobody_confirmed_are_told():
    found = {**ROW, "colocation": {**WINDOW, "source": "found"}}
    assert "which nobody has confirmed" in statements(found, NAMES)["valid_statement"]


def test_french_elides_before_a_vowel():
    assert "d’O₃" in statements({**ROW, "pollutant": "o3"}, NAMES)["valid_statement_fr"]
