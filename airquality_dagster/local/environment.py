"""The environment of this process and of those that it starts, as the commands need it."""

import os
from collections.abc import MutableMapping

from airquality_dagster import settings

_PREFIXES = ("AIRQINO_", "AIRQUALITY_", "MONGODB_", "DAGSTER_")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def prepare_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove blanks and line ends around the platform's variables, and never proxy this machine.

    Dagster reads some of the variables itself. Credentials stay as they are: what they may contain, the client of the
    API knows. The sandbox, the Dagster UI and other servers on loopback cannot be reached through a proxy.

    Args:
        environment: changed in place.
    """
    for name, value in list(environment.items()):
        if name.startswith(_PREFIXES) and name not in settings.CREDENTIALS:
            environment[name] = value.strip()
    if not any(name.lower().endswith("_proxy") for name in environment):
        return  # any name here would keep the system's proxy (macOS, Windows) from being used
    names = f"{environment.get('no_proxy', '')},{environment.get('NO_PROXY', '')}".split(",")
    excepted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if "*" not in excepted:
        excepted += [host for host in _LOOPBACK if host not in excepted]
        # Some libraries read only one of the two.
        environment["no_proxy"] = environment["NO_PROXY"] = ",".join(excepted)
