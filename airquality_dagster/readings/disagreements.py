"""What two neighbouring stations disagree on, since when, and which of the two has changed, if that can be told."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

FIRST, SECOND = "first", "second"

PairNames = tuple[str, str]
"""Names of the first and the second station."""


class Kind(StrEnum):
    """What a station does that its neighbour does not."""

    LEVEL = "level"
    UNCORRELATED = "uncorrelated"
    TIME_SHIFT = "time_shift"
    REPEATED_DAY = "repeated_day"
    SWAPPED = "swapped"
    NOISE = "noise"


@dataclass(frozen=True)
class Disagreement:
    """Something that one of two neighbours does and the other does not.

    Args:
        kind: what.
        field: of which reading; None: of all.
        since: first UTC date, as midnight UTC, estimated.
        station: ``first`` or ``second``, whichever has changed; None if it cannot be told.
        size: factor by which second divided by first has changed (level, noise), hours by which second is late (time
            shift), correlation (uncorrelated, swapped), or repeated hours of the day.
    """

    kind: Kind
    field: str | None
    since: datetime
    station: str | None
    size: float

    @property
    def document(self) -> dict[str, Any]:
        """The document that is stored."""
        return {**asdict(self), "kind": str(self.kind), "size": round(self.size, 3)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Disagreement":
        """Return what a document says."""
        return cls(**{**document, "kind": Kind(document["kind"])})


def with_third_stations(found: Mapping[PairNames, list[Disagreement]]) -> dict[PairNames, list[Disagreement]]:
    """Say which station has changed where only the other neighbours of the two can tell.

    If a station disagrees on the same with another neighbour, too, and the other one with none, it is this station.

    Args:
        found: pair → what they disagree on that day, of all pairs that can be compared.
    """
    pairs_of: dict[str, list[PairNames]] = defaultdict(list)
    for pair in found:
        for name in pair:
            pairs_of[name].append(pair)

    def settled(pair: PairNames, one: Disagreement) -> Disagreement:
        if one.station is not None:
            return one
        others = [
            [
                any((other.kind, other.field) == (one.kind, one.field) for other in found[other_pair])
                for other_pair in pairs_of[name]
                if other_pair != pair
            ]
            for name in pair
        ]
        for station, own, of_other in ((FIRST, *others), (SECOND, *others[::-1])):
            if any(own) and of_other and not any(of_other):
                return replace(one, station=station)
        return one

    return {pair: [settled(pair, one) for one in disagreements] for pair, disagreements in found.items()}
