"""The words of what may be said about a comparison, in English and French (`comparison_statements`)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from airquality_dagster.readings.comparison_withheld import (
    COPY,
    CROSS_SENSITIVE,
    DISAGREE,
    LEFT_OUT,
    NO_HOURS,
    NO_SIDE_BY_SIDE,
    RELATION_AGED,
    RELATION_DRIFTED,
    RELATION_EXPIRED,
    TOO_FEW_DAYS,
    TOO_SHORT,
    WINDOWS_DIFFER,
)
from airquality_dagster.readings.disagreements import Kind

_FRENCH_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)


def _french_date(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_FRENCH_MONTHS[day.month - 1]} {day.year}"


def _french_spaces(text: str, unit: str) -> str:
    """Return a text whose lines break neither before a colon, a semicolon or a per cent sign, nor before a unit."""
    return re.sub(rf" (?=[;:%]|{re.escape(unit)})", "\N{NO-BREAK SPACE}", text)


@dataclass(frozen=True)
class Wording:
    """The words of a language, with names of facts in braces.

    Args:
        comma: of a number.
        date: a date as it is written.
        spaced: a text and the unit in it, with the spaces at which a line does not break.
        is_one: whether a number has a singular.
        hour, day, month: singular and plural.
        of: of a label, with its article.
        told, not_told, nothing: the answer: a difference, none, or why nothing can be said.
        detectable: what would have been detected if there is no difference.
        share, share_none, share_hidden, share_turned, share_untold: how much comes from the instruments.
        scale, scale_of_most: the weeks side by side that the scale comes from, of all hours or of most.
        aged, found, otherwise, otherwise_turned: what these weeks are, and what others would say.
        left_out, left_out_beside, more_times: times that are left out, as a sentence and as its end.
        reasons: why nothing can be said.
        unchanging, opposite: in which way two instruments do not agree.
        left_out_reasons: why times are left out.
        higher, lower, period, one_day, open_period: parts of sentences.
    """

    comma: str
    date: Callable[[date], str]
    spaced: Callable[[str, str], str]
    is_one: Callable[[int], bool]
    hour: tuple[str, str]
    day: tuple[str, str]
    month: tuple[str, str]
    of: Callable[[str], str]
    told: str
    not_told: str
    nothing: str
    detectable: str
    share: str
    share_none: str
    share_hidden: str
    share_turned: str
    share_untold: str
    scale: str
    scale_of_most: str
    aged: str
    found: str
    otherwise: str
    otherwise_turned: str
    left_out: str
    left_out_beside: str
    more_times: str
    reasons: Mapping[str, str]
    unchanging: str
    opposite: str
    left_out_reasons: Mapping[str, str]
    higher: str
    lower: str
    period: str
    one_day: str
    open_period: str


ENGLISH = Wording(
    comma=".",
    date=date.isoformat,
    spaced=lambda text, _: text,
    is_one=lambda number: number == 1,
    hour=("hour", "hours"),
    day=("day", "days"),
    month=("month", "months"),
    of=lambda label: f"of {label}",
    told=(
        "On the scale of {second}, {label} there is {mean} {unit} {direction} than at {first} "
        "(95 % interval {low} to {high}; {days} from {period})"
    ),
    not_told=(
        "No difference of {label} was detected: on the scale of {second}, {second} minus {first} is {mean} {unit} "
        "(95 % interval {low} to {high}; {days} from {period})"
    ),
    nothing="Nothing can be said about a difference of {label} between {first} and {second}, because {reason}",
    detectable="A difference of {detectable} {unit} or more would have been detected four times out of five",
    share="The raw readings differ by {raw} {unit}, of which {per_cent} % comes from the instruments",
    share_none="The raw readings differ by {raw} {unit}, of which next to nothing comes from the instruments",
    share_hidden="The raw readings differ by {raw} {unit} only: the instruments hide part of the difference",
    share_turned=(
        "The raw readings say the opposite, because of the instruments: there, {second} is {raw} {unit} {raw_direction}"
    ),
    share_untold=(
        "; the raw readings are {raw} {unit} {raw_direction} at {second}, but that may come from the instruments alone"
    ),
    scale="The scale comes from the side-by-side weeks of {side_by_side}",
    scale_of_most="For {share_of_hours} % of the hours, the scale comes from the side-by-side weeks of {side_by_side}",
    aged=", up to {months} away from the hours that are compared",
    found=", which were found in the readings and which nobody has confirmed",
    otherwise="; using those of {dates}, the difference would be {other} {unit}",
    otherwise_turned="; using those of {dates}, the difference would be {other} {unit} in the other direction",
    left_out="Left out: {times}",
    left_out_beside="; left out: {times}",
    more_times="and {count} more",
    reasons={
        NO_HOURS: "no hour is valid at both (valid hours: {valid_first} and {valid_second})",
        LEFT_OUT: "a fault or a move leaves too little data (paired hours that are left out: {hours_left_out})",
        CROSS_SENSITIVE: "the channel mirrors another gas: its readings are not {label}",
        COPY: "both read the same to the last digit in nearly all hours: one seems to be a copy of the other",
        TOO_FEW_DAYS: "the time is too short: {days} of the {least_days} that are needed",
        NO_SIDE_BY_SIDE: (
            "these two devices never stood side by side: how much of the difference of their readings ({raw} {unit}) "
            "comes from the instruments is not known"
        ),
        TOO_SHORT: "the two have too few hours side by side",
        DISAGREE: "the two do not agree when side by side (r² {r2}, {side_by_side}): they have no common scale",
        RELATION_EXPIRED: (
            "the weeks in which the two stood side by side are more than two years away: what they had in common there "
            "does not hold here"
        ),
        RELATION_AGED: (
            "the weeks in which the two stood side by side are up to {months} away, and no hours nearer to them show "
            "what the ratio of the two was then"
        ),
        RELATION_DRIFTED: (
            "the weeks in which the two stood side by side are up to {months} away, and the ratio of the two has "
            "changed so much since that {drift} {unit} may come from the instruments"
        ),
        WINDOWS_DIFFER: "it is a surplus by some side-by-side weeks and a deficit by others",
    },
    unchanging="the readings of one of the two do not change when they are side by side ({side_by_side})",
    opposite=(
        "the two respond in opposite directions when side by side ({side_by_side}: one falls where the other rises)"
    ),
    left_out_reasons={
        Kind.LEVEL: "{label} of one station changed its level",
        Kind.UNCORRELATED: "one station does not share the weather of the other",
        Kind.TIME_SHIFT: "the hours of one station are shifted",
        Kind.REPEATED_DAY: "a day repeats the day before",
        Kind.SWAPPED: "two channels are swapped",
        Kind.NOISE: "{label} of one station became noisy",
        RELATION_EXPIRED: "the side-by-side weeks are more than two years away",
    },
    higher="higher",
    lower="lower",
    period="{start} to {end}",
    one_day="{start}",
    open_period="{start} to the end",
)

FRENCH = Wording(
    comma=",",
    date=_french_date,
    spaced=_french_spaces,
    is_one=lambda number: number <= 1,
    hour=("heure", "heures"),
    day=("jour", "jours"),
    month=("mois", "mois"),
    of=lambda label: f"d’{label}" if label[0] in "AEIOU" else f"de {label}",
    told=(
        "À l’échelle de {second}, la concentration {of_label} y est {direction} de {mean} {unit} à celle de {first} "
        "(intervalle à 95 % : de {low} à {high} ; {days} {period})"
    ),
    not_told=(
        "Aucune différence {of_label} n’a été détectée : à l’échelle de {second}, {second} moins {first} donne "
        "{mean} {unit} (intervalle à 95 % : de {low} à {high} ; {days} {period})"
    ),
    nothing="Rien ne peut être dit d’une différence {of_label} entre {first} et {second}, car {reason}",
    detectable="Une différence d’au moins {detectable} {unit} aurait été détectée quatre fois sur cinq",
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
        " ; la valeur brute à {second} est {raw_direction} de {raw} {unit}, mais cela peut venir des seuls instruments"
    ),
    scale="L’échelle vient des semaines de mesures côte à côte {side_by_side}",
    scale_of_most=(
        "Pour {share_of_hours} % des heures, l’échelle vient des semaines de mesures côte à côte {side_by_side}"
    ),
    aged=", qui ont jusqu’à {months} d’écart avec les heures comparées",
    found=", qui ont été trouvées dans les mesures et que personne n’a confirmées",
    otherwise=" ; selon celles {dates}, la différence serait de {other} {unit}",
    otherwise_turned=" ; selon celles {dates}, la différence serait de {other} {unit} dans l’autre sens",
    left_out="Périodes écartées : {times}",
    left_out_beside=" ; périodes écartées : {times}",
    more_times="et {count} de plus",
    reasons={
        NO_HOURS: "aucune heure n’est valide aux deux stations (heures valides : {valid_first} et {valid_second})",
        LEFT_OUT: (
            "une panne ou un déplacement laisse trop peu de données (heures communes écartées : {hours_left_out})"
        ),
        CROSS_SENSITIVE: "ce canal reflète un autre gaz : ses mesures ne sont pas celles {of_label}",
        COPY: (
            "les mesures des deux sont identiques jusqu’au dernier chiffre à presque toutes les heures : l’une semble "
            "être une copie de l’autre"
        ),
        TOO_FEW_DAYS: "la durée est trop courte : {days} sur les {least_days} nécessaires",
        NO_SIDE_BY_SIDE: (
            "ces deux appareils n’ont jamais été placés côte à côte : on ne sait pas quelle part de l’écart de leurs "
            "mesures ({raw} {unit}) vient des instruments"
        ),
        TOO_SHORT: "les deux appareils ont trop peu d’heures côte à côte",
        DISAGREE: (
            "les deux appareils ne s’accordent pas côte à côte (r² {r2}, {side_by_side}) : ils n’ont pas d’échelle "
            "commune"
        ),
        RELATION_EXPIRED: (
            "les semaines où les deux appareils étaient côte à côte ont plus de deux ans d’écart avec les heures "
            "comparées : ce qu’ils avaient alors en commun ne vaut pas ici"
        ),
        RELATION_AGED: (
            "les semaines où les deux appareils étaient côte à côte ont jusqu’à {months} d’écart avec les heures "
            "comparées, et aucune heure plus proche ne montre quel était alors leur rapport"
        ),
        RELATION_DRIFTED: (
            "les semaines où les deux appareils étaient côte à côte ont jusqu’à {months} d’écart avec les heures "
            "comparées, et leur rapport a tellement changé depuis que {drift} {unit} peuvent venir des instruments"
        ),
        WINDOWS_DIFFER: (
            "c’est un excédent selon certaines semaines de mesures côte à côte et un déficit selon d’autres"
        ),
    },
    unchanging="les mesures d’un des deux appareils ne changent pas côte à côte ({side_by_side})",
    opposite=(
        "les deux appareils répondent en sens contraire côte à côte ({side_by_side} : l’un baisse quand l’autre monte)"
    ),
    left_out_reasons={
        Kind.LEVEL: "le niveau {of_label} d’une station a changé",
        Kind.UNCORRELATED: "une station ne suit pas la météo de l’autre",
        Kind.TIME_SHIFT: "les heures d’une station sont décalées",
        Kind.REPEATED_DAY: "une journée répète la précédente",
        Kind.SWAPPED: "deux canaux sont échangés",
        Kind.NOISE: "la mesure {of_label} d’une station est devenue bruitée",
        RELATION_EXPIRED: "les semaines de mesures côte à côte ont plus de deux ans d’écart",
    },
    higher="supérieure",
    lower="inférieure",
    period="du {start} au {end}",
    one_day="le {start}",
    open_period="du {start} à la fin",
)
