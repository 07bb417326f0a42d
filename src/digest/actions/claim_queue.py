"""Claimed deliveries, a little ahead of the lanes that send them."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice

from digest.actions.ledger import LedgerWriter
from digest.core.addresses import domain_of
from digest.core.people import Claimed

MOST = 500
"""Deliveries claimed at once."""
SECONDS_AHEAD = 5.0
"""How much work is held: long enough that no lane waits for the database, far shorter than a claim's lease."""


LONGEST_WAIT = 20.0
"""Seconds for which a pace is waited out here; where it asks for more, the next turn goes on."""
_SLICE = 0.2
"""Seconds after which a wait looks whether it is of use still."""


class ClaimQueue:
    """Claims the next ones before the last are gone; how many depends on how fast they go."""

    def __init__(self, writer: LedgerWriter, *, lanes: int, is_over: Callable[[], bool] = lambda: False) -> None:
        self._writer, self._least, self._is_over = writer, 2 * lanes, is_over
        self._size = self._least
        self._waiting: deque[Claimed] = deque()
        self._ahead: dict[int, Claimed] = {}  # taken, and not begun; by id, which hashes faster than a row
        self._fetching: asyncio.Task[None] | None = None
        self._fetched_at: float | None = None
        self._is_drained = False

    async def take(self) -> Claimed | None:
        """The next one; None when nothing is due."""
        while (delivery := self.take_now()) is None and not self._is_drained:
            await asyncio.shield(self._fetch())
        return delivery

    def take_now(self) -> Claimed | None:
        """The next one of those that are here. Those whose destination has begun to wait are given back."""
        while self._waiting:
            delivery = self._waiting.popleft()
            if self._writer.waiting and domain_of(delivery.address) in self._writer.waiting:
                self._writer.release(delivery)
                continue
            if len(self._waiting) < self._size // 2 and not self._is_drained:
                self._fetch()
            return delivery
        return None

    def peek(self, number: int) -> list[Claimed]:
        """The next ones of those that are here, left where they are."""
        return list(islice(self._waiting, number))

    def take_ahead(self) -> Claimed | None:
        """The next one that is here, for who is not ready to send it yet: `begin` says later whether it still may."""
        if (delivery := self.take_now()) is not None:
            self._ahead[delivery.id] = delivery
        return delivery

    def begin(self, delivery: Claimed) -> bool:
        """Whether one that was taken ahead is still its taker's; false once it was given back."""
        if self._ahead.get(delivery.id) is not delivery:
            return False
        del self._ahead[delivery.id]
        return True

    async def close(self) -> tuple[Claimed, ...]:
        """Those that nobody took, or has not begun."""
        self._is_drained = True
        if self._fetching:
            await asyncio.shield(self._fetching)  # what it claims is ours, whoever waits for it
        left = (*self._waiting, *self._ahead.values())
        self._waiting.clear()
        self._ahead.clear()
        return left

    def _fetch(self) -> "asyncio.Task[None]":
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._claim())
        return self._fetching

    async def _claim(self) -> None:
        now, before = asyncio.get_running_loop().time(), self._fetched_at
        if before is not None:
            self._size = min(MOST, max(self._least, int(self._size * SECONDS_AHEAD / max(now - before, 0.001))))
        self._fetched_at = now
        try:
            taken = await self._writer.claim(self._size)
            while not taken and await self._may_come():
                taken = await self._writer.claim(self._size)
            self._waiting.extend(taken)
            self._is_drained = self._is_drained or not taken
        finally:
            self._fetching = None

    async def _may_come(self) -> bool:
        """Wait until the pace lets more go out. False where nothing would come, or nobody wants it any more."""
        seconds = self._writer.again_in
        if seconds is None or seconds > LONGEST_WAIT:
            return False
        while seconds > 0 and not self._is_drained and not self._is_over():
            await asyncio.sleep(min(seconds, _SLICE))
            seconds -= _SLICE
        return not self._is_drained and not self._is_over()
