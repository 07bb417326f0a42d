"""Zones: IANA names, and the one instant that a local wall time means."""

import difflib
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from digest.errors import UsageError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_NO_PLACES = {"localtime", "posixrules", "Factory"}


def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name as tzdata spells it.

    Raises:
        UsageError: there is no such zone; the next step names the nearest.
    """
    try:
        if _NAME.fullmatch(name) and name not in _NO_PLACES:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder ("Europe") is an OSError
        pass
    near = _nearest(name)
    raise UsageError(
        f"there is no time zone {name!r}",
        next_step=f"did you mean {near}?" if near else "use an IANA name such as Europe/Berlin or America/New_York",
    )


def canonical_zone(name: str) -> str:
    """The name as tzdata spells it, from what a person typed: "europe/berlin", "New York".

    Raises:
        UsageError: there is no such zone.
    """
    return known_zone(name) or find_zone(name.strip()).key


def known_zone(name: str) -> str | None:
    """The same, for lists of many: None where there is no such zone, and no word of what was meant."""
    wanted = name.strip().replace(" ", "_").casefold()
    cities = _cities().get(wanted, ())
    return _zones().get(wanted) or (cities[0] if len(cities) == 1 else None)


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which the clocks of the zone read `wall` (naive) or later.

    An ordinary wall time has one instant. One in a fold has two: this is the first. One in a gap has none: this is
    the first instant after the gap. It never decreases while the wall time grows, so that slots stay in order.
    """
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if local_wall(at, zone) == wall:
        return at
    # A gap: by the offset that was in force after it, `wall` falls before it; by the one before it, after it.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = 0, int((at - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if local_wall(early + timedelta(seconds=middle), zone) < wall:
            low = middle
        else:
            high = middle
    return early + timedelta(seconds=high)


def local_wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone read at an aware instant: naive."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an aware instant in the zone."""
    return at.astimezone(zone).date()


def say_local(at: datetime, zone: str, *, weekday: bool = True) -> str:
    """An aware instant by somebody's clock: "Mon 2027-01-04 08:00 Asia/Tokyo". In a column, which is sorted, without the day."""
    form = "%a %Y-%m-%d %H:%M" if weekday else "%Y-%m-%d %H:%M"
    return f"{local_wall(at, find_zone(zone)):{form}} {zone}"


def zone_among(*names: str | None) -> str:
    """The first of these names that is a zone: a reader's, else their newsletter's; else UTC."""
    for name in filter(None, names):
        with suppress(UsageError):
            return find_zone(name).key
    return "UTC"


def is_in_fold(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone read the naive wall time twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first < second


def offset_minutes(at: datetime, zone: ZoneInfo) -> int:
    """Minutes east of UTC at an aware instant."""
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)


@lru_cache
def _zones() -> dict[str, str]:
    """In lower case → as tzdata spells it."""
    return {zone.casefold(): zone for zone in sorted(available_timezones() - _NO_PLACES)}


@lru_cache
def _cities() -> dict[str, tuple[str, ...]]:
    """What stands after the last stroke, in lower case → the zones that it ends."""
    found: dict[str, tuple[str, ...]] = {}
    for folded, zone in _zones().items():
        if not zone.startswith("Etc/"):
            city = folded.rpartition("/")[2]
            found[city] = (*found.get(city, ()), zone)
    return found


def _nearest(name: str) -> str | None:
    wanted = name.strip().replace(" ", "_").casefold()
    zones, cities = _zones(), {city: zones[-1] for city, zones in _cities().items()}
    for names, cutoff in ((zones, 0.85), (cities, 0.75), (zones, 0.6)):
        if close := difflib.get_close_matches(wanted, list(names), n=1, cutoff=cutoff):
            return names[close[0]]
    return None
