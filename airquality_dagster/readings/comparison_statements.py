"""What may be said of a comparison, in plain sentences made from its numbers; or why nothing can be said."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.comparison import (
    CROSS_SENSITIVE,
    DISAGREE,
    DRIFTED,
    EXPIRED,
    LEAST_DAYS,
    LEFT_OUT,
    NO_HOURS,
    NO_SIDE_BY_SIDE,
    TOO_FEW_DAYS,
    TOO_SHORT,
    TRUSTED_DAYS,
    WINDOWS_DIFFER,
    is_told,
)
from airquality_dagster.readings.comparison_relation import DISAGREE as WINDOW_DISAGREES
from airquality_dagster.readings.comparison_relation import FOUND
from airquality_dagster.readings.disagreements import Kind

Row = Mapping[str, Any]

_MOST_DECIMALS = 4
_DAYS_OF_A_MONTH = 30.44


@dataclass(frozen=True)
class Names:
    """What the two stations are called.

    Args:
        first, second: names, with their places if these are known.
    """

    first: str
    second: str


def statements(row: Row, names: Names) -> dict[str, str]:
    """Return what may be said, in English and in French. The first sentence is the answer.

    Args:
        row: of all hours (`comparison_rows`).
        names: of the stations.
    """
    return {"valid_statement": _ENGLISH.sentence(row, names), "valid_statement_fr": _FRENCH.sentence(row, names)}


def decimals_of(*differences: Mapping[str, Any]) -> int:
    """Return with how many decimals differences of one reading are written: two digits of the width of an interval.

    Args:
        differences: with `mean`, `low` and `high`. The first that has an interval counts; without any, the first mean.
    """
    widths = [one["high"] - one["low"] for one in differences if one["low"] is not None]
    means = [abs(one["mean"]) for one in differences if one["mean"] is not None]
    for size in (*widths, *means):
        if math.isfinite(size) and size >= 10**-_MOST_DECIMALS:
            return min(max(1 - math.floor(math.log10(size)), 0), _MOST_DECIMALS)
    return 1


def written(value: float | None, decimals: int) -> str:
    """Return a number as English readers write it; zero has no sign."""
    return "–" if value is None else f"{value:z.{decimals}f}".replace("-", "−")


@dataclass(frozen=True)
class _Language:
    comma: str
    is_one: Callable[[int], bool]
    hour: tuple[str, str]
    day: tuple[str, str]
    month: tuple[str, str]
    told: str
    not_told: str
    detectable: str
    nothing: str
    reasons: Mapping[str, str]
    unchanging: str
    opposite: str
    higher: str
    lower: str
    period: str
    one_day: str
    open_period: str
    share: str
    share_none: str
    share_hidden: str
    share_turned: str
    share_untold: str
    scale: str
    scale_of_most: str
    otherwise: str
    otherwise_turned: str
    aged: str
    found: str
    left_out: str
    left_out_reasons: Mapping[str, str]
    of: Callable[[str], str]

    def sentence(self, row: Row, names: Names) -> str:
        facts = self._facts(row, names)
        if row["withheld"] is not None:
            said = [self.nothing.format(reason=self._reason(row).format(**facts), **facts)]
        elif is_told(row["difference_one_scale"]):
            said = [self.told.format(**facts), *self._share(row, facts), *self._scale(row, facts)]
        else:
            said = [self.not_told.format(**facts), self.detectable.format(**facts)]
            said += [*self._share(row, facts), *self._scale(row, facts)]
        return ". ".join([*said, *self._left_out(row, facts)]) + "."

    def _facts(self, row: Row, names: Names) -> dict[str, str]:
        parameter = BY_FIELD[row["pollutant"]]
        scaled, raw, sign = row["difference_one_scale"], row["difference_raw"], _sign(row)
        facts = {
            "label": parameter.label,
            "of_label": self.of(parameter.label),
            "unit": parameter.unit,
            "first": names.first,
            "second": names.second,
            "hours": self._count(row["hours"], self.hour),
            "days": self._count(row["days"], self.day),
            "valid_first": str(row["valid_hours_first"]),
            "valid_second": str(row["valid_hours_second"]),
            "least_days": str(LEAST_DAYS),
            "hours_left_out": str(row["hours_left_out"]),
            "raw": self._number(None if raw["mean"] is None else abs(raw["mean"]), row),
            "raw_direction": self.higher if (raw["mean"] or 0) > 0 else self.lower,
            "direction": self.higher if sign > 0 else self.lower,
            "period": self._period(row["from"], row["to"]) if row["from"] else "",
        }
        if scaled["mean"] is not None:
            facts |= {"mean": self._number(sign * scaled["mean"], row)}
            facts |= {"detectable": self._number(scaled["detectable"], row)}
        if scaled["low"] is not None:
            low, high = sorted(sign * scaled[edge] for edge in ("low", "high"))
            facts |= {"low": self._number(low, row), "high": self._number(high, row)}
        if row["trust"]:
            drift = row["trust"]["may_be_drift"]
            facts["months"] = self._count(round(row["trust"]["age_days"] / _DAYS_OF_A_MONTH), self.month)
            facts["drift"] = self._number(None if drift is None else abs(drift), row)
        if window := _window(row):
            facts["r2"] = written(window["r2"], 2).replace(".", self.comma)
            facts["side_by_side"] = self._period(window["from"], window["to"])
        return facts

    def _number(self, value: float | None, row: Row) -> str:
        decimals = decimals_of(row["difference_one_scale"], row["difference_raw"])
        return written(value, decimals).replace(".", self.comma)

    def _count(self, number: int, words: tuple[str, str]) -> str:
        one, many = words
        return f"{number} {one if self.is_one(number) else many}"

    def _period(self, start: datetime, end: datetime | None) -> str:
        first = _date(start)
        if end is None:
            return self.open_period.format(start=first)
        last = _last_date(end)
        return (self.one_day if first == last else self.period).format(start=first, end=last)

    def _reason(self, row: Row) -> str:
        window = _window(row)
        if row["withheld"] == DISAGREE and window:
            if window["r2"] is None:
                return self.unchanging
            if (window.get("slope") or 1) < 0:
                return self.opposite
        return self.reasons[row["withheld"]]

    def _share(self, row: Row, facts: Mapping[str, str]) -> list[str]:
        """Return what the instruments have to do with the difference of the readings.

        A share is one only from 0 to 1: below, the instruments hide a difference; above, they turn it.
        """
        share = row["instruments_share"]
        if share is None:
            return []
        per_cent = round(100 * share)
        if not is_told(row["difference_one_scale"]):
            template = self.share_untold
        elif share > 1:
            template = self.share_turned
        elif per_cent == 0:
            template = self.share_none
        else:
            template = self.share if share > 0 else self.share_hidden
        return [template.format(per_cent=per_cent, **facts)]

    def _scale(self, row: Row, facts: Mapping[str, str]) -> list[str]:
        """Return which weeks side by side the answer rests on, and what others would say."""
        scaled, relation, sign = row["difference_one_scale"], row["colocation"], _sign(row)
        usable = [one for one in row["colocations"] if one["difference_one_scale"] is not None]
        said = [(self.scale if len(usable) <= 1 else self.scale_of_most).format(**facts)]
        if row["trust"]["age_days"] > TRUSTED_DAYS:
            said.append(self.aged.format(**facts))
        if relation["source"] == FOUND:
            said.append(self.found)
        for one in usable:
            other = one["difference_one_scale"]
            if one["from"] != relation["from"] and not scaled["low"] <= other <= scaled["high"]:
                is_turned = is_told(scaled) and sign * other < 0
                template = self.otherwise_turned if is_turned else self.otherwise
                other = self._number(abs(other) if is_turned else sign * other, row)
                said.append(template.format(dates=self._period(one["from"], one["to"]), other=other, **facts))
        return said

    def _left_out(self, row: Row, facts: Mapping[str, str]) -> list[str]:
        times: dict[str, list[str]] = {}
        for time in row["left_out"] if row["withheld"] != LEFT_OUT else ():  # where the reason does not say it
            times.setdefault(time["reason"], []).append(self._period(time["from"], time["to"]))
        return [
            self.left_out.format(reason=self.left_out_reasons[reason].format(**facts), dates=", ".join(dates))
            for reason, dates in times.items()
        ]


def _sign(row: Row) -> int:
    """Return -1 where a deficit is told: it is written without a sign, and so is what is compared with it."""
    scaled = row["difference_one_scale"]
    return -1 if is_told(scaled) and scaled["mean"] < 0 else 1


def _window(row: Row) -> Row | None:
    """Return the window that is quoted: of two that do not agree, one in which they do not."""
    window = row["colocation"]
    if row["withheld"] != DISAGREE:
        return window
    at_odds = [one for one in row["colocations"] if one.get("withheld") == WINDOW_DISAGREES]
    return at_odds[-1] if at_odds else window


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _last_date(end: datetime) -> str:
    return _date(end - timedelta(hours=1))


_ENGLISH = _Language(
    comma=".",
    is_one=lambda number: number == 1,
    hour=("hour", "hours"),
    day=("day", "days"),
    month=("month", "months"),
    told=(
        "On one scale, {label} at {second} is {mean} {unit} {direction} than at {first} (95 % interval {low} to "
        "{high}; {period}, {hours})"
    ),
    not_told=(
        "No difference of {label} between {first} and {second} can be told: on one scale, the second minus the first "
        "is {mean} {unit} (95 % interval {low} to {high}; {period}, {hours})"
    ),
    detectable="A difference of {detectable} {unit} or more would have been told four times out of five",
    nothing="Nothing can be said of a difference of {label} between {first} and {second}, because {reason}",
    reasons={
        NO_HOURS: "no hour is valid at both (valid hours: {valid_first} and {valid_second})",
        LEFT_OUT: "a fault or a move leaves too little time (paired hours that are left out: {hours_left_out})",
        CROSS_SENSITIVE: "the channel mirrors another gas: what it shows is no {label}",
        TOO_FEW_DAYS: "the time is too short: {days} of the {least_days} that are needed",
        NO_SIDE_BY_SIDE: (
            "these two devices never stood side by side: how much of the difference of their readings ({raw} {unit}) "
            "is the instruments' is not known"
        ),
        TOO_SHORT: "the two have too few hours side by side",
        DISAGREE: "the two do not agree when side by side (r² {r2}, {side_by_side}): they have no common scale",
        EXPIRED: (
            "the weeks in which the two stood side by side are {months} away in time: what they had in common there "
            "does not hold here"
        ),
        DRIFTED: (
            "the weeks in which the two stood side by side are {months} away in time, and the ratio of the two changed "
            "so much that {drift} {unit} may be the instruments'"
        ),
        WINDOWS_DIFFER: "it is a surplus by some side-by-side weeks and a deficit by others",
    },
    unchanging="the readings of one of the two do not change when they are side by side ({side_by_side})",
    opposite=(
        "the two answer in opposite directions when side by side ({side_by_side}: one falls where the other rises)"
    ),
    higher="higher",
    lower="lower",
    period="{start} to {end}",
    one_day="{start}",
    open_period="{start} to the end",
    share="The raw readings differ by {raw} {unit}, of which {per_cent} % are the instruments'",
    share_none="The raw readings differ by {raw} {unit}, of which next to nothing is the instruments'",
    share_hidden="The raw readings differ by {raw} {unit} only: the instruments hide part of the difference",
    share_turned=(
        "The raw readings say the opposite, because of the instruments: there, {second} is {raw} {unit} {raw_direction}"
    ),
    share_untold=(
        "The raw readings are {raw} {unit} {raw_direction} at {second}, but that may be the instruments' alone"
    ),
    scale="The scale is that of the side-by-side weeks of {side_by_side}",
    scale_of_most="For most hours, the scale is that of the side-by-side weeks of {side_by_side}",
    otherwise="By the side-by-side weeks of {dates}, the difference would be {other} {unit}",
    otherwise_turned=(
        "By the side-by-side weeks of {dates}, the difference would be {other} {unit} in the other direction"
    ),
    aged="Those weeks are {months} away from the hours that are compared",
    found="The side-by-side weeks were found in the readings, and nobody has confirmed them",
    left_out="Left out, because {reason}: {dates}",
    left_out_reasons={
        Kind.LEVEL: "{label} of one station changed its level",
        Kind.UNCORRELATED: "one station does not share the weather of the other",
        Kind.TIME_SHIFT: "the hours of one station are shifted",
        Kind.REPEATED_DAY: "a day repeats the day before",
        Kind.SWAPPED: "two channels are swapped",
        Kind.NOISE: "{label} of one station became noisy",
    },
    of=lambda label: f"of {label}",
)

_FRENCH = _Language(
    comma=",",
    is_one=lambda number: number <= 1,
    hour=("heure", "heures"),
    day=("jour", "jours"),
    month=("mois", "mois"),
    told=(
        "Ramenée à une même échelle, la concentration {of_label} à {second} est {direction} de {mean} {unit} à celle "
        "de {first} (intervalle à 95 % : de {low} à {high} ; {period}, {hours})"
    ),
    not_told=(
        "Aucune différence {of_label} entre {first} et {second} ne peut être établie : à une même échelle, la seconde "
        "moins la première donne {mean} {unit} (intervalle à 95 % : de {low} à {high} ; {period}, {hours})"
    ),
    detectable="Une différence d’au moins {detectable} {unit} aurait été vue quatre fois sur cinq",
    nothing="Rien ne peut être dit d’une différence {of_label} entre {first} et {second}, car {reason}",
    reasons={
        NO_HOURS: ("aucune heure n’est valide aux deux stations (heures valides : {valid_first} et {valid_second})"),
        LEFT_OUT: (
            "une panne ou un déplacement laisse trop peu de temps (heures communes écartées : {hours_left_out})"
        ),
        CROSS_SENSITIVE: "ce canal reflète un autre gaz : ce qu’il montre n’est pas la concentration {of_label}",
        TOO_FEW_DAYS: "la durée est trop courte : {days} sur les {least_days} qu’il faut",
        NO_SIDE_BY_SIDE: (
            "ces deux appareils n’ont jamais été placés côte à côte : on ne sait pas quelle part de l’écart de leurs "
            "mesures ({raw} {unit}) vient des instruments"
        ),
        TOO_SHORT: "les deux appareils ont trop peu d’heures côte à côte",
        DISAGREE: (
            "les deux appareils ne s’accordent pas côte à côte (r² {r2}, {side_by_side}) : ils n’ont pas d’échelle "
            "commune"
        ),
        EXPIRED: (
            "les semaines où les deux appareils étaient côte à côte sont à {months} d’écart : ce qu’ils avaient alors "
            "en commun ne vaut pas ici"
        ),
        DRIFTED: (
            "les semaines où les deux appareils étaient côte à côte sont à {months} d’écart, et leur rapport a tant "
            "changé que {drift} {unit} peuvent venir des instruments"
        ),
        WINDOWS_DIFFER: "c’est un excédent selon certaines semaines côte à côte et un déficit selon d’autres",
    },
    unchanging="les mesures d’un des deux appareils ne changent pas côte à côte ({side_by_side})",
    opposite=(
        "les deux appareils répondent en sens contraire côte à côte ({side_by_side} : l’un baisse quand l’autre monte)"
    ),
    higher="supérieure",
    lower="inférieure",
    period="du {start} au {end}",
    one_day="le {start}",
    open_period="du {start} à la fin",
    share="Les mesures brutes diffèrent de {raw} {unit}, dont {per_cent} % viennent des instruments",
    share_none="Les mesures brutes diffèrent de {raw} {unit}, dont presque rien ne vient des instruments",
    share_hidden=(
        "Les mesures brutes ne diffèrent que de {raw} {unit} : les instruments cachent une partie de la différence"
    ),
    share_turned=(
        "Les mesures brutes disent le contraire, à cause des instruments : la valeur à {second} y est {raw_direction} "
        "de {raw} {unit}"
    ),
    share_untold=(
        "La valeur brute à {second} est {raw_direction} de {raw} {unit}, mais cela peut venir des seuls instruments"
    ),
    scale="L’échelle est celle des semaines côte à côte {side_by_side}",
    scale_of_most="Pour la plupart des heures, l’échelle est celle des semaines côte à côte {side_by_side}",
    otherwise="Selon les semaines côte à côte {dates}, la différence serait de {other} {unit}",
    otherwise_turned=(
        "Selon les semaines côte à côte {dates}, la différence serait de {other} {unit} dans l’autre sens"
    ),
    aged="Ces semaines sont à {months} d’écart des heures comparées",
    found="Les semaines côte à côte ont été trouvées dans les mesures et personne ne les a confirmées",
    left_out="Écarté, car {reason} : {dates}",
    left_out_reasons={
        Kind.LEVEL: "le niveau {of_label} d’une station a changé",
        Kind.UNCORRELATED: "une station n’a pas la même météo que l’autre",
        Kind.TIME_SHIFT: "les heures d’une station sont décalées",
        Kind.REPEATED_DAY: "une journée répète la précédente",
        Kind.SWAPPED: "deux canaux sont échangés",
        Kind.NOISE: "la mesure {of_label} d’une station est devenue bruitée",
    },
    of=lambda label: f"d’{label}" if label[0] in "AEIOU" else f"de {label}",
)
