"""Group commit: one transaction carries the marks and settlements of every lane that waits.

A commit costs a disk's sync, whatever it holds. So the lanes hand in what they have, and one writer commits it all
together in a thread, again and again; nothing is held back to wait for company.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from digest.clock import Clock
from digest.core.people import Delivery
from digest.errors import DatabaseError, DigestError, TryLater
from digest.store import deliveries as store
from digest.store.database import Database
from digest.store.deliveries import Settlement

log = logging.getLogger(__name__)

_ATTEMPTS = 6
"""At a busy database; each waits for the busy timeout, then a second more than the one before."""


@dataclass(slots=True)
class _Batch:
    marks: list[tuple[Delivery, "asyncio.Future[bool]"]] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    turned_away: list[Delivery] = field(default_factory=list)
    released: list[Delivery] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.marks or self.settlements or self.turned_away or self.released)


class LedgerWriter:
    """The only hand of one sender that writes into the ledger while messages go out. An async context."""

    def __init__(self, database: Database, *, owner: str, clock: Clock, lease: timedelta) -> None:
        self.database, self.owner, self.clock, self.lease = database, owner, clock, lease
        self.problem: DigestError | None = None
        self._batch = _Batch()
        self._work = asyncio.Event()
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
        self._work.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def mark(self, delivery: Delivery) -> bool:
        """Whether the message may get its final dot: `inflight` is committed. False where the database is away."""
        if self.problem:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._batch.marks.append((delivery, answer))
        self._work.set()
        return await answer

    def settle(self, settlement: Settlement) -> None:
        """What the server said."""
        self._batch.settlements.append(settlement)
        self._work.set()

    def turn_away(self, delivery: Delivery) -> None:
        """A claim that failed at the mark."""
        self._batch.turned_away.append(delivery)
        self._work.set()

    def release(self, delivery: Delivery) -> None:
        """A claim that is not used."""
        self._batch.released.append(delivery)
        self._work.set()

    async def _write_until_closed(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._batch = self._batch, _Batch()
            if batch:
                try:
                    await self._commit(batch)
                except BaseException:
                    # A fault of our own: no lane may wait for an answer that never comes.
                    self._give_up(batch, DatabaseError("the ledger cannot be written", next_step="digest db check"))
                    raise
            elif self._closing:
                return
            if self._closing or self._batch:
                self._work.set()

    async def _commit(self, batch: _Batch) -> None:
        """Answer the marks only after the commit."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                marked = await asyncio.to_thread(self._write, batch)
            except TryLater as error:
                log.warning("the ledger is busy", extra={"attempt": attempt})
                if attempt == _ATTEMPTS:
                    self._give_up(batch, error)
                    return
                await asyncio.sleep(attempt)
            except DigestError as error:
                self._give_up(batch, error)
                return
            else:
                for delivery, answer in batch.marks:
                    _answer(answer, yes=delivery.id in marked)
                return

    def _write(self, batch: _Batch) -> frozenset[int]:
        now = self.clock()
        with self.database.write() as session:
            store.settle(session, batch.settlements, now=now)
            store.turn_away(session, batch.turned_away, now=now)
            store.release(session, batch.released)
            marks = [delivery for delivery, _ in batch.marks]
            return store.mark_inflight(session, marks, owner=self.owner, lease_until=now + self.lease)

    def _give_up(self, batch: _Batch, problem: DigestError) -> None:
        """Nothing more goes out; what was in flight becomes uncertain when its lease is over."""
        self.problem = problem
        for _, answer in batch.marks:
            _answer(answer, yes=False)


def _answer(future: "asyncio.Future[bool]", *, yes: bool) -> None:
    if not future.done():  # its lane may have been cancelled
        future.set_result(yes)
