"""What the page gets of the comparison of a pair."""

import copy

import pytest

from airquality_dagster.network.pairs import Pair
from airquality_dagster.publishing.dashboard.pairs import pair_content
from airquality_dagster.publishing.dashboard.stored import pair_rows
from airquality_dagster_tests.publishing.dashboard.compared_rows import ZONE, compared_rows, part_of

PAIR = Pair(name="paving", first="first", second="second", question="What does paving do?")
FOUR_DIGITS = {"rel": 6e-4, "abs": 1e-9}


@pytest.fixture(scope="module")
def rows():
    return compared_rows(["co", "no2", "pm10", "pm2_5"])


@pytest.fixture
def content(rows):
    return pair_content(PAIR, rows, ZONE)


def field_of(content, field):
    (found,) = [one for one in content["fields"] if one["field"] == field]
    return found


def test_a_pair_without_a_stored_comparison_has_nothing_to_show():
    assert pair_content(PAIR, [], ZONE) is None


def test_it_has_the_questions_and_the_names_of_the_stations_file(content):
    assert {name: content[name] for name in PAIR.model_dump()} == PAIR.model_dump()


def test_pollutants_of_which_something_can_be_said_come_first_and_of_these_the_headlines(content):
    assert [one["field"] for one in content["fields"]] == ["pm2_5", "pm10", "co", "no2"]
    assert [one["withheld"] for one in content["fields"]] == [None, None, "no_hours", "side_by_side_disagree"]


def test_sentences_and_differences_are_those_that_are_stored(content, rows):
    whole, shown = part_of(rows, "pm2_5", "all", "all"), field_of(content, "pm2_5")
    for language, statement in (("en", "valid_statement"), ("fr", "valid_statement_fr")):
        assert " ".join(shown["said"][language]) == whole[statement]
    assert shown["hours"] == whole["hours"]
    for name, stored in (("raw", "difference_raw"), ("scale", "difference_one_scale")):
        assert shown[name] == {part: whole[stored][part] for part in ("mean", "low", "high")}


def test_dates_are_the_first_and_the_last_with_an_hour(content):
    shown = field_of(content, "pm2_5")
    assert (shown["start"], shown["end"]) == ("2023-02-22", "2023-07-21")
    assert (shown["colocation"]["start"], shown["colocation"]["end"]) == ("2023-02-01", "2023-02-21")


def test_hours_of_day_and_months_are_in_order_with_their_intervals(content, rows):
    shown = field_of(content, "pm2_5")
    assert shown["hour"]["part"] == [f"{hour:02d}" for hour in range(24)]
    assert shown["month"]["part"] == [f"2023-{month:02d}" for month in range(2, 8)]
    for period in ("hour", "month"):
        for place, part in enumerate(shown[period]["part"]):
            stored = part_of(rows, "pm2_5", period, part)
            for name in ("mean", "low", "high"):
                expected = stored["difference_one_scale"][name]
                assert shown[period][name][place] == (expected and pytest.approx(expected, **FOUR_DIGITS))
            assert shown[period]["hours"][place] == stored["hours"]
    # A week has no interval.
    assert shown["month"]["low"][0] is None


def test_the_answer_is_apart_from_what_follows(content, rows):
    for field, parts in (("pm2_5", 2), ("co", 1)):
        whole, said = part_of(rows, field, "all", "all"), field_of(content, field)["said"]
        assert len(said["en"]) == len(said["fr"]) == parts
        assert (said["en"][0], said["fr"][0]) == (whole["valid_answer"], whole["valid_answer_fr"])


def test_numbers_have_the_digits_of_the_sentences(content, rows):
    whole, shown = part_of(rows, "pm2_5", "all", "all"), field_of(content, "pm2_5")
    scaled, raw = whole["difference_one_scale"], whole["difference_raw"]
    assert f" {scaled['mean']:.{shown['decimals']}f} µg/m³ higher" in whole["valid_answer"]
    assert f"readings differ by {raw['mean']:.{shown['decimals']}f} µg/m³" in whole["valid_statement"]


@pytest.mark.parametrize("share", [-0.2, 1.67])
def test_what_is_no_share_of_the_instruments_is_not_shown(rows, share):
    turned = copy.deepcopy(rows)
    part_of(turned, "pm2_5", "all", "all")["instruments_share"] = share
    assert field_of(pair_content(PAIR, turned, ZONE), "pm2_5")["instruments"] is None


def test_seasons_kinds_of_days_and_dust_follow_all_hours_in_order_with_their_intervals_and_days(content, rows):
    shown = field_of(content, "pm2_5")["kind"]
    assert list(zip(shown["period"], shown["part"], strict=True)) == [
        ("all", "all"),
        ("season", "DJF"),
        ("season", "MAM"),
        ("season", "JJA"),
        ("day_kind", "weekday"),
        ("day_kind", "weekend"),
        ("humidity", "dry"),
        ("dust", "calm"),
        ("dust", "dusty"),
    ]
    for place, (period, part) in enumerate(zip(shown["period"], shown["part"], strict=True)):
        stored = part_of(rows, "pm2_5", period, part)
        for name in ("mean", "low", "high"):
            expected = stored["difference_one_scale"][name]
            assert shown[name][place] == (expected and pytest.approx(expected, **FOUR_DIGITS))
        assert (shown["hours"][place], shown["days"][place]) == (stored["hours"], stored["days"])
    # A week of February has no interval.
    assert shown["low"][1] is None


def test_parts_of_a_difference_that_says_nothing_of_the_air_are_not_shown(rows):
    withheld = copy.deepcopy(rows)
    part_of(withheld, "pm2_5", "all", "all")["withheld"] = "relation_expired"
    shown = field_of(pair_content(PAIR, withheld, ZONE), "pm2_5")
    assert shown["hour"]["part"] == shown["month"]["part"] == shown["kind"]["part"] == []
    assert shown["colocation"] is not None


def test_side_by_side_weeks_have_their_line_and_points(content, rows):
    shown, stored = field_of(content, "pm2_5")["colocation"], part_of(rows, "pm2_5", "all", "all")["colocation"]
    assert list(zip(shown["first"], shown["second"], strict=True)) == [
        pytest.approx(tuple(point), **FOUR_DIGITS) for point in stored["points"]
    ]
    assert shown["slope"] == pytest.approx(stored["slope"], **FOUR_DIGITS)


def test_each_window_has_the_difference_by_it_alone_and_all_together_have_one(rows):
    several = copy.deepcopy(rows)
    whole = part_of(several, "pm2_5", "all", "all")
    (used,) = whole["colocations"]
    whole["colocations"] = [{**used, "difference_one_scale": 5.8}, used]
    whole["colocations_pooled"] = {**used, "difference_one_scale": 4.6}
    shown = field_of(pair_content(PAIR, several, ZONE), "pm2_5")
    assert [window["difference"] for window in shown["windows"]] == [5.8, used["difference_one_scale"]]
    assert shown["pooled"]["difference"] == 4.6
    assert field_of(pair_content(PAIR, rows, ZONE), "pm2_5")["pooled"] is None


def test_two_that_never_stood_side_by_side_have_no_relation(rows):
    shown = field_of(pair_content(PAIR, compared_rows(["pm2_5"], are_known=False), ZONE), "pm2_5")
    assert shown["withheld"] == "no_side_by_side"
    assert shown["colocation"] is None
    assert shown["windows"] == []


def test_it_is_read_from_mongodb_as_it_was_stored(database, rows):
    keys = ("pollutant", "period", "part")
    database["paving_comparison"].insert_many(
        {"_id": {key: row[key] for key in keys}, **{key: row[key] for key in row if key not in keys}} for row in rows
    )
    assert pair_content(PAIR, pair_rows(database, "paving_comparison"), ZONE) == pair_content(PAIR, rows, ZONE)
    # Another version of the method has other fields.
    database["paving_comparison"].update_many({}, {"$set": {"version": 1}})
    assert pair_rows(database, "paving_comparison") == []
