"""The environment of this process and of those that it starts, as the commands need it."""

import os
from collections.abc import MutableMapping

from airquality_dagster import settings

_PREFIXES = ("AIRQINO_", "AIRQUALITY_", "MONGODB_", "DAGSTER_")
_PATHS = (
    settings.AIRQUALITY_HOME,
    settings.AIRQUALITY_STATIONS,
    settings.AIRQUALITY_DASHBOARD_DIR,
    settings.DAGSTER_HOME,
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def prepare_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove blanks and line ends around the platform's variables, expand ``~``, and never proxy this machine.

    Files of variables and of secrets often end with a line end, and only a shell expands ``~``. Credentials stay as
    they are: what they may contain, the token's client knows. The sandbox, the Dagster UI and other servers on loopback
    cannot be reached through a proxy.

    Args:
        environment: changed in place.
    """
    for name, value in list(environment.items()):
        if name.startswith(_PREFIXES) and name not in settings.CREDENTIALS:
            path = value.strip()
            environment[name] = os.path.expanduser(path) if name in _PATHS else path  # noqa: PTH111 — a text
    names = f"{environment.get('no_proxy', '')},{environment.get('NO_PROXY', '')}".split(",")
    excepted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if "*" not in excepted:
        excepted += [host for host in _LOOPBACK if host not in excepted]
        # Some libraries read only one of the two.
        environment["no_proxy"] = environment["NO_PROXY"] = ",".join(excepted)
