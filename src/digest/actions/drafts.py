"""Messages made for some readers at once, just ahead of the lanes: composed here, signed in threads.

Between two messages the system, the ledger and other lanes have had the processor's caches: sixteen composed in a row take
less time than sixteen that are composed one by one (docs/decisions/0179).
"""

import asyncio

from digest.actions.claim_queue import ClaimQueue
from digest.actions.issue_run import IssueRun
from digest.actions.signing import Made, SignLater
from digest.core.people import Claimed, Envelope

AT_ONCE = 16
SOON = 0.2
"""Seconds in which a signature is made as a rule, many times over."""
SIGNED_AT_ONCE = 4
"""In one step of a thread: for each the interpreter changes hands. With more, lanes would wait for the last of them."""


class Drafts:
    """The messages of one issue, for all its lanes."""

    def __init__(self, run: IssueRun, queue: ClaimQueue, sign: SignLater | None = None) -> None:
        self._run, self._queue, self._sign = run, queue, sign
        # By delivery; those given back meanwhile go with the next ones. Claimed anew, one has the same message still: its
        # reader, address, variant and date stay.
        self._made: dict[int, Made | asyncio.Future[dict[int, Made]]] = {}
        self._awaited: set[int] = set()  # of those, what a lane has asked for and not taken yet

    async def take(self, delivery: Claimed) -> Envelope:
        """Its message, gated, and signed where somebody signs.

        Raises:
            MessageError: the bytes break a rule of the formats.
        """
        if delivery.id not in self._made:
            self._make((delivery, *self._queue.peek(AT_ONCE - 1)))
        made = self._made.pop(delivery.id)
        self._awaited.discard(delivery.id)
        if isinstance(made, asyncio.Future):
            made = (await asyncio.shield(made))[delivery.id]  # others wait for it, too
        if isinstance(made, Exception):
            raise made
        return made

    async def is_soon(self, delivery: Claimed) -> bool:
        """Whether `take` would not keep one waiting for a signature any more."""
        if delivery.id not in self._made:
            self._make((delivery, *self._queue.peek(AT_ONCE - 1)))
        made = self._made[delivery.id]
        if not isinstance(made, asyncio.Future) or made.done():
            return True
        self._awaited.add(delivery.id)
        return bool((await asyncio.wait((made,), timeout=SOON))[0])

    def _make(self, deliveries: tuple[Claimed, ...]) -> None:
        composed = {one.id: self._compose(one) for one in deliveries}
        awaited = {number: self._made[number] for number in self._awaited}
        self._made = {**awaited, **composed}
        if self._sign is None:
            return
        unsigned = [(number, made) for number, made in composed.items() if isinstance(made, Envelope)]
        for start in range(0, len(unsigned), SIGNED_AT_ONCE):
            some = dict(unsigned[start : start + SIGNED_AT_ONCE])
            self._made.update(dict.fromkeys(some, self._sign(some)))

    def _compose(self, delivery: Claimed) -> Made:
        """A fault belongs to its own message alone."""
        try:
            return self._run.composers[delivery.variant_id or 0](delivery, dated=delivery.dated)
        except Exception as fault:  # noqa: BLE001 - raised where this message is asked for
            return fault
