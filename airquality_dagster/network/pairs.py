"""Pairs of stations that are compared, as the stations file names them."""

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"


class Pair(BaseModel):
    """Two stations that are compared.

    Args:
        name: part of the name of its asset; lower case letters, digits and underscores.
        first, second: names of the stations. A difference is second minus first.
        question: what the comparison shall answer, for people.
        question_fr: the same in French.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, max_length=60)
    first: str
    second: str
    question: str = ""
    question_fr: str = ""

    @property
    def comparison(self) -> str:
        """Name of its comparison, without the prefix of a network."""
        return f"{self.name}_comparison"


def check_pairs(pairs: Sequence[Pair], stations: Collection[str]) -> None:
    """Raise if a pair has the name of another one, or not two different stations.

    Args:
        pairs: the pairs of a network.
        stations: names of its stations.

    Raises:
        ValueError: names the pair.
    """
    names = [pair.name for pair in pairs]
    for pair in pairs:
        if names.count(pair.name) > 1:
            raise ValueError(f"more than one pair has the name {pair.name}")
        unknown = [name for name in (pair.first, pair.second) if name not in stations]
        if unknown:
            raise ValueError(f"pair {pair.name}: no station is named {unknown[0]!r}")
        if pair.first == pair.second:
            raise ValueError(f"pair {pair.name}: first and second are both {pair.first}")
