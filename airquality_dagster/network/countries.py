"""Countries, as the list of IANA's time zone database names them."""

from functools import cache
from importlib.resources import files


@cache
def countries() -> dict[str, str]:
    """Return ISO 3166-1 alpha-2 code → English name in common use, ``CI`` → ``Côte d'Ivoire``."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {code: name.strip() for code, name, *_ in rows}
