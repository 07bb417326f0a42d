"""Cadence: a rule in words → a cadence; a cadence and a zone → slots.

A slot is a local wall time and the one instant that it means: in a spring gap the first instant after it, in an
autumn fold the first of the two (docs/cadences.md). Slots tile time: their instants strictly increase, and each
period runs from one slot to the next. The arithmetic is our own because schedulers get it wrong: APScheduler 3.11
goes from Monday 00:00 in Berlin on 2026-03-23 to 2026-04-06, over the clock change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from digest.core.phrases import parse
from digest.core.rules import Cadence
from digest.core.zones import find_zone, first_instant, local_wall

__all__ = ["Cadence", "Slot", "parse", "slot_at_or_before", "slots_after"]


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One planned moment of a cadence."""

    at: datetime  # the instant, aware, UTC
    wall: datetime  # the local wall time, naive; in a gap it is what the clocks skipped

    @property
    def key(self) -> str:
        """The local wall time as text, "2017-08-14T08:00": names the slot within its cadence, never a timestamp."""
        return self.wall.isoformat(timespec="minutes")


def slots_after(cadence: Cadence, zone: str, after: datetime) -> Iterator[Slot]:
    """The slots strictly after an aware instant, in order, made as they are asked for.

    Wall times that a gap moves to one instant are one slot, the last of them.

    Raises:
        UsageError: there is no such zone.
    """
    place = find_zone(zone)
    slots = (Slot(first_instant(wall, place), wall) for wall in _walls_from(cadence, local_wall(after, place).date()))
    coming = (slot for slot in slots if slot.at > after)
    return (slot for slot, following in pairwise(coming) if slot.at < following.at)


def slot_at_or_before(cadence: Cadence, zone: str, at: datetime) -> Slot:
    """The newest slot that is not after an aware instant.

    Raises:
        UsageError: there is no such zone.
    """
    place = find_zone(zone)
    # Where clocks went back over midnight, tomorrow's first minutes may already have been: begin a day ahead.
    for wall in _walls_back_from(cadence, local_wall(at, place).date() + timedelta(days=1)):
        instant = first_instant(wall, place)
        if instant <= at:
            return Slot(instant, wall)
    raise AssertionError(f"no slot of {cadence} before {at.astimezone(UTC)}")


def _walls_from(cadence: Cadence, day: date) -> Iterator[datetime]:
    """Wall times of this local day and those after it, ascending, to the end of the calendar."""
    for ordinal in range(day.toordinal(), date.max.toordinal() - 1):
        if cadence.falls_on(today := date.fromordinal(ordinal)):
            yield from (datetime.combine(today, moment) for moment in cadence.times)


def _walls_back_from(cadence: Cadence, day: date) -> Iterator[datetime]:
    """Wall times of this local day and those before it, descending."""
    for ordinal in range(day.toordinal(), 2, -1):
        if cadence.falls_on(today := date.fromordinal(ordinal)):
            yield from (datetime.combine(today, moment) for moment in reversed(cadence.times))
