"""Notices: mails to one person about one subscription, sent by the ledger's rules.

 reap ─▶ claim ─▶ render, compose ─▶ send … mark … dot ─▶ settle ─▶ (again)

Safe to run twice, in several processes at once, and to kill anywhere. What ended between the final dot and its reply is
held as uncertain and never sent again by itself: whoever waits for it asks again, or an admin does.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.actions.notice_mail import Bureau, mail_of
from digest.actions.outcome_counts import count_outcome
from digest.clock import Clock
from digest.core.addresses import hide_addresses
from digest.core.notices import QueuedNotice
from digest.core.people import Envelope, Outcome
from digest.core.policy import Blame, NextStep, after, name_answer
from digest.core.states import DeliveryState, NoticeKind, OutcomeKind
from digest.errors import DigestError, LoginRefused, MessageError, TemplateError, TryLater
from digest.mail.transport import Transport
from digest.store import notices as store
from digest.store.database import Database, Session

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Claimed together; sent one after another, so that a stop waits for one message."""
CLAIM_LEASE = timedelta(minutes=20)
"""For all of those, of which each may take minutes where a server is slow."""
DOT_LEASE = timedelta(minutes=15)
MEND_WITHIN = timedelta(minutes=15)
"""After a broken template, which somebody mends; then it is tried again."""
_ATTEMPTS = 5
"""At a busy database, for what the server said."""


@dataclass(slots=True, kw_only=True)
class NoticeReport:
    """What this run did. `problem` stopped it; everything unsent stayed queued."""

    decided: int = 0  # sign-ups
    accepted: int = 0
    deferred: int = 0
    refused: int = 0
    expired: int = 0
    uncertain: int = 0
    skipped: int = 0
    held: int = 0  # of dead processes: nobody knows
    problem: DigestError | None = None

    @property
    def touched(self) -> bool:
        """Whether it did anything."""
        return bool(self.decided or self.accepted or self.skipped or self.held or self.has_failed)

    @property
    def has_failed(self) -> bool:
        """Whether any did not get through."""
        return bool(self.deferred or self.refused or self.expired or self.uncertain or self.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Who sends notices, by what."""

    database: Database
    transport: Transport
    bureau: Bureau
    clock: Clock
    owner: str  # a name that no other process has, not even later


def enqueue(
    session: Session,
    kind: NoticeKind,
    *,
    newsletter_id: int,
    subscriber_id: int,
    now: datetime,
    address: str | None = None,
) -> int:
    """Put a notice into the queue, in the caller's transaction; its id. Whoever sends looks every few seconds, or is woken.

    It goes to the subscriber's address, or to the `address` that they want to move to.
    """
    return store.insert_notice(
        session, kind=kind, newsletter_id=newsletter_id, subscriber_id=subscriber_id, now=now, address=address
    )


def are_notices_due(database: Database, *, now: datetime) -> bool:
    """Whether there is anything to send, or something that a dead process left behind."""
    with database.read() as session:
        return store.has_due_notice(session, now=now)


async def send_notices(post: Post, *, stop: asyncio.Event | None = None) -> NoticeReport:
    """Send what is due, until nothing is, `stop` is set or the transport fails. What stops it is in the report."""
    report, stop = NoticeReport(), stop or asyncio.Event()
    try:
        report.held = await asyncio.to_thread(_reap, post)
        await post.transport.open()
        while not stop.is_set() and (batch := await asyncio.to_thread(_claim, post)):
            await _send_batch(post, list(batch), report, stop)
    except DigestError as problem:
        report.problem = problem
        log.warning("notices stopped", extra={"problem": hide_addresses(problem.message)})
    finally:
        await post.transport.close()
    return report


async def _send_batch(post: Post, waiting: list[QueuedNotice], report: NoticeReport, stop: asyncio.Event) -> None:
    """One after another; what is not begun when it ends goes back to the queue."""
    try:
        while waiting and not stop.is_set():
            await _send_one(post, waiting[0], report)
            waiting.pop(0)
    finally:
        for notice in waiting:  # no effect on one that is in flight: that is the reaper's
            await asyncio.to_thread(_release, post, notice)


async def _send_one(post: Post, notice: QueuedNotice, report: NoticeReport) -> None:
    try:
        envelope = await asyncio.to_thread(mail_of, post.database, notice, post.bureau)
    except (MessageError, TemplateError) as fault:
        await _fail(post, notice, fault, report)
        return
    marks: list[bool] = []
    faults: list[DigestError] = []

    async def before_dot() -> bool:
        try:
            marks.append(await asyncio.to_thread(_mark, post, notice, envelope))
        except DigestError as fault:  # the dot is not out; the mark may stand, and is the reaper's then
            faults.append(fault)
            return False
        return marks[0]

    outcome = await post.transport.send(envelope, before_dot=before_dot)
    if faults:
        raise faults[0]
    if marks == [False]:
        report.skipped += 1
        return
    now = post.clock()
    step = after(outcome, tries=notice.tries + 1, first_try=notice.trying_since or now, now=now)
    await _settle(post, notice, outcome, step)
    count_outcome(report, step)
    if step.blame is Blame.LOGIN:
        raise LoginRefused(f"{outcome.server} wants other credentials: {name_answer(outcome)}")


async def _fail(post: Post, notice: QueuedNotice, fault: DigestError, report: NoticeReport) -> None:
    """It cannot be made: for good where its address is the fault, else it waits for a mended template."""
    outcome = Outcome(kind=OutcomeKind.REFUSED, phase="compose", reply=hide_addresses(fault.message))
    if isinstance(fault, MessageError):
        step = NextStep(state=DeliveryState.REFUSED, reason="no message could be made")
    else:
        again = post.clock() + MEND_WITHIN
        step = NextStep(state=DeliveryState.QUEUED, not_before=again, reason=hide_addresses(fault.message))
    log.error("a notice cannot be made", extra={"notice": notice.id, "kind": str(notice.kind), "why": step.reason})
    await _settle(post, notice, outcome, step)
    count_outcome(report, step)


async def _settle(post: Post, notice: QueuedNotice, outcome: Outcome, step: NextStep) -> None:
    """What the server said is worth some patience: it would be uncertain else."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await asyncio.to_thread(_write_down, post, notice, outcome, step)
        except TryLater:
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(attempt)
        else:
            break
    log.debug("notice settled", extra={"notice": notice.id, "kind": str(notice.kind), "state": str(step.state)})


# ── steps in the store, each short and made for a thread ────────────────────────────────────────────────────────────


def _reap(post: Post) -> int:
    with post.database.write() as session:
        return store.reap_notices(session, now=post.clock())[1]


def _claim(post: Post) -> tuple[QueuedNotice, ...]:
    now = post.clock()
    with post.database.write() as session:
        return store.claim_notices(session, owner=post.owner, limit=AT_ONCE, now=now, lease_until=now + CLAIM_LEASE)


def _mark(post: Post, notice: QueuedNotice, envelope: Envelope) -> bool:
    now = post.clock()
    with post.database.write() as session:
        return store.mark_notice(session, notice, message_id=envelope.message_id, now=now, lease_until=now + DOT_LEASE)


def _write_down(post: Post, notice: QueuedNotice, outcome: Outcome, step: NextStep) -> None:
    with post.database.write() as session:
        store.settle_notice(session, notice, outcome, step, now=post.clock())


def _release(post: Post, notice: QueuedNotice) -> None:
    with post.database.write() as session:
        store.release_notice(session, notice)
