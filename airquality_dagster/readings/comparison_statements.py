"""What may be said about a comparison, in plain sentences made from its numbers; or why nothing can be said."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.readings.comparison_differences import LEAST_DAYS, is_told
from airquality_dagster.readings.comparison_documents import Difference, LineDocument, StatedRow, WholeRow
from airquality_dagster.readings.comparison_paired import TRUSTED_DAYS
from airquality_dagster.readings.comparison_relation import FOUND, WINDOW_DISAGREES
from airquality_dagster.readings.comparison_withheld import DISAGREE, LEFT_OUT
from airquality_dagster.readings.comparison_wording import ENGLISH, FRENCH, Wording

_MOST_DECIMALS = 4
_MOST_DATES = 2
_DAYS_OF_A_MONTH = 30.44


@dataclass(frozen=True)
class Names:
    """What the two stations are called.

    Args:
        first, second: names, with their places if these are known.
    """

    first: str
    second: str


def stated(row: WholeRow, names: Names, zone: ZoneInfo) -> StatedRow:
    """Return the row of all hours with what may be said about it, in English and in French.

    The first sentence is the answer. Up to two more say what comes from the instruments, and what the answer rests on.

    Args:
        row: of all hours (`comparison_rows`).
        names: of the stations.
        zone: of the dates.
    """
    english, french = (_Statement(words, row, names, zone).sentences for words in (ENGLISH, FRENCH))
    return {
        **row,
        "valid_answer": english[0],
        "valid_answer_fr": french[0],
        "valid_statement": " ".join(english),
        "valid_statement_fr": " ".join(french),
    }


def decimals_of(*differences: Difference) -> int:
    """Return with how many decimals differences of one reading are written: two digits of the width of an interval.

    Args:
        differences: the first that has an interval counts; without any, the first mean.
    """
    widths = [one["high"] - one["low"] for one in differences if one["low"] is not None and one["high"] is not None]
    means = [abs(one["mean"]) for one in differences if one["mean"] is not None]
    for size in (*widths, *means):
        if math.isfinite(size) and size >= 10**-_MOST_DECIMALS:
            return min(max(1 - math.floor(math.log10(size)), 0), _MOST_DECIMALS)
    return 1


def written(value: float | None, decimals: int) -> str:
    """Return a number as English readers write it; zero has no sign."""
    return "–" if value is None else f"{value:z.{decimals}f}".replace("-", "−")


def share_of_instruments(share: float | None) -> float | None:
    """Return the ``instruments_share`` of a row if it is a share, from 0 to 1; else None.

    Below, the instruments hide part of a difference; above, they turn it.
    """
    return share if share is not None and 0 <= share <= 1 else None


def dates_of(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last local date of a period whose end is excluded."""
    return start.astimezone(zone).date(), (end - timedelta(hours=1)).astimezone(zone).date()


@dataclass(frozen=True)
class _Statement:
    words: Wording
    row: WholeRow
    names: Names
    zone: ZoneInfo

    @property
    def sentences(self) -> list[str]:
        """The answer, and up to two more."""
        words, row, facts = self.words, self.row, self._facts()
        if row["withheld"] is not None:
            said = [words.nothing.format(reason=self._reason().format(**facts), **facts)]
            said.append(self._left_out(words.left_out, facts) if row["withheld"] != LEFT_OUT else "")
        elif is_told(row["difference_one_scale"]):
            said = [words.told.format(**facts), self._share(facts), self._rests_on(facts)]
        else:
            raw = words.share_untold.format(**facts) if row["instruments_share"] is not None else ""
            said = [words.not_told.format(**facts), words.detectable.format(**facts) + raw, self._rests_on(facts)]
        return [words.spaced(f"{one}.", facts["unit"]) for one in said if one]

    def _facts(self) -> Mapping[str, str]:
        row, words = self.row, self.words
        parameter = BY_FIELD[row["pollutant"]]
        scaled, raw, sign = row["difference_one_scale"], row["difference_raw"]["mean"], self._sign
        bounds = [None if edge is None else sign * edge for edge in (scaled["low"], scaled["high"])][::sign]
        facts = {
            "label": parameter.label,
            "of_label": words.of(parameter.label),
            "unit": parameter.unit,
            "first": self.names.first,
            "second": self.names.second,
            "days": self._count(row["days"], words.day),
            "valid_first": str(row["valid_hours_first"]),
            "valid_second": str(row["valid_hours_second"]),
            "least_days": str(LEAST_DAYS),
            "hours_left_out": str(row["hours_left_out"]),
            "raw": self._number(None if raw is None else abs(raw)),
            "raw_direction": words.higher if (raw or 0) > 0 else words.lower,
            "direction": words.higher if sign > 0 else words.lower,
            "period": self._period(row["from"], row["to"]) if row["from"] else "",
            "mean": self._number(None if scaled["mean"] is None else sign * scaled["mean"]),
            "low": self._number(bounds[0]),
            "high": self._number(bounds[1]),
            "detectable": self._number(scaled["detectable"]),
        }
        if trust := row["trust"]:
            facts["months"] = self._count(round(trust["age_days"] / _DAYS_OF_A_MONTH), words.month)
            facts["drift"] = self._number(trust["may_be_drift"])
        if window := self._window:
            facts["r2"] = written(window["r2"], 2).replace(".", words.comma)
            facts["side_by_side"] = self._period(window["from"], window["to"])
        return facts

    @property
    def _sign(self) -> int:
        """-1 where a deficit is told: it is written without a sign, and so is what is compared with it."""
        scaled = self.row["difference_one_scale"]
        return -1 if is_told(scaled) and (scaled["mean"] or 0) < 0 else 1

    @property
    def _window(self) -> LineDocument | None:
        """The window that is quoted: of two that do not agree, one in which they do not."""
        at_odds = [one for one in self.row["colocations"] if one["withheld"] == WINDOW_DISAGREES]
        return at_odds[-1] if self.row["withheld"] == DISAGREE and at_odds else self.row["colocation"]

    def _reason(self) -> str:
        reason = self.row["withheld"] or ""
        if reason == DISAGREE and (window := self._window):
            if window["r2"] is None:
                return self.words.unchanging
            if (window["slope"] or 1) < 0:
                return self.words.opposite
        return self.words.reasons[reason]

    def _share(self, facts: Mapping[str, str]) -> str:
        """Return how much of the difference of the readings comes from the instruments."""
        whole, words = self.row["instruments_share"], self.words
        if whole is None:
            return ""
        share = share_of_instruments(whole)
        if round(100 * whole) == 0:
            template = words.share_none
        elif share is None:
            template = words.share_turned if whole > 1 else words.share_hidden
        else:
            template = words.share
        return template.format(per_cent=round(100 * whole), **facts)

    def _rests_on(self, facts: Mapping[str, str]) -> str:
        """Return which weeks side by side the answer rests on, what others would say, and which times are left out."""
        words, relation, trust = self.words, self.row["colocation"], self.row["trust"]
        if relation is None or trust is None:
            return ""
        share = relation["share_of_hours"]
        scale = words.scale if share == 1 else words.scale_of_most
        parts = [scale.format(share_of_hours=min(round(100 * share), 99), **facts)]
        if trust["age_days"] > TRUSTED_DAYS:
            parts.append(words.aged.format(**facts))
        if relation["source"] == FOUND:
            parts.append(words.found)
        return "".join([*parts, self._otherwise(facts), self._left_out(words.left_out_beside, facts)])

    def _otherwise(self, facts: Mapping[str, str]) -> str:
        """Return what the side-by-side window whose difference is farthest outside the interval would say alone."""
        scaled = self.row["difference_one_scale"]
        mean, low, high = (scaled[name] or 0.0 for name in ("mean", "low", "high"))
        others = [(one, one["difference_one_scale"]) for one in self.row["colocations"]]
        outside = [(one, other) for one, other in others if other is not None and not low <= other <= high]
        if not outside:
            return ""
        window, other = max(outside, key=lambda one: abs(one[1] - mean))
        is_turned = is_told(scaled) and self._sign * other < 0
        template = self.words.otherwise_turned if is_turned else self.words.otherwise
        value = self._number(abs(other) if is_turned else self._sign * other)
        return template.format(dates=self._period(window["from"], window["to"]), other=value, **facts)

    def _left_out(self, template: str, facts: Mapping[str, str]) -> str:
        """Return the times that are left out with their reasons, at most `_MOST_DATES` of each."""
        dates: dict[str, list[str]] = {}
        for time in self.row["left_out"]:
            dates.setdefault(time["reason"], []).append(self._period(time["from"], time["to"]))
        times = []
        for reason, of_reason in dates.items():
            shown, count = of_reason[:_MOST_DATES], len(of_reason) - _MOST_DATES
            more = [self.words.more_times.format(count=count)] if count > 0 else []
            because = self.words.left_out_reasons[reason].format(**facts)
            times.append(f"{', '.join([*shown, *more])} ({because})")
        return template.format(times=", ".join(times)) if times else ""

    def _number(self, value: float | None) -> str:
        decimals = decimals_of(self.row["difference_one_scale"], self.row["difference_raw"])
        return written(value, decimals).replace(".", self.words.comma)

    def _count(self, number: int, of: tuple[str, str]) -> str:
        one, many = of
        return f"{number} {one if self.words.is_one(number) else many}"

    def _period(self, start: datetime, end: datetime | None) -> str:
        words = self.words
        if end is None:
            return words.open_period.format(start=words.date(start.astimezone(self.zone).date()))
        first, last = dates_of(start, end, self.zone)
        template = words.one_day if first == last else words.period
        return template.format(start=words.date(first), end=words.date(last))
