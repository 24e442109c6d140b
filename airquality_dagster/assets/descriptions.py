"""What descriptions of several assets share."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import dagster as dg

from airquality_dagster import settings
from airquality_dagster.assets.beta import accepted_beta


def data_page() -> str:
    """Return where every field and rule is explained: a link where the page is served."""
    url = settings.data_page_url()
    return (
        f"\n\nEvery field, unit and rule: [the data page]({url})."
        if url
        else "\n\nEvery field and rule: `docs/data.md`."
    )


@cache
def code_references(factory: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the metadata that leads from an asset to the function that makes it.

    As `dagster.with_source_code_references` does, which reads the source once for each asset: with a thousand
    stations a third of the time that the definitions take to load.
    """
    with accepted_beta():
        reference = dg.LocalFileCodeReference(
            file_path=inspect.getfile(factory), line_number=inspect.getsourcelines(factory)[1]
        )
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
