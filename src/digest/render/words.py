"""Words, numbers and dates in a language: words through a gettext catalogue, numbers and dates through Babel.

Dates are Gregorian in every language, as the periods are; digits are those of the language (CLDR), so that a Persian
issue has Persian ones.
"""

import gettext
import re
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, match_skeleton
from babel.numbers import format_decimal

from digest.render.catalogues import catalogue_of

_NAME = re.compile("M{3,}|L{3,}|E+|c{3,}")
_ZEROS = {"arab": "٠", "arabext": "۰"}
"""The digit nought of CLDR's numbering systems; Babel writes dates with Latin digits only."""


@dataclass(frozen=True, slots=True)
class Words:
    """A language's voice: `_` and `n` for words, the rest for dates and direction."""

    language: str  # BCP 47, for the lang attribute
    locale: Locale
    catalogue: gettext.NullTranslations

    def _(self, text: str) -> str:
        return self.catalogue.gettext(text)

    def n(self, one: str, many: str, count: int, *names: str) -> str:
        """The form for this count, with `{n}` filled in, and `{0}`, `{1}` by the names."""
        return self.catalogue.ngettext(one, many, count).format(*names, n=self.number(count))

    def number(self, value: int) -> str:
        """A whole number as the language writes it: 1,234."""
        return _number(value, self.locale)

    def _digits(self, text: str) -> str:
        return _in_digits(text, self.locale)

    @property
    def dot(self) -> str:
        """What stands between two facts: no dot where the digit nought is one, as in Persian."""
        return "|" if self.locale.default_numbering_system in _ZEROS else "·"

    @property
    def names(self) -> dict[str, Any]:
        """What every template of a mail or an issue's page sees of the language."""
        return {"_": self._, "number": self.number, "dot": self.dot}

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the dir attribute."""
        return self.locale.text_direction

    def day(self, day: date) -> str:
        """A day heading: Thursday, 10 August."""
        return self._digits(str(format_date(day, _day_pattern(self.locale), locale=self.locale)))

    def hour(self, hour: int) -> str:
        """A full hour of the day: "7:00 AM", "07:00"."""
        return self._digits(format_time(time(hour), "short", locale=self.locale))

    def short_day(self, day: date, *, year: int) -> str:
        """A day in a line: 10 Aug, or 10 Aug 2016 where the issue is of another `year`."""
        return _short_day(day, self.locale, with_year=day.year != year)

    def span(self, first: date, last: date) -> str:
        """The first and the last day of a period: 7–13 August 2017."""
        if first == last:
            return self._digits(str(format_date(first, "long", locale=self.locale)))
        field = "y" if first.year != last.year else "M" if first.month != last.month else "d"
        start, end = _span_patterns(self.locale)[field]
        return self._digits(
            f"{format_date(first, start, locale=self.locale)}{format_date(last, end, locale=self.locale)}"
        )


@lru_cache(maxsize=64)
def words_for(language: str) -> Words:
    """The words of a BCP 47 language. Plain `en` writes dates as the world does, `en-US` as Americans do.

    A language without a catalogue gets English words; an unknown one keeps its name in the lang attribute and gets
    English dates, too.
    """
    return Words(language, _locale(language), catalogue_of(language))


@lru_cache(maxsize=256)
def direction_of(language: str | None) -> str | None:
    """The direction of a BCP 47 language; None where the language is unknown."""
    if not language:
        return None
    try:
        return Locale.parse(language, sep="-").text_direction
    except (ValueError, UnknownLocaleError):
        return None


@lru_cache(maxsize=1024)
def _number(value: int, locale: Locale) -> str:
    return _in_digits(str(format_decimal(value, locale=locale, numbering_system="default")), locale)


@lru_cache(maxsize=1024)
def _short_day(day: date, locale: Locale, *, with_year: bool) -> str:
    return _in_digits(str(format_skeleton("yMMMd" if with_year else "MMMd", day, locale=locale)), locale)


def _in_digits(text: str, locale: Locale) -> str:
    """The text with the digits of the language."""
    zero = _ZEROS.get(locale.default_numbering_system)
    return text.translate({ord("0") + n: ord(zero) + n for n in range(10)}) if zero else text


@lru_cache(maxsize=64)
def _day_pattern(locale: Locale) -> str:
    known = locale.datetime_skeletons
    return _widened(str(known[match_skeleton("MMMMEEEEd", known)].pattern))


@lru_cache(maxsize=64)
def _span_patterns(locale: Locale) -> dict[str, list[str]]:
    """By the largest field that differs: the pattern of the first day with what joins it, and of the last."""
    known = locale.interval_formats
    found = known[str(match_skeleton("yMMMMd", [str(name) for name in known if name]))]
    return {field: [_widened(str(part)) for part in parts] for field, parts in found.items()}


def _widened(pattern: str) -> str:
    """CLDR's pattern of the nearest skeleton with the widths of ours: months and weekdays in full.

    It is the last step of matching a skeleton (UTS 35 part 4, "Matching Skeletons"), which Babel leaves out; letters in
    quotes are words.
    """
    parts = re.split(r"('[^']*')", pattern)
    return "".join(part if part.startswith("'") else _NAME.sub(lambda name: name[0][0] * 4, part) for part in parts)


def _locale(language: str) -> Locale:
    try:
        return Locale.parse("en-001" if language == "en" else language, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en_001")
