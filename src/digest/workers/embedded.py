"""The daemon: one process, one loop. APScheduler rings at the slots; what is due is decided by the database.

    slots, heartbeat ─▶ bell ─▶ last call ─▶ publish ─▶ gather ─▶ (again; a slot breaks the gathering off)
                            └▶ deliver ─▶ (again)
    a page, a few seconds ─▶ knock ─▶ notices ─▶ (again)

The turns run in our own loops and not as a scheduler's jobs, because APScheduler cancels running jobs when it stops, and
a stop must finish the messages in hand. Its job store is memory: nothing that matters is in it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from digest.actions.deliver import DeliverReport
from digest.actions.gather import GatherReport
from digest.actions.holds import Held, list_holds
from digest.actions.stuck import Stuck, list_stuck
from digest.app import App, deliver_due, gather_due, is_unrendered, publish_due
from digest.core.cadence import parse, slots_after
from digest.core.model import CadenceLine, Issue
from digest.core.period import is_missed
from digest.errors import DigestError, UsageError
from digest.event_loop import stop_on_signals
from digest.sources.fetch import Fetcher
from digest.store.newsletters import list_cadences
from digest.store.waves import next_wave
from digest.workers.notices import notify_on

log = logging.getLogger(__name__)
T = TypeVar("T")

HEARTBEAT = timedelta(seconds=60)
"""How soon the daemon sees what the command line changed, polls sources and tries deferred mail again."""
TELL_AGAIN = timedelta(hours=1)
"""What is held or does not move is a warning in the log once in this time."""
_ONCE: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The next slot of any cadence. APScheduler's own CronTrigger loses and doubles slots when clocks change."""

    def __init__(self, lines: Sequence[CadenceLine]) -> None:
        self.lines = tuple(lines)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first slot after the last one that rang, or after now."""
        after = (previous_fire_time or now).astimezone(UTC)
        return min((at for line in self.lines if (at := _next_slot(line, after))), default=None)


def _next_slot(line: CadenceLine, after: datetime) -> datetime | None:
    try:
        return next((slot.at for slot in slots_after(parse(line.rule), line.zone, after)), None)
    except UsageError:  # its rule or zone cannot be read: it is held, and told with what is held
        return None


@dataclass(frozen=True, slots=True)
class _Bells:
    """What wakes the daemon's two loops, and what ends them."""

    stop: asyncio.Event
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    slot: asyncio.Event = field(default_factory=asyncio.Event)  # breaks off the reading of other sources
    mail: asyncio.Event = field(default_factory=asyncio.Event)

    def beat(self) -> None:
        self.turn.set()
        self.mail.set()

    async def strike(self) -> None:  # a coroutine, because APScheduler runs plain functions in a thread
        self.slot.set()
        self.turn.set()


async def serve(
    app: App,
    *,
    heartbeat: timedelta = HEARTBEAT,
    stop: asyncio.Event | None = None,
    knock: asyncio.Event | None = None,
    on_turn: Callable[[datetime], None] = lambda _at: None,
) -> None:
    """Turn after turn, until SIGTERM, SIGINT or `stop`; then the messages in hand are finished.

    `knock` is set by whoever has a notice to send: it goes out at once. Without it they are looked for. `on_turn` hears
    when each turn has published what was due.

    Raises:
        SettingsError: the sources cannot be read with these settings.
    """
    bells = _Bells(stop or asyncio.Event())
    stop_on_signals(bells.stop)
    fetcher = app.fetcher()
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.start()
    log.info("serving", extra={"heartbeat_seconds": heartbeat.total_seconds()})
    beating = asyncio.create_task(_beat_on(bells, every=heartbeat))
    delivering = asyncio.create_task(_deliver_on(app, bells))
    notifying = asyncio.create_task(notify_on(app, stop=bells.stop, knock=knock or asyncio.Event()))
    try:
        lines: tuple[CadenceLine, ...] = ()
        told: dict[str, datetime] = {}
        while not bells.stop.is_set():
            bells.turn.clear()
            bells.slot.clear()
            await _publish_once(app, bells, fetcher=fetcher)
            on_turn(app.clock())
            told = await asyncio.to_thread(_tell_waiting, app, told)
            if (found := await asyncio.to_thread(_read_lines, app, lines)) != lines:
                lines = found
                scheduler.add_job(bells.strike, SlotTrigger(lines), id="slots", replace_existing=True, **_ONCE)
            _log_gathered(await _step(gather_due(app, fetcher=fetcher, breaks=(bells.slot, bells.stop))))
            await _first_of(bells.turn, bells.stop)
    finally:
        bells.stop.set()
        beating.cancel()
        await asyncio.gather(delivering, notifying)
        scheduler.shutdown(wait=False)
        log.info("stopped")


async def _beat_on(bells: _Bells, *, every: timedelta) -> None:
    """Not by APScheduler: it keeps to the wall clock, and one that is set back by a day would stop it for a day."""
    while True:
        await asyncio.sleep(every.total_seconds())
        bells.beat()


async def _publish_once(app: App, bells: _Bells, *, fetcher: Fetcher) -> None:
    done = await _step(publish_due(app, fetcher=fetcher, stop=bells.stop))
    bells.mail.set()
    if done:
        _log_gathered(done[0])
        _log_issues(done[1])


async def _deliver_on(app: App, bells: _Bells) -> None:
    """Delivery has a loop of its own, so that a long one delays no slot and no source; still one at a time.

    It wakes when the bell rings, and when the next readers' hour has come.
    """
    while not bells.stop.is_set():
        await _first_of(bells.mail, bells.stop, within=await asyncio.to_thread(_until_next_wave, app))
        bells.mail.clear()
        if not bells.stop.is_set() and (report := await _step(deliver_due(app, stop=bells.stop))):
            _log_delivered(report)


def _until_next_wave(app: App) -> float | None:
    """Seconds until the next wave of an issue that goes out; None where the heartbeat is soon enough."""
    now = app.clock()
    try:
        with app.database.read() as session:
            at = next_wave(session, now=now)
    except DigestError:
        return None
    return max(0.0, (at - now).total_seconds()) if at else None


async def _step(work: Coroutine[None, None, T]) -> T | None:
    """One step. What stops it is logged, and the next bell tries again: the daemon outlives its faults."""
    try:
        return await work
    except DigestError as error:
        log.error("the turn stopped", extra={"problem": error.message, "next_step": error.next_step})  # noqa: TRY400
    except Exception:
        log.exception("a fault in digest itself stopped the turn")
    return None


def _log_issues(issues: Sequence[Issue]) -> None:
    for issue in issues:
        level = logging.WARNING if is_unrendered(issue) or is_missed(issue.reason) else logging.INFO
        facts = {"issue": issue.id, "number": issue.number, "state": str(issue.state), "reason": issue.reason}
        log.log(level, "issue", extra=facts)


def _log_gathered(gathered: GatherReport | None) -> None:
    if not gathered:
        return
    for one in gathered.failed:
        log.warning("a source failed", extra={"source": one.source_id, "problem": one.problem})
    for one in gathered.alarms:
        log.error("a source needs you", extra={"source": one.source_id, "title": one.title, "alarm": one.alarm,
                  "problem": one.problem, "next_step": one.alarm_step})  # fmt: skip
    if gathered.new:
        log.info("gathered", extra={"new": gathered.new, "polled": len(gathered.polled)})


def _log_delivered(delivered: DeliverReport) -> None:
    if delivered.held or delivered.requeued:
        log.warning("a sender had died", extra={"requeued": delivered.requeued, "uncertain": delivered.held})


def _read_lines(app: App, known: tuple[CadenceLine, ...]) -> tuple[CadenceLine, ...]:
    """The cadences as they are now; those known where the database cannot say."""
    try:
        with app.database.read() as session:
            return list_cadences(session)
    except DigestError:
        return known


def _tell_waiting(app: App, told: Mapping[str, datetime]) -> dict[str, datetime]:
    """What is held or stuck, each when it is new and then once an hour; what was told where the database cannot say."""
    now = app.clock()
    try:
        pace = app.settings.pace.limits()
        waiting: list[Held | Stuck] = [
            *list_holds(app.database, now=now),
            *list_stuck(app.database, now=now, pace=pace),
        ]
    except DigestError:
        return dict(told)
    found = {_key(one): one for one in waiting}
    again = [key for key in found if key not in told or now - told[key] >= TELL_AGAIN]
    for key in again:
        _tell(found[key])
    return {key: now if key in again else told[key] for key in found}


def _key(one: Held | Stuck) -> str:
    which = one.cadence if isinstance(one, Held) else one.number
    return f"{type(one).__name__} {one.newsletter} {which}"


def _tell(one: Held | Stuck) -> None:
    facts: dict[str, Any] = {"newsletter": one.newsletter, "reason": one.reason, "next_step": one.next_step}
    if isinstance(one, Held):
        log.warning("a cadence is held", extra={"cadence": one.cadence, **facts})
    else:
        log.warning("an issue does not move", extra={"number": one.number, **facts})


async def _first_of(*events: asyncio.Event, within: float | None = None) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
