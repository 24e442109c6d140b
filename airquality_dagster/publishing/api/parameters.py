"""Parameters of the API: what is measured, under OpenAQ's ids and names where these mean the same.

A value is never converted. Where OpenAQ has no parameter of the same name and unit, the parameter has an id of ours.
"""

from dataclasses import dataclass
from typing import Literal

from airquality_dagster.network.pollutants import BY_FIELD, POLLUTANTS, Parameter
from airquality_dagster.publishing.api.models import FullParameterDocument, ParameterDocument

_FIRST_OWN_ID = 90_000
_DEGREES = "°C"


@dataclass(frozen=True)
class ApiParameter:
    """A parameter as the API shows it.

    Args:
        number: 1 to 99, the last two digits of the ids of its sensors; never used for another parameter.
        parameter: the measured quantity.
        name: in lower case letters and digits, as OpenAQ's names.
        description: of the quantity.
        openaq_id: OpenAQ's id of the parameter with this name and unit, None if it has none.
    """

    number: int
    parameter: Parameter
    name: str
    description: str
    openaq_id: int | None = None

    @property
    def id(self) -> int:
        """OpenAQ's id, or one above 90000."""
        return self.openaq_id or _FIRST_OWN_ID + self.number

    @property
    def field(self) -> str:
        """The field of stored documents."""
        return self.parameter.field

    @property
    def units(self) -> str:
        """The unit, as OpenAQ spells it."""
        return "c" if self.parameter.unit == _DEGREES else self.parameter.unit

    @property
    def kind(self) -> Literal["pollutant", "meteorological"] | None:
        """What kind of quantity it is; None if it says nothing of the air."""
        if self.parameter in POLLUTANTS:
            return "pollutant"
        return "meteorological" if self.parameter.quality else None

    @property
    def document(self) -> ParameterDocument:
        """What results say of it."""
        return {"id": self.id, "name": self.name, "units": self.units, "displayName": self.parameter.label}

    @property
    def full_document(self) -> FullParameterDocument:
        """What the list of parameters says of it."""
        return {**self.document, "description": self.description}


# OpenAQ's ids 1, 2, 3 and 5 are in µg/m³, 98 in %, 100 in c. Its CO is in µg/m³, ppm or ppb: not ours.
API_PARAMETERS: tuple[ApiParameter, ...] = (
    ApiParameter(1, BY_FIELD["co"], "co", "Carbon monoxide mass concentration"),
    ApiParameter(2, BY_FIELD["no2"], "no2", "Nitrogen dioxide mass concentration", openaq_id=5),
    ApiParameter(3, BY_FIELD["o3"], "o3", "Ozone mass concentration", openaq_id=3),
    ApiParameter(4, BY_FIELD["pm10"], "pm10", "Mass concentration of particles up to 10 µm", openaq_id=1),
    ApiParameter(5, BY_FIELD["pm2_5"], "pm25", "Mass concentration of particles up to 2.5 µm", openaq_id=2),
    ApiParameter(6, BY_FIELD["temperature"], "temperature", "Air temperature", openaq_id=100),
    ApiParameter(
        7,
        BY_FIELD["internal_temperature"],
        "internaltemperature",
        "Raw counts of the thermometer inside the station: not degrees",
    ),
    ApiParameter(8, BY_FIELD["relative_humidity"], "relativehumidity", "Relative humidity of the air", openaq_id=98),
)
"""A further pollutant is a further row, with the next number."""

PARAMETER_BY_ID = {parameter.id: parameter for parameter in API_PARAMETERS}
PARAMETER_BY_FIELD = {parameter.field: parameter for parameter in API_PARAMETERS}
PARAMETER_BY_NUMBER = {parameter.number: parameter for parameter in API_PARAMETERS}
