"""When a reader gets an issue: at its slot's wall time in their own zone, or at the hour they chose. Pure.

    slot 08:00 ─▶ frozen when it is 08:00 in the first zone ─▶ Tokyo 08:00 ─▶ Berlin 08:00 ─▶ … ─▶ Honolulu 08:00

A wave is everybody whose delivery is due at one instant. None is before the freeze, none falls into its reader's quiet
hours, and a wall time that a reader's clocks skip or repeat is one instant (docs/semantics.md S18).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self

from digest.core.model import Newsletter
from digest.core.phrases import parse
from digest.core.windows import Window, opens_at, parse_window
from digest.core.zones import find_zone, first_instant, local_wall
from digest.errors import UsageError

FIRST_ZONE = "Pacific/Kiritimati"
"""UTC+14, where each day begins first: an issue closed by its clock is ready before any reader's wave."""
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_QUIET = re.compile(rf"(?P<start>{_TIME})\s*-\s*(?P<end>{_TIME})")
_LONGEST = timedelta(days=8)
"""Where windows and quiet hours leave no moment of a week free to both, the windows alone count."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From the first minute after midnight up to the second, in a reader's zone; over midnight where it is the later."""

    start: int
    end: int

    def ends_at(self, zone: str, at: datetime) -> datetime:
        """When they are over: `at` itself, where it lies outside."""
        place = find_zone(zone)
        wall = local_wall(at, place)
        minute = wall.hour * 60 + wall.minute
        evening = minute >= self.start
        inside = evening and minute < self.end if self.start < self.end else evening or minute < self.end
        if not inside:
            return at
        day = wall.date() + timedelta(days=1 if self.start > self.end and evening else 0)
        end = datetime.combine(day, time(self.end // 60, self.end % 60))
        first = first_instant(end, place)
        # In the second pass of a fold that has read this time already, it is the second.
        return first if first > at else max(at, end.replace(tzinfo=place, fold=1).astimezone(UTC))


def parse_quiet(words: str) -> QuietHours:
    """Quiet hours as text: "22:00-07:00".

    Raises:
        ValueError: it is no such thing.
    """
    found = _QUIET.fullmatch(words.strip())
    start, end = (60 * int(found[name][:2]) + int(found[name][3:]) for name in ("start", "end")) if found else (0, 0)
    if start == end:
        raise ValueError(f'{words!r} are no quiet hours; write them like "22:00-07:00"')
    return QuietHours(start, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """How a newsletter spreads an issue over its readers' clocks."""

    zone: str  # the newsletter's: that of readers who named none, or one that is no more
    by_reader: bool = False
    hours: bool = True  # whether a chosen hour counts: not where a day has several slots
    quiet: QuietHours | None = None
    windows: tuple[Window, ...] = ()  # in the newsletter's zone

    @classmethod
    def of(cls, newsletter: Newsletter, rule: str) -> Self:
        """Those of a newsletter and one of its cadences."""
        return cls(
            zone=newsletter.zone, by_reader=newsletter.reader_zones, hours=is_once_a_day(rule),
            quiet=parse_quiet(newsletter.quiet_hours) if newsletter.quiet_hours else None,
            windows=windows_of(newsletter),
        )  # fmt: skip

    @property
    def is_one(self) -> bool:
        """Whether everybody gets an issue at once, as soon as windows let it."""
        return not (self.by_reader or self.quiet)

    def due_at(self, slot: datetime, *, ready: datetime, zone: str | None = None, hour: int | None = None) -> datetime:
        """When a reader's delivery is due. `slot` is the naive wall time, `ready` when the issue may go out."""
        place = self.place_of(zone)
        at = ready
        if self.by_reader:
            wall = slot if hour is None or not self.hours else datetime.combine(slot.date(), time(hour))
            at = max(ready, first_instant(wall, find_zone(place)))
        return self.permitted(at, place)

    def place_of(self, zone: str | None) -> str:
        """By whose clock a reader lives."""
        if not zone:
            return self.zone
        try:
            return find_zone(zone).key
        except UsageError:
            return self.zone

    def permitted(self, at: datetime, place: str) -> datetime:
        """The first moment, not before `at`, that windows and quiet hours leave free."""
        later = at
        while later - at < _LONGEST:
            opened = opens_at(self.windows, self.zone, later)
            ended = self.quiet.ends_at(place, opened) if self.quiet else opened
            if ended == later:
                return later
            later = ended
        return opens_at(self.windows, self.zone, at)


def closing_zone(newsletter: Newsletter) -> str:
    """By whose clock its periods close: its own, or the first of its readers'."""
    return newsletter.first_zone or FIRST_ZONE if newsletter.reader_zones else newsletter.zone


def is_once_a_day(rule: str) -> bool:
    """Whether a day has at most one slot, so that its readers may choose another hour for it."""
    try:
        return len(parse(rule).times) == 1
    except UsageError:  # a rule that cannot be read makes no more issues; those that it made go out
        return True


def windows_of(newsletter: Newsletter) -> tuple[Window, ...]:
    """When its mail may go out; empty: at any time."""
    return parse_windows(newsletter.sending_windows)


def parse_windows(texts: Sequence[str]) -> tuple[Window, ...]:
    """Its sending windows.

    Raises:
        ValueError: one is none.
    """
    return tuple(map(parse_window, texts))
