"""What descriptions of several assets share."""

from airquality_dagster import settings


def data_page() -> str:
    """Return where every field and rule is explained: a link where the page is served."""
    url = settings.data_page_url()
    return (
        f"\n\nEvery field, unit and rule: [the data page]({url})."
        if url
        else "\n\nEvery field and rule: `docs/data.md`."
    )
