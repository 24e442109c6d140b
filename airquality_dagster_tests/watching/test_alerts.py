"""When somebody is told: pure decisions."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.watching.alerts import Message, Problem, bundles, due_messages, mark_sent

START = datetime(2026, 6, 1, 0, 5, tzinfo=UTC)
UI = "http://ui"
FAILED = Problem("run:station1", "station1: 2026-06 failed", "station1, 2026-06: no answer in 5 attempts", "run-1", 1)


class Clock:
    """Evaluates as the sensor does, with services that take every message."""

    def __init__(self) -> None:
        self.open, self.told = {}, []

    def look(self, hours: float, *problems: Problem, is_reached: bool = True) -> list[str]:
        now = START + timedelta(hours=hours)
        messages, self.open = due_messages(problems, self.open, now, UI)
        if is_reached:
            for message in messages:
                mark_sent(self.open, message, now)
            self.told += [(hours, message.title) for message in messages]
        return [message.title for message in messages]


def test_a_failure_is_told_at_once_and_again_after_1_6_24_and_24_hours():
    clock = Clock()
    for minute in range(0, 60 * 24 * 4, 10):
        clock.look(minute / 60, FAILED)
    assert [hours for hours, _ in clock.told] == [0, 1, 7, 31, 55, 79]


def test_a_recovery_is_told_once_and_the_next_failure_at_once():
    clock = Clock()
    assert clock.look(0, FAILED) == [FAILED.title]
    assert clock.look(0.5) == [f"over: {FAILED.title}"]
    assert clock.look(1) == []
    assert clock.look(1.5, FAILED) == [FAILED.title]


def test_the_same_failure_with_other_numbers_is_the_same_and_another_reason_is_told_at_once():
    clock = Clock()
    clock.look(0, FAILED)
    other_numbers = Problem(FAILED.key, FAILED.title, "station1, 2026-07: no answer in 3 attempts", "run-2", 2)
    assert clock.look(0.5, other_numbers) == []
    refused = Problem(FAILED.key, FAILED.title, "station1, 2026-06: refuses the token", "run-3", 3)
    assert clock.look(0.6, refused) == [FAILED.title]


def test_what_could_not_be_sent_is_due_until_it_is():
    clock = Clock()
    for hours in (0, 0.1, 0.2):
        assert clock.look(hours, FAILED, is_reached=False) == [FAILED.title]
    assert clock.look(0.3, FAILED) == [FAILED.title]
    assert clock.look(0.4, FAILED) == []
    assert clock.look(0.5, is_reached=False) == clock.look(0.6) == [f"over: {FAILED.title}"]
    assert clock.look(0.7) == []


def test_what_was_never_told_needs_no_recovery():
    clock = Clock()
    clock.look(0, FAILED, is_reached=False)
    assert clock.look(0.1) == []
    assert clock.open == {}


def test_a_message_says_what_since_when_how_often_and_where():
    (message,), _ = due_messages([Problem("k", "t", "station1, 2026-06: no answer", "run-7", 3)], {}, START, UI)
    assert message.body == (
        "station1, 2026-06: no answer\nSince 2026-06-01 00:05 UTC, 3 times so far.\nhttp://ui/runs/run-7"
    )


@given(st.lists(st.tuples(st.floats(0.01, 30), st.sets(st.sampled_from("abc"))), max_size=40))
def test_each_problem_is_told_first_and_over_last_and_never_twice_within_an_hour(steps):
    clock, hours, present = Clock(), 0.0, set()
    told: dict[str, list[tuple[float, bool]]] = {key: [] for key in "abc"}
    for pause, keys in steps:
        hours += pause
        for title in clock.look(hours, *(Problem(key, key, key) for key in sorted(keys))):
            told[title[-1]].append((hours, title.startswith("over")))
        for key in keys - present:
            assert told[key][-1] == (hours, False)
        for key in present - keys:
            assert told[key][-1] == (hours, True)
        present = keys
    for messages in told.values():
        for (first, is_over), (second, _) in itertools.pairwise(messages):
            assert is_over or second - first >= 1 or (second, True) in messages


@given(st.lists(st.booleans(), max_size=200))
def test_many_messages_at_once_come_in_one_piece_and_none_is_left_out(recoveries):
    messages = [
        Message(f"key{n}", f"over: s{n}" if over else f"s{n}", f"body of s{n}", over)
        for n, over in enumerate(recoveries)
    ]
    sent = bundles(messages)
    assert [message for bundle in sent for message in bundle.messages] == messages
    assert len(sent) == (len(messages) if len(messages) <= 5 else 1)
    for bundle in sent:
        assert bundle.title
        assert len(bundle.body) < 2000


def test_a_thousand_stations_that_fail_are_one_message_that_counts_them():
    messages = [Message(f"key{n}", f"station{n}: 2026-06 failed", "no answer", n < 2) for n in range(1000)]
    (bundle,) = bundles(messages)
    assert bundle.title == "998 failures, 2 are over"
    assert "station0: 2026-06 failed\nno answer" in bundle.body
    assert "station7: 2026-06 failed" in bundle.body
    assert "and 957 more" in bundle.body
