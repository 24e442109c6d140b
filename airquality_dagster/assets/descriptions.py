"""Parts of descriptions and metadata that several assets share."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.assets.beta import accepted_beta


def data_page() -> str:
    """Return a sentence that links to the page about the data, or names the file if the page is not served."""
    url = settings.data_page_url()
    return f"\n\nAll fields, units and rules: {f'[the data page]({url})' if url else '`docs/data.md`'}."


@cache
def code_references(factory: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the metadata that links an asset to the function that builds it.

    `dagster.with_source_code_references` does the same, but reads the source again for each asset: with a thousand
    stations, a third of the time to load the definitions.
    """
    with accepted_beta():
        reference = dg.LocalFileCodeReference(
            file_path=inspect.getfile(factory), line_number=inspect.getsourcelines(factory)[1]
        )
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
