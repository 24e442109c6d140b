"""What the API, its tokens and the network can do to the platform: injected by the sandbox, over HTTP.

What the tests of the client and of the assets show in less time is `long` here, and in the table of docs/reliability.md.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.sandbox.faults import KINDS, Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.local.serving import running
from airquality_dagster_tests.faults.published import END, MONTH, NOW, Hours, lost_values, published_hours, stored_hours
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.platform import failures, metadata

STATION = 283164601
ASSETS = ["raw_station1", "station1_quality", "station1_aggregates", "station1_summaries", "air_quality_dashboard"]


@dataclass
class Stage:
    """The platform, the sandbox's switch, and what the sandbox published."""

    platform: object
    switch: FaultSwitch
    database: object

    def use_client(self, **options: float) -> None:
        """Ask with other limits than those of a real run."""
        self.platform.monkeypatch.setattr(
            "airquality_dagster.airqino.resource.AirQinoClient",
            lambda *arguments, **given: AirQinoClient(*arguments, **{**given, "backoff_seconds": 0.0, **options}),
        )

    def run(self):
        """Fetch the hours of both stations."""
        return self.platform.run(MONTH, assets=["raw_station1", "raw_station2"])

    def run_with_all_that_follows(self):
        """Fetch the hours of the station with the fault, and make of them all that is made of hours."""
        return self.platform.run(MONTH, assets=ASSETS)

    def published(self, station: int = STATION) -> Hours:
        return published_hours(station)

    def stored(self, station: str = "station1") -> Hours:
        return stored_hours(self.database, station)

    def lost_and_doubled(self) -> tuple[int, int]:
        """Return how many published readings are not stored as published, and how many are stored besides."""
        published, stored = self.published(), self.stored()
        doubled = self.database["raw_station1"].count_documents({}) - len(published.keys() & stored.keys())
        return lost_values(published, stored), doubled


@pytest.fixture(params=[False], ids=["no token"])
def stage(request, platform, database):
    switch = FaultSwitch()
    realm = Realm(client_id="client", username="user", password="hunter2") if request.param else None
    with running(create_app(SimulatedSource(), realm, faults=switch)) as url:
        platform.use(url)
        if realm:
            for name, value in {
                "AIRQINO_TOKEN_URL": url + TOKEN_PATH,
                "AIRQINO_CLIENT_ID": "client",
                "AIRQINO_USERNAME": "user",
                "AIRQINO_PASSWORD": "hunter2",
            }.items():
                platform.monkeypatch.setenv(name, value)
        yield Stage(platform, switch, database)


def in_words(fault: Fault) -> str:
    number = f" {fault.value:g}" if fault.value else ""
    return f"{fault.kind.replace('_', ' ')}{number}{f' × {fault.times}' if fault.times else ''}"


PASSING = [
    Fault(kind="status", value=500, times=1),
    Fault(kind="status", value=502, times=1),
    Fault(kind="status", value=503, times=2),
    Fault(kind="status_without_body", value=504, times=1),
    Fault(kind="retry_after", value=1, times=1),
    Fault(kind="reset", times=1),
    Fault(kind="truncated", times=1),
    Fault(kind="slow", value=1, times=1),
    Fault(kind="status", value=408, times=1),
    Fault(kind="status", value=501, times=1),
    Fault(kind="status_without_body", value=520, times=1),
    Fault(kind="retry_after", value=-5, times=1),
    Fault(kind="retry_after", value=0.25, times=1),
    Fault(kind="early_end", times=1),
]


# Each way in which an answer fails, once.
QUICK = [Fault(kind="status", value=503, times=2), Fault(kind="early_end", times=1)]


@pytest.mark.parametrize("fault", [fault if fault in QUICK else long(fault) for fault in PASSING], ids=in_words)
def test_what_passes_is_asked_again_in_the_same_run(stage, record, fault):
    stage.switch.add(fault)
    result = stage.run()
    assert result.success
    assert stage.switch.listed() == []
    hours = metadata(result, "raw_station1")["mongodb/inserted"]
    record(in_words(fault), "asked again in the same run", f"{hours} hours stored", *stage.lost_and_doubled())


@pytest.mark.parametrize("stage", [True], indirect=True, ids=["token"])
@pytest.mark.parametrize(
    "fault", [Fault(kind="token_dies", times=1), long(Fault(kind="refresh_expires"))], ids=in_words
)
def test_a_token_that_is_refused_is_replaced_once(stage, record, fault):
    stage.run()
    stage.switch.add(fault)
    result = stage.run()
    assert result.success
    record(in_words(fault), "a new token, once", "run succeeded", *stage.lost_and_doubled())


@pytest.mark.long
@pytest.mark.parametrize("stage", [True], indirect=True, ids=["token"])
def test_tokens_that_are_always_refused_are_an_error_about_credentials(stage, record):
    stage.switch.add(Fault(kind="token_dies", station=None))
    result = stage.run()
    (text, *_) = failures(result).values()
    assert "refuses a new token" in text
    assert "hunter2" not in text
    stage.switch.clear()
    assert stage.run().success
    record("every token refused", "an error about credentials", "next run stored all", *stage.lost_and_doubled())


@pytest.mark.long
@pytest.mark.parametrize("stage", [True], indirect=True, ids=["token"])
def test_a_token_that_becomes_valid_later_is_tried_again(stage, record):
    stage.use_client(backoff_seconds=0.5)
    fault = Fault(kind="token_later", value=1)
    stage.switch.add(fault)
    assert stage.run().success
    record(in_words(fault), "tried again after the usual pauses", "run succeeded", *stage.lost_and_doubled())


@pytest.mark.long
@pytest.mark.parametrize("stage", [True], indirect=True, ids=["token"])
def test_what_the_token_server_says_of_a_refusal_is_told(stage, record):
    fault = Fault(kind="account_disabled")
    stage.switch.add(fault)
    for text in failures(stage.run()).values():
        assert "password grant: invalid_grant: Account disabled" in text
        assert "hunter2" not in text
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "an error that says so", "next run stored all", *stage.lost_and_doubled())


@pytest.mark.long
def test_a_refresh_token_that_may_be_used_once_is_told_in_the_second_run(stage, record):
    realm = Realm(client_id="client", username="user", password="hunter2")
    with running(create_app(SimulatedSource(), realm, faults=stage.switch)) as url:
        stage.platform.use(url)
        for name, value in {
            "AIRQINO_TOKEN_URL": url + TOKEN_PATH + "\n",
            "AIRQINO_CLIENT_ID": "client\n",
            "AIRQINO_REFRESH_TOKEN": realm.issue()["refresh_token"] + "\r\n",
        }.items():
            stage.platform.monkeypatch.setenv(name, value)
        fault = Fault(kind="refresh_rotates")
        stage.switch.add(fault)
        assert stage.run().success
        for text in failures(stage.run()).values():
            assert "may be used only once" in text
            assert "offline token" in text
        stage.switch.clear()
    record(in_words(fault), "an error that says what is needed", "second run failed", *stage.lost_and_doubled())


READ = [Fault(kind="early_hints"), Fault(kind="latin_1"), Fault(kind="control_character")]


@pytest.mark.parametrize("fault", [READ[0], *map(long, READ[1:])], ids=in_words)
def test_an_answer_in_an_unusual_form_is_read(stage, record, fault):
    stage.switch.add(fault)
    result = stage.run()
    assert result.success
    hours = metadata(result, "raw_station1")["mongodb/inserted"]
    record(in_words(fault), "read", f"{hours} hours stored", *stage.lost_and_doubled())


def test_an_end_in_the_future_is_not_asked_for(stage, record):
    fault = Fault(kind="future_refused")
    stage.switch.add(fault)
    result = stage.platform.run(f"{NOW:%Y-%m}", assets=["raw_station1", "raw_station2"])
    assert result.success
    assert stage.database["raw_station1"].count_documents({}) > 0
    stage.database["raw_station1"].delete_many({})
    stage.run()
    record(in_words(fault), "not asked for", "run succeeded", *stage.lost_and_doubled())


@pytest.mark.long
@pytest.mark.parametrize("kind", ["drip", "drip_headers"])
def test_a_station_whose_answer_drips_fails_at_its_limit_and_the_other_goes_on(stage, record, kind):
    stage.use_client(total_seconds=3.0)
    fault = Fault(kind=kind, value=20, station=STATION)
    stage.switch.add(fault)
    begin = time.monotonic()
    failed = failures(stage.run())
    assert time.monotonic() - begin < 15
    assert list(failed) == ["raw_station1"]
    assert "the answer was not complete after 3 s" in failed["raw_station1"]
    assert len(stage.stored("station2")) == len(stage.published(283181971))
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "that station fails at its limit", "other station stored", *stage.lost_and_doubled())


LASTING = [
    (Fault(kind="status", value=400, station=STATION), "HTTP 400"),
    (Fault(kind="status", value=403, station=STATION), "HTTP 403"),
    (Fault(kind="status", value=404, station=STATION), "check airqino_id"),
    (Fault(kind="html", station=STATION), "is not JSON"),
    (Fault(kind="not_json", station=STATION), "is not JSON"),
    (Fault(kind="no_data", station=STATION), "no list 'data'"),
    (Fault(kind="status", value=503, station=STATION), "gave no answer in 5 attempts: HTTP 503"),
]


@pytest.mark.parametrize(
    ("fault", "message"),
    [entry if entry[0].kind == "html" or entry[0].value == 404 else long(*entry) for entry in LASTING],
    ids=[in_words(fault) for fault, _ in LASTING],
)
def test_what_lasts_fails_its_station_alone_and_the_next_run_heals(stage, record, fault, message):
    stage.switch.add(fault)
    failed = failures(stage.run())
    assert list(failed) == ["raw_station1"]
    assert message in failed["raw_station1"]
    assert MONTH in failed["raw_station1"]
    assert stage.stored() == {}
    assert len(stage.stored("station2")) == len(stage.published(283181971))
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "that station fails, the next run heals", "other station stored", *stage.lost_and_doubled())


REJECTED = [
    (Fault(kind="twice_different"), "2 different answers for the hour"),
    (Fault(kind="impossible_timestamp"), "timestamp"),
    (Fault(kind="no_timestamp"), "timestamp"),
    (Fault(kind="first_year"), "out of range"),
    (Fault(kind="last_year"), "out of range"),
    (Fault(kind="not_an_object"), "not an object"),
    (Fault(kind="key_twice"), "the key CO is there twice"),
]


@pytest.mark.parametrize("is_first_load", [long(True), False], ids=["first load", "reload"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [entry if entry[0].kind == "twice_different" else long(*entry) for entry in REJECTED],
    ids=[fault.kind for fault, _ in REJECTED],
)
def test_a_row_that_is_no_reading_is_kept_apart_and_takes_no_other_with_it(stage, record, fault, reason, is_first_load):
    if not is_first_load:
        stage.run()
    before = stage.stored()
    stage.switch.add(fault)
    assert stage.run_with_all_that_follows().success
    rejected = list(stage.database["raw_station1_rejected"].find())
    assert rejected
    assert all(reason in row["reason"] for row in rejected)
    assert before.items() <= stage.stored().items()
    assert len(stage.stored()) >= len(stage.published()) - 1
    stage.switch.clear()
    assert stage.run().success
    when = "first load" if is_first_load else "reload"
    happened = f"{len(rejected)} row{'s' if len(rejected) > 1 else ''} kept apart"
    record(f"{in_words(fault)}, {when}", "row rejected with its reason", happened, *stage.lost_and_doubled())


SET_ASIDE = [
    (Fault(kind="text"), "CO is 'n/a', not a number"),
    (Fault(kind="dead_sensor"), "CO is nan, not a number"),
    (Fault(kind="text_column"), "status is 'ok', not a number"),
    (Fault(kind="boolean_column"), "door_open is False, not a number"),
    (Fault(kind="huge_number"), "CO is '10000"),
    (Fault(kind="nested"), "CO is '[[["),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "reason"),
    SET_ASIDE,
    ids=[fault.kind for fault, _ in SET_ASIDE],
)
def test_a_value_that_is_no_number_is_set_aside_and_the_other_readings_of_its_hour_stay(stage, record, fault, reason):
    stage.run()
    before = stage.stored()
    stage.switch.add(fault)
    assert stage.run_with_all_that_follows().success
    (kept,) = stage.database["raw_station1_rejected"].find()
    assert reason in kept["reason"]
    after = stage.stored()
    for hour, document in before.items():
        expected = {name: value for name, value in document.items() if name != "co" or hour not in kept["hours"]}
        assert after[hour] == (expected if kept["field"] == "co" else document)
    former = stage.database["raw_station1_revisions"].count_documents({})
    assert former == (len(kept["hours"]) if kept["field"] == "co" else 0)
    stage.switch.clear()
    assert stage.run().success
    happened = f"{len(kept['hours'])} values of one sensor kept apart"
    record(in_words(fault), "value set aside with its reason", happened, *stage.lost_and_doubled())


@pytest.mark.long
def test_sensors_with_the_names_of_computed_fields_reach_none_of_them(stage, record):
    fault = Fault(kind="computed_names")
    stage.switch.add(fault)
    assert stage.run_with_all_that_follows().success
    day = stage.database["station1_aggregates"].find_one({"pm2_5_valid_hours": 24})
    assert day["pm2_5_valid_mean"] < 500
    assert stage.database["raw_station1_rejected"].count_documents({}) == 0
    assert len(stage.database["raw_station1"].find_one()) == len(next(iter(stage.published().values()))) + 9
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "stored under names of their own", "6 sensors stored", *stage.lost_and_doubled())


def source_check(result):
    return next(
        check
        for check in result.get_asset_check_evaluations()
        if check.check_name == "source_consistent" and check.asset_key.path == ["raw_station1"]
    )


@pytest.mark.long
def test_an_answer_of_another_station_is_refused_and_the_next_run_heals(stage, record):
    fault = Fault(kind="other_station", station=STATION)
    stage.switch.add(fault)
    failed = failures(stage.run())
    assert list(failed) == ["raw_station1"]
    assert "'SMART189', the label of station2, not 'SMART188'" in failed["raw_station1"]
    assert stage.stored() == {}
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "refused before anything is stored", "other station stored", *stage.lost_and_doubled())


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "said"),
    [(Fault(kind="unnamed"), "do not name their station"), (Fault(kind="odd_coordinates"), "cannot be")],
    ids=["unnamed", "odd coordinates"],
)
def test_an_odd_header_is_a_warning_and_breaks_nothing(stage, record, fault, said):
    stage.switch.add(fault)
    result = stage.run_with_all_that_follows()
    assert result.success
    assert said in source_check(result).description
    record(in_words(fault), "stored, a warning", "check source_consistent red", *stage.lost_and_doubled())


@pytest.mark.long
def test_a_limit_of_rows_is_noticed(stage, record):
    fault = Fault(kind="limit", value=600)
    stage.platform.run(f"{NOW:%Y-%m}", assets=["raw_station1"])
    is_next_there = stage.database["raw_station1"].find_one({"_id": END}) is not None
    stage.switch.add(fault)
    result = stage.run()
    assert result.success
    (check,) = (
        check
        for check in result.get_asset_check_evaluations()
        if check.check_name == "hours_complete_and_fresh" and check.asset_key.path == ["raw_station1"]
    )
    assert ("lack the last hours" in check.description) >= is_next_there
    stage.database["raw_station1"].delete_many({"_id": {"$gte": END}})
    stage.switch.clear()
    assert stage.run().success
    record(in_words(fault), "a warning, the next run heals", "600 hours stored", *stage.lost_and_doubled())


def test_an_empty_answer_removes_nothing_and_is_a_warning(stage, record):
    stage.run()
    before = stage.stored()
    stage.switch.add(Fault(kind="empty"))
    result = stage.run_with_all_that_follows()
    assert result.success
    assert stage.stored() == before
    check = source_check(result)
    assert not check.passed
    assert "the API has lost" in check.description
    record("empty answer", "nothing removed, a warning", "check source_consistent red", *stage.lost_and_doubled())


@pytest.mark.parametrize(
    "fault", [long(Fault(kind="twice_equal")), Fault(kind="zoned_timestamp"), Fault(kind="lag", value=5)], ids=in_words
)
def test_what_says_the_same_in_another_way_changes_nothing(stage, record, fault):
    stage.run()
    before = stage.stored()
    stage.switch.add(fault)
    result = stage.run_with_all_that_follows()
    assert stage.stored() == before
    assert metadata(result, "raw_station1")["mongodb/revised"] == 0
    record(in_words(fault), "nothing changes", "0 revised, 0 inserted", *stage.lost_and_doubled())


def test_hours_that_are_still_to_come_are_not_believed(stage, record):
    stage.switch.add(Fault(kind="clock_skew", value=30))
    current = f"{NOW:%Y-%m}"
    assert stage.platform.run(current).success
    # An hour ahead is within what two clocks may differ by; it is provisional.
    hours = stage.database["raw_station1"].distinct("_id")
    assert max(hours) <= datetime.now(UTC) + timedelta(hours=1)
    assert stage.database["raw_station1_rejected"].count_documents({}) > 0
    stage.database["raw_station1"].delete_many({})
    stage.switch.clear()
    stage.run()
    record(
        "clock of the server 30 h ahead",
        "hours to come are rejected, but for one hour",
        "none stored",
        *stage.lost_and_doubled(),
    )


@pytest.mark.parametrize(
    "fault",
    [long(Fault(kind="restated", value=0.125)), Fault(kind="vanished_sensor"), Fault(kind="new_sensor")],
    ids=in_words,
)
def test_history_that_is_told_anew_replaces_the_old_which_is_kept(stage, record, fault):
    stage.run()
    before = stage.stored()
    stage.switch.add(fault)
    result = stage.run_with_all_that_follows()
    revised = metadata(result, "raw_station1")["mongodb/revised"]
    assert revised > 0.9 * len(before)
    kept = {entry["document"]["_id"]: entry["document"] for entry in stage.database["raw_station1_revisions"].find()}
    assert all(before[hour] == document for hour, document in kept.items())
    assert len(kept) == revised
    stage.switch.clear()
    stage.run()
    happened = f"{revised} former versions kept"
    record(in_words(fault), "the newest version stands, the former is kept", happened, *stage.lost_and_doubled())


def test_every_kind_of_fault_that_the_sandbox_can_make_is_tried_here():
    tried = {fault.kind for fault in PASSING}
    tried |= {fault.kind for fault, _ in (*LASTING, *REJECTED, *SET_ASIDE)}
    tried |= {"computed_names", "other_station", "unnamed", "odd_coordinates", "limit"}
    tried |= {"token_dies", "refresh_expires", "empty", "twice_equal", "zoned_timestamp", "lag", "clock_skew"}
    tried |= {"restated", "vanished_sensor", "new_sensor"}
    tried |= {"token_later", "account_disabled", "refresh_rotates", "future_refused", "drip", "drip_headers"}
    tried |= {fault.kind for fault in READ}
    assert tried == set(KINDS)
