"""What a reader may choose: until when to pause, and which cadence is the next longer one. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from digest.core.cadence import parse, slots_after
from digest.core.model import CadenceLine
from digest.core.zones import find_zone, first_instant, local_date

LONGEST_PAUSE = timedelta(days=366)
_SLOTS = 8
"""Enough to tell a cadence's rhythm: two on one day are not taken for an hourly one."""


def pause_until(day: date, *, zone: str, now: datetime) -> datetime:
    """The instant at which a pause until this day is over: when the day begins in the zone.

    Raises:
        ValueError: the day is not after today, or more than a year away; in words.
    """
    found = find_zone(zone)
    today = local_date(now, found)
    if day <= today:
        raise ValueError(f"{day} is not after today")
    if day - today > LONGEST_PAUSE:
        raise ValueError(f"{day} is more than a year away")
    return first_instant(datetime.combine(day, time()), found)


def interval_of(line: CadenceLine, *, now: datetime) -> timedelta:
    """How far apart a cadence's coming slots are on average; the longest there is where it has no two of them."""
    slots = slots_after(parse(line.rule), line.zone, now)
    times = [slot.at for slot, _ in zip(slots, range(_SLOTS), strict=False)]
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else timedelta.max


def next_longer(lines: Sequence[CadenceLine], current: int | None, *, now: datetime) -> CadenceLine | None:
    """The cadence that comes less often than the current one (None: the first), and the least so; None where there is none."""
    if not lines:
        return None
    intervals = {line.id: interval_of(line, now=now) for line in lines}
    own = intervals.get(current if current is not None else lines[0].id, intervals[lines[0].id])
    longer = [line for line in lines if intervals[line.id] > own]
    return min(longer, key=lambda line: (intervals[line.id], line.id), default=None)
