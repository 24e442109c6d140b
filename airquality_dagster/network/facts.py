"""What all stations of a network share: name, time zone, owner, licence."""

import re
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from airquality_dagster.network.countries import countries
from airquality_dagster.network.licences import LICENCES, Licence

MONTH_PATTERN = r"\d{4}-(0[1-9]|1[0-2])"

_CONTACT = re.compile(r"""[^\s@<>"']+@[^\s@<>"']+\.[^\s@<>"']+|https?://[^\s<>"']+""")


class NetworkFacts(BaseModel):
    """Properties that all stations share.

    Args:
        name: of the network, for people.
        time_zone: IANA time zone of local days and months.
        first_month: the first month of the partitions, ``YYYY-MM``.
        stations_per_run: maximum number of stations in one run.
        country: ISO 3166-1 alpha-2 code of the country, as ``CI``; empty if not given.
        owner: who owns the data, for people.
        licence: SPDX identifier of the licence under which the data are published; empty: none was chosen.
        attribution: line by which users of the data name their source; empty: the owner, or the network's name.
        contact: mail address or URL for questions about the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    time_zone: str
    first_month: str = Field(pattern=f"^{MONTH_PATTERN}$")
    stations_per_run: int = Field(default=100, gt=0)
    country: str = ""
    owner: str = Field(default="", max_length=200)
    licence: str = ""
    attribution: str = Field(default="", max_length=500)
    contact: str = Field(default="", max_length=200)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{time_zone!r} is not an IANA time zone (like Africa/Abidjan)") from None
        return time_zone

    @field_validator("country", mode="before")
    @classmethod
    def _norway_is_no_boolean(cls, country: object) -> object:
        return "NO" if country is False else country  # YAML 1.1 reads the code of Norway as "no"

    @field_validator("country")
    @classmethod
    def _country_exists(cls, country: str) -> str:
        if country and country not in countries():
            raise ValueError(f"{country!r} is not the ISO 3166-1 alpha-2 code of a country (like CI)")
        return country

    @field_validator("licence")
    @classmethod
    def _licence_is_known(cls, licence: str) -> str:
        if licence and licence not in LICENCES:
            raise ValueError(f"{licence!r} is not one of the licences of open data: {', '.join(LICENCES)}")
        return licence

    @field_validator("owner", "attribution", "contact")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("must be one line without control characters")
        return text.strip()

    @field_validator("contact")
    @classmethod
    def _contact_can_be_asked(cls, contact: str) -> str:
        if contact and not _CONTACT.fullmatch(contact):
            raise ValueError(f"{contact!r} is neither a mail address nor a URL that begins with http:// or https://")
        return contact

    @property
    def licence_terms(self) -> Licence | None:
        """The licence under which the data are published; None: none was chosen."""
        return LICENCES[self.licence] if self.licence else None

    @property
    def credit(self) -> str:
        """The line by which users of the data name their source."""
        return self.attribution or self.owner or self.name
