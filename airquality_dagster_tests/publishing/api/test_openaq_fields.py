"""Every field of OpenAQ's answers is in ours, or is listed here with the reason why not.

The names are those of OpenAQ's API v3, as the client of 1.2.0 and its response fixtures have them.
"""

from typing import Any

from airquality_dagster_tests.publishing.api.conftest import STATION1, get

MOMENT = {"utc", "local"}
PARAMETER = {"id", "name", "units", "displayName"}
NAMED = {"id", "name"}
LATEST = {"datetime": MOMENT, "value": None, "coordinates": {"latitude", "longitude"}}
COVERAGE = dict.fromkeys(
    (
        "expectedCount",
        "expectedInterval",
        "observedCount",
        "observedInterval",
        "percentComplete",
        "percentCoverage",
    )
) | {"datetimeFrom": MOMENT, "datetimeTo": MOMENT}

OPENAQ: dict[str, dict[str, Any]] = {
    "locations": {
        **dict.fromkeys(("id", "name", "locality", "timezone", "isMobile", "isMonitor", "bounds", "distance")),
        "country": {"id", "code", "name"},
        "owner": NAMED,
        "provider": NAMED,
        "instruments": NAMED,
        "sensors": {"id": None, "name": None, "parameter": PARAMETER},
        "coordinates": {"latitude", "longitude"},
        "licenses": {"id": None, "name": None, "attribution": {"name", "url"}, "dateFrom": None, "dateTo": None},
        "datetimeFirst": MOMENT,
        "datetimeLast": MOMENT,
    },
    f"locations/{STATION1}/sensors": {
        "id": None,
        "name": None,
        "parameter": PARAMETER,
        "datetimeFirst": MOMENT,
        "datetimeLast": MOMENT,
        "coverage": COVERAGE,
        "latest": LATEST,
        # Null: a summary of all hours would have to read them; days, months and years have one.
        "summary": None,
    },
    f"locations/{STATION1}/latest": {**LATEST, "sensorsId": None, "locationsId": None},
    "parameters": dict.fromkeys((*PARAMETER, "description")),
    "countries": {
        **dict.fromkeys(("id", "code", "name", "datetimeFirst", "datetimeLast")),
        "parameters": PARAMETER,
    },
    "owners": dict.fromkeys(NAMED),
    "providers": {
        **dict.fromkeys(
            (
                "id",
                "name",
                "sourceName",
                "exportPrefix",
                "datetimeAdded",
                "datetimeFirst",
                "datetimeLast",
                "entitiesId",
            )
        ),
        "parameters": PARAMETER,
        "bbox": {"type", "coordinates"},
    },
    "instruments": {"id": None, "name": None, "isMonitor": None, "manufacturer": NAMED},
    "manufacturers": {"id": None, "name": None, "instruments": NAMED},
    "licenses": dict.fromkeys(
        (
            "id",
            "name",
            "commercialUseAllowed",
            "attributionRequired",
            "shareAlikeRequired",
            "modificationAllowed",
            "redistributionAllowed",
            "sourceUrl",
        )
    ),
}
META = {"name", "website", "page", "limit", "found"}
OURS = {"x", "flagInfo"}
"""``flagInfo`` is OpenAQ's, too, but of hours and longer periods only."""


def differences(expected: Any, actual: Any, place: str) -> list[str]:
    """Return the names that only one of the two has."""
    if isinstance(actual, list):
        return [one for entry in actual for one in differences(expected, entry, place)]
    if expected is None:
        return []
    names = set(expected)
    missing = [f"{place}.{name} is missing" for name in sorted(names - set(actual))]
    added = [f"{place}.{name} is added" for name in sorted(set(actual) - names - OURS)]
    deeper = expected.items() if isinstance(expected, dict) else ()
    return [
        *missing,
        *added,
        *(one for name, part in deeper for one in differences(part, actual[name], f"{place}.{name}")),
    ]


def test_answers_have_the_fields_of_openaq(url: str) -> None:
    for path, expected in OPENAQ.items():
        answer = get(f"{url}/v3/{path}")
        assert set(answer["meta"]) >= META
        assert answer["results"], path
        assert differences(expected, answer["results"], path) == []
