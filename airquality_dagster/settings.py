"""Every environment variable of the platform: its name, its meaning, its default.

Values that may be secret are handed to Dagster as `EnvVar` and read where they are used.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

MONGODB_URI = "MONGODB_URI"
MONGODB_DATABASE = "MONGODB_DATABASE"
AIRQINO_BASE_URL = "AIRQINO_BASE_URL"
AIRQINO_TOKEN_URL = "AIRQINO_TOKEN_URL"
AIRQINO_CLIENT_ID = "AIRQINO_CLIENT_ID"
AIRQINO_CLIENT_SECRET = "AIRQINO_CLIENT_SECRET"
AIRQINO_USERNAME = "AIRQINO_USERNAME"
AIRQINO_PASSWORD = "AIRQINO_PASSWORD"
AIRQINO_REFRESH_TOKEN = "AIRQINO_REFRESH_TOKEN"
AIRQUALITY_HOME = "AIRQUALITY_HOME"
AIRQUALITY_STATIONS = "AIRQUALITY_STATIONS"
AIRQUALITY_ALERT_URLS = "AIRQUALITY_ALERT_URLS"
AIRQUALITY_DASHBOARD_DIR = "AIRQUALITY_DASHBOARD_DIR"
AIRQUALITY_DASHBOARD_URL = "AIRQUALITY_DASHBOARD_URL"
AIRQUALITY_UI_URL = "AIRQUALITY_UI_URL"
DAGSTER_HOME = "DAGSTER_HOME"
# Of deploy/dagster.yaml.
DAGSTER_POSTGRES_URL = "DAGSTER_POSTGRES_URL"

DEFAULT_MONGODB_URI = "mongodb://localhost:27017"
DEFAULT_DATABASE = "airquality"
DEFAULT_HOME = ".airquality"
DEFAULT_UI_URL = "http://127.0.0.1:3000"
PUBLIC_API = "https://airqino-api.magentalab.it"
PUBLIC_TOKEN_URL = "https://airqino-auth.magentalab.it/realms/airqino/protocol/openid-connect/token"

CREDENTIALS = (
    AIRQINO_CLIENT_ID,
    AIRQINO_CLIENT_SECRET,
    AIRQINO_USERNAME,
    AIRQINO_PASSWORD,
    AIRQINO_REFRESH_TOKEN,
)


def resource_field(name: str, variables: Mapping[str, str] | None = None) -> str | None:
    """Return a resource's field that comes from an environment variable, None where it is not set.

    A variable of the environment is handed on by name, so that its value is read when a run starts and appears in no
    configuration.

    Args:
        name: of the variable.
        variables: win over those of the environment; their values are handed on as they are.
    """
    if variables and name in variables:
        return variables[name]
    return dg.EnvVar(name) if os.environ.get(name) else None


def stations_file() -> Path | None:
    """Return the stations file of ``AIRQUALITY_STATIONS``; None for the package's own."""
    path = os.environ.get(AIRQUALITY_STATIONS)
    return Path(path) if path else None


def mongodb_database() -> str:
    """Return the name of the database."""
    return os.environ.get(MONGODB_DATABASE) or DEFAULT_DATABASE


def home() -> Path:
    """Return the folder of local state, absolute."""
    return Path(os.environ.get(AIRQUALITY_HOME) or DEFAULT_HOME).absolute()


def alert_urls() -> list[str]:
    """Return the URLs of the alert services, which hold secrets; separated by blanks, commas or line ends."""
    text = (dg.EnvVar(AIRQUALITY_ALERT_URLS).get_value() or "").strip()
    # Before the scheme of the next: a URL may hold commas itself.
    return re.split(r"[\s,]+(?=[a-z][a-z0-9+.-]*://)", text) if text else []


def ui_url() -> str:
    """Return where people find the Dagster UI, for links."""
    return (os.environ.get(AIRQUALITY_UI_URL) or DEFAULT_UI_URL).rstrip("/")


def dashboard_file() -> Path:
    """Return where the dashboard is written, absolute."""
    folder = os.environ.get(AIRQUALITY_DASHBOARD_DIR)
    return (Path(folder).absolute() if folder else home() / "dashboard") / "index.html"


def dashboard_url() -> str:
    """Return where people find the dashboard, for links; without a server, the file."""
    return os.environ.get(AIRQUALITY_DASHBOARD_URL) or dashboard_file().as_uri()


def data_page_url() -> str | None:
    """Return where the page about the data is served; None where nobody serves it."""
    url = os.environ.get(AIRQUALITY_DASHBOARD_URL)
    return f"{url.rstrip('/')}/data" if url else None


def has_credentials(environment: Mapping[str, str]) -> bool:
    """Return whether any variable of the AirQino credentials is set."""
    return any(environment.get(name) for name in CREDENTIALS)
