"""Lanes: several conversations at once over one issue's queue.

each lane: claim ─▶ compose ─▶ send … mark … dot ─▶ settle (actions/lane.py)
"""

import asyncio
from functools import partial

from digest.actions.claim_queue import ClaimQueue
from digest.actions.drafts import Drafts
from digest.actions.issue_run import (
    IssueRun,
    Sender,
    closed_until,
    find_fault,
    finish_issue,
    has_due,
    keep_quiet,
    next_wave,
    paced_claims,
    why_stuck,
)
from digest.actions.lane import Lane, distrust, is_over, pause_run, resumable
from digest.actions.ledger import LedgerWriter
from digest.actions.signing import signing
from digest.actions.watcher import Watcher
from digest.errors import LoginRefused


async def send_issue(sender: Sender, run: IssueRun) -> None:
    """Lanes over one queue.

    Raises:
        DigestError: nothing more can be sent now.
    """
    if opens := closed_until(sender, run):
        run.report.waits_until = opens
        return
    await asyncio.to_thread(keep_quiet, sender, run)
    if stuck := await asyncio.to_thread(why_stuck, sender, run):
        await pause_run(sender, run, stuck)
        return
    if await asyncio.to_thread(has_due, sender, run):
        if fault := await asyncio.to_thread(find_fault, sender, run):
            await distrust(sender, run, fault)
            return
        await _open_transport(sender, run)
        writer = LedgerWriter(
            sender.database, issue_id=run.issue.id, owner=sender.owner, clock=sender.clock, lanes=sender.concurrency,
            claim_lease=sender.claim_lease, dot_lease=sender.dot_lease, spool=sender.spool,
            paced=paced_claims(sender, run), on_given_up=partial(_count_given_up, sender, run),
        )  # fmt: skip
        async with writer:
            await _run_lanes(sender, run, writer)
        run.problem = run.problem or writer.problem
    if not run.problem and (fault := await asyncio.to_thread(find_fault, sender, run, at_end=True)):
        await distrust(sender, run, fault)
    run.report.done = await asyncio.to_thread(finish_issue, sender, run)
    if not run.report.done:
        run.report.next_wave = await asyncio.to_thread(next_wave, sender, run)
    if run.problem:
        raise run.problem


def _count_given_up(sender: Sender, run: IssueRun, deliveries: tuple[int, ...]) -> None:
    """Those who expired with their destination, some of whom this run had sent back to the queue."""
    run.report.expired += len(deliveries)
    sender.on_progress(len(deliveries), -sum(run.waiting.discard(one) for one in deliveries))


async def _run_lanes(sender: Sender, run: IssueRun, writer: LedgerWriter) -> None:
    queue = ClaimQueue(writer, lanes=sender.concurrency, is_over=lambda: is_over(sender, run))
    with signing(sender.signer) as sign:
        drafts = Drafts(run, queue, sign)
        lanes = [asyncio.create_task(Lane(sender, run, writer, queue, drafts).go()) for _ in range(sender.concurrency)]
        try:
            async with Watcher(sender, run, writer, queue):
                await _wait_for(lanes)
        finally:
            await _leave(run, writer, queue, lanes)


async def _open_transport(sender: Sender, run: IssueRun) -> None:
    try:
        await sender.transport.open()
    except LoginRefused as error:
        await pause_run(sender, run, error.message)
        raise resumable(error, run) from error


async def _wait_for(lanes: list[asyncio.Task[None]]) -> None:
    """Until every one has ended; then the first fault is raised."""
    for fault in await asyncio.gather(*lanes, return_exceptions=True):
        if fault:
            raise fault


async def _leave(run: IssueRun, writer: LedgerWriter, queue: ClaimQueue, lanes: list[asyncio.Task[None]]) -> None:
    """Claims that nobody used go back; lanes that still run are cut off."""
    run.over = True
    for lane in lanes:
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    for delivery in await queue.close():
        writer.release(delivery)
