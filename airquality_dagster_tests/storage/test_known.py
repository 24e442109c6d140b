from datetime import UTC, datetime, timedelta

from airquality_dagster.readings.flags import HOURS_BEFORE, Flag, flags_as_of
from airquality_dagster.storage.known import first_versions, hours_as_of

FIRST = datetime(2024, 5, 1, tzinfo=UTC)


def test_hours_are_those_that_had_arrived_in_the_versions_of_then(database):
    """Forty hours arrived one by one; the source corrected one of them and sent another one late."""
    hours = [FIRST + timedelta(hours=number) for number in range(40)]
    late, corrected = hours[20], hours[25]
    arrival = {hour: hour + timedelta(hours=1) for hour in hours} | {late: hours[38]}
    database["raw_s"].insert_many(
        {"_id": hour, "station_id": 1, "co": 0.5 + 0.01 * (number % 5)} for number, hour in enumerate(hours)
    )
    database["raw_s_insertions"].insert_many(
        {"document_ids": [hour], "valid_from": moment, "run_id": "r", "partition": "p"}
        for hour, moment in arrival.items()
    )
    database["raw_s_revisions"].insert_one(
        {
            "_id": {"document_id": corrected, "revision": 1},
            "document": {"_id": corrected, "station_id": 1, "co": 9.0},
            "valid_until": hours[35],
            "kind": "revised",
            "run_id": "r",
            "partition": "p",
        }
    )
    moment = hours[30]
    known = hours_as_of(database, "raw_s", moment + timedelta(minutes=5), before=HOURS_BEFORE)
    assert [hour.to_pydatetime() for hour in known["timestamp"]] == [hour for hour in hours[:30] if hour != late]
    assert known.set_index("timestamp")["co"][corrected] == 9.0
    flags = flags_as_of(known, hours[29]).flags["co"].set_axis(known["timestamp"])
    assert flags[corrected] & Flag.SPIKE
    later = hours_as_of(database, "raw_s", hours[39] + timedelta(hours=2), before=HOURS_BEFORE)
    assert len(later) == 40
    assert not flags_as_of(later, hours[39]).flags["co"].astype(bool).any()


def test_of_an_empty_collection_nothing_was_known(database):
    assert hours_as_of(database, "raw_s", FIRST, before=HOURS_BEFORE).empty


def test_the_first_version_of_an_hour_is_the_one_before_its_first_correction(database):
    """The source corrected the second of three hours twice."""
    hours = [FIRST + timedelta(hours=number) for number in range(3)]
    database["raw_s"].insert_many({"_id": hour, "station_id": 1, "co": 0.3} for hour in hours)
    database["raw_s_revisions"].insert_many(
        {
            "_id": {"document_id": hours[1], "revision": number},
            "document": {"_id": hours[1], "station_id": 1, "co": co},
            "valid_until": hours[2] + timedelta(hours=number),
            "kind": "revised",
            "run_id": "r",
            "partition": "p",
        }
        for number, co in ((1, 0.1), (2, 0.2))
    )
    found = first_versions(database, "raw_s", hours[0], hours[-1])
    assert [hour.to_pydatetime() for hour in found["timestamp"]] == hours[:2]
    assert found["co"].tolist() == [0.3, 0.1]
