"""Pacing: one request at a time per host, and a pause between two (docs/fetching.md F12)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

GAP_SECONDS = 2.0
AT_ONCE = 16


class Pacer:
    """Hands out turns. A platform that serves many blogs counts as one host (`core.polling.host_key`)."""

    def __init__(
        self,
        *,
        gap: float = GAP_SECONDS,
        at_once: int = AT_ONCE,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = gap
        self._at_once = at_once
        self._monotonic = monotonic
        self._sleep = sleep
        self._last: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._slots: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def remember(self, host: str, *, seconds_ago: float) -> None:
        """A request of an earlier process: a restart is no reason to hurry."""
        self._last[host] = max(self._last.get(host, float("-inf")), self._monotonic() - max(seconds_ago, 0.0))

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for this host's turn, hold it for one request."""
        self._bind()
        async with self._locks.setdefault(host, asyncio.Lock()):
            wait = self._last.get(host, float("-inf")) + self._gap - self._monotonic()
            if wait > 0:
                await self._sleep(wait)
            assert self._slots is not None
            async with self._slots:
                try:
                    yield
                finally:
                    self._last[host] = self._monotonic()

    def _bind(self) -> None:
        """Locks belong to an event loop; the times remembered do not."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._locks, self._slots = loop, {}, asyncio.Semaphore(self._at_once)
