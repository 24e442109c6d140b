"""Documents of ``<station>_quality``: flags and indices of each hour."""

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import AQI_POLLUTANTS, RULES_VERSION, SIMULATED, TIMESTAMP
from airquality_dagster.readings.flags import RULES, Flag, FlaggedHours, flag_names
from airquality_dagster.readings.indices import aqi_of_pollutants, eaqi_bands, highest, names_where, nowcast, worst

# Those whose AQI is that of a 24-hour mean.
NOWCAST_POLLUTANTS = tuple(
    parameter.field for parameter in AQI_POLLUTANTS if any(scale.statistic == "valid_mean" for scale in parameter.aqi)
)
NO_PARTICLES = "no_particulate_matter"
"""Why there is no European index of an hour."""

_MOST_FLAGS = 2 * max(Flag)


def hourly_quality(flagged: FlaggedHours, *, absent: float = np.nan) -> pd.DataFrame:
    """Name the flags of each hour and compute its indices.

    Args:
        flagged: the hours of a period, and the hours around them.
        absent: replaces an empty list of flags.

    Returns:
        one row per hour, ordered by time: ``timestamp``; per reading R ``R_qc`` (`Level`) and
        ``R_flags`` (names); ``eaqi`` (1 to 6), ``eaqi_pollutant`` (the worst), ``eaqi_pollutants``
        (those with a valid reading), ``eaqi_withheld`` (why there is no index); ``pm2_5_nowcast`` and
        ``pm10_nowcast`` (µg/m³), ``aqi_nowcast`` and ``aqi_nowcast_pollutant`` (the higher of the two); ``rules``;
        ``simulated`` if an hour is simulated. Indices depend on the valid readings of channels with a signal of their
        own, and are null if there are too few.
    """
    in_period, valid = flagged.in_period, flagged.index_readings
    flags, levels = (table.to_numpy()[in_period] for table in (flagged.flags, flagged.levels))
    names = np.empty(_MOST_FLAGS, dtype=object)
    combinations = np.unique(flags)
    names[combinations] = [flag_names(int(combination)) or absent for combination in combinations]
    columns: dict[str, pd.Series | np.ndarray] = {TIMESTAMP: flagged.hours[TIMESTAMP][in_period].reset_index(drop=True)}
    for position, field in enumerate(flagged.fields):
        columns |= {f"{field}_qc": levels[:, position], f"{field}_flags": names[flags[:, position]]}
    columns |= _european_index(valid[in_period].reset_index(drop=True))
    columns |= _nowcast_index(valid, flagged.hours[TIMESTAMP], in_period)
    columns[RULES_VERSION] = np.full(len(flags), RULES)
    if SIMULATED in flagged.hours:
        is_simulated = (flagged.hours[SIMULATED] == True).to_numpy()[in_period]  # noqa: E712
        if is_simulated.any():
            columns[SIMULATED] = np.where(is_simulated, np.array(True, dtype=object), absent)
    return pd.DataFrame(columns)


def _european_index(valid: pd.DataFrame) -> dict[str, pd.Series]:
    bands = eaqi_bands(valid)
    # The EEA shows no index of a station without PM: NO2 and O3 alone would call a dust storm good.
    is_withheld = bands[list(NOWCAST_POLLUTANTS)].isna().all(axis=1)
    shown = bands.mask(is_withheld)
    return {
        "eaqi": highest(shown).astype("Int64"),
        "eaqi_pollutant": worst(shown),
        "eaqi_pollutants": names_where(bands.notna()),
        "eaqi_withheld": is_withheld.map({True: NO_PARTICLES, False: None}).astype(object),
    }


def _nowcast_index(valid: pd.DataFrame, hours: pd.Series, in_period: np.ndarray) -> dict[str, pd.Series]:
    grid = valid[list(NOWCAST_POLLUTANTS)].set_axis(pd.DatetimeIndex(hours))
    grid = grid.asfreq("h") if len(grid) else grid
    concentrations = grid.apply(nowcast).reindex(hours[in_period]).reset_index(drop=True)
    indices = aqi_of_pollutants(concentrations)
    return {
        **{f"{field}_nowcast": concentrations[field] for field in NOWCAST_POLLUTANTS},
        "aqi_nowcast": highest(indices).astype("Int64"),
        "aqi_nowcast_pollutant": worst(indices),
    }
