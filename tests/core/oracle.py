"""The oracle of the slots: walk the minutes of a zone and look at the clock. It shares no line with digest.

It converts instants to local time only, never back; it reads a rule by its own eyes; a wall time happens when the
clock first reads it or jumps over it.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FIRST, LAST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2040, 1, 1, tzinfo=UTC).timestamp())
EPOCH = datetime(1970, 1, 1)
NO_ZONES = {"localtime", "posixrules", "Factory"}


def walk(rule: str, zone: ZoneInfo, start: int, end: int) -> list[tuple[datetime, datetime]]:
    """The slots (instant, wall) of the minutes in [start, end), which are seconds of the epoch."""
    before = [_clock(zone, start // 60 - back) for back in range(1, 1500)]  # a fold may have shown more than now
    return walk_clock(
        rule, start // 60, [_clock(zone, minute) for minute in range(start // 60, end // 60)], max(before)
    )


def walk_clock(rule: str, first: int, clock: list[int], shown: int) -> list[tuple[datetime, datetime]]:
    """The slots where `clock` tells the wall minutes of the minutes from `first`, all counted from the epoch.

    `shown` is the most that the clock has read before them.
    """
    happens, found = reader(rule), []
    for minute, wall in enumerate(clock, first):
        if wall > shown:
            passed = [w for w in range(shown + 1, wall + 1) if happens(w)]
            if passed:
                found.append((_aware(minute), EPOCH + timedelta(minutes=passed[-1])))
            shown = wall
    return found


@cache
def reader(rule: str) -> Callable[[int], bool]:
    """Whether the rule names a wall minute (counted from the epoch)."""
    times, on_day = _cron(rule) if rule.startswith("cron") else _words(rule)
    on_day = cache(on_day)
    return lambda minute: minute % 1440 in times and on_day(date(1970, 1, 1) + timedelta(days=minute // 1440))


def _words(rule: str) -> tuple[set[int], Callable[[date], bool]]:
    times = {int(hour) * 60 + int(minute) for hour, minute in re.findall(r"(\d\d):(\d\d)", rule)}
    head = rule.split(" at ", maxsplit=1)[0]
    named = {number for number, day in enumerate(DAYS) if re.search(rf"\b{day}\b", head)}
    if head == "daily":
        return times, lambda day: True
    if head.startswith("weekly"):
        return times, lambda day: day.weekday() in named
    if head.startswith("every"):
        weeks, origin = int(head.split()[1]), date.fromisoformat(rule.split(" from ")[1])
        year, week, _ = origin.isocalendar()
        monday = date.fromisocalendar(year, week, 1)
        return times, lambda day: day.weekday() in named and ((day - monday).days // 7) % weeks == 0
    if head.startswith("monthly on day"):
        numbers = {int(number) for number in head.split()[-1].split(",")}
        return times, lambda day: day.day in numbers
    if head == "monthly on the last day":
        return times, lambda day: day.day == calendar.monthrange(day.year, day.month)[1]
    return times, lambda day: _is_nth(day, head.split()[-2], min(named))


def _is_nth(day: date, nth: str, weekday: int) -> bool:
    column = [week[weekday] for week in calendar.monthcalendar(day.year, day.month) if week[weekday]]
    return day.day == (column[-1] if nth == "last" else column[int(nth[0]) - 1])


def _cron(rule: str) -> tuple[set[int], Callable[[date], bool]]:
    minute, hour, day, month, weekday = rule.split()[1:]
    months = re.sub("[a-z]{3}", lambda name: str(list(calendar.month_abbr).index(name[0].title())), month)
    names = re.sub("[a-z]{3}", lambda name: str(DAYS.index(name[0])), weekday)
    minutes, hours = _field(minute, 0, 60), _field(hour, 0, 24)
    days, in_months, on = _field(day, 1, 32), _field(months, 1, 13), _field(names, 0, 7)
    times = {at_hour * 60 + at_minute for at_hour in hours for at_minute in minutes}
    return times, lambda day: day.day in days and day.month in in_months and day.weekday() in on


def _field(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else int(first)
        number = start
        while True:
            if (number - start) % int(step or 1) == 0:
                found.add((number - low) % (high - low) + low)
            if number == (high - 1 if span == "*" else int(last or first)) or number > 2 * high:
                break
            number = (number + 1) if number + 1 < high or span == "*" else low
    return found


# ── zones ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def zones() -> list[str]:
    """Every zone of tzdata."""
    return sorted(available_timezones() - NO_ZONES)


def transitions(name: str, step: int = 7 * 86400) -> Iterator[tuple[int, int, int]]:
    """Each change of a zone's clock, 2000-2040: (first second after it, offset before, offset after).

    Looks every `step` seconds: two changes within one step that undo each other would be missed.
    """
    zone = ZoneInfo(name)
    before = _offset(zone, FIRST)
    for at in range(FIRST + step, LAST, step):
        while (after := _offset(zone, at)) != before:
            low, high = at - step, at
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            changed = _offset(zone, high)
            yield high, before, changed
            before = changed
            if changed == after:
                break


@cache
def distinct_zones() -> dict[str, list[tuple[int, int, int]]]:
    """One name for each set of zones that agree on all of 2000-2040, with their changes."""
    found = {}
    for name in zones():
        changes = list(transitions(name))
        found.setdefault((tuple(changes), _offset(ZoneInfo(name), FIRST)), (name, changes))
    return dict(found.values())


def _clock(zone: ZoneInfo, minute: int) -> int:
    return minute + _offset(zone, minute * 60) // 60


def _offset(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _aware(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
