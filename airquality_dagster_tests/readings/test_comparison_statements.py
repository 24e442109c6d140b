"""What may be said of a comparison, in English and French."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.readings.comparison_statements import Names, decimals_of, share_of_instruments, stated, written
from airquality_dagster.readings.comparison_wording import ENGLISH, FRENCH

NO_BREAK = "\N{NO-BREAK SPACE}"
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


def stored(row, names: Names, zone: ZoneInfo = ABIDJAN) -> dict[str, str]:
    """Return the sentences that are stored."""
    sentences = ("valid_answer", "valid_statement")
    return {name: str(value) for name, value in stated(row, names, zone).items() if name.startswith(sentences)}


def statements(row, names: Names, zone: ZoneInfo = ABIDJAN) -> dict[str, str]:
    """Return what is said, with plain spaces."""
    return {name: text.replace(NO_BREAK, " ") for name, text in stored(row, names, zone).items()}


def test_a_difference_is_told_with_interval_share_and_the_other_window():
    said = statements(ROW, NAMES)
    assert said["valid_statement"] == (
        "On the scale of station2 (B), PM2.5 there is 3.1 µg/m³ higher than at station1 (A) (95 % interval 2.3 to 4.0; "
        "204 days from 2023-05-15 to 2023-12-06). The raw readings differ by 7.1 µg/m³, of which 56 % comes from the "
        "instruments. The scale comes from the side-by-side weeks of 2023-02-15 to 2023-03-28; using those of "
        "2022-12-06 to 2023-01-20, the difference would be 5.8 µg/m³."
    )
    assert said["valid_statement_fr"] == (
        "À l’échelle de station2 (B), la concentration de PM2.5 y est supérieure de 3,1 µg/m³ à celle de station1 (A) "
        "(intervalle à 95 % : de 2,3 à 4,0 ; 204 jours du 15 mai 2023 au 6 décembre 2023). Les mesures brutes diffèrent "
        "de 7,1 µg/m³, dont 56 % viennent des instruments. L’échelle vient des semaines de mesures côte à côte du 15 "
        "février 2023 au 28 mars 2023 ; selon celles du 6 décembre 2022 au 20 janvier 2023, la différence serait de 5,8 "
        "µg/m³."
    )


def lower_row(raw: float, other: float = -3.3) -> dict:
    """Return a row in which the second has 4.0 less on one scale."""
    return {
        **ROW,
        "difference_raw": {"mean": raw, "low": raw - 0.8, "high": raw + 0.8, "detectable": 1.2},
        "difference_one_scale": {"mean": -4.0, "low": -4.8, "high": -3.2, "detectable": 1.2},
        "instruments_share": (raw + 4.0) / raw,
        "colocations": [{**FORMER, "difference_one_scale": other}, {**WINDOW, "difference_one_scale": -4.0}],
    }


def test_a_deficit_is_told_without_a_minus_sign_in_the_whole_answer():
    said = statements(lower_row(-6.0, other=-9.0), NAMES)
    assert (
        "is 4.0 µg/m³ lower than at station1 (A) (95 % interval 3.2 to 4.8; 204 days from 2023-05-15 to 2023-12-06). "
        "The raw readings differ by 6.0 µg/m³, of which 33 % comes from the instruments."
    ) in said["valid_statement"]
    assert "the difference would be 9.0 µg/m³." in said["valid_statement"]
    assert "y est inférieure de 4,0 µg/m³" in said["valid_statement_fr"]
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
        (-3.99, "of which next to nothing comes from the instruments.", "dont presque rien ne vient des instruments."),
        (-4.01, "of which next to nothing comes from the instruments.", "dont presque rien ne vient des instruments."),
        (-8.0, "differ by 8.0 µg/m³, of which 50 % comes from", "diffèrent de 8,0 µg/m³, dont 50 % viennent des"),
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
        "or more would have been detected four times out of five; the raw readings are 7.1 µg/m³ higher at station2 (B), "
        "but that may come from the instruments alone." in said["valid_statement"]
    )
    assert "station2 (B) minus station1 (A) is −0.2 µg/m³ (95 % interval −1.0 to 0.6;" in said["valid_statement"]
    assert "station2 (B) moins station1 (A) donne −0,2 µg/m³" in said["valid_statement_fr"]
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
        "No difference of PM2.5 was detected: on the scale of station2 (B), station2 (B) minus station1 (A) is 0.2 µg"
    )
    assert "A difference of 1.1 µg/m³ or more would have been detected" in said["valid_statement"]
    assert "0,2 µg/m³" in said["valid_statement_fr"]


@pytest.mark.parametrize(
    "reason",
    list(ENGLISH.reasons),
)
def test_every_reason_is_told_in_both_languages(reason):
    said = statements({**ROW, "withheld": reason}, NAMES)
    assert said["valid_statement"].startswith("Nothing can be said about a difference of PM2.5")
    assert ", because " in said["valid_statement"]
    assert said["valid_statement_fr"].startswith("Rien ne peut être dit d’une différence de PM2.5")
    assert ", car " in said["valid_statement_fr"]
    assert not set("{}") & set("".join(said.values()))


@pytest.mark.parametrize("words", ["reasons", "left_out_reasons"])
def test_both_languages_have_words_for_the_same_reasons(words):
    assert getattr(ENGLISH, words).keys() == getattr(FRENCH, words).keys()


def test_the_first_sentence_is_stored_as_the_answer_whatever_stops_the_name_of_a_place_has():
    said = statements(ROW, Names("a (St. Paul (nord))", "b. (St. Paul. Sud)"))
    for language in ("", "_fr"):
        answer, statement = said[f"valid_answer{language}"], said[f"valid_statement{language}"]
        assert statement.startswith(f"{answer} ")
        assert answer.endswith((" 2023-12-06).", " 6 décembre 2023)."))


def test_a_line_of_french_breaks_neither_before_punctuation_nor_before_a_unit():
    said = stored(ROW, NAMES)["valid_statement_fr"]
    assert f"3,1{NO_BREAK}µg/m³" in said
    assert f"95{NO_BREAK}%{NO_BREAK}: de 2,3 à 4,0{NO_BREAK}; 204 jours" in said
    assert not re.search(r" [:;%µ]", said)


def test_of_several_windows_the_one_whose_difference_is_farthest_away_is_named():
    others = [{**FORMER, "difference_one_scale": 5.8}, {**FORMER, "difference_one_scale": 6.4}]
    said = statements({**ROW, "colocations": [*others, WINDOW]}, NAMES)["valid_statement"]
    assert said.count("the difference would be") == 1
    assert "the difference would be 6.4 µg/m³." in said


def test_a_window_that_scales_only_some_hours_is_named_if_it_alone_says_something_else():
    newest = {**WINDOW, "difference_one_scale": 7.0}
    mixed = {**ROW, "colocation": {**WINDOW, "share_of_hours": 0.43}, "colocations": [newest]}
    said = statements(mixed, NAMES)["valid_statement"]
    assert "using those of 2023-02-15 to 2023-03-28, the difference would be 7.0 µg/m³" in said


@pytest.mark.parametrize(
    ("stored", "shown"), [(None, None), (-0.01, None), (0.0, 0.0), (0.56, 0.56), (1.0, 1.0), (1.67, None)]
)
def test_a_share_is_one_from_0_to_1(stored, shown):
    assert share_of_instruments(stored) == shown


@pytest.mark.parametrize("reason", ["relation_aged", "relation_drifted"])
def test_weeks_side_by_side_may_be_before_or_after(reason):
    trust = {"age_days": 609, "ratio_change": -0.4, "may_be_drift": 6.8, "state": "aged"}
    said = statements({**ROW, "withheld": reason, "trust": trust}, NAMES)
    assert "up to 20 months away" in said["valid_statement"]
    assert "jusqu’à 20 mois d’écart" in said["valid_statement_fr"]
    assert not [word for word in ("before", "auparavant") if word in "".join(said.values())]
    if reason == "relation_drifted":
        assert "changed so much since that 6.8 µg/m³ may come from the instruments." in said["valid_statement"]
        assert "tellement changé depuis que 6,8 µg/m³ peuvent venir des instruments." in said["valid_statement_fr"]


def test_an_aged_relation_says_how_far_its_weeks_are_from_the_hours():
    said = statements({**ROW, "trust": {**ROW["trust"], "age_days": 609, "state": "aged"}}, NAMES)
    assert "2023-03-28, up to 20 months away from the hours that are compared; using those" in said["valid_statement"]
    assert ", qui ont jusqu’à 20 mois d’écart avec les heures comparées ;" in said["valid_statement_fr"]


def test_of_several_windows_the_share_of_the_hours_is_told():
    said = statements({**ROW, "colocation": {**WINDOW, "share_of_hours": 0.623}}, NAMES)
    assert "For 62 % of the hours, the scale comes from the side-by-side weeks of 2023-02-15" in said["valid_statement"]
    assert (
        "Pour 62 % des heures, l’échelle vient des semaines de mesures côte à côte du 15 février"
        in said["valid_statement_fr"]
    )


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
    assert said["valid_statement_fr"].count(f"du {first} mai 2023 au {int(last)} décembre 2023") == 3


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
        ({"r2": 0.31, "slope": 0.4}, "(r² 0.31, 2022-12-06 to", "(r² 0,31, du 6 décembre 2022 au"),
        ({"r2": 0.93, "slope": -1.2}, "respond in opposite directions", "répondent en sens contraire"),
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
        "; left out: 2023-08-01 to the end (PM2.5 of one station changed its level)."
    )


def test_one_day_that_is_left_out_is_told_once():
    time = {"from": datetime(2023, 8, 1, tzinfo=UTC), "to": datetime(2023, 8, 2, tzinfo=UTC), "reason": "repeated_day"}
    said = statements({**ROW, "left_out": [time]}, NAMES)
    assert said["valid_statement"].endswith("; left out: 2023-08-01 (a day repeats the day before).")
    assert said["valid_statement_fr"].endswith(
        " ; périodes écartées : le 1er août 2023 (une journée répète la précédente)."
    )


def test_side_by_side_weeks_that_nobody_confirmed_are_told():
    found = {**ROW, "colocation": {**WINDOW, "source": "found"}}
    assert "which nobody has confirmed" in statements(found, NAMES)["valid_statement"]


def test_french_elides_before_a_vowel():
    assert "d’O₃" in statements({**ROW, "pollutant": "o3"}, NAMES)["valid_statement_fr"]
