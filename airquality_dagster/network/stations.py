"""The network of stations, read from a YAML file and validated."""

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from airquality_dagster.errors import SettingsError, StationsFileError

OWN_STATIONS_FILE = Path(__file__).with_name("stations.yaml")

# libyaml's, where PyYAML has it: of a thousand stations a tenth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MONTH_PATTERN = r"\d{4}-(0[1-9]|1[0-2])"

# raw_<name>, <name>_quality … are collections; a name that ends like this would meet another's.
_RESERVED_ENDINGS = ("_aggregates", "_quality", "_summaries", "_revisions", "_insertions", "_rejected")


class Station(BaseModel):
    """One station.

    Args:
        name: names its assets; lower case letters, digits and underscores.
        airqino_id: its number in the AirQino API.
        label: its name in the AirQino API.
        city: where it stands.
        latitude, longitude: degrees, WGS 84; left out where unknown.
        height: metres of the inlet above ground; left out where unknown.
        silent_after_hours: how old its newest hour may be before somebody is told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    airqino_id: Annotated[int, Field(gt=0)]
    label: str = ""
    city: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    height: Annotated[float, Field(ge=0)] | None = None
    silent_after_hours: Annotated[int, Field(ge=4)] = 24

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if name.endswith(_RESERVED_ENDINGS):
            raise ValueError(f"must not end with {' or '.join(_RESERVED_ENDINGS)}")
        return name

    @property
    def raw_asset(self) -> str:
        """Name of the asset and collection of the hourly readings."""
        return f"raw_{self.name}"

    @property
    def quality_asset(self) -> str:
        """Name of the asset and collection of the hourly flags and indices."""
        return f"{self.name}_quality"

    @property
    def aggregates_asset(self) -> str:
        """Name of the asset and collection of the daily aggregates."""
        return f"{self.name}_aggregates"

    @property
    def summaries_asset(self) -> str:
        """Name of the asset and collection of the monthly and annual summaries."""
        return f"{self.name}_summaries"

    @property
    def monthly_assets(self) -> tuple[str, str, str]:
        """Names of the assets that are partitioned by month, in the order in which they are made."""
        return self.raw_asset, self.quality_asset, self.aggregates_asset

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of all of its assets, in the order in which they are made."""
        return *self.monthly_assets, self.summaries_asset

    @property
    def title(self) -> str:
        """Name, label and AirQino id, as messages show it."""
        label = f" {self.label}" if self.label else ""
        return f"{self.name} (AirQino{label} {self.airqino_id})"

    @property
    def title_with_city(self) -> str:
        """The title and where the station stands, as descriptions show it."""
        return f"{self.title}, {self.city}" if self.city else self.title


class _NetworkFacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    time_zone: str
    first_month: Annotated[str, Field(pattern=f"^{MONTH_PATTERN}$")]
    stations_per_run: Annotated[int, Field(gt=0)] = 100

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{time_zone!r} is no IANA time zone (like Africa/Abidjan)") from None
        return time_zone


class Network(BaseModel):
    """All stations of one stations file, with what they share.

    Args:
        network: name, IANA time zone of local days and months, first month (``YYYY-MM``), and how many
            stations one run takes at most.
        stations: at least one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: _NetworkFacts
    stations: Annotated[tuple[Station, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _stations_differ(self) -> "Network":
        for field in ("name", "airqino_id"):
            values = [getattr(station, field) for station in self.stations]
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{field} {', '.join(twice)} stands for more than one station")
        return self

    @cached_property
    def time_zone(self) -> ZoneInfo:
        """The time zone of local days and of the monthly partitions."""
        return ZoneInfo(self.network.time_zone)

    @property
    def first_month(self) -> str:
        """The first month of the partitions, ``YYYY-MM``."""
        return self.network.first_month

    def station(self, name: str) -> Station:
        """Return the station of that name.

        Raises:
            SettingsError: there is none; the message lists those there are.
        """
        for station in self.stations:
            if station.name == name:
                return station
        known = ", ".join(station.name for station in self.stations)
        raise SettingsError(f"no station is named {name!r}: the stations file has {known}")


def load_network(path: Path | None = None) -> Network:
    """Read and validate a stations file.

    Args:
        path: a YAML file; without it the one that the package ships.

    Raises:
        StationsFileError: one line that names the file, the station and the field.
    """
    path = path or OWN_STATIONS_FILE
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
    except OSError as error:
        raise StationsFileError(
            f"stations file {path} cannot be read: {error.strerror}. Set AIRQUALITY_STATIONS to a file "
            "that exists, or unset it to use the two stations in Abidjan."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise StationsFileError(f"stations file {path} is no YAML: {reason}") from error
    if not isinstance(content, dict):
        raise StationsFileError(f"stations file {path} must hold the two sections 'network' and 'stations'")
    try:
        return Network.model_validate(content)
    except ValidationError as error:
        raise StationsFileError(f"stations file {path}: {_explain(error, content)}") from error


def _explain(error: ValidationError, content: dict[str, Any]) -> str:
    """Say each fault as 'station1, field airqino_id: …' in one line."""
    faults = []
    for fault in error.errors():
        location = list(fault["loc"])
        where = ""
        if len(location) >= 2 and location[0] == "stations" and isinstance(location[1], int):
            entry = content["stations"][location[1]]
            name = entry.get("name") if isinstance(entry, dict) else None
            where = f"station {name or location[1] + 1}"
            location = location[2:]
        if location:
            where = ", ".join(filter(None, [where, "field " + ".".join(map(str, location))]))
        message = fault["msg"].removeprefix("Value error, ")
        shown = "" if fault["type"] in {"missing", "value_error"} else f" (it is {fault['input']!r:.60})"
        faults.append(f"{where}: {message}{shown}" if where else message)
    return "; ".join(faults)
