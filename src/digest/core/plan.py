"""The coming slots of a line, with what the clocks do to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from digest.core.cadence import Slot, parse, slot_at_or_before, slots_after
from digest.core.model import CadenceLine
from digest.core.period import coming_slots
from digest.core.zones import find_zone, is_in_fold, local_wall, offset_minutes

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSlot:
    """A coming slot. `local` is what the clocks will read at its instant, naive; the slot's wall time but for a gap."""

    slot: Slot
    local: datetime
    offset: int  # minutes east of UTC at the slot
    shift: int  # minutes by which the clocks have moved since the slot before; forward is positive
    twice: bool  # whether the clocks read its wall time a second time later

    @property
    def skipped(self) -> bool:
        """Whether its wall time falls in a gap: it happens at the first instant after it."""
        return self.local != self.slot.wall


def plan_slots(line: CadenceLine, *, now: datetime, until: datetime) -> Iterator[PlannedSlot]:
    """The slots of a line after `now` and up to `until`, in order.

    Raises:
        UsageError: the line's rule or zone cannot be read.
    """
    place, cadence = find_zone(line.zone), parse(line.rule)
    after = max(now, next(coming_slots(line)).at - _TICK)  # the rule may begin later
    before = offset_minutes(slot_at_or_before(cadence, line.zone, after).at, place)
    for slot in takewhile(lambda slot: slot.at <= until, slots_after(cadence, line.zone, after)):
        offset = offset_minutes(slot.at, place)
        yield PlannedSlot(
            slot=slot,
            local=local_wall(slot.at, place),
            offset=offset,
            shift=offset - before,
            twice=is_in_fold(slot.wall, place),
        )
        before = offset
