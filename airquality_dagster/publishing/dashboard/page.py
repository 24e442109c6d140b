"""The page: one HTML file that needs nothing else."""

import base64
import gzip
import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

PAGE = Path(__file__).with_name("page")
# In this order: each script uses what those before it define.
_SCRIPTS = (
    "state.js",
    "theme.js",
    "days.js",
    "cards.js",
    "forecast.js",
    "charts.js",
    "calendars.js",
    "pairs.js",
    "differences.js",
    "downloads.js",
    "figures.js",
    "main.js",
)


def page_html(content: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        content: of the network, and its ``stations`` and ``pairs``. It is compressed, and so is plotly: people who open
            the page on a phone pay for each megabyte.
    """
    return Template(_file("template.html")).substitute(
        title=html.escape(content["network"]["name"]),
        style=_file("page.css"),
        plotly=_packed_plotly(),
        content=_packed(json.dumps(content, allow_nan=False, separators=(",", ":"))),
        texts=_file("texts.json"),
        scripts="\n".join(_file(name) for name in _SCRIPTS),
    )


def _packed(text: str) -> str:
    # Without the time, so that the same text always makes the same page.
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=4, mtime=0)).decode()


@cache
def _packed_plotly() -> str:
    return _packed(get_plotlyjs())


@cache
def _file(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
