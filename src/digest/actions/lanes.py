"""Lanes: several conversations at once over one issue's queue.

claim ─▶ compose ─▶ send … mark … dot ─▶ settle
"""

import asyncio
import logging

from digest.actions.claim_queue import ClaimQueue
from digest.actions.issue_run import (
    IssueReport,
    IssueRun,
    Sender,
    closed_until,
    find_fault,
    finish_issue,
    has_due,
    paced_claims,
    pause_issue,
    why_stuck,
)
from digest.actions.ledger import LedgerWriter
from digest.actions.watcher import Watcher, notice_stop
from digest.core.addresses import hide_addresses
from digest.core.message import compose
from digest.core.people import Claimed, Outcome, Recipient
from digest.core.policy import SENDER_REFUSALS_IN_A_ROW, Blame, NextStep, after, name_answer
from digest.core.states import DeliveryState, OutcomeKind
from digest.errors import DigestError, LoginRefused, MessageError, TransportError
from digest.store.deliveries import Settlement

log = logging.getLogger(__name__)


async def send_issue(sender: Sender, run: IssueRun) -> None:
    """Lanes over one queue.

    Raises:
        DigestError: nothing more can be sent now.
    """
    if opens := closed_until(sender, run):
        run.report.waits_until = opens
        return
    if stuck := await asyncio.to_thread(why_stuck, sender, run):
        await _pause(sender, run, stuck)
        return
    if await asyncio.to_thread(has_due, sender, run):
        if fault := await asyncio.to_thread(find_fault, sender, run):
            await _distrust(sender, run, fault)
            return
        await _open_transport(sender, run)
        writer = LedgerWriter(
            sender.database, issue_id=run.issue.id, owner=sender.owner, clock=sender.clock, lanes=sender.concurrency,
            claim_lease=sender.claim_lease, dot_lease=sender.dot_lease, spool=sender.spool,
            paced=paced_claims(sender, run),
        )  # fmt: skip
        async with writer:
            queue = ClaimQueue(writer, lanes=sender.concurrency, is_over=lambda: _is_over(sender, run))
            lanes = [asyncio.create_task(_lane(sender, run, writer, queue)) for _ in range(sender.concurrency)]
            try:
                async with Watcher(sender, run, writer, queue):
                    await _wait_for(lanes)
            finally:
                await _leave(run, writer, queue, lanes)
        run.problem = run.problem or writer.problem
    if not run.problem and (fault := await asyncio.to_thread(find_fault, sender, run, at_end=True)):
        await _distrust(sender, run, fault)
    run.report.done = await asyncio.to_thread(finish_issue, sender, run)
    if run.problem:
        raise run.problem


async def _open_transport(sender: Sender, run: IssueRun) -> None:
    try:
        await sender.transport.open()
    except LoginRefused as error:
        await _pause(sender, run, error.message)
        raise _resumable(error, run) from error


async def _lane(sender: Sender, run: IssueRun, writer: LedgerWriter, queue: ClaimQueue) -> None:
    """Messages one after another. A failure ends every lane after the message it has in hand."""
    try:
        while not _is_over(sender, run) and (delivery := await queue.take()) is not None:
            if _is_over(sender, run):
                writer.release(delivery)
                return
            try:
                await _send_one(sender, run, writer, delivery)
            except TransportError as error:
                writer.release(delivery)
                await _fail(sender, run, error)
            except BaseException:
                writer.release(delivery)  # has no effect on what is in flight: that one is the reaper's
                raise
    except DigestError as error:  # the database, as a rule
        run.over = True
        run.problem = run.problem or error
    except Exception:  # a fault of our own: the other lanes hear what becomes of what they have in hand
        run.over = True
        raise


async def _wait_for(lanes: list[asyncio.Task[None]]) -> None:
    """Until every one has ended; then the first fault is raised."""
    for fault in await asyncio.gather(*lanes, return_exceptions=True):
        if fault:
            raise fault


def _is_over(sender: Sender, run: IssueRun) -> bool:
    return run.over or sender.stop.is_set()


async def _send_one(sender: Sender, run: IssueRun, writer: LedgerWriter, delivery: Claimed) -> None:
    """Claimed ─▶ … ─▶ settled. The message is composed now and gated; the mark stands before its final dot."""
    if delivery.id in run.seen:
        writer.release(delivery)
        await _distrust(sender, run, f"the ledger is damaged: delivery {delivery.id} was accepted, and is queued again")
        return
    try:
        envelope = compose(
            run.skeletons[delivery.variant_id or 0],
            _recipient(delivery),
            key=sender.key,
            base_url=run.base_url,
            dated=delivery.dated,
        )
        if sender.signer:  # most of a signature's time needs no interpreter: other lanes go on
            envelope = await asyncio.to_thread(envelope.signed, sender.signer)
    except MessageError as error:
        outcome = Outcome(kind=OutcomeKind.REFUSED, phase="compose", reply=error.message)
        _settle(sender, run, writer, delivery, outcome)
        return
    marks: list[bool] = []

    async def before_dot() -> bool:
        marks.append(await writer.mark(delivery, envelope.message_id))
        return marks[0]

    outcome = await sender.transport.send(envelope, before_dot=before_dot)
    if marks == [False] and not writer.problem:
        await _turn_away(sender, run, writer, delivery)
        return
    if marks == [False]:  # The database went away, and the mark may stand all the same. The dot is not out: noted so.
        run.over = True
    step = _settle(sender, run, writer, delivery, outcome)
    await _judge(sender, run, delivery, step, outcome)


def _settle(sender: Sender, run: IssueRun, writer: LedgerWriter, delivery: Claimed, outcome: Outcome) -> NextStep:
    now = sender.clock()
    step = after(outcome, tries=delivery.tries + 1, first_try=delivery.trying_since or now, now=now)
    writer.settle(Settlement(delivery=delivery, outcome=outcome, step=step))
    _count(run.report, step)
    sender.on_progress(1)
    if log.isEnabledFor(logging.DEBUG):  # asked first: there are thousands a second
        log.debug(
            "settled",
            extra={"issue": run.issue.id, "delivery": delivery.id, "state": str(step.state), "phase": outcome.phase,
                   "code": outcome.code},
        )  # fmt: skip
    return step


async def _turn_away(sender: Sender, run: IssueRun, writer: LedgerWriter, delivery: Claimed) -> None:
    """The mark failed: the reader left, the claim was lost, or the issue stopped, and then no lane goes on."""
    writer.turn_away(delivery)
    run.report.turned_away += 1
    await notice_stop(sender, run)


async def _judge(sender: Sender, run: IssueRun, delivery: Claimed, step: NextStep, outcome: Outcome) -> None:
    """Stop where the server refuses us rather than a reader, or where somebody got more than is in the ledger."""
    if outcome.kind is OutcomeKind.ACCEPTED:
        run.sender_refusals = 0
        run.seen.add(delivery.id)
        if run.accepted_before + run.report.accepted > run.report.expected:
            await _distrust(sender, run, "the ledger is damaged: more messages were accepted than there are readers")
        return
    if step.blame is Blame.LOGIN:
        await _fail(sender, run, LoginRefused(f"{outcome.server} wants other credentials: {name_answer(outcome)}"))
    if step.blame is Blame.SENDER:
        run.sender_refusals += 1
    if step.blame is Blame.SENDER and run.sender_refusals >= SENDER_REFUSALS_IN_A_ROW:
        often = f"{SENDER_REFUSALS_IN_A_ROW} times in a row"
        why = f"{outcome.server} refused the sender {often}: {name_answer(outcome)}"
        await _fail(sender, run, TransportError(why), pause=True)


async def _fail(sender: Sender, run: IssueRun, error: TransportError, *, pause: bool = False) -> None:
    """The first failure stops every lane; the others only follow from it."""
    if run.over:
        return
    run.over = True
    if pause or isinstance(error, LoginRefused):
        await _pause(sender, run, error.message)
        error = _resumable(error, run)
    run.problem = error


async def _distrust(sender: Sender, run: IssueRun, fault: str) -> None:
    """What the ledger says cannot be: before a reader gets a second copy, nobody gets any more of this issue."""
    run.over = True
    if not run.report.paused:
        run.report.cure = "run: digest db check; then restore a backup, or cancel the issue"
        await _pause(sender, run, fault)


async def _pause(sender: Sender, run: IssueRun, reason: str) -> None:
    """The reason goes into the log that nobody can edit, so it names nobody."""
    reason = hide_addresses(reason)
    run.report.paused = reason
    log.warning("paused", extra={"issue": run.issue.id, "reason": reason})
    await asyncio.to_thread(pause_issue, sender, run, reason)


async def _leave(run: IssueRun, writer: LedgerWriter, queue: ClaimQueue, lanes: list[asyncio.Task[None]]) -> None:
    """Claims that nobody used go back; lanes that still run are cut off."""
    run.over = True
    for lane in lanes:
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    for delivery in await queue.close():
        writer.release(delivery)


def _recipient(delivery: Claimed) -> Recipient:
    return Recipient(
        delivery_id=delivery.id, subscriber_id=delivery.subscriber_id, address=delivery.address, name=delivery.name
    )


def _count(report: IssueReport, step: NextStep) -> None:
    match step.state:
        case DeliveryState.ACCEPTED:
            report.accepted += 1
        case DeliveryState.UNCERTAIN:
            report.uncertain += 1
        case DeliveryState.QUEUED:
            report.deferred += 1
        case DeliveryState.EXPIRED:
            report.expired += 1
        case _:
            report.refused += 1


def _resumable(error: TransportError, run: IssueRun) -> TransportError:
    """The same error, saying how to go on."""
    which = f"{run.newsletter.slug} {run.issue.number}"
    step = f"mend that, then run: digest issue resume {run.issue.number} --newsletter {run.newsletter.slug}"
    return type(error)(f"{error.message}; issue {which} is paused", next_step=step)
