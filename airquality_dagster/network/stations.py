"""The network of stations, read from a YAML file and validated."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from airquality_dagster.errors import SettingsError, StationsFileError
from airquality_dagster.network.deployments import Deployment, check_order, outdoor_periods
from airquality_dagster.network.facts import NetworkFacts
from airquality_dagster.network.pairs import NAME_PATTERN, Pair, check_pairs
from airquality_dagster.network.pollutants import POLLUTANTS
from airquality_dagster.network.siting import Siting

OWN_STATIONS_FILE = Path(__file__).with_name("stations.yaml")

# libyaml's loader, where PyYAML has it, reads a thousand stations in a tenth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DASHBOARD = "air_quality_dashboard"
AIRQINO_API = "airqino_api"
NEIGHBOURS = "neighbours"
OPEN_DATA = "open_data"

# raw_<name>, <name>_quality … are collections; a name with such an ending could collide with another station's.
_RESERVED_ENDINGS = (
    "_aggregates", "_comparison", "_forecast", "_forecast_model", "_forecast_scores", "_insertions", "_quality",
    "_rejected", "_revisions", "_summaries",
)  # fmt: skip
# Beside the folders of stations in the open data.
_FOLDERS = ("comparisons", "schemas")


class Station(BaseModel):
    """One station.

    Args:
        name: part of the names of its assets; lower case letters, digits and underscores.
        airqino_id: its number in the AirQino API.
        label: its name in the AirQino API. An answer that names another station is refused.
        former_labels: names that it had in the API before.
        city: its place.
        latitude, longitude: degrees, WGS 84; omitted if unknown or given by its deployments.
        silent_after_hours: age of its newest hour, in hours, after which an alert is sent.
        deployments: where it stood and which device measured, in order of time. Empty: always at its place, always
            this ``airqino_id``.
        cross_sensitive: pollutant → whether its channel responds to another gas. A pollutant that is not here is judged
            by its readings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, max_length=60)
    airqino_id: int = Field(gt=0)
    label: str = ""
    former_labels: tuple[str, ...] = ()
    city: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    silent_after_hours: int = Field(default=24, ge=4)
    deployments: tuple[Deployment, ...] = ()
    cross_sensitive: dict[str, bool] = Field(default_factory=dict)

    # The key prefix of its network with a dot, before the names of assets and collections.
    _prefix: str = PrivateAttr(default="")

    @model_validator(mode="wrap")
    @classmethod
    def _errors_name_the_station(cls, values: Any, handler: ModelWrapValidatorHandler["Station"]) -> "Station":
        try:
            return handler(values)
        except ValidationError as error:
            name = values.get("name") if isinstance(values, dict) else None
            raise ValueError(f"station {name or 'without a name'}, {_explain(error)}") from None

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if name.endswith(_RESERVED_ENDINGS):
            raise ValueError(f"must not end with {' or '.join(_RESERVED_ENDINGS)}")
        if name in _FOLDERS:
            raise ValueError(f"must not be {' or '.join(_FOLDERS)}: a folder of the open data has this name")
        return name

    @field_validator("deployments")
    @classmethod
    def _deployments_are_in_order(cls, deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
        check_order(deployments)
        return deployments

    @field_validator("cross_sensitive")
    @classmethod
    def _channels_are_pollutants(cls, cross_sensitive: dict[str, bool]) -> dict[str, bool]:
        fields = [parameter.field for parameter in POLLUTANTS]
        unknown = ", ".join(field for field in cross_sensitive if field not in fields)
        if unknown:
            raise ValueError(f"{unknown} is no pollutant: these are {', '.join(fields)}")
        return cross_sensitive

    def siting(self, zone: ZoneInfo) -> Siting:
        """Return what its flags depend on beside its readings.

        Args:
            zone: the network's time zone, that of its deployments.
        """
        return Siting(outdoor_periods(self.deployments, zone) if self.deployments else None, self.cross_sensitive)

    @property
    def position(self) -> tuple[float, float] | None:
        """Latitude and longitude: its own, or those of its newest outdoor deployment that has them."""
        if self.latitude is not None and self.longitude is not None:
            return self.latitude, self.longitude
        positions = (one.position for one in reversed(self.deployments) if one.is_outdoor)
        return next(filter(None, positions), None)

    @property
    def airqino_ids(self) -> tuple[int, ...]:
        """The present and all former devices."""
        former = (deployment.airqino_id for deployment in self.deployments)
        return tuple(dict.fromkeys([self.airqino_id, *filter(None, former)]))

    @property
    def devices(self) -> str:
        """The devices in words."""
        if len(self.airqino_ids) == 1:
            return str(self.airqino_id)
        parts = [
            f"{deployment.airqino_id or self.airqino_id} from {deployment.start:%Y-%m-%d}"
            + (f" to {deployment.end:%Y-%m-%d}" if deployment.end else "")
            + (f" ({deployment.place})" if deployment.place else "")
            for deployment in self.deployments
        ]
        return f"{self.airqino_id}; deployments: {', '.join(parts)}"

    @property
    def raw_asset(self) -> str:
        """Name of the asset and collection of the hourly readings."""
        return f"{self._prefix}raw_{self.name}"

    @property
    def quality_asset(self) -> str:
        """Name of the asset and collection of the hourly flags and indices."""
        return f"{self._prefix}{self.name}_quality"

    @property
    def aggregates_asset(self) -> str:
        """Name of the asset and collection of the daily aggregates."""
        return f"{self._prefix}{self.name}_aggregates"

    @property
    def summaries_asset(self) -> str:
        """Name of the asset and collection of the monthly and annual summaries."""
        return f"{self._prefix}{self.name}_summaries"

    @property
    def forecast_asset(self) -> str:
        """Name of the asset and collection of the forecasts."""
        return f"{self._prefix}{self.name}_forecast"

    @property
    def forecast_model_asset(self) -> str:
        """Name of the asset and collection of the models of the forecasts, one document a pollutant."""
        return f"{self._prefix}{self.name}_forecast_model"

    @property
    def forecast_scores_asset(self) -> str:
        """Name of the asset and collection that compare forecasts with what came, day by day."""
        return f"{self._prefix}{self.name}_forecast_scores"

    @property
    def neighbours_asset(self) -> str:
        """Name of the asset and collection of its network that compare neighbouring stations."""
        return f"{self._prefix}{NEIGHBOURS}"

    @property
    def derived_assets(self) -> tuple[str, str, str]:
        """Names of the assets that are computed from stored hours, in the order of computation."""
        return self.quality_asset, self.aggregates_asset, self.summaries_asset

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of its assets that an hour changes, in the order of computation."""
        return self.raw_asset, *self.derived_assets, self.forecast_asset

    @property
    def forecast_model_assets(self) -> tuple[str, str]:
        """Names of the assets that make and judge the model of its forecasts."""
        return self.forecast_model_asset, self.forecast_scores_asset

    @property
    def judgement_step(self) -> str:
        """Name of the step that computes flags and daily aggregates."""
        return f"{self._prefix}{self.name}_quality_and_aggregates"

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that compute its assets."""
        return self.raw_asset, self.judgement_step, self.summaries_asset, self.forecast_asset

    @property
    def labels(self) -> tuple[str, ...]:
        """Its names in the AirQino API: the present one and former ones."""
        return tuple(label for label in (self.label, *self.former_labels) if label.strip())

    @property
    def title(self) -> str:
        """Name, label and AirQino id, for messages."""
        label = f" {self.label}" if self.label else ""
        return f"{self.name} (AirQino{label} {self.airqino_id})"

    @property
    def title_with_city(self) -> str:
        """Title and city, for descriptions."""
        return f"{self.title}, {self.city}" if self.city else self.title


class Network(BaseModel):
    """The content of a stations file.

    Args:
        network: name, time zone, first month, owner, licence.
        stations: at least one station.
        pairs: stations that are compared.
        key_prefix: precedes the keys of its assets and the names of its jobs, schedules, sensors and resources,
            so that several networks can live in one deployment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkFacts
    stations: tuple[Station, ...]
    pairs: tuple[Pair, ...] = ()
    # Without "__" and a last "_": names of steps join prefix and name by "__".
    key_prefix: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=40)

    @field_validator("stations")
    @classmethod
    def _own_stations(cls, stations: tuple[Station, ...]) -> tuple[Station, ...]:
        # Each has the prefix of its network: networks must not share them.
        return tuple(station.model_copy() for station in stations)

    @model_validator(mode="after")
    def _stations_differ(self) -> "Network":
        if not self.stations:
            raise ValueError("stations is empty: add at least one station")
        for field in ("name", "airqino_id"):
            values = [getattr(station, field) for station in self.stations]
            repeated = sorted({str(value) for value in values if values.count(value) > 1})
            if repeated:
                raise ValueError(f"more than one station has the {field} {', '.join(repeated)}")
        check_pairs(self.pairs, {station.name for station in self.stations})
        for station in self.stations:
            station._prefix = f"{self.key_prefix}." if self.key_prefix else ""
        return self

    def named(self, name: str) -> str:
        """Return the name of a job, schedule, sensor or resource of this network."""
        return f"{self.key_prefix}_{name}" if self.key_prefix else name

    @property
    def dashboard_asset(self) -> str:
        """Name of the asset of the network's dashboard."""
        return f"{self.key_prefix}.{DASHBOARD}" if self.key_prefix else DASHBOARD

    @property
    def open_data_asset(self) -> str:
        """Name of the asset of the network's files of open data."""
        return f"{self.key_prefix}.{OPEN_DATA}" if self.key_prefix else OPEN_DATA

    @property
    def neighbours_asset(self) -> str:
        """Name of the asset and collection that compare neighbouring stations."""
        return f"{self.key_prefix}.{NEIGHBOURS}" if self.key_prefix else NEIGHBOURS

    def comparison_asset(self, pair: Pair) -> str:
        """Return the name of the asset and collection that compare the stations of a pair."""
        return f"{self.key_prefix}.{pair.comparison}" if self.key_prefix else pair.comparison

    @property
    def comparison_assets(self) -> tuple[str, ...]:
        """Names of the assets that compare the stations of pairs."""
        return tuple(map(self.comparison_asset, self.pairs))

    @property
    def source_asset(self) -> str:
        """Name of the external asset that stands for the AirQino API."""
        return f"{self.key_prefix}.{AIRQINO_API}" if self.key_prefix else AIRQINO_API

    @cached_property
    def time_zone(self) -> ZoneInfo:
        """The time zone of local days and of the monthly partitions."""
        return ZoneInfo(self.network.time_zone)

    @property
    def first_month(self) -> str:
        """The first month of the partitions, ``YYYY-MM``."""
        return self.network.first_month

    def station(self, name: str) -> Station:
        """Return the station with this name.

        Raises:
            SettingsError: there is no such station; the message lists the stations.
        """
        for station in self.stations:
            if station.name == name:
                return station
        known = ", ".join(station.name for station in self.stations)
        raise SettingsError(f"no station is named {name!r}: the stations file has {known}")

    def pair(self, name: str) -> Pair:
        """Return the pair with this name.

        Raises:
            SettingsError: there is no such pair; the message lists the pairs.
        """
        for pair in self.pairs:
            if pair.name == name:
                return pair
        known = ", ".join(pair.name for pair in self.pairs)
        raise SettingsError(
            f"no pair is named {name!r}: the stations file has {known or 'no pairs; add one (docs/comparison.md)'}"
        )

    def select(self, names: Sequence[str]) -> list[Station]:
        """Return the stations with these names, each once; all stations if there are no names.

        Raises:
            SettingsError: there is no station with one of the names.
        """
        return [self.station(name) for name in dict.fromkeys(names)] or list(self.stations)


def load_network(path: Path | None = None) -> Network:
    """Read and validate a stations file.

    Args:
        path: a YAML file; by default the one in this package.

    Raises:
        StationsFileError: the file cannot be read or is not valid; the message names file, station and field.
    """
    path = path or OWN_STATIONS_FILE
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise StationsFileError(
            f"stations file {path} cannot be read: {error.strerror}. Set AIRQUALITY_STATIONS to a file "
            "that exists, or unset it to use the two stations in Abidjan."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise StationsFileError(f"stations file {path} is not YAML: {reason}") from error
    if isinstance(content, dict) and isinstance(content.get("attributes"), dict):
        content = content["attributes"]  # a defs.yaml of the component
    if not isinstance(content, dict):
        raise StationsFileError(f"stations file {path} must hold the two sections 'network' and 'stations'")
    try:
        return Network.model_validate(content)
    except ValidationError as error:
        raise StationsFileError(f"stations file {path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    """Return all errors in one line, like 'field network.time_zone: …'; those of a station begin with its name."""
    return "; ".join(map(_explain_one, error.errors()))


def _explain_one(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in {"missing", "value_error"}:
        message += f" (it is {error['input']!r:.60})"
    field = ".".join(map(str, error["loc"]))
    return f"field {field}: {message}" if field else message
