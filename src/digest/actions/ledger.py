"""Group commit: one transaction carries the marks and settlements of every lane that waits.

A commit costs a disk's sync, whatever it holds. So the lanes hand in what they have, and one writer commits it all
together in a thread, again and again; nothing is held back to wait for company.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self, TypeVar

from digest.clock import Clock
from digest.core.people import Claimed
from digest.errors import DatabaseError, DigestError, TryLater
from digest.store import deliveries as store
from digest.store.database import Database
from digest.store.deliveries import Settlement

T = TypeVar("T")
log = logging.getLogger(__name__)

_ATTEMPTS = 6
"""At a busy database; each waits for the busy timeout, then a second more than the one before."""


@dataclass(slots=True)
class _Batch:
    marks: list[tuple[Claimed, str, "asyncio.Future[bool]"]] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    turned_away: list[Claimed] = field(default_factory=list)
    released: list[Claimed] = field(default_factory=list)
    claims: list[tuple[int, "asyncio.Future[tuple[Claimed, ...]]"]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.marks or self.settlements or self.turned_away or self.released or self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    marked: frozenset[int]
    claimed: tuple[tuple[Claimed, ...], ...]  # for each that asked


class LedgerWriter:
    """The only hand of one sender that writes into an issue's ledger while messages go out. An async context."""

    def __init__(
        self,
        database: Database,
        *,
        issue_id: int,
        owner: str,
        clock: Clock,
        claim_lease: timedelta,
        dot_lease: timedelta,
    ) -> None:
        self.database, self.issue_id, self.owner, self.clock = database, issue_id, owner, clock
        self.claim_lease, self.dot_lease = claim_lease, dot_lease
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

    async def claim(self, limit: int) -> tuple[Claimed, ...]:
        """Up to so many deliveries that are due, now this sender's. None where the database is away."""
        if self.problem:
            return ()
        answer: asyncio.Future[tuple[Claimed, ...]] = asyncio.get_running_loop().create_future()
        self._batch.claims.append((limit, answer))
        self._work.set()
        return await answer

    async def mark(self, delivery: Claimed, message_id: str) -> bool:
        """Whether the message may get its final dot: `inflight` is committed. False where the database is away."""
        if self.problem:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._batch.marks.append((delivery, message_id, answer))
        self._work.set()
        return await answer

    def settle(self, settlement: Settlement) -> None:
        """What the server said."""
        self._batch.settlements.append(settlement)
        self._work.set()

    def turn_away(self, delivery: Claimed) -> None:
        """A claim that failed at the mark."""
        self._batch.turned_away.append(delivery)
        self._work.set()

    def release(self, delivery: Claimed) -> None:
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
                written = await asyncio.to_thread(self._write, batch)
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
                for delivery, _, answer in batch.marks:
                    _answer(answer, delivery.id in written.marked)
                for (_, claimer), taken in zip(batch.claims, written.claimed, strict=True):
                    _answer(claimer, taken)
                return

    def _write(self, batch: _Batch) -> _Written:
        now = self.clock()
        with self.database.write() as session:
            store.settle(session, batch.settlements, now=now)
            store.turn_away(session, batch.turned_away, now=now)
            store.release(session, batch.released)
            marks = [(delivery, message_id) for delivery, message_id, _ in batch.marks]
            marked = store.mark_inflight(session, marks, owner=self.owner, lease_until=now + self.dot_lease)
            lease = now + self.claim_lease
            claimed = tuple(
                store.claim(session, self.issue_id, owner=self.owner, limit=limit, now=now, lease_until=lease)
                for limit, _ in batch.claims
            )
        return _Written(marked=marked, claimed=claimed)

    def _give_up(self, batch: _Batch, problem: DigestError) -> None:
        """Nothing more goes out; what was in flight becomes uncertain when its lease is over."""
        self.problem = problem
        for _, _, answer in batch.marks:
            _answer(answer, False)  # noqa: FBT003 - the answer itself
        for _, claimer in batch.claims:
            _answer(claimer, ())


def _answer(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():  # its lane may have been cancelled
        future.set_result(value)
