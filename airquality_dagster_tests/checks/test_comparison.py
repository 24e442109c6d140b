"""What the check of a comparison asks of the operator."""

import copy
from datetime import datetime, timedelta

import pytest

from airquality_dagster.checks.comparison import Compared, comparison_can_be_told, due_date
from airquality_dagster.network.colocation import Together
from airquality_dagster.readings.comparison_statements import Names
from airquality_dagster_tests.publishing.dashboard.compared_rows import ZONE, compared_rows, part_of
from airquality_dagster_tests.readings.compared_pair import APART, BEGIN, DAYS, DEVICES

NOW = APART + timedelta(days=DAYS)
A_YEAR_LATER = APART + timedelta(days=400)


@pytest.fixture(scope="module")
def stored():
    return compared_rows(["pm10", "pm2_5"])


@pytest.fixture
def rows(stored):
    return copy.deepcopy(stored)


def compared(rows, *planned: Together, now: datetime = NOW) -> Compared:
    return Compared(
        pair="paving",
        names=Names("first", "second"),
        rows=rows,
        planned=planned,
        hours=24 * DAYS,
        zone=ZONE,
        now=now,
    )


@pytest.mark.parametrize(
    ("begin", "days", "is_plan"),
    [(-20, 30, True), (30, 14, True), (180, 14, True), (200, 14, False), (3650, 14, False)],
)
def test_a_planned_fortnight_is_a_plan_if_it_begins_within_half_a_year(rows, begin, days, is_plan):
    start = A_YEAR_LATER + timedelta(days=begin)
    planned = Together(start, start + timedelta(days=days), DEVICES)
    assert (due_date(compared(rows, planned, now=A_YEAR_LATER)) is None) == is_plan


@pytest.mark.parametrize(("weeks", "is_plan"), [(1, True), (9, False)])
def test_a_window_that_nobody_ended_silences_the_check_for_eight_weeks(rows, weeks, is_plan):
    planned = Together(A_YEAR_LATER - timedelta(weeks=weeks), None, DEVICES)
    assert (due_date(compared(rows, planned, now=A_YEAR_LATER)) is None) == is_plan


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (
            {"withheld": "disagree", "r2": 0.31},
            "PM2.5 side by side from 2023-08-01 to 2023-08-14: the two do not agree (r² 0.31): one has changed, or "
            "they were not beside each other",
        ),
        (
            {"withheld": "too_few_hours", "hours": 40},
            "PM2.5 side by side from 2023-08-01 to 2023-08-14: too few hours of both (40) for a common scale",
        ),
    ],
)
def test_a_fortnight_that_gave_no_relation_is_told_once_it_is_over(rows, failed, words):
    whole = part_of(rows, "pm2_5", "all", "all")
    begin = datetime(2023, 8, 1, tzinfo=ZONE)
    newest = {
        **whole["colocations"][0],
        "from": begin,
        "to": begin + timedelta(days=14),
        "difference_one_scale": None,
        **failed,
    }
    whole["colocations"].append(newest)
    before, after = (
        comparison_can_be_told(compared(rows, now=begin + timedelta(days=days))).findings for days in (13, 15)
    )
    assert before == []
    assert [finding.text for finding in after] == [words]


def test_a_comparison_without_anything_to_do_has_no_findings(rows):
    assert part_of(rows, "pm2_5", "all", "all")["colocation"]["from"] == BEGIN
    assert comparison_can_be_told(compared(rows)).findings == []
