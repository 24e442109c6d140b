"""Mass concentration and mixing ratio of gases, at 25 °C and 1013.25 hPa as the US EPA has it (40 CFR part 50.3)."""

# R = 8.314462618 J/(mol K) (CODATA 2018); V = R T / p, in litres a mole.
_MOLAR_VOLUME = 8.314462618 * 298.15 / 1013.25 * 10

# g/mol, from the standard atomic weights of IUPAC (2021).
_MOLAR_MASSES = {"co": 28.010, "no2": 46.006, "o3": 47.997}


def ppb_from_micrograms(micrograms: float, field: str) -> float:
    """Return the mixing ratio of a gas in ppb.

    >>> round(ppb_from_micrograms(100, "no2"), 2), round(ppb_from_micrograms(100, "o3"), 2)
    (53.18, 50.97)
    >>> round(ppb_from_micrograms(1.1449, "co"), 4)  # and ppm from mg/m³
    1.0
    """
    return micrograms * _MOLAR_VOLUME / _MOLAR_MASSES[field]
