"""The watcher beside the lanes: once a second it looks whether the issue still goes out, and tells how far it is.

Lanes see a pause at their next mark. Where all of them wait for slow answers, only the watcher sees it: nothing more is
claimed, and what waits in this process goes back to the queue.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from digest.actions.claim_queue import ClaimQueue
from digest.actions.issue_run import IssueReport, IssueRun, Sender, keep_quiet, standing
from digest.actions.ledger import LedgerWriter
from digest.core.states import IssueState
from digest.errors import DigestError

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
QUIET_EVERY = 50.0
TELL_EVERY, TELL_AFTER = 30.0, 10_000
"""A line in the log after so many seconds, or messages."""


class Watcher:
    """Looks after one issue while its lanes work. An async context."""

    def __init__(self, sender: Sender, run: IssueRun, writer: LedgerWriter, queue: ClaimQueue) -> None:
        self.sender, self.run, self.writer, self.queue = sender, run, writer, queue
        self._told_at, self._told = asyncio.get_running_loop().time(), 0
        self._quiet_at = self._told_at
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        log.info("sending", extra=_facts(self.run.report))
        self.sender.on_issue(self.run.settled_before, self.run.report.expected)
        self._task = asyncio.create_task(self._watch())

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while not await _is_set_within(self.sender.stop, LOOK_EVERY):
            self._tell()
            if self.run.over or await notice_stop(self.sender, self.run):
                break
            await self._keep_quiet()
        for delivery in await self.queue.close():
            self.writer.release(delivery)

    async def _keep_quiet(self) -> None:
        """Quiet hours begin while a long run goes on: no more than a minute of it falls into them."""
        now = asyncio.get_running_loop().time()
        if self.run.newsletter.quiet_hours and now - self._quiet_at >= QUIET_EVERY:
            self._quiet_at = now
            with suppress(DigestError):  # the next mark meets it too
                await asyncio.to_thread(keep_quiet, self.sender, self.run)

    def _tell(self) -> None:
        now, done = asyncio.get_running_loop().time(), self.run.report.settled
        if now - self._told_at >= TELL_EVERY or done - self._told >= TELL_AFTER:
            rate = round((done - self._told) / max(now - self._told_at, 0.001), 1)
            log.info("still sending", extra={**_facts(self.run.report), "rate": rate})
            self._told_at, self._told = now, done


async def notice_stop(sender: Sender, run: IssueRun) -> bool:
    """Whether somebody has stopped the issue; then no lane takes another message."""
    try:
        state, reason = await asyncio.to_thread(standing, sender, run)
    except DigestError:  # the next mark meets it too
        return False
    if state is IssueState.SENDING:
        return False
    if not (run.over or run.report.paused):
        run.report.stopped = f"{state}: {reason}" if reason else str(state)
        log.warning("stopped", extra={"issue": run.issue.id, "state": str(state), "reason": reason})
    run.over = True
    return True


def tell_end(report: IssueReport, *, seconds: float) -> None:
    """The last line about an issue in this run."""
    if report.settled or report.deferred or report.turned_away or report.done:
        failed = report.refused or report.uncertain or report.paused
        rate = round(report.settled / max(seconds, 0.001), 1)
        log.log(logging.WARNING if failed else logging.INFO, "delivered", extra={**_facts(report), "rate": rate})


def _facts(report: IssueReport) -> dict[str, Any]:
    facts = asdict(report)
    return {"issue": facts.pop("issue_id"), **facts}


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
