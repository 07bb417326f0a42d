"""Period: half-open [previous slot, slot); and which slots are due, with a verdict on each.

A cadence line remembers the end of its newest closed period, so what is due follows from the database and the time
alone: a restart forgets nothing. Every due slot gets a verdict and every verdict becomes a recorded issue, published
or skipped: never silence. What no verdict should decide alone (a clock that jumped) is held for the admin.

 last_slot_at ─▶ slots up to now ─▶ hold? ─▶ catch-up policy ─▶ publish | merge | skip
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from digest.core.cadence import Cadence, Slot, parse, slot_at_or_before, slots_after
from digest.core.model import CadenceLine, Newsletter
from digest.core.states import CatchUp
from digest.core.zones import find_zone, first_instant, local_date, local_wall
from digest.errors import UsageError

HOLD_AFTER = timedelta(days=14)
"""A slot missed for longer means a clock that jumped or a machine that slept: the admin decides which."""

ON_TIME = timedelta(hours=2)
"""A turn within this time after its slot has not missed it, whatever the policy: cron lines run hourly at worst."""

MOST_AT_ONCE = 500
"""More slots than this at once are held, never worked off."""

_BACKWARDS = timedelta(hours=1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open [start, end), aware, in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def days(self, zone: str) -> tuple[date, date]:
        """Its first and last local day, for a label: a week from Monday 00:00 to Monday 00:00 ends on a Sunday."""
        place = find_zone(zone)
        return local_date(self.start, place), local_date(max(self.start, self.end - _TICK), place)


class Verdict(StrEnum):
    """What becomes of a due slot."""

    PUBLISH = "publish"  # make an issue of its period
    MERGE = "merge"  # record it as skipped: its posts go out with the later slot `into`
    SKIP = "skip"  # record it as skipped: its posts stay pending for the next slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A due slot. A published one that others merge into has a period that begins with the first of them."""

    slot: Slot
    period: Period
    verdict: Verdict
    reason: str = ""  # why it is merged or skipped, in words
    into: str | None = None  # the key of the slot it is merged into


@dataclass(frozen=True, slots=True, kw_only=True)
class Dues:
    """The due slots, oldest first; or the reason, in words, why nothing may be decided without the admin."""

    slots: tuple[Due, ...] = ()
    hold: str | None = None
    broken: bool = False  # held, because the line's rule or zone cannot be read: no admin's word lets it go
    behind: bool = False  # held, because a later period is closed: nothing is due, and no word makes it so


def dues_of(newsletter: Newsletter, line: CadenceLine, *, now: datetime, hold: bool = True) -> Dues:
    """`due_slots` by the newsletter's policies. A line that cannot be read is held: the fault stays with it.

    A rule or zone was readable when it was stored; a later release of the zone data may have dropped the zone.
    """
    try:
        return due_slots(
            line,
            now=now,
            catch_up=newsletter.catch_up,
            max_late=timedelta(hours=newsletter.max_late_hours),
            hold_after=HOLD_AFTER if hold else None,
        )
    except UsageError as error:
        return Dues(hold=error.message, broken=True)


def due_slots(
    line: CadenceLine,
    *,
    now: datetime,
    catch_up: CatchUp,
    max_late: timedelta,
    hold_after: timedelta | None = HOLD_AFTER,
) -> Dues:
    """What to do about each slot up to `now` that no closed period accounts for; repeating it decides the same.

    A slot older than `max_late` is never published by itself: its posts stay pending and go out with the next one.
    A line that has published and then misses a slot for longer than `hold_after` is held: either its clock jumped
    forward, or it was away so long that the admin should say so (`hold_after=None` is that word).

    Raises:
        UsageError: the line's rule or zone cannot be read.
    """
    if line.last_slot_at and line.last_slot_at - now > _BACKWARDS:
        closed = _utc(line.last_slot_at)
        return Dues(hold=f"the clock says {_utc(now)}, but a period was closed at {closed}", behind=True)
    due = tuple(islice(takewhile(lambda slot: slot.at <= now, coming_slots(line)), MOST_AT_ONCE + 1))
    if due and hold_after is not None and (reason := _hold(line, due, now, hold_after)):
        return Dues(hold=reason)
    starts = [_first_start(line, due[0]), *(slot.at for slot in due)] if due else []
    periods = [Period(start, end) for start, end in pairwise(starts)]
    return Dues(slots=_judge(tuple(zip(due, periods, strict=True)), now, CatchUp(catch_up), max_late))


def coming_slots(line: CadenceLine) -> Iterator[Slot]:
    """The slots of a line that no closed period accounts for, in order, without end: the due ones first.

    Slots before `started_at` are not its own: those of another rule or zone, or older than the line.
    """
    after = line.started_at - _TICK
    if line.last_slot_at and line.last_slot_at > after:
        after = line.last_slot_at
    return slots_after(parse(line.rule), line.zone, after)


def open_period(line: CadenceLine) -> tuple[Slot, Period]:
    """The oldest period of a line that is not closed, and the slot that will close it; that may be past already.

    A post that arrives now belongs to it, or to a later one. It begins where the newest closed one ended; a line's
    first begins at the slot before, so that the first issue covers exactly one period (docs/semantics.md S7).
    """
    slot = next(coming_slots(line))
    return slot, Period(_first_start(line, slot), slot.at)


def start_of_rule(cadence: Cadence, zone: str, *, now: datetime, line: CadenceLine | None = None) -> datetime:
    """From when on a new or changed rule makes slots: `started_at` of its line.

    Now, or the first local instant of the day that the rule itself begins with. A line that has closed a period goes
    on only with later wall times: a move to the west must not bring the same local morning, and its key, twice.

    Raises:
        UsageError: there is no such zone.
    """
    place, start = find_zone(zone), now
    if cadence.begins:
        start = max(start, first_instant(datetime.combine(cadence.begins, time()), place))
    if line and line.last_slot_at:
        start = max(start, _after_closed(line, line.last_slot_at, place))
    return start


def _after_closed(line: CadenceLine, closed_at: datetime, place: ZoneInfo) -> datetime:
    """The wall time that the line closed last, in another zone; its instant where its own zone is no more."""
    try:
        return first_instant(local_wall(closed_at, find_zone(line.zone)), place) + _TICK
    except UsageError:
        return closed_at + _TICK


def _first_start(line: CadenceLine, slot: Slot) -> datetime:
    return line.last_slot_at or slot_at_or_before(parse(line.rule), line.zone, slot.at - _TICK).at


def _hold(line: CadenceLine, due: tuple[Slot, ...], now: datetime, hold_after: timedelta) -> str | None:
    if line.last_slot_at and now - due[0].at > hold_after:
        return f"the clock says {_utc(now)}, but the slot of {due[0].key} has not been dealt with"
    if len(due) > MOST_AT_ONCE:
        return f"more than {MOST_AT_ONCE} slots are due at once, the first {due[0].key}"
    return None


def _judge(
    due: tuple[tuple[Slot, Period], ...], now: datetime, catch_up: CatchUp, max_late: timedelta
) -> tuple[Due, ...]:
    """The catch-up policy, slot by slot (docs/semantics.md S13)."""
    if not due:
        return ()
    *_, (newest, newest_period) = due
    late = now - newest.at
    if late > max_late and catch_up != CatchUp.EACH:
        return tuple(_skip(slot, period, _too_late(max_late)) for slot, period in due)
    match catch_up:
        case CatchUp.MERGE:
            whole = Period(due[0][1].start, newest.at)
            reason = f"missed; its posts go with the slot of {newest.key}"
            merged = [
                Due(slot=slot, period=period, verdict=Verdict.MERGE, reason=reason, into=newest.key)
                for slot, period in due[:-1]
            ]
            return (*merged, _publish(newest, whole))
        case CatchUp.EACH:
            return tuple(
                _skip(slot, period, _too_late(max_late)) if now - slot.at > max_late else _publish(slot, period)
                for slot, period in due
            )
        case CatchUp.LATEST | CatchUp.NONE:
            missed = catch_up == CatchUp.NONE and late > min(ON_TIME, max_late)
            last = _skip(newest, newest_period, _missed(catch_up)) if missed else _publish(newest, newest_period)
            return (*(_skip(slot, period, _missed(catch_up)) for slot, period in due[:-1]), last)


def _publish(slot: Slot, period: Period) -> Due:
    return Due(slot=slot, period=period, verdict=Verdict.PUBLISH)


def is_missed(reason: str | None) -> bool:
    """Whether an issue was skipped because its slot was missed."""
    return bool(reason and reason.startswith("missed"))


def _skip(slot: Slot, period: Period, reason: str) -> Due:
    return Due(slot=slot, period=period, verdict=Verdict.SKIP, reason=reason)


def _too_late(max_late: timedelta) -> str:
    return f"missed by more than {max_late.total_seconds() / 3600:g} hours; its posts wait for the next slot"


def _missed(catch_up: CatchUp) -> str:
    return f"missed; catch-up is {catch_up}, its posts go out with the next issue"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
