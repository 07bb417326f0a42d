"""Group commit: one transaction carries the marks and settlements of every lane that waits.

A commit costs a disk's sync, whatever it holds. So the lanes hand in what they have, and one writer commits it all
together in a thread, again and again. Marks wait for those of nearly all lanes, while more of them come; a settlement, for
which nobody waits, waits for the next mark.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, repeat
from math import inf
from pathlib import Path
from typing import Self

from digest.actions.step_threads import StepThreads
from digest.clock import Clock
from digest.core.people import Claimed
from digest.core.states import DeliveryState
from digest.errors import DatabaseError, DigestError, TryLater
from digest.store.batches import NOTHING, Batch, BatchWriter, Written
from digest.store.database import Database
from digest.store.deliveries import Settlement
from digest.store.paced_claims import PacedClaims
from digest.store.spool import Spool

log = logging.getLogger(__name__)

_ATTEMPTS = 6
"""At a busy database; each waits for the busy timeout, then a second more than the one before."""


_LULL, _MARK_WAITS, _SETTLEMENT_WAITS = 0.002, 0.01, 0.05
"""Seconds for company: while no other mark comes, all in all, and for a settlement, which is an uncertain one where it is lost."""


class LedgerWriter:
    """The only hand of one sender that writes into an issue's ledger while messages go out. An async context."""

    def __init__(
        self,
        database: Database,
        *,
        issue_id: int,
        owner: str,
        clock: Clock,
        lanes: int,
        claim_lease: timedelta,
        dot_lease: timedelta,
        spool: Spool | None = None,
        paced: PacedClaims | None = None,
        on_given_up: Callable[[tuple[int, ...]], None] = lambda _deliveries: None,
    ) -> None:
        self._spool, self._on_given_up = spool, on_given_up
        self.clock, self._enough = clock, lanes - lanes // 8
        self.problem: DigestError | None = None
        self.waiting: frozenset[str] = frozenset()  # domains that get nothing now, whoever has claimed it
        self.again_in: float | None = None  # seconds after which a claim that got nothing may get something
        self._writer = BatchWriter(
            database, issue_id=issue_id, owner=owner, claim_lease=claim_lease, dot_lease=dot_lease, paced=paced
        )
        self._loop = asyncio.get_running_loop()
        self._batch = Batch()
        self._marked: list[tuple[int, asyncio.Future[bool]]] = []
        self._claimed: list[asyncio.Future[tuple[Claimed, ...]]] = []
        self._go = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf  # when it rings
        self._heard = 0  # marks that waited when it rang
        self._latest = 0.0  # when they wait no longer
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_until_closed())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what is handed in, then stop.

        Raises:
            DigestError: the database could not take it; what was in flight will be found by the reaper.
        """
        self._closing = True
        self._go.set()
        try:
            if self._task is not None:
                await asyncio.shield(self._task)
        finally:
            await self._keep(self._batch, self.clock())  # what was handed in after a fault

    async def claim(self, limit: int) -> tuple[Claimed, ...]:
        """Up to so many deliveries that are due, now this sender's. None where the database is away."""
        if self.problem:
            return ()
        answer: asyncio.Future[tuple[Claimed, ...]] = self._loop.create_future()
        self._batch.claims.append(limit)
        self._claimed.append(answer)
        self._go.set()
        return await answer

    def mark(self, delivery: Claimed, message_id: str) -> "asyncio.Future[bool]":
        """Whether the message may get its final dot: `inflight` is committed. False where the database is away."""
        answer: asyncio.Future[bool] = self._loop.create_future()
        if self.problem:
            answer.set_result(False)
            return answer
        self._batch.marks.append((delivery, message_id))
        self._marked.append((delivery.id, answer))
        if len(self._marked) >= self._enough:
            self._go.set()
        elif len(self._marked) == 1:
            self._heard, self._latest = 1, self._loop.time() + _MARK_WAITS
            self._write_within(_LULL)
        return answer

    def settle(self, settlement: Settlement) -> None:
        """What the server said."""
        self._batch.settlements.append(settlement)
        # What was not accepted may make a whole destination wait: the sooner, the fewer run into it.
        if settlement.step.state is not DeliveryState.ACCEPTED:
            self._write_within(_LULL)
        elif self._timer is None:
            self._write_within(_SETTLEMENT_WAITS)

    def turn_away(self, delivery: Claimed) -> None:
        """A claim that failed at the mark."""
        self._batch.turned_away.append(delivery)
        self._write_within(_SETTLEMENT_WAITS)

    def release(self, delivery: Claimed) -> None:
        """A claim that is not used."""
        self._batch.released.append(delivery)
        self._write_within(_SETTLEMENT_WAITS)

    def _write_within(self, seconds: float) -> None:
        due = self._loop.time() + seconds
        if due < self._due:
            self._stop_timer()
            self._due, self._timer = due, self._loop.call_later(seconds, self._ring)

    def _ring(self) -> None:
        """Write, unless more marks have come since the last time."""
        self._due, self._timer = inf, None
        before, self._heard = self._heard, len(self._marked)
        if self._heard > before and self._loop.time() < self._latest:
            self._write_within(_LULL)
        else:
            self._go.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._due, self._timer = inf, None

    async def _write_until_closed(self) -> None:
        thread = StepThreads("ledger")  # here, so that whatever ends this ends it too
        try:
            while self._batch or not self._closing:
                await self._go.wait()
                self._go.clear()
                if self._batch:
                    await self._commit(thread)
                if self._closing:
                    self._go.set()
        finally:
            # However it ends, no lane may wait for an answer that never comes.
            self._stop_timer()
            if not self._closing:
                self.problem = self.problem or DatabaseError(
                    "the ledger cannot be written", next_step="digest db check"
                )
            _answer(self._marked, self._claimed, NOTHING)
            closed = thread.run(self._writer.close)
            thread.close()
            await closed

    async def _commit(self, thread: StepThreads) -> None:
        """Answer the marks only after the commit."""
        self._stop_timer()
        self._heard = 0
        batch, self._batch = self._batch, Batch()
        marked, self._marked = self._marked, []
        claimed, self._claimed = self._claimed, []
        written = NOTHING
        if self.problem:
            # A lane whose last settlement could not be written gets no second dot: one unknown a connection at most.
            batch.marks, batch.claims = [], []
        try:
            written = await self._write(thread, batch)
            self.waiting = written.waiting
            if written.given_up:
                self._on_given_up(written.given_up)
            if batch.claims:
                self.again_in = written.again_in
        except DigestError as error:
            # Nothing more goes out; what the server said is in the spool, for the next turn.
            self.problem = error
        finally:
            _answer(marked, claimed, written)

    async def _write(self, thread: StepThreads, batch: Batch) -> Written:
        """Kept in the spool from the first failure on, so that no kill while it waits loses an outcome."""
        began, kept = self.clock(), None
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                again = attempt > 1
                written = await thread.run(partial(self._writer.write, batch, now=self.clock(), again=again))
            except BaseException as error:
                kept = kept or await self._keep(batch, began)
                if not isinstance(error, TryLater) or attempt == _ATTEMPTS or self.problem:
                    raise
                log.warning("the ledger is busy", extra={"attempt": attempt})
                await asyncio.sleep(attempt)
            else:
                if kept:
                    await asyncio.to_thread(kept.unlink, missing_ok=True)
                return written
        raise AssertionError

    async def _keep(self, batch: Batch, at: datetime) -> Path | None:
        """The outcomes of a batch on the disk; where that fails too, the reaper calls them uncertain."""
        if self._spool is None or not batch.settlements:
            return None
        try:
            return await asyncio.to_thread(self._spool.keep, batch.settlements, at=at)
        except OSError as error:
            log.error("outcomes cannot be kept", extra={"folder": str(self._spool.folder), "why": error.strerror})  # noqa: TRY400
            return None


def _answer(
    marked: list[tuple[int, "asyncio.Future[bool]"]],
    claimed: list["asyncio.Future[tuple[Claimed, ...]]"],
    written: Written,
) -> None:
    for number, mark in marked:
        if not mark.done():  # its lane may have been cancelled
            mark.set_result(number in written.marked)
    for taken, claim in zip(chain(written.claimed, repeat(())), claimed, strict=False):
        if not claim.done():
            claim.set_result(taken)
