"""All environment variables of the platform, with their defaults.

Values that may be secret are passed to Dagster as `EnvVar`, so that they are read when they are used.
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
AIRQUALITY_OPEN_DATA_DIR = "AIRQUALITY_OPEN_DATA_DIR"
DAGSTER_HOME = "DAGSTER_HOME"
# Used by deploy/dagster.yaml.
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


def variable(name: str) -> str | None:
    """Return the value of an environment variable without blanks and line ends around it; None if nothing is left."""
    return os.environ.get(name, "").strip() or None


def resource_field(name: str, variables: Mapping[str, str] | None = None) -> str | None:
    """Return the value of a resource's field, None if the environment variable is not set.

    An environment variable is passed as `EnvVar`: Dagster reads it when a run starts, and no configuration shows it.

    Args:
        name: name of the environment variable.
        variables: override environment variables; their values are passed unchanged.

    Raises:
        ValueError: `variables` has a credential, which the configuration would show.
    """
    if variables and name in variables:
        if name in CREDENTIALS and variables[name]:
            raise ValueError(f"{name} is secret: set it in the environment of the process")
        return variables[name].strip() or None
    return dg.EnvVar(name) if variable(name) else None


def stations_file() -> Path | None:
    """Return the stations file of ``AIRQUALITY_STATIONS``; None selects the package's own file."""
    return _path(AIRQUALITY_STATIONS)


def mongodb_database() -> str:
    """Return the name of the database."""
    return variable(MONGODB_DATABASE) or DEFAULT_DATABASE


def home() -> Path:
    """Return the absolute path of the folder for local state."""
    return (_path(AIRQUALITY_HOME) or Path(DEFAULT_HOME)).absolute()


def dagster_home() -> Path | None:
    """Return the folder of Dagster's instance that the user has chosen."""
    return _path(DAGSTER_HOME)


def alert_urls() -> list[str]:
    """Return the URLs of the alert services (secret), which spaces, commas or line ends separate."""
    text = (dg.EnvVar(AIRQUALITY_ALERT_URLS).get_value() or "").strip()
    # Split only before the scheme of a URL: URLs may contain commas.
    return re.split(r"[\s,]+(?=[a-z][a-z0-9+.-]*://)", text) if text else []


def ui_url() -> str:
    """Return the URL of the Dagster UI, for links."""
    return (variable(AIRQUALITY_UI_URL) or DEFAULT_UI_URL).rstrip("/")


def dashboard_file(key_prefix: str | None = None) -> Path:
    """Return the absolute path of the dashboard's file; a network with a key prefix has its own folder."""
    folder = _path(AIRQUALITY_DASHBOARD_DIR) or home() / "dashboard"
    return folder.absolute() / (key_prefix or "") / "index.html"


def dashboard_url(key_prefix: str | None = None) -> str:
    """Return the URL of a network's dashboard, for links; without a server, that of the file."""
    url = variable(AIRQUALITY_DASHBOARD_URL)
    if not url:
        return dashboard_file(key_prefix).as_uri()
    return f"{url.rstrip('/')}/{key_prefix}/" if key_prefix else url


def open_data_folder(key_prefix: str | None = None) -> Path:
    """Return the absolute path of the files of open data; a network with a key prefix has its own folder in it."""
    return (_path(AIRQUALITY_OPEN_DATA_DIR) or home() / "open-data").absolute() / (key_prefix or "")


def open_data_url(key_prefix: str | None = None) -> str:
    """Return the URL of a network's files of open data, for links; without a server, that of the folder."""
    url = variable(AIRQUALITY_DASHBOARD_URL)
    if not url:
        return open_data_folder(key_prefix).as_uri()
    return f"{url.rstrip('/')}/files/{f'{key_prefix}/' if key_prefix else ''}"


def data_page_url() -> str | None:
    """Return the URL of the page about the data; None if no server is set."""
    url = variable(AIRQUALITY_DASHBOARD_URL)
    return f"{url.rstrip('/')}/data" if url else None


def _path(name: str) -> Path | None:
    # Only a shell expands `~`; files of variables do not.
    text = variable(name)
    return Path(text).expanduser() if text else None
