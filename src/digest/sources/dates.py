"""Dates as feeds write them → aware UTC, or None where a date cannot be meant (docs/sources.md P4).

RFC 3339, W3CDTF, RFC 822 with month names of some thirty languages, asctime, JavaScript's, day.month.year, and
year/month/day with slashes or CJK signs, which libraries read in the wrong order. Month/day/year is taken for such
only beside AM or PM: elsewhere it may be day/month/year.
"""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from time import struct_time
from zoneinfo import ZoneInfo

EARLIEST_YEAR = 1995
"""No feed is older than feeds; generators write 0001-01-01 for pages without a date."""

_TIME = r"(?P<hour>\d{1,2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
_CLOCK = _TIME + r"(?:\s*(?P<half>[AaPp])\.?[Mm]\b\.?)?"
_ZONE = r"\s*(?:(?:GMT|UTC?)(?=[+-]\d))?(?P<zone>[+-]\d{1,2}:?\d{2}|[+-]\d{1,2}|[A-Za-z]{1,5})?\b.*"
_NUMERIC = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?:(?P=mark)(?P<day>\d{1,2}))?(?:[T\s]\s*"
    + _CLOCK
    + _ZONE
    + r")?$",
    re.DOTALL,
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:T?" + _CLOCK + _ZONE + r")?$", re.DOTALL)
_CJK = re.compile(
    r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일](?:\D*?(?P<half>오[전후]|[上下]午|午[前後])?\s*"
    + _TIME
    + _ZONE
    + r")?$",
    re.DOTALL,
)
_DOTTED = re.compile(
    r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})(?:,?\s+" + _CLOCK + _ZONE + r")?$", re.DOTALL
)
_AMERICAN = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}),?\s+(?=[\d:]+\s*[AaPp]\.?[Mm])" + _CLOCK + _ZONE + "$",
    re.DOTALL,
)
_DAY_FIRST = re.compile(
    r"(?:[^\W\d]+\.?,?\s*)?(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?:de\s+)?(?P<name>[^\W\d]+)\.?,?[\s-]+(?:de\s+)?"
    r"(?P<year>\d{4}|\d{2})(?:,?\s+(?:-\s+)?" + _CLOCK + _ZONE + r")?$",
    re.DOTALL,
)
_MONTH_FIRST = re.compile(
    r"(?:[^\W\d]+\.?,?\s+)??(?P<name>[^\W\d]+)\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?:(?P<year>\d{4})(?:,?\s+(?:-\s+)?" + _CLOCK + _ZONE + r")?)$",
    re.DOTALL,
)
_FORMS = (_NUMERIC, _DAY_FIRST, _MONTH_FIRST, _COMPACT, _CJK, _DOTTED, _AMERICAN)
_AFTERNOON = frozenset({"p", "P", "오후", "下午", "午後"})
_MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)  # noqa: SIM905
}
_HOURS = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9}
_HOURS |= {"akdt": -8, "hst": -10, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "wet": 0, "west": 1, "bst": 1, "msk": 3}
_HOURS |= {"jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "brt": -3, "mez": 1, "mesz": 2}
_HOURS |= {"z": 0, "ut": 0, "utc": 0, "gmt": 0}


def parse_date(raw: str | None, *, zone: str, fallback: struct_time | None = None) -> datetime | None:
    """The instant that a feed states. A date without a zone is taken in `zone`, an IANA name.

    `fallback` is another reader's result in UTC, for the rarer forms.
    """
    text = " ".join((raw or "").split())
    for form in _FORMS:
        if match := form.match(text):
            try:
                return _plausible(_instant(match.groupdict(), zone))
            except (ValueError, OverflowError):  # 31 February; year 0001 in a zone
                break
    return _plausible(_from_struct(fallback)) if _agrees(text, fallback) else None


def _instant(part: dict[str, str | None], zone: str) -> datetime | None:
    month = _month(part.get("name")) if part.get("name") else int(part["month"] or 1)
    if month is None:
        return None
    hour = int(part["hour"] or 0)
    if (half := part.get("half")) and hour <= 12:
        hour = hour % 12 + (12 if half in _AFTERNOON else 0)
    second = min(int(part["second"] or 0), 59)  # a leap second
    micro = int(((part["fraction"] or "") + "000000")[:6])
    days = 1 if hour == 24 else 0
    wall = datetime(_year(part["year"] or ""), month, int(part["day"] or 1), hour % 24, int(part["minute"] or 0))  # noqa: DTZ001
    wall = wall.replace(second=second, microsecond=micro, tzinfo=_offset(part["zone"], zone))
    return (wall + timedelta(days=days)).astimezone(UTC)


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 69 else 1900)  # RFC 2822, section 4.3, as everybody does


def _month(name: str | None) -> int | None:
    name = (name or "").lower()
    return _MONTHS.get(name[:3]) if name.isascii() and name[:3] in _MONTHS else _foreign_months().get(name)


def _offset(stated: str | None, zone: str) -> tzinfo:
    if stated and stated[0] in "+-":
        digits = stated[1:].replace(":", "") + ("" if len(stated) > 3 else "00")
        digits = digits.rjust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return timezone(timedelta(minutes=-minutes if stated[0] == "-" else minutes))
    if stated and stated.lower() in _HOURS:
        return timezone(timedelta(hours=_HOURS[stated.lower()]))
    return ZoneInfo(zone)


def _agrees(text: str, guess: struct_time | None) -> bool:
    """Whether the day is one that the text names, give or take a zone; other readers guess wildly."""
    if guess is None:
        return False
    named = {int(number) for number in re.findall(r"(?<!\d)\d{1,2}(?!\d)", text)}
    day = guess.tm_mday
    near = {day - 1, day, day + 1} | ({28, 29, 30, 31} if day == 1 else {1} if day >= 28 else set())
    return bool(named & near)


def _from_struct(value: struct_time | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(timegm(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _plausible(at: datetime | None) -> datetime | None:
    return at if at is not None and at.year >= EARLIEST_YEAR else None


@lru_cache(maxsize=1)
def _foreign_months() -> dict[str, int]:
    """Names and abbreviations by CLDR; the first language wins where two disagree."""
    from babel.dates import get_month_names  # noqa: PLC0415 - only for the rare feed that needs it

    languages = "pt es fr de it nl pl cs sk sv da nb fi ru uk bg sr hr sl ro hu tr el ca gl et lv lt id vi"
    months: dict[str, int] = {}
    for language in languages.split():
        for width in ("abbreviated", "wide"):
            for number, name in get_month_names(width, locale=language).items():
                months.setdefault(name.lower().rstrip("."), number)
                months.setdefault(name.lower()[:3], number)
    return months
