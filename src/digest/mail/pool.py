"""Several mail servers as one transport: shared out by weight, and one that fails is put aside for a while.

    send ─▶ seat: healthy, by weight, room for one more ─▶ that server's conversation ─▶ outcome
                └──◀── put aside: it failed before the message's body, so nothing was accepted ◀──┘

A message goes to another server only while that is certain. Once its body has begun, what its server said stands, and
what nobody knows stays unknown (docs/decisions/0073).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from digest.core.addresses import hide_addresses
from digest.core.people import Envelope, Outcome
from digest.core.policy import Blame, name_answer, whom_to_blame
from digest.core.states import OutcomeKind
from digest.errors import LoginRefused, TransportError
from digest.mail.transport import BeforeDot, Transport

log = logging.getLogger(__name__)

ASIDE = (10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds for which a server that failed once, twice, … is left alone; the last one repeats."""

FAILURES_IN_A_ROW = 3
"""So many messages that did not get past a server's first commands put it aside: one alone may be a busy moment."""

ROOM_SECONDS = 1.0
"""A server whose connections are all taken for longer does not keep up with its weight; others help out."""

_BEFORE_BODY = frozenset({"mail", "rcpt", "data"})
_SERVERS_LIMITS = frozenset({"5.3.4", "5.6.7"})
"""RFC 3463: a message larger than this server takes, an address that it cannot write (SMTPUTF8). Another one may."""


class Relay(Transport, Protocol):
    """A transport of one server."""

    @property
    def name(self) -> str:
        """The server, for messages and logs."""


@dataclass(slots=True)
class Server:
    """One server of the pool."""

    transport: Relay
    weight: int
    connections: int
    credit: int = 0  # of the weighted round
    failures: int = 0  # messages in a row that it did not take hold of
    falls: int = 0  # times in a row that it was put aside
    aside_until: float = 0.0  # by the pool's clock
    problem: TransportError | None = None  # why it is aside
    is_slow: bool = False  # every connection taken, and none came free for a while
    room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.room = asyncio.Semaphore(self.connections)


class ServerPool:
    """Sends through whichever of several servers is well. `connections` of them all go on at once."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        seconds: Callable[[], float] | None = None,
        room_seconds: float = ROOM_SECONDS,
    ) -> None:
        self.servers = tuple(servers)
        self._seconds, self._room_seconds = seconds, room_seconds

    async def open(self) -> None:
        """Have one server ready; those that fail before it are put aside.

        Raises:
            TransportError: none can be reached.
            LoginRefused: every one of them wants other credentials.
        """
        for server in sorted(self.servers, key=lambda each: -each.weight):
            try:
                await server.transport.open()
            except TransportError as error:
                self._put_aside(server, error)
            else:
                return
        raise self._why_none()

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """One message through one server, or through the next where that one failed before the body.

        Raises:
            TransportError: no server is left; certain that nothing was sent.
        """
        tried: list[Server] = []
        last: Outcome | None = None
        beyond: list[Outcome] = []

        async def without_next() -> bool:  # the next message may go to another server
            return bool(await before_dot())

        while server := await self._seat(tried):
            tried.append(server)
            try:
                outcome = await server.transport.send(envelope, before_dot=without_next)
            except TransportError as error:
                self._put_aside(server, error)
                continue
            finally:
                server.is_slow = False
                server.room.release()
            if is_beyond_the_server(outcome):
                beyond.append(outcome)
                continue
            if not is_of_the_server(outcome):
                server.failures = server.falls = 0
                return outcome
            last = outcome
            self._count(server, outcome)
        if beyond:  # final only where every server has said so: one that is aside may be the one that takes it
            is_final = len(beyond) == len(self.servers)
            return beyond[-1] if is_final else last or beyond[-1]._replace(kind=OutcomeKind.UNSENT)
        if last:
            return last
        raise self._why_none()

    async def close(self) -> None:
        """Take leave of every server."""
        closing: list[Awaitable[None]] = [server.transport.close() for server in self.servers]
        await asyncio.gather(*closing)

    async def _seat(self, tried: Sequence[Server]) -> Server | None:
        """A server with a free connection, which is taken. None where none is well that was not tried."""
        while True:
            well = [one for one in self._well() if one not in tried]
            if not well:
                return None
            ready = [one for one in well if not (one.is_slow and one.room.locked())]
            server = choose(ready or well)
            try:
                async with asyncio.timeout(self._room_seconds if server.room.locked() and len(well) > 1 else None):
                    await server.room.acquire()
            except TimeoutError:
                server.is_slow = True
                continue
            if server in self._well():
                return server
            server.room.release()  # put aside while this message waited

    def _well(self) -> list[Server]:
        now = self._now()
        return [one for one in self.servers if one.aside_until <= now]

    def _count(self, server: Server, outcome: Outcome) -> None:
        said = f"{server.transport.name} does not take messages now: {name_answer(outcome)}"
        if whom_to_blame(outcome) is Blame.LOGIN:
            self._put_aside(server, LoginRefused(said, next_step="correct its user name and password"))
            return
        server.failures += 1
        if server.failures >= FAILURES_IN_A_ROW:
            self._put_aside(server, TransportError(said, next_step="try again later"))

    def _put_aside(self, server: Server, error: TransportError) -> None:
        server.problem, server.failures = error, 0
        now = self._now()
        if server.aside_until > now:  # another message that was under way
            return
        seconds = ASIDE[min(server.falls, len(ASIDE) - 1)]
        server.aside_until = now + seconds
        server.falls += 1
        facts = {"server": server.transport.name, "seconds": seconds, "problem": hide_addresses(error.message)}
        log.warning("a mail server is put aside", extra=facts)

    def _why_none(self) -> TransportError:
        """The first server's problem; a login only where nothing else is wrong anywhere."""
        problems = [one.problem for one in self.servers if one.problem]
        others = [one for one in problems if not isinstance(one, LoginRefused)]
        return (others or problems or [TransportError("no mail server takes messages now")])[0]

    def _now(self) -> float:
        return self._seconds() if self._seconds else asyncio.get_running_loop().time()


def choose(servers: Sequence[Server]) -> Server:
    """By weight and evenly mixed: 5, 1, 1 gives a a b a c a a, and not five of one in a row."""
    for one in servers:
        one.credit += one.weight
    chosen = max(servers, key=lambda each: each.credit)
    chosen.credit -= sum(one.weight for one in servers)
    return chosen


def is_of_the_server(outcome: Outcome) -> bool:
    """Whether it says nothing about the message, so that another server may be asked: its body was not begun."""
    if outcome.phase not in _BEFORE_BODY:
        return False
    if outcome.kind is OutcomeKind.UNSENT or whom_to_blame(outcome) is Blame.LOGIN:
        return True
    return outcome.phase == "mail" and outcome.kind is OutcomeKind.DEFERRED


def is_beyond_the_server(outcome: Outcome) -> bool:
    """Whether it is too much for this server and may not be for another one; nothing is wrong with either."""
    is_refused = outcome.kind is OutcomeKind.REFUSED and outcome.phase == "mail"
    return is_refused and outcome.enhanced in _SERVERS_LIMITS
