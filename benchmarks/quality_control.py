"""What the quality control finds, misses and costs.

    .venv/bin/python -m benchmarks.quality_control [--captures DIR] [--seeds 200]

Prints, as Markdown: precision and recall on simulated sensors with known faults, on seeds that no
threshold was set by; what the flags of a year of 100 stations cost on one core, and which share of a
year's load through Dagster the quality step takes; and with ``--captures`` what is flagged in captured
answers, per station and pollutant.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.sandbox.sensors import Readings, sound_readings
from airquality_dagster.checks.sensors import StationFlags, sensors_sound
from airquality_dagster.network.pollutants import PARAMETERS, TIMESTAMP, field_of
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import FAILED, Flag, FlaggedHours, flag_hours
from airquality_dagster.readings.hours import hourly_quality
from benchmarks.hourly_job import STATIONS, platform_runs, sandbox
from benchmarks.sensor_faults import with_fault

ABIDJAN = ZoneInfo("Africa/Abidjan")
START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 90
# The thresholds come from the pollutant table's sources; while they were written, seeds 0 to 19 were looked at.
FIRST_SEED = 1000
FLAGS_OF_FAULTS = {
    "stuck": Flag.STUCK,
    "zeros": Flag.STUCK,
    "spike": Flag.SPIKE,
    "drift": Flag.DRIFT | Flag.OUT_OF_RANGE,
    "offset": Flag.DRIFT | Flag.OUT_OF_RANGE,
    "gap": Flag.MISSING,
}


def frame_of(readings: Readings) -> pd.DataFrame:
    """Return simulated readings as `hourly_frame` lays them out."""
    hours = pd.date_range(START, periods=len(readings["CO"]), freq="h")
    return pd.DataFrame({TIMESTAMP: hours, **{field_of(sensor): values for sensor, values in readings.items()}})


def simulated(seed: int, days: int = DAYS) -> Readings:
    """Return sound readings of a station."""
    return sound_readings(np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]), START, 24 * days)


def print_faults(seeds: int) -> None:
    """Print precision and recall of each flag."""
    print("| fault | flag | faulty hours | precision | recall |\n| --- | --- | --- | --- | --- |")
    for kind, flag in FLAGS_OF_FAULTS.items():
        faulty = found = flagged_in_all = 0
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            fault = with_fault(kind, simulated(seed), np.random.default_rng([seed, 3]))
            flags = flag_hours(frame_of(fault.readings)).flags
            is_flagged = (flags & int(flag)) != 0
            faulty += int(fault.is_faulty.sum())
            found += int((is_flagged[field_of(fault.sensor)].to_numpy() & fault.is_faulty).sum())
            flagged_in_all += int(is_flagged.to_numpy().sum())
        names = " or ".join(f"`{one.name.lower()}`" for one in Flag if one & flag and one.name)
        print(f"| {kind} | {names} | {faulty} | {found / flagged_in_all:.3f} | {found / faulty:.3f} |")

    seen = {"unit jump": 0, "none": 0}
    large = 0
    station = Station(name="simulated", airqino_id=1)
    end = START + timedelta(days=DAYS)
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        sound = simulated(seed)
        fault = with_fault("unit jump", sound, np.random.default_rng([seed, 3]))
        large += _is_large(sound[fault.sensor], fault.readings[fault.sensor])
        for kind, readings in (("unit jump", fault.readings), ("none", sound)):
            outcome = sensors_sound(StationFlags(station, START, end, flag_hours(frame_of(readings))))
            seen[kind] += " median from " in outcome.description
    print(
        f"| unit jump | check `sensors_sound`, stations | {seeds}, {large} by 1000 | "
        f"{seen['unit jump'] / (seen['unit jump'] + seen['none']):.3f} | {seen['unit jump'] / seeds:.3f} |"
    )
    all_seeds = range(FIRST_SEED, FIRST_SEED + seeds)
    failed = statistics.mean(_failed_share(flag_hours(frame_of(simulated(seed)))) for seed in all_seeds)
    print(f"\nOf the readings of sound sensors {100 * failed:.3f} % fail.")


def _is_large(sound: np.ndarray, jumped: np.ndarray) -> bool:
    factor = float(np.abs(jumped[-1] / sound[-1]))
    return not 0.1 < factor < 10


def _failed_share(flagged: FlaggedHours) -> float:
    return float(((flagged.flags & int(FAILED)) != 0).to_numpy().mean())


def print_captures(folder: Path) -> None:
    """Print what is flagged in captured answers."""
    now = datetime(2100, 1, 1, tzinfo=UTC)
    flags = [flag for flag in Flag if flag not in (Flag.PROVISIONAL, Flag.RESTATED)]
    names = [flag.name.lower().replace("_", " ") for flag in flags if flag.name]
    for path in sorted(folder.glob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        parsed = parse_hourly_answer(answer, start=datetime(2000, 1, 1, tzinfo=UTC), end=now, now=now)
        hours = hourly_frame([parsed], station_id=int(path.stem), now=now, absent=math.nan)
        flagged = flag_hours(hours)
        daily = daily_aggregates(flagged, ABIDJAN)
        begin, end = hours[TIMESTAMP].min(), hours[TIMESTAMP].max()
        print(
            f"\n{answer['header']['station_name']} ({path.stem}): {len(hours)} hours on {len(daily)} days, "
            f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; % of the hours\n"
        )
        columns = ["reading", *names, "valid", "valid days", "first valid day", "last"]
        print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
        for parameter in PARAMETERS:
            of_reading = flagged.flags[parameter.field]
            shares = [100 * float(((of_reading & int(flag)) != 0).mean()) for flag in flags]
            valid = 100 * float(flagged.is_valid[parameter.field].mean())
            days = daily["date"][daily[f"{parameter.field}_valid_mean"].notna()]
            span = [f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"] if len(days) else ["–", "–"]
            cells = [parameter.label, *map(_percent, [*shares, valid]), str(len(days)), *span]
            print(f"| {' | '.join(cells)} |")


def _percent(share: float) -> str:
    """Return a share of which neither nothing nor all is made by rounding."""
    if share in (0.0, 100.0):
        return f"{share:g}"
    return f"{min(max(share, 0.01), 99.99):.2f}"


def print_cost(repeat: int) -> None:
    """Print what flags and aggregates of 100 stations and a year cost, and the share of the quality step."""
    stations = [frame_of(simulated(seed, 365)) for seed in range(100)]
    seconds: dict[str, list[float]] = {"flags and indices of each hour": [], "daily aggregates": []}
    for _ in range(repeat):
        spent = dict.fromkeys(seconds, 0.0)
        for station in stations:
            begin = time.process_time()
            flagged = flag_hours(station)
            hourly_quality(flagged)
            middle = time.process_time()
            daily_aggregates(flagged, ABIDJAN)
            spent["flags and indices of each hour"] += middle - begin
            spent["daily aggregates"] += time.process_time() - middle
        for name, one in spent.items():
            seconds[name].append(one)
    print(f"| 100 stations × 1 year, one core, median of {repeat} | seconds |\n| --- | --- |")
    for name, measured in seconds.items():
        print(f"| {name} | {statistics.median(measured):.2f} |")
    shares = [quality_share() for _ in range(repeat)]
    print(
        f"\nOf a year's load of two stations through Dagster, the steps of `*_quality` (reading, flagging, checking, "
        f"storing) take {100 * statistics.median(shares):.0f} %, median of {repeat}."
    )


def quality_share() -> float:
    """Load a year of two stations and return the share of the quality steps."""
    import dagster as dg

    from airquality_dagster.local.mongod import embedded_mongod

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        uri, url = stack.enter_context(embedded_mongod(Path(folder) / "mongodb")), stack.enter_context(sandbox(None))
        home = Path(folder) / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        os.environ.update(MONGODB_URI=uri, AIRQINO_BASE_URL=url, DAGSTER_HOME=str(home))
        run = platform_runs()
        begin = time.perf_counter()
        run()
        total = time.perf_counter() - begin
        with dg.DagsterInstance.get() as instance:
            (last,) = instance.get_runs(limit=1)
            steps = {step.step_key: step for step in instance.get_run_step_stats(last.run_id)}
            of_quality = [steps[f"{station}_quality"] for station in STATIONS]
            return sum((step.end_time or 0) - (step.start_time or 0) for step in of_quality) / total


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="What the quality control finds, misses and costs.")
    parser.add_argument("--captures", type=Path, help="folder of captured answers, STATION_ID.json")
    parser.add_argument("--seeds", type=int, default=200, help="simulated stations of each fault")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print_faults(options.seeds)
    print()
    print_cost(options.repeat)
    if options.captures:
        print_captures(options.captures)


if __name__ == "__main__":
    main()
