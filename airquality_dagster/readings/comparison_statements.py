"""What may be said of a comparison, in one sentence, made from its numbers; or why nothing can be said."""

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
from airquality_dagster.readings.comparison_relation import FOUND
from airquality_dagster.readings.disagreements import Kind

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """What the two stations are called.

    Args:
        first, second: names, with their places if these are known.
    """

    first: str
    second: str


def statements(row: Row, names: Names) -> dict[str, str]:
    """Return the sentence in English and in French.

    Args:
        row: of all hours (`comparison_rows`).
        names: of the stations.
    """
    return {"valid_statement": _ENGLISH.sentence(row, names), "valid_statement_fr": _FRENCH.sentence(row, names)}


@dataclass(frozen=True)
class _Language:
    number: Callable[[float], str]
    told: str
    not_told: str
    nothing: str
    reasons: Mapping[str, str]
    higher: str
    lower: str
    period: str
    share: str
    otherwise: str
    aged: str
    found: str
    left_out: str
    open: str
    left_out_reasons: Mapping[str, str]
    of: Callable[[str], str]

    def sentence(self, row: Row, names: Names) -> str:
        facts = self._facts(row, names)
        if row["withheld"] is not None:
            reason = self.reasons[row["withheld"]].format(**facts)
            return self.nothing.format(reason=reason, **facts) + self._end(row, facts, with_relation=False)
        scaled = row["difference_one_scale"]
        if is_told(scaled):
            facts["direction"] = self.higher if scaled["mean"] > 0 else self.lower
            return self.told.format(**facts) + self._end(row, facts)
        return self.not_told.format(**facts) + self._end(row, facts)

    def _facts(self, row: Row, names: Names) -> dict[str, str]:
        parameter, number = BY_FIELD[row["pollutant"]], self.number
        scaled, raw, relation = row["difference_one_scale"], row["difference_raw"], row["colocation"]
        facts = {
            "label": parameter.label,
            "of_label": self.of(parameter.label),
            "unit": parameter.unit,
            "first": names.first,
            "second": names.second,
            "hours": str(row["hours"]),
            "days": str(row["days"]),
            "valid_first": str(row["valid_hours_first"]),
            "valid_second": str(row["valid_hours_second"]),
            "least_days": str(LEAST_DAYS),
            "hours_left_out": str(row["hours_left_out"]),
            "raw": _shown(raw["mean"], number),
            "period": self.period.format(start=_date(row["from"]), end=_last_date(row["to"])) if row["from"] else "",
        }
        if scaled["mean"] is not None:
            sign = -1 if is_told(scaled) and scaled["mean"] < 0 else 1
            bounds = sorted(sign * scaled[edge] for edge in ("low", "high")) if scaled["low"] is not None else []
            facts |= {"mean": number(sign * scaled["mean"]), "detectable": _shown(scaled["detectable"], number)}
            facts |= dict(zip(("low", "high"), map(number, bounds), strict=False))
        if row["trust"]:
            facts["months"] = str(round(row["trust"]["age_days"] / 30.44))
            facts["drift"] = _shown(row["trust"]["may_be_drift"], number)
        if relation:
            facts["r2"] = self.number(relation["r2"] or 0.0)
            facts["side_by_side"] = self.period.format(start=_date(relation["from"]), end=_last_date(relation["to"]))
        return facts

    def _end(self, row: Row, facts: Mapping[str, str], *, with_relation: bool = True) -> str:
        """Return what follows the main clause."""
        scaled, relation = row["difference_one_scale"], row["colocation"]
        parts = []
        if with_relation and row["instruments_share"] is not None:
            per_cent = str(round(100 * row["instruments_share"]))
            parts.append(self.share.format(per_cent=per_cent, **facts))
        if with_relation:
            for one in row["colocations"]:
                other = one["difference_one_scale"]
                if (
                    other is not None
                    and one["from"] != relation["from"]
                    and not scaled["low"] <= other <= scaled["high"]
                ):
                    dates = self.period.format(start=_date(one["from"]), end=_last_date(one["to"]))
                    parts.append(self.otherwise.format(dates=dates, other=self.number(other), **facts))
            if row["trust"]["age_days"] > TRUSTED_DAYS:
                parts.append(self.aged.format(**facts))
            if relation["source"] == FOUND:
                parts.append(self.found.format(**facts))
        times: dict[str, list[str]] = {}
        for time in row["left_out"] if row["withheld"] != LEFT_OUT else ():  # where the reason does not say it
            last = self.open if time["to"] is None else _last_date(time["to"])
            dates = self.period.format(start=_date(time["from"]), end=last)
            times.setdefault(time["reason"], []).append(dates)
        for reason, dates in times.items():
            told = self.left_out_reasons[reason].format(**facts)
            parts.append(self.left_out.format(reason=told, dates=", ".join(dates)))
        return "".join(parts) + "."


def _english_number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _french_number(value: float) -> str:
    return _english_number(value).replace(".", ",")


def _shown(value: float | None, number: Callable[[float], str]) -> str:
    return "–" if value is None else number(value)


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _last_date(end: datetime) -> str:
    return _date(end - timedelta(hours=1))


_ENGLISH = _Language(
    number=_english_number,
    told=(
        "On one scale, {label} at {second} is {mean} {unit} {direction} than at {first} (95 % interval {low} to "
        "{high}; {period}, {hours} hours)"
    ),
    not_told=(
        "No difference of {label} between {first} and {second} can be told: on one scale it is {mean} {unit} (95 % "
        "interval {low} to {high}; {period}, {hours} hours), and one of {detectable} or more would have been told four "
        "times out of five"
    ),
    nothing="Nothing can be said of a difference of {label} between {first} and {second}, because {reason}",
    reasons={
        NO_HOURS: "no hour is valid at both (valid hours: {valid_first} and {valid_second})",
        LEFT_OUT: "a fault or a move leaves too little time ({hours_left_out} paired hours are left out)",
        CROSS_SENSITIVE: "the channel mirrors another gas: what it shows is no {label}",
        TOO_FEW_DAYS: "{days} days are too few: {least_days} are needed",
        NO_SIDE_BY_SIDE: (
            "these two devices never stood side by side: how much of the difference of their readings ({raw} {unit}) "
            "is the instruments' is not known"
        ),
        TOO_SHORT: "the two have too few hours side by side",
        DISAGREE: "the two do not agree when side by side (r² {r2}, {side_by_side}): they have no common scale",
        EXPIRED: "the two stood side by side {months} months before: what they had in common then no longer holds",
        DRIFTED: (
            "the two stood side by side {months} months before, and their ratio has since changed by as much as "
            "{drift} {unit}, which may be the instruments'"
        ),
        WINDOWS_DIFFER: "it is a surplus by some side-by-side weeks and a deficit by others",
    },
    higher="higher",
    lower="lower",
    period="{start} to {end}",
    share="; the readings differ by {raw} {unit}, of which {per_cent} % are the instruments'",
    otherwise="; by the side-by-side weeks of {dates} it would be {other} {unit}",
    aged="; the relation of the two is {months} months old",
    found="; the side-by-side weeks were found in the readings, and nobody has confirmed them",
    left_out="; left out, because {reason}: {dates}",
    open="the end",
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
    number=_french_number,
    told=(
        "Ramenée à une même échelle, la concentration {of_label} à {second} est {direction} de {mean} {unit} à celle "
        "de {first} (intervalle à 95 % : {low} à {high} ; {period}, {hours} heures)"
    ),
    not_told=(
        "Aucune différence {of_label} entre {first} et {second} ne peut être établie : à une même échelle elle est de "
        "{mean} {unit} (intervalle à 95 % : {low} à {high} ; {period}, {hours} heures), et une différence d’au moins "
        "{detectable} aurait été vue quatre fois sur cinq"
    ),
    nothing="Rien ne peut être dit d’une différence {of_label} entre {first} et {second}, car {reason}",
    reasons={
        NO_HOURS: ("aucune heure n’est valide aux deux stations (heures valides : {valid_first} et {valid_second})"),
        LEFT_OUT: (
            "une panne ou un déplacement laisse trop peu de temps ({hours_left_out} heures communes sont écartées)"
        ),
        CROSS_SENSITIVE: "ce canal reflète un autre gaz : ce qu’il montre n’est pas la concentration {of_label}",
        TOO_FEW_DAYS: "{days} jours ne suffisent pas : il en faut {least_days}",
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
            "les deux appareils ont été placés côte à côte {months} mois auparavant : ce qu’ils avaient alors en "
            "commun ne vaut plus"
        ),
        DRIFTED: (
            "les deux appareils ont été placés côte à côte {months} mois auparavant, et leur rapport a changé depuis "
            "de {drift} {unit}, ce qui peut venir des instruments"
        ),
        WINDOWS_DIFFER: "c’est un excédent selon certaines semaines côte à côte et un déficit selon d’autres",
    },
    higher="supérieure",
    lower="inférieure",
    period="{start} à {end}",
    share=" ; les mesures diffèrent de {raw} {unit}, dont {per_cent} % viennent des instruments",
    otherwise=" ; selon les semaines côte à côte {dates}, elle serait de {other} {unit}",
    aged=" ; la relation entre les deux appareils date de {months} mois",
    found=" ; les semaines côte à côte ont été trouvées dans les mesures et personne ne les a confirmées",
    left_out=" ; écarté, car {reason} : {dates}",
    open="la fin",
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
