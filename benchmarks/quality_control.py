"""What the quality control finds, misses and costs.

    .venv/bin/python -m benchmarks.quality_control [PART …] [--captures DIR] [--seeds 30]

Prints as Markdown, by part, all of them if none is named:

- ``faults``: recall and precision of failed readings, per kind of injected fault;
- ``sound``: what fails of sound events, in the end and as of each hour;
- ``pairs``: what two neighbours say of faults, and after how many days; false alarms;
- ``clipped``: days whose validity changes if negative readings become zero;
- ``bias``: what the rules make of the means of gases;
- ``in-time``: readings that failed when they were new, and are valid in the end;
- ``flagged``: what is flagged, per reading;
- ``cost``: processor time of 100 stations and a year.

Histories are captured answers of the API (``--captures``), or simulated sensors. No threshold was set by seeds from
1000 on.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, TIMESTAMP
from airquality_dagster.network.siting import ALWAYS_ON_SITE
from airquality_dagster.network.stations import load_network
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import PARTICLES, flag_hours, flags_as_of
from airquality_dagster.readings.hours import hourly_quality
from benchmarks.fault_recall import passed_events, recall, seen_as_of
from benchmarks.histories import START, Histories, captured, shared_span, simulated, sudden_front
from benchmarks.injected_faults import FAULTS, KINDS, SOUND
from benchmarks.judged_year import print_bias, print_clipped, print_flagged, print_in_time
from benchmarks.pair_recall import alarms_of_events, false_alarms, pair_recall
from benchmarks.tables import print_head, print_row, share

PARTS = ("faults", "sound", "pairs", "clipped", "bias", "in-time", "flagged", "cost")
ZONE = ZoneInfo("Africa/Abidjan")
# Since then, both stations of the captured year stand at their streets.
ON_SITE = pd.Timestamp(datetime(2023, 5, 15, tzinfo=UTC))


def print_faults(histories: Histories, seeds: range, kinds: tuple[str, ...]) -> None:
    """Print recall and precision of failed readings."""
    histories = shared_span(histories)
    print_head(
        *("fault", "faults", "half of it failed", "faulty readings", "recall", "newly failed readings", "precision"),
    )
    accused = wrongly = 0
    for kind in kinds:
        found = recall(kind, histories, seeds)
        print_row(
            *(kind, found.faults, share(found.found, found.faults), found.faulty, share(found.failed, found.faulty)),
            *(found.accused, share(found.accused - found.wrongly, found.accused)),
        )
        if max(map(len, KINDS[kind].fields)) <= len(PARTICLES):
            accused, wrongly = accused + found.accused, wrongly + found.wrongly
    print_row("all of single sensors", "", "", "", "", accused, share(accused - wrongly, accused))


def print_sound(histories: Histories, seeds: range, kinds: tuple[str, ...]) -> None:
    """Print what fails of sound events."""
    histories = shared_span(histories)
    print_head(
        *("event", "events", "readings of PM", "failed in the end", "failed as the newest hour"),
        *(
            "failed as of an hour whose NowCast uses it",
            "hours",
            "AQI of the NowCast off by more than 1 as of the hour",
        ),
    )
    for kind in kinds:
        passed = passed_events(kind, histories, seeds)
        print_row(
            *(kind.removeprefix("sound: "), passed.events, passed.readings, passed.failed, passed.failed_newest),
            *(passed.failed_once, passed.hours, passed.other_nowcast),
        )
    print()
    print_front()


def print_front() -> None:
    """Print what is shown as of each hour of a front that comes within an hour."""
    hourly = sudden_front()
    begin = pd.Timestamp(START) + timedelta(days=20)
    seen = seen_as_of(hourly, begin, hourly[TIMESTAMP].iloc[-1])
    print_head(
        "hour of a front", "AQI of the NowCast of all readings", "as of the hour", "European index as of the hour"
    )
    for number, row in enumerate(hourly.index[hourly[TIMESTAMP] >= begin]):
        shown = hourly_quality(flags_as_of(hourly, hourly[TIMESTAMP][row].to_pydatetime())).iloc[-1]
        true, as_of = (f"{index.iloc[row]:.0f}" for index in (seen.true_nowcast, seen.nowcast))
        print_row(number + 1, true, as_of, f"{shown['eaqi']}, {shown['eaqi_pollutant']}")


def print_pairs(histories: Histories, seeds: range, kinds: tuple[str, ...]) -> None:
    """Print what a pair of stations says of faults of one of them, and of sound events of both."""
    histories = shared_span(histories, ON_SITE)
    print_head(
        *("fault", "of", "faults", "within 14 days", "within 28 days", "ever", "median days"),
        *("blames its station", "blames the other"),
    )
    for kind in kinds:
        sets = KINDS[kind].fields
        if KINDS[kind].hours[0] < 24:
            continue  # pairs are compared by days
        for fields in [PARTICLES, None] if len(sets) > 1 and PARTICLES in sets else [None]:
            found = pair_recall(kind, histories, seeds, fields)
            print_row(
                *(kind, ", ".join(BY_FIELD[field].label for field in fields) if fields else "any", found.faults),
                *(share(found.within(days), found.faults) for days in (14, 28, 366)),
                f"{statistics.median(found.days):.0f}" if found.days else "–",
                *(share(blamed, len(found.days)) for blamed in (found.blamed, found.blamed_other)),
            )
    print()
    print_head("sound", "pair-years", "alarms", "days with one")
    sound = {"as published": false_alarms(histories)}
    sound |= {kind: alarms_of_events(kind, histories, seeds) for kind in SOUND}
    for name, alarms in sound.items():
        print_row(name.removeprefix("sound: "), f"{alarms.years:.1f}", alarms.alarms, alarms.days)


def print_clipping(histories: Histories) -> None:
    """Print on how many days validity depends on clipping."""
    print_head("station", "reading", "negative hours", "days", "valid", "valid if clipped", "days that differ")
    for name, hourly in histories.items():
        print_clipped(name, hourly, ZONE)


def print_biases(histories: Histories) -> None:
    """Print what the rules make of the means of gases."""
    print_head("station", "reading", "days with a valid mean", "mean of all", "valid mean", "bias", "worst day")
    for name, hourly in histories.items():
        print_bias(name, hourly, ZONE)


def print_times(histories: Histories) -> None:
    """Print what failed when it was new, and is valid in the end."""
    print_head(
        *("station", "reading", "valid in the end", "failed as the newest hour"),
        *("failed as of an hour whose NowCast uses it", "first of these"),
    )
    for name, hourly in histories.items():
        print_in_time(name, hourly)


def print_flags(histories: Histories) -> None:
    """Print what is flagged, with the deployments of the stations file."""
    network = load_network()
    by_id = {str(station.airqino_id): station for station in network.stations}
    for name, hourly in histories.items():
        station = by_id.get(name.partition("(")[2].rstrip(")"))
        siting = station.siting(network.time_zone) if station else ALWAYS_ON_SITE
        print_flagged(name, hourly, ZONE, siting)


def print_cost(repeat: int) -> None:
    """Print what flags, indices and aggregates of 100 stations and a year cost."""
    stations = [simulated(seed) for seed in range(100)]
    seconds: dict[str, list[float]] = {"flags": [], "indices of each hour": [], "daily aggregates": []}
    for _ in range(repeat):
        spent = dict.fromkeys(seconds, 0.0)
        for station in stations:
            times = [time.process_time()]
            flagged = flag_hours(station)
            times.append(time.process_time())
            hourly_quality(flagged)
            times.append(time.process_time())
            daily_aggregates(flagged, ZONE)
            times.append(time.process_time())
            for name, begin, end in zip(seconds, times, times[1:], strict=False):
                spent[name] += end - begin
        for name, one in spent.items():
            seconds[name].append(one)
    print_head(f"100 stations × 1 year, one core, median of {repeat}", "seconds")
    for name, measured in seconds.items():
        print_row(name, f"{statistics.median(measured):.2f}")
    print_row("together", f"{statistics.median(map(sum, zip(*seconds.values(), strict=True))):.2f}")


def main() -> None:
    """Print the parts that are asked for."""
    parser = argparse.ArgumentParser(description="What the quality control finds, misses and costs.")
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--captures", type=Path, help="folder of captured answers, STATION_ID.json")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="of faults and events")
    parser.add_argument("--seeds", type=int, default=30, help="faults of each kind a station")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3, help="measurements of the cost")
    options = parser.parse_args()
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: these are {', '.join(PARTS)}")
    histories = captured(options.captures) if options.captures else {f"simulated {n}": simulated(n) for n in (1, 2)}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    faults, events = (tuple(kind for kind in options.kinds if kind in kinds) for kinds in (FAULTS, SOUND))
    print_part = {
        "faults": lambda: print_faults(histories, seeds, faults),
        "sound": lambda: print_sound(histories, seeds, events),
        "pairs": lambda: print_pairs(histories, seeds, faults),
        "clipped": lambda: print_clipping(histories),
        "bias": lambda: print_biases(histories),
        "in-time": lambda: print_times(histories),
        "flagged": lambda: print_flags(histories),
        "cost": lambda: print_cost(options.repeat),
    }
    for part in options.part or PARTS:
        print(f"\n### {part}\n")
        print_part[part]()


if __name__ == "__main__":
    main()
