"""Colours of the AQI's bands that colour-blind people can tell apart, and the ink to write on them."""

# From light to dark along blue-green, yellow, red, violet: the order shows without hues, too. Not the EPA's own
# colours, whose green and orange some people cannot tell apart; each band's word stands beside its colour.
AQI_COLOURS = ("#9fe3d0", "#f7d854", "#f2994a", "#c53b50", "#7b3a8c", "#4a1029")
_DARK_INK, _LIGHT_INK = "#111111", "#ffffff"


def ink_on(colour: str) -> str:
    """Return the ink with the higher contrast on a colour.

    >>> ink_on("#ffffff"), ink_on("#4a1029")
    ('#111111', '#ffffff')
    """
    return max((_DARK_INK, _LIGHT_INK), key=lambda ink: contrast(ink, colour))


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
