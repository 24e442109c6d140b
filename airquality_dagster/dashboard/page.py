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
# In this order: each uses what those before it define.
_SCRIPTS = ("state.js", "theme.js", "cards.js", "charts.js", "calendars.js", "figures.js", "main.js")


def page_html(content: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        content: as `page_content` makes it; it is compressed, so that ten years of fifty stations fit in.
    """
    packed = gzip.compress(json.dumps(content, allow_nan=False, separators=(",", ":")).encode(), mtime=0)
    return Template(_file("template.html")).substitute(
        title=html.escape(content["network"]["name"]),
        style=_file("page.css"),
        plotly=get_plotlyjs(),
        content=base64.b64encode(packed).decode(),
        texts=_file("texts.json"),
        scripts="\n".join(_file(name) for name in _SCRIPTS),
    )


@cache
def _file(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
