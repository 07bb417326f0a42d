"""Sending windows: "mon-fri 08:00-20:00" → whether mail may go out at a moment, and when it may again. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from digest.core.zones import find_zone, first_instant

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WINDOW = re.compile(r"(?:(?P<days>[a-z,\-]+)\s+)?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")
_EXAMPLE = 'write it like "mon-fri 08:00-20:00" or "09:00-17:00"'


@dataclass(frozen=True, slots=True)
class Window:
    """On these days of the week (Monday is 0), from the first minute up to the second, in local time."""

    days: frozenset[int]
    start: int  # minutes after midnight
    end: int


def parse_window(words: str) -> Window:
    """One window.

    Raises:
        ValueError: it is none.
    """
    found = _WINDOW.fullmatch(words.strip().lower())
    if not found:
        raise ValueError(f"{words!r} is no sending window; {_EXAMPLE}")
    start, end = _minutes(found["start"]), _minutes(found["end"])
    if start >= end:
        raise ValueError(f"{words!r} ends before it begins; over midnight, write one until 24:00 and one from 00:00")
    return Window(_days(found["days"], words), start, end)


def is_open(windows: Sequence[Window], zone: str, at: datetime) -> bool:
    """Whether mail may go out; always, where there are no windows."""
    local = at.astimezone(find_zone(zone))
    minute = local.hour * 60 + local.minute
    return not windows or any(local.weekday() in one.days and one.start <= minute < one.end for one in windows)


def opens_at(windows: Sequence[Window], zone: str, at: datetime) -> datetime:
    """When mail may go out again: `at` itself, where it may now."""
    if is_open(windows, zone, at):
        return at
    return min(opening for opening in _openings(windows, zone, at, days=range(9)) if opening > at)


def opened_at(windows: Sequence[Window], zone: str, at: datetime) -> datetime | None:
    """Since when mail may go out, None where there are no windows. Only where it may at `at`."""
    return max((opening for opening in _openings(windows, zone, at, days=range(-8, 1)) if opening <= at), default=None)


def day_began_at(zone: str, at: datetime) -> datetime:
    """The local midnight before."""
    return _instant(at.astimezone(find_zone(zone)).date(), 0, zone)


def _openings(windows: Sequence[Window], zone: str, at: datetime, *, days: range) -> Iterator[datetime]:
    today = at.astimezone(find_zone(zone)).date()
    for day in (today + timedelta(days=number) for number in days):
        yield from (_instant(day, one.start, zone) for one in windows if day.weekday() in one.days)


def _instant(day: date, minutes: int, zone: str) -> datetime:
    """A local time in a spring gap is the first instant after it."""
    return first_instant(datetime.combine(day, time(minutes // 60, minutes % 60)), find_zone(zone)).astimezone(UTC)


def _minutes(words: str) -> int:
    hours, minutes = int(words[:2]), int(words[3:])
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise ValueError(f"{words} is no time of day")
    return hours * 60 + minutes


def _days(words: str | None, whole: str) -> frozenset[int]:
    if words is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in words.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"{whole!r} names no days of the week; {_EXAMPLE}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(days)
