"""``airquality simulate-network``: write a stations file with many simulated stations."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from airquality_dagster.cli.terminal import out
from airquality_dagster.errors import SettingsError
from airquality_dagster.network.stations import Network
from airquality_dagster.storage.files import replaced

# Greater than the id of any real AirQino station.
FIRST_ID = 900_000_001
_YEAR = timedelta(days=365)
# A grid over Abidjan with a spacing of about one kilometre.
_SOUTH, _WEST, _STEP = 5.25, -4.15, 0.01


def simulate_network(count: int, output: Path, first_month: str | None = None) -> None:
    """Write the stations file of a simulated network.

    Args:
        count: number of stations.
        output: the file; it must not exist.
        first_month: ``YYYY-MM``; by default the month one year ago.

    Raises:
        SettingsError: the file exists, or cannot be written.
    """
    if output.exists():
        raise SettingsError(f"{output} exists already: name a new file, or remove this one")
    network = simulated_network(count, first_month or f"{datetime.now(UTC) - _YEAR:%Y-%m}")
    try:
        with replaced(output) as unfinished:
            unfinished.write_text(
                "# Written by airquality simulate-network. Only the sandbox knows these stations.\n"
                + yaml.safe_dump(network, sort_keys=False, allow_unicode=True),
                encoding="utf-8",
            )
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}") from error
    out.print(f"{count} simulated station{'s' if count > 1 else ''} in {output}.")
    out.print(f"Next: [bold]AIRQUALITY_STATIONS={output} AIRQUALITY_HOME=.simulated airquality run[/]", soft_wrap=True)


def simulated_network(count: int, first_month: str) -> dict[str, Any]:
    """Return the content of the stations file of a simulated network."""
    width = len(str(count))
    columns = max(1, round(count**0.5))
    content = {
        "network": {"name": "Simulated", "time_zone": "Africa/Abidjan", "first_month": first_month},
        "stations": [
            {
                "name": f"sim{number:0{width}}",
                "airqino_id": FIRST_ID + number - 1,
                "label": f"SIM{number:0{width}}",
                "city": "Simulated",
                "latitude": round(_SOUTH + _STEP * ((number - 1) // columns), 6),
                "longitude": round(_WEST + _STEP * ((number - 1) % columns), 6),
            }
            for number in range(1, count + 1)
        ],
    }
    Network.model_validate(content)
    return content
