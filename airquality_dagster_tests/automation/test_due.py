"""Which months a tick materializes, decided without Dagster and without a clock."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.automation.due import (
    LOOK_BACK_MONTHS,
    SETTLING,
    Month,
    StationRun,
    affected_months,
    contiguous_ranges,
    due_months,
    outdated_months,
    station_runs,
    unconfirmed_months,
)
from airquality_dagster.readings.flags import HOURS_BEFORE


def months(first_year: int, count: int) -> list[Month]:
    starts = [datetime(first_year + number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(count + 1)]
    return [Month(f"{start:%Y-%m-%d}", end) for start, end in itertools.pairwise(starts)]


ALL = months(2022, 30)  # 2022-01 to 2024-06
KEYS = [month.key for month in ALL]
NOW = datetime(2024, 6, 15, 12, 5, tzinfo=UTC)
LATELY = dict.fromkeys(KEYS, NOW - timedelta(hours=1))


def test_usually_only_the_current_month_is_due():
    assert due_months(ALL, LATELY, NOW) == ["2024-06-01"]


def test_a_fresh_installation_loads_the_last_year_and_the_current_month():
    assert due_months(ALL, {}, NOW) == KEYS[-13:]


def test_the_month_before_is_due_until_it_has_settled():
    for day, due in ((1, 2), (3, 2), (5, 1)):
        now = datetime(2024, 6, day, 12, 5, tzinfo=UTC)
        assert len(due_months(ALL, dict.fromkeys(KEYS, now - timedelta(hours=1)), now)) == due


def test_after_an_outage_every_month_that_was_not_over_when_it_was_last_materialized_is_due():
    stopped = datetime(2024, 3, 10, tzinfo=UTC)
    assert due_months(ALL, dict.fromkeys(KEYS, stopped), NOW) == [
        "2024-03-01",
        "2024-04-01",
        "2024-05-01",
        "2024-06-01",
    ]


def test_a_month_is_outdated_when_its_hours_or_those_beside_it_changed_since_it_was_judged_but_for_those_that_go_on():
    assert outdated_months(ALL, LATELY, {"2024-01-01": NOW}, (), NOW) == [
        "2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01",
    ]  # fmt: skip
    assert outdated_months(ALL, LATELY, {"2024-01-01": NOW - timedelta(hours=2)}, (), NOW) == []
    # Those of the current month change each hour: until they settle, the month before is due by itself.
    assert outdated_months(ALL, LATELY, {"2024-06-01": NOW}, (), NOW) == []
    assert outdated_months(ALL, LATELY, dict.fromkeys(KEYS, NOW), (), NOW) == KEYS
    assert outdated_months([], {}, {}, (), NOW) == []


def test_the_months_at_both_ends_of_a_silence_are_outdated_when_one_of_them_changed():
    silent = {"2023-07-01", "2023-08-01", "2023-09-01"}
    for changed in ("2023-06-01", "2023-10-01"):
        outdated = outdated_months(ALL, LATELY, {changed: NOW}, (), NOW, empty=silent)
        assert {"2023-06-01", "2023-10-01"} <= set(outdated)
    # No hour is stored before the first month or after the last one.
    assert outdated_months(ALL, LATELY, {KEYS[1]: NOW}, (), NOW, empty={KEYS[0]}) == KEYS[1:3]


@given(st.sampled_from(range(len(ALL) - 1)), st.sets(st.sampled_from(KEYS)))
def test_each_month_that_a_window_reaches_is_affected(changed, empty):
    affected = affected_months(ALL, changed, empty)
    assert KEYS[changed] in affected
    for later in range(changed + 1, len(ALL)):
        # The first hour of a month needs those of a window before it.
        if ALL[later - 1].end - timedelta(hours=HOURS_BEFORE) < ALL[changed].end:
            assert KEYS[later] in affected
    earlier = [key for key in KEYS[:changed] if key not in empty]
    later = [key for key in KEYS[changed + 1 :] if key not in empty]
    assert {*earlier[-1:], *later[:1]} <= affected
    assert len(affected) <= 5


def months_to_confirm(known_until, newest, empty=()):
    known = {key: datetime.fromisoformat(moment).replace(tzinfo=UTC) for key, moment in known_until.items()}
    return unconfirmed_months(ALL, known, newest and datetime.fromisoformat(newest).replace(tzinfo=UTC), empty)


def test_the_last_hours_before_a_silence_are_judged_once_more_when_it_ends():
    silence = {"2023-02-01": "2023-03-10", "2023-03-01": "2023-03-10T14", "2023-04-01": "2023-03-10T14"}
    empty = {"2023-04-01", "2023-05-01"}
    assert months_to_confirm(silence, "2023-03-10T14", empty) == []
    assert months_to_confirm(silence, "2023-06-05T08", empty) == ["2023-03-01"]
    judged_again = silence | {"2023-03-01": "2023-06-05T08"}
    assert months_to_confirm(judged_again, "2023-06-05T09", empty) == []
    assert months_to_confirm(silence, None, empty) == []
    assert months_to_confirm({}, "2023-06-05T08", empty) == []


def test_a_month_is_judged_until_the_hours_are_there_that_its_last_ones_need():
    assert months_to_confirm({"2023-03-01": "2023-04-03T22"}, "2023-04-03T23") == ["2023-03-01"]
    assert months_to_confirm({"2023-03-01": "2023-04-04T00"}, "2023-04-04T01") == []


def test_months_that_were_judged_by_former_rules_are_outdated_a_year_a_tick_the_newest_first():
    assert outdated_months(ALL, LATELY, {}, {"2022-03-01", "2024-05-01"}, NOW) == ["2022-03-01", "2024-05-01"]
    former, ticks = set(KEYS), 0
    while former:
        made_anew = outdated_months(ALL, LATELY, {}, former, NOW)
        assert made_anew == sorted(former)[-LOOK_BACK_MONTHS:]
        former -= set(made_anew)
        ticks += 1
    assert ticks == 3


def test_months_of_former_rules_that_failed_keep_no_older_month_waiting():
    failed = set(KEYS[-LOOK_BACK_MONTHS:])
    assert outdated_months(ALL, LATELY, {}, KEYS, NOW, failed=failed) == KEYS[-2 * LOOK_BACK_MONTHS : -LOOK_BACK_MONTHS]
    assert outdated_months(ALL, LATELY, {}, failed, NOW, failed=failed) == sorted(failed)


def test_a_month_that_was_never_materialized_is_due():
    lacking = {key: moment for key, moment in LATELY.items() if key != "2024-01-01"}
    assert due_months(ALL, lacking, NOW) == ["2024-01-01", "2024-06-01"]


def test_a_network_that_has_just_begun_has_only_its_months():
    assert due_months(ALL[-2:], {}, NOW) == ["2024-05-01", "2024-06-01"]
    assert due_months([], {}, NOW) == []


def test_contiguous_months_are_one_range():
    assert contiguous_ranges(ALL, {"2024-01-01", "2024-02-01", "2024-06-01"}) == [
        ("2024-01-01", "2024-02-01"),
        ("2024-06-01", "2024-06-01"),
    ]


def test_a_month_that_failed_is_asked_for_alone():
    assert contiguous_ranges(ALL, KEYS[-4:], alone={"2024-04-01"}) == [
        ("2024-03-01", "2024-03-01"),
        ("2024-04-01", "2024-04-01"),
        ("2024-05-01", "2024-06-01"),
    ]


def test_stations_with_the_same_range_share_a_run_up_to_a_number():
    ranges = {"a": [("1", "2")], "b": [("1", "2")], "c": [("1", "2"), ("4", "4")]}
    assert station_runs(ranges, 2) == [
        StationRun(("a", "b"), "1", "2"),
        StationRun(("c",), "1", "2"),
        StationRun(("c",), "4", "4"),
    ]


moments = st.datetimes(datetime(2022, 1, 1), datetime(2024, 6, 15)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(st.dictionaries(st.sampled_from(KEYS), moments), st.sets(st.sampled_from(KEYS)))
def test_no_hour_of_the_last_year_stays_unfetched_whatever_happened_before(materialized_at, failed):
    due = due_months(ALL, materialized_at, NOW)
    for month in ALL[-LOOK_BACK_MONTHS - 1 :]:
        settled = month.key in materialized_at and materialized_at[month.key] >= month.end + SETTLING
        assert settled != (month.key in due)
    ranges = contiguous_ranges(ALL, due, failed & set(due))
    covered = [key for first, last in ranges for key in KEYS if first <= key <= last]
    assert covered == due
    for first, last in ranges:
        assert first == last or not failed & {key for key in KEYS if first <= key <= last}
