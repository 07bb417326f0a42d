"""A lane: messages one after another, each made while the one before is written into the ledger.

claim ─▶ compose ─▶ send … mark … dot ─▶ settle
                           └─▶ the next one: claimed, composed, and announced along with the dot
"""

import asyncio
import logging
from typing import NamedTuple

from digest.actions.claim_queue import ClaimQueue
from digest.actions.drafts import Drafts
from digest.actions.issue_run import IssueRun, Sender, pause_issue
from digest.actions.ledger import LedgerWriter
from digest.actions.outcome_counts import count_outcome
from digest.actions.watcher import notice_stop
from digest.core.addresses import hide_addresses
from digest.core.people import Claimed, Envelope, Outcome
from digest.core.policy import SENDER_REFUSALS_IN_A_ROW, TAKEN, Blame, NextStep, after, name_answer
from digest.core.states import DeliveryState, OutcomeKind
from digest.errors import DigestError, LoginRefused, MessageError, TransportError
from digest.store.deliveries import Settlement

log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """A claim with its message."""

    delivery: Claimed
    envelope: Envelope


class Lane:
    """One of several over an issue's queue. A failure ends every lane after the message it has in hand."""

    def __init__(self, sender: Sender, run: IssueRun, writer: LedgerWriter, queue: ClaimQueue, drafts: Drafts) -> None:
        self.sender, self.run, self.writer, self.queue, self._drafts = sender, run, writer, queue, drafts
        self._next: Outgoing | None = None  # made while its predecessor's mark was committed
        self._later: Claimed | None = None  # or not yet: its signature is slow
        self._fault: Exception | None = None  # of making it

    async def go(self) -> None:
        """Until nothing is due, or the run is over."""
        try:
            while not is_over(self.sender, self.run) and (outgoing := await self._take()) is not None:
                if is_over(self.sender, self.run):
                    self.writer.release(outgoing.delivery)
                    return
                try:
                    await self._send(outgoing)
                except TransportError as error:
                    self.writer.release(outgoing.delivery)
                    await fail(self.sender, self.run, error)
                except BaseException:
                    self.writer.release(outgoing.delivery)  # no effect on what is in flight: that is the reaper's
                    raise
        except DigestError as error:  # the database, as a rule
            self.run.over = True
            self.run.problem = self.run.problem or error
        except Exception:  # a fault of our own: the other lanes hear what becomes of what they have in hand
            self.run.over = True
            raise
        finally:
            for unused in (self._next.delivery if self._next else None, self._later):
                if unused and self.queue.begin(unused):
                    self.writer.release(unused)

    async def _take(self) -> Outgoing | None:
        """The next one, of whatever can be composed."""
        outgoing, self._next = self._next, None
        if outgoing and not self.queue.begin(outgoing.delivery):
            outgoing = None
        later, self._later = self._later, None
        if later and self.queue.begin(later):
            outgoing = await self._make(later)
        while outgoing is None and (delivery := await self.queue.take()) is not None:
            outgoing = await self._make(delivery)
        return outgoing

    async def _make(self, delivery: Claimed) -> Outgoing | None:
        """The message, composed and gated; None where it cannot be, or must not."""
        sender, run = self.sender, self.run
        try:
            if delivery.id in run.seen:
                self.writer.release(delivery)
                fault = f"the ledger is damaged: delivery {delivery.id} was accepted, and is queued again"
                await distrust(sender, run, fault)
                return None
            envelope = await self._drafts.take(delivery)
        except MessageError as error:
            outcome = Outcome(kind=OutcomeKind.REFUSED, phase="compose", reply=error.message)
            _settle(sender, run, self.writer, delivery, outcome)
            return None
        except BaseException:
            self.writer.release(delivery)
            raise
        return Outgoing(delivery, envelope)

    async def _send(self, outgoing: Outgoing) -> None:
        """… ─▶ settled. The mark stands before the final dot."""
        sender, run, writer, delivery = self.sender, self.run, self.writer, outgoing.delivery
        marks: list[bool] = []

        async def before_dot() -> bool | Envelope:
            answer = writer.mark(delivery, outgoing.envelope.message_id)
            await self._make_next()
            marks.append(await answer)
            return marks[0] and (self._next.envelope if self._next else True)

        outcome = await sender.transport.send(outgoing.envelope, before_dot=before_dot)
        if marks == [False] and not writer.problem:
            await self._turn_away(delivery)
            return
        if marks == [
            False
        ]:  # The database went away, and the mark may stand all the same. The dot is not out: noted so.
            run.over = True
        step = _settle(sender, run, writer, delivery, outcome)
        await _judge(sender, run, delivery, step, outcome)
        if self._fault:
            raise self._fault

    async def _make_next(self) -> None:
        """The next message; neither its faults nor a slow signature touch the one that is being marked."""
        if is_over(self.sender, self.run) or (following := self.queue.take_ahead()) is None:
            return
        try:
            if not await self._drafts.is_soon(following):
                self._later = following
                return
            self._next = await self._make(following)
        except Exception as fault:  # noqa: BLE001 - raised once this message is settled
            self._fault = fault
        if self._next is None:
            self.queue.begin(following)  # `_make` has said what becomes of it

    async def _turn_away(self, delivery: Claimed) -> None:
        """The mark failed: the reader left, the claim was lost, or the issue stopped, and then no lane goes on."""
        self.writer.turn_away(delivery)
        self.run.report.turned_away += 1
        await notice_stop(self.sender, self.run)


def is_over(sender: Sender, run: IssueRun) -> bool:
    """Whether no lane takes another message."""
    return run.over or sender.stop.is_set()


def _settle(sender: Sender, run: IssueRun, writer: LedgerWriter, delivery: Claimed, outcome: Outcome) -> NextStep:
    if outcome.kind is OutcomeKind.ACCEPTED:
        step = TAKEN  # as `after` says, without asking what time it is
    else:
        now = sender.clock()
        step = after(outcome, tries=delivery.tries + 1, first_try=delivery.trying_since or now, now=now)
    writer.settle(Settlement(delivery, outcome, step))
    count_outcome(run.report, step)
    _tell_progress(sender, run, delivery, step)
    if log.isEnabledFor(logging.DEBUG):  # asked first: there are thousands a second
        log.debug(
            "settled",
            extra={"issue": run.issue.id, "delivery": delivery.id, "state": str(step.state), "phase": outcome.phase,
                   "code": outcome.code},
        )  # fmt: skip
    return step


def _tell_progress(sender: Sender, run: IssueRun, delivery: Claimed, step: NextStep) -> None:
    """What waits is not done; it is once it is tried again and comes to rest."""
    if step.state is DeliveryState.QUEUED:
        sender.on_progress(0, int(run.waiting.add(delivery.id)))
    else:
        sender.on_progress(1, -int(run.waiting.discard(delivery.id)) if delivery.tries else 0)


async def _judge(sender: Sender, run: IssueRun, delivery: Claimed, step: NextStep, outcome: Outcome) -> None:
    """Stop where the server refuses us rather than a reader, or where somebody got more than is in the ledger."""
    if outcome.kind is OutcomeKind.ACCEPTED:
        run.sender_refusals = 0
        run.seen.add(delivery.id)
        if run.accepted_before + run.report.accepted > run.report.expected:
            await distrust(sender, run, "the ledger is damaged: more messages were accepted than there are readers")
        return
    if step.blame is Blame.LOGIN:
        await fail(sender, run, LoginRefused(f"{outcome.server} wants other credentials: {name_answer(outcome)}"))
    if step.blame is Blame.SENDER:
        run.sender_refusals += 1
    if step.blame is Blame.SENDER and run.sender_refusals >= SENDER_REFUSALS_IN_A_ROW:
        often = f"{SENDER_REFUSALS_IN_A_ROW} times in a row"
        why = f"{outcome.server} refused the sender {often}: {name_answer(outcome)}"
        await fail(sender, run, TransportError(why), pause=True)


async def fail(sender: Sender, run: IssueRun, error: TransportError, *, pause: bool = False) -> None:
    """The first failure stops every lane; the others only follow from it."""
    if run.over:
        return
    run.over = True
    if pause or isinstance(error, LoginRefused):
        await pause_run(sender, run, error.message)
        error = resumable(error, run)
    run.problem = error


async def distrust(sender: Sender, run: IssueRun, fault: str) -> None:
    """What the ledger says cannot be: before a reader gets a second copy, nobody gets any more of this issue."""
    run.over = True
    if not run.report.paused:
        run.report.cure = "run: digest db check; then restore a backup, or cancel the issue"
        await pause_run(sender, run, fault)


async def pause_run(sender: Sender, run: IssueRun, reason: str) -> None:
    """The reason goes into the log that nobody can edit, so it names nobody."""
    reason = hide_addresses(reason)
    run.report.paused = reason
    log.warning("paused", extra={"issue": run.issue.id, "reason": reason})
    await asyncio.to_thread(pause_issue, sender, run, reason)


def resumable(error: TransportError, run: IssueRun) -> TransportError:
    """The same error, saying how to go on."""
    which = f"{run.newsletter.slug} {run.issue.number}"
    step = f"mend that, then run: digest issue resume {run.issue.number} --newsletter {run.newsletter.slug}"
    return type(error)(f"{error.message}; issue {which} is paused", next_step=step)
