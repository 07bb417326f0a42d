"""Cron lines: minute, hour, day of the month, month, weekday, by name.

Two things on which tools disagree are refused rather than guessed: weekday numbers (0 is Sunday for crontab(5) and
Monday for APScheduler), and a day of the month together with a weekday (either for crontab(5), both for others).
"""

import re
from dataclasses import dataclass
from datetime import date, time

from digest.core.digits import number_of
from digest.core.rules import WEEKDAYS, Cadence, weekday_number
from digest.errors import UsageError

_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EXAMPLE = 'write it like "cron 0 8 * * mon-fri": minute, hour, day of the month, month, weekday by name'
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Cron(Cadence):
    """A cron line. The sets hold what each of its last three fields allows; `line` is its canonical text."""

    line: str
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def falls_on(self, day: date) -> bool:
        """Where all three fields allow it."""
        return day.day in self.days and day.month in self.months and day.weekday() in self.weekdays

    def __str__(self) -> str:
        return f"cron {self.line}"


def parse_cron(line: str) -> Cron:
    """A line of five fields, in any case.

    Raises:
        UsageError: it is no such line, or one on which tools disagree.
    """
    fields = line.lower().split()
    if len(fields) != 5:
        raise UsageError(f"a cron line has five fields, {line!r} has {len(fields)}", next_step=_EXAMPLE)
    minute, hour, day, month, weekday = fields
    weekdays, weekday = _weekdays(weekday)
    days, months = _numbers(day, "day of the month", 1, 31), _numbers(month, "month", 1, 12, _MONTHS)
    if day != "*" and weekday != "*":
        raise UsageError(
            f"cron {line!r} names days of the month and weekdays: tools disagree whether either or both must hold",
            next_step='leave one of them *, or say "monthly on the 2nd tue at 08:00"',
        )
    if not any(number <= _MONTH_DAYS[month_number] for number in days for month_number in months):
        raise UsageError(f"cron {line!r} never happens: no such month has such a day", next_step=_EXAMPLE)
    times = tuple(
        time(at_hour, at_minute)
        for at_hour in sorted(_numbers(hour, "hour", 0, 23))
        for at_minute in sorted(_numbers(minute, "minute", 0, 59))
    )
    return Cron(times, f"{minute} {hour} {day} {month} {weekday}", days, months, weekdays)


def _numbers(field: str, what: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """The numbers of one field: lists, ranges and steps."""
    allowed: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, what, low, high, names)
            end = _number(last, what, low, high, names) if dash else start
        every = number_of(step, most=_MOST) if step else 1
        if start > end or not every or every == _MOST or (step and not (dash or span == "*")):
            raise UsageError(f"cron: {part!r} is no {what}", next_step=f"{what}s are {low}-{high}, like */2 or 1-5/2")
        allowed.update(range(start, end + 1, every))
    return frozenset(allowed)


def _number(word: str, what: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if word and word in names:
        return names.index(word)
    if not re.fullmatch(r"[0-9]{1,2}", word) or not low <= int(word) <= high:
        raise UsageError(f"cron: {word!r} is no {what}", next_step=f"{what}s are {low}-{high}; {_EXAMPLE}")
    return int(word)


def _weekdays(field: str) -> tuple[frozenset[int], str]:
    """The weekdays of the fifth field and its canonical text. A range may pass the week's end: sat-mon."""
    if field in {"*", "?"}:
        return frozenset(range(7)), "*"
    allowed: set[int] = set()
    parts = []
    for part in field.split(","):
        first, dash, last = part.partition("-")
        start = _weekday(first)
        end = _weekday(last) if dash else start
        allowed.update((start + step) % 7 for step in range((end - start) % 7 + 1))
        parts.append(WEEKDAYS[start] + (f"-{WEEKDAYS[end]}" if dash else ""))
    return frozenset(allowed), ",".join(parts)


def _weekday(word: str) -> int:
    if word[:1].isdecimal():
        raise UsageError(
            f"cron: weekday {word!r} is a number, and tools disagree whether 0 is Sunday or Monday",
            next_step="name the day: " + ", ".join(WEEKDAYS),
        )
    number = weekday_number(word)
    if number is None:
        raise UsageError(f"cron: {word!r} is no weekday", next_step="weekdays are " + ", ".join(WEEKDAYS))
    return number
