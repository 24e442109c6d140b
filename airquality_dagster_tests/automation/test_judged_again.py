"""Which months of stored hours a tick judges again: those that were judged by something else than holds now."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from airquality_dagster.automation.due import LOOK_BACK_MONTHS
from airquality_dagster.automation.instance import due_runs, network_months
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.partitions import DOCUMENTS_PER_MONTH, KNOWN_UNTIL, NEWEST_HOUR
from airquality_dagster.network.stations import Network
from airquality_dagster.readings.judgement import judgement_version

NOW = datetime.now(UTC).replace(day=15)
PLACE = {"from": "2020-01-01", "place": "A street", "kind": "street"}


def network(*deployments, **fields) -> Network:
    facts = {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": f"{NOW.year - 2}-01"}
    here = {"name": "here", "airqino_id": 1, "deployments": list(deployments), **fields}
    return Network.model_validate({"network": facts, "stations": [here, {"name": "there", "airqino_id": 2}]})


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def store(instance, network, months, *, hours=720, newest=NOW, known_until=NOW, inserted=0):
    """Report that the hours of some months of both stations were stored and judged."""

    def report(asset, key, metadata=None, tags=None):
        event = dg.AssetMaterialization(asset_key(asset), partition=key, metadata=metadata, tags=tags)
        instance.report_runless_asset_event(event)

    for station in network.stations:
        tags = {"dagster/code_version": judgement_version(station.siting(network.time_zone))}
        for month in months:
            counts = {DOCUMENTS_PER_MONTH: {month.key[:7]: hours}}
            changes = {"mongodb/inserted": inserted, NEWEST_HOUR: dg.MetadataValue.timestamp(newest)}
            report(station.raw_asset, month.key, counts | changes)
            known = {KNOWN_UNTIL: dg.MetadataValue.timestamp(known_until)}
            report(station.quality_asset, month.key, counts | known, tags)
            report(station.aggregates_asset, month.key, counts, tags)
        report(station.summaries_asset, None)


def judged_again(instance, network, warn=lambda message: None) -> list[tuple[tuple[str, ...], str, str]]:
    runs = due_runs(instance, network, NOW, warn=warn)
    return [(run.stations, run.first, run.last) for run in runs if not run.fetches]


def test_a_corrected_deployment_has_all_months_of_its_station_judged_again_a_year_a_tick(instance):
    before, after = network(PLACE), network(PLACE | {"from": "2024-02-01"})
    months = network_months(before, NOW)
    store(instance, before, months)
    assert judged_again(instance, before) == []
    said = []
    newest = months[-LOOK_BACK_MONTHS - 1 : -1]
    assert judged_again(instance, after, said.append) == [(("here",), newest[0].key, newest[-1].key)]
    assert said == [
        f"here: {len(months)} months were judged when the stations file said otherwise of its place or its channels: they "
        "are computed again"
    ]
    store(instance, after, newest)
    assert judged_again(instance, after)[0][2] == months[-LOOK_BACK_MONTHS - 2].key
    store(instance, after, months)
    assert judged_again(instance, after, said.append) == []
    assert len(said) == 1


def test_a_declared_channel_has_its_station_judged_again(instance):
    store(instance, network(), network_months(network(), NOW))
    assert {stations for stations, *_ in judged_again(instance, network(cross_sensitive={"no2": True}))} == {("here",)}


def test_another_place_note_or_position_changes_no_judgement(instance):
    before = network(PLACE)
    store(instance, before, network_months(before, NOW))
    described = PLACE | {"place": "Another street", "kind": "rural", "latitude": 5.3, "longitude": -3.9, "note": "new"}
    said = []
    assert judged_again(instance, network(described, city="Abidjan"), said.append) == []
    assert said == []


def test_the_last_month_before_a_silence_of_whole_months_is_judged_once_more_when_hours_come_again(instance):
    stations = network()
    months = network_months(stations, NOW)
    silence = months[-6].end - timedelta(days=5)
    store(instance, stations, months[:-5], newest=silence, known_until=silence)
    store(instance, stations, months[-5:], hours=0, newest=silence, known_until=silence)
    assert judged_again(instance, stations) == []
    # The silence ends.
    store(instance, stations, months[-1:])
    last = months[-6].key
    assert judged_again(instance, stations) == [(("here", "there"), last, last)]
    store(instance, stations, months[-6:-5])
    assert judged_again(instance, stations) == []


def test_hours_that_come_late_have_the_months_at_both_ends_of_a_silence_judged_again(instance):
    stations = network()
    months = network_months(stations, NOW)
    store(instance, stations, months)
    store(instance, stations, months[-8:-5], hours=0)
    raw = dg.AssetMaterialization(
        asset_key("raw_here"),
        partition=months[-9].key,
        metadata={DOCUMENTS_PER_MONTH: {months[-9].key[:7]: 700}, "mongodb/inserted": 3},
    )
    instance.report_runless_asset_event(raw)
    again = {
        month.key
        for names, first, last in judged_again(instance, stations)
        for month in months
        if names == ("here",) and first <= month.key <= last
    }
    assert again == {month.key for month in (*months[-10:-7], months[-5])}
