"""Phrases: what people type for a cadence, read forgivingly; refused with the nearest form.

Reads every canonical rule of `digest.core.rules`, and "weekly", "every monday at 8", "Mondays and Thursdays, 8am",
"weekdays at noon", "every other friday from 2026-01-09", "first monday of the month", "0 8 * * mon-fri".
"""

import difflib
import re
from datetime import date, time, timedelta

from digest.core.cron import parse_cron
from digest.core.digits import number_of
from digest.core.rules import Cadence, Daily, EveryWeeks, LastDay, MonthDay, NthWeekday, Weekly, weekday_number
from digest.errors import UsageError

FORMS = (
    "daily at 08:00",
    "weekly on mon at 08:00",
    "weekly on mon,thu at 08:00",
    "every 2 weeks on mon at 08:00 from 2026-01-05",
    "monthly on day 1 at 08:00",
    "monthly on the last day at 08:00",
    "monthly on the 2nd tue at 08:00",
    "cron 0 8 * * mon-fri",
)
DEFAULT_TIME = time(8)

_TIME = r"(?:\d{1,2}(?::\d{2})?\s?[ap]m|\d{1,2}:\d{2}|noon|midnight)"
_AT = re.compile(rf"(?:^|\s)(?:at\s+(.+)|({_TIME}(?:\s(?:and\s)?{_TIME})*))$")
_CRON = re.compile(r"[0-9*][0-9*/,-]*( \S+){4}")
_FROM = re.compile(r"\s(?:from|starting|since)\s+(\S+)$")
_NOISE = {"on", "the", "of", "each", "and", "a", "month", "week", "in", "every"}
_NTH = {"1st": 1, "first": 1, "2nd": 2, "second": 2, "3rd": 3, "third": 3, "4th": 4, "fourth": 4, "last": -1}
_GROUPS = {"weekday": (0, 1, 2, 3, 4), "weekdays": (0, 1, 2, 3, 4), "weekend": (5, 6), "weekends": (5, 6)}
_EVERY_OTHER = {"every other week": "every 2 weeks", "fortnightly": "every 2 weeks", "every fortnight": "every 2 weeks"}


def parse(rule: str, *, today: date | None = None) -> Cadence:
    """The cadence that a rule means. Where it names no time it is 08:00, where no weekday Monday, no day the 1st.

    `today` (local) stands in for a missing "from" of an every-n-weeks rule: its weeks count from the next fitting day.

    Raises:
        UsageError: it means none; the next step names the nearest form.
    """
    words = " ".join(rule.lower().replace(",", " ").split())
    line = " ".join(rule.lower().split()).removeprefix("cron ")
    if words.startswith("cron") or _CRON.fullmatch(line):
        return parse_cron(line)
    words, start = _take_start(words)
    words, times = _take_times(words, rule)
    for phrase, plain in _EVERY_OTHER.items():
        words = words.replace(phrase, plain)
    cadence = _read(re.sub(r"\bevery other (?=\w)", "every 2 weeks on ", words), times, start, today)
    if cadence is None or (start and not isinstance(cadence, EveryWeeks)):
        raise _unclear(rule)
    return cadence


def _read(words: str, times: tuple[time, ...], start: date | None, today: date | None) -> Cadence | None:
    if words in {"daily", "every day", "each day"}:
        return Daily(times)
    if weeks := re.match(r"every (\d+|two|three|four) weeks?(?= |$)", words):
        return _every_weeks(weeks[1], _weekdays(words[weeks.end() :].split()), times, start, today)
    if re.match(r"monthly|every month|each month", words) or words.endswith("month"):
        return _monthly(re.sub(r"^(monthly|every month|each month)", "", words).split(), times)
    rest = re.sub(r"^(weekly|every week|each week)\b", "", words)
    weekdays = _weekdays(rest.split())
    return Weekly(times, weekdays or (0,)) if weekdays or (weekdays == () and rest != words) else None


def _weekdays(words: list[str]) -> tuple[int, ...] | None:
    """The weekdays named, in order; empty where none is, None where a word is no weekday."""
    found: set[int] = set()
    for word in words:
        first, dash, last = word.partition("-")
        number, end = weekday_number(first), weekday_number(last) if dash else None
        if word in _GROUPS:
            found.update(_GROUPS[word])
        elif number is not None and (end is not None or not dash):
            found.update((number + step) % 7 for step in range(((number if end is None else end) - number) % 7 + 1))
        elif word not in _NOISE:
            return None
    return tuple(sorted(found))


def _every_weeks(
    count: str, weekdays: tuple[int, ...] | None, times: tuple[time, ...], start: date | None, today: date | None
) -> Cadence | None:
    weeks = {"two": 2, "three": 3, "four": 4}.get(count) or number_of(count, most=1_000) or 0
    if weekdays is None:
        return None
    weekdays = weekdays or ((start.weekday(),) if start else (0,))
    if not 1 <= weeks <= 52:
        raise UsageError(f"every {count[:20]} weeks: n is 1-52", next_step=f"write it like {FORMS[3]!r}")
    if weeks == 1:
        return Weekly(times, weekdays) if start is None else None
    if start is None and today is not None:
        start = next(day for ahead in range(7) if (day := today + timedelta(days=ahead)).weekday() in weekdays)
    if start is None:
        raise UsageError(f"every {weeks} weeks: which weeks?", next_step=f"add a date in one of them: {FORMS[3]!r}")
    return EveryWeeks(times, weekdays, weeks, start)


def _monthly(words: list[str], times: tuple[time, ...]) -> Cadence | None:
    words = [word for word in words if word not in _NOISE]
    match words:
        case []:
            return MonthDay(times, (1,))
        case ["last", "day"] | ["last"]:
            return LastDay(times)
        case [nth, weekday] if nth in _NTH and weekday_number(weekday) is not None:
            return NthWeekday(times, _NTH[nth], weekday_number(weekday) or 0)
        case ["5th" | "fifth", weekday] if weekday_number(weekday) is not None:
            near = f"monthly on the last {weekday[:3]} at {times[0]:%H:%M}"
            raise UsageError("not every month has a fifth one", next_step=f"say {near!r}")
        case _:
            return _month_days([word for word in words if word not in {"day", "days"}], times)


def _month_days(words: list[str], times: tuple[time, ...]) -> Cadence | None:
    numbers = [re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|\.)?", word) for word in words]
    days = tuple(sorted({int(number[1]) for number in numbers if number}))
    if not words or not all(numbers):
        return None
    if not all(1 <= day <= 28 for day in days):
        near = f"monthly on the last day at {times[0]:%H:%M}"
        raise UsageError("days of the month are 1-28, which every month has", next_step=f"or say {near!r}")
    return MonthDay(times, days)


def _take_start(words: str) -> tuple[str, date | None]:
    """The words before "from 2026-01-05", and that day."""
    found = _FROM.search(words)
    if not found:
        return words, None
    try:
        return words[: found.start()], date.fromisoformat(found[1])
    except ValueError:
        raise UsageError(f"{found[1]!r} is no date", next_step="write it like 2026-01-05") from None


def _take_times(words: str, rule: str) -> tuple[str, tuple[time, ...]]:
    """The words before "at 8", and the times; 08:00 where there are none."""
    found = _AT.search(words)
    if not found:
        return words, (DEFAULT_TIME,)
    spoken = re.findall(r"\d[\d:]*\s?(?:[ap]m\b)?|[a-z]\w*|\S+", found[1] or found[2])
    times = {_time(word.replace(" ", ""), rule) for word in spoken if word.strip() not in {"and", "o'clock"}}
    return words[: found.start()].strip(), tuple(sorted(times))


def _time(word: str, rule: str) -> time:
    if word in {"noon", "midnight"}:
        return time(12 if word == "noon" else 0)
    found = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?([ap]m)?", word)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if found and found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0) if 1 <= hour <= 12 else 99
    if hour > 23 or minute > 59:
        raise UsageError(f"{word!r} in {rule!r} is no time of day", next_step="times are 00:00-23:59, like 08:00")
    return time(hour, minute)


def _unclear(rule: str) -> UsageError:
    near = difflib.get_close_matches(" ".join(rule.lower().split()), FORMS, n=1, cutoff=0.3)
    return UsageError(f"the cadence {rule!r} is not understood", next_step=f"write it like {(near or FORMS[1:2])[0]!r}")
