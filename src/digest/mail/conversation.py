"""One SMTP connection after its login, driven phase by phase on our own bytes (RFC 5321).

    MAIL ─▶ RCPT ─▶ DATA ─354▶ body without its end ─▶ before_dot: durable mark ─▶ "." ─▶ reply
    └──────────────── certain: not accepted ─────────────────────────────────┘ └─ unknown if it ends here (RFC 1047)

aiosmtplib connects, encrypts and logs in; then this protocol takes its transport over, because that library cannot tell
"not sent" from "maybe sent" and drops what a server says while the body is on its way.
"""

import asyncio
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.mail.replies import BrokenReply, Reply, ReplyReader
from digest.mail.transport import BeforeDot

PATIENCE = {"mail": 300.0, "rcpt": 300.0, "data": 120.0, "body": 180.0, "dot": 600.0, "rset": 20.0, "quit": 5.0}
"""Seconds to wait for the reply to each phase (RFC 5321 §4.5.3.2; short where nothing depends on it)."""

SEND_BUFFER = 256 * 1024
"""Octets of the system's buffer: a digest goes into it whole, in one call."""

_GROUP = (("mail", 2), ("rcpt", 2), ("data", 3))
"""Phases that go out together, and the first digit of the answer that goes on."""

_REFUSALS = {4: OutcomeKind.DEFERRED, 5: OutcomeKind.REFUSED}


class _Lost(Exception):
    """The connection is of no more use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the server offers (RFC 5321 §2.2): its answer to EHLO."""

    pipelining: bool = False  # RFC 2920
    smtputf8: bool = False  # RFC 6531
    sized: bool = False  # RFC 1870
    largest: int = 0  # octets it takes, 0 where it does not say


class Conversation(asyncio.Protocol):
    """A connection that takes one message after another. `usable` turns False when it must be dropped."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        server: str,
        features: Features,
        patience: dict[str, float] | None = None,
    ) -> None:
        self.server, self.features = server, features
        self.patience = PATIENCE | (patience or {})
        self.usable = True
        self.messages = 0  # begun on this connection
        self.most: float = inf  # messages; the last one announces no other
        self.announced: Envelope | None = None  # its MAIL, RCPT and DATA went out with the dot of the one before
        self.idle_since = 0.0
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._deadline, self._phase, self._too_late = 0.0, "mail", ""
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False  # the network is slower than we are
        self._why_lost: str | None = None
        transport.set_protocol(self)
        # Drained means: the system has it all. Not high=0: a TLS transport takes an empty buffer for a full one then.
        transport.set_write_buffer_limits(high=1, low=0)
        if raw := transport.get_extra_info("socket"):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """One message. Everything that ends before the dot is certain."""
        self.messages += 1
        is_announced, self.announced = envelope is self.announced, None
        if not is_announced and (unfit := self._unfit(envelope)):
            return unfit
        try:
            if self.features.pipelining:
                refused = await self._begin(envelope, is_announced=is_announced)
            else:
                refused = await self._begin_slowly(envelope)
            return refused or await self._send_body(envelope, before_dot)
        except _Lost as lost:
            self.abort()
            return self._outcome(OutcomeKind.UNSENT, self._phase, None, str(lost))
        except BaseException:  # a lane cut off in mid-message: the server must not take what it has for a whole one
            self.abort()
            raise

    async def quit(self) -> None:
        """Take leave; nothing depends on the answer."""
        try:
            with suppress(_Lost):
                if self.usable:
                    await self._ask("QUIT\r\n", "quit")
        finally:  # a lane may be cut off while it waits
            self.abort()

    def abort(self) -> None:
        """Drop the connection now: a message without its end is never accepted."""
        self.usable, self.announced = False, None
        self._transport.abort()

    # ── asyncio.Protocol ────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Keep whole replies until somebody asks."""
        try:
            self._replies.extend(self._reader.feed(data))
        except BrokenReply as error:
            self._replies.extend(error.before)
            self._lose(str(error))
        self._wake()

    def eof_received(self) -> bool:
        """The server has closed its side."""
        self._lose("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(f"the connection broke: {exc}" if exc else "the server closed the connection")
        if self._timer:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """The network is slower than we are."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._paused = False
        self._wake()

    # ── phases ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _unfit(self, envelope: Envelope) -> Outcome | None:
        """What this server has said that it does not take."""
        if not (self.features.smtputf8 or _is_ascii(envelope)):
            why, enhanced, code = "the server does not take such addresses", "5.6.7", 553
        elif 0 < self.features.largest < envelope.size:
            why, enhanced, code = f"the server takes no more than {self.features.largest} octets", "5.3.4", 552
        else:
            return None
        return self._outcome(OutcomeKind.REFUSED, "mail", code, why, enhanced)

    def _commands(self, envelope: Envelope) -> tuple[tuple[str, str, int], ...]:
        """Phase, command, and the first digit of the answer that goes on."""
        utf8 = "" if _is_ascii(envelope) else " SMTPUTF8"
        size = f" SIZE={envelope.size}" if self.features.sized else ""
        return (
            ("mail", f"MAIL FROM:<{envelope.sender}>{size}{utf8}\r\n", 2),
            ("rcpt", f"RCPT TO:<{envelope.recipient}>\r\n", 2),
            ("data", "DATA\r\n", 3),
        )

    def _group(self, envelope: Envelope) -> bytes:
        """All three at once (RFC 2920)."""
        mail, rcpt, data = self._commands(envelope)
        return f"{mail[1]}{rcpt[1]}{data[1]}".encode()

    async def _begin_slowly(self, envelope: Envelope) -> Outcome | None:
        """MAIL, RCPT, DATA one after another; the refusal, if there is one."""
        for phase, command, wanted in self._commands(envelope):
            reply = await self._ask(command, phase)
            if reply.kind != wanted:
                return await self._refused(phase, reply)
        return None

    async def _begin(self, envelope: Envelope, *, is_announced: bool) -> Outcome | None:
        """MAIL, RCPT and DATA in one go (RFC 2920). The first refusal counts; the others only follow from it."""
        self._phase = "mail"
        if not is_announced:
            self._check_quiet()
            self._transport.write(self._group(envelope))
        first: tuple[str, Reply] | None = None
        try:
            for phase, wanted in _GROUP:
                reply = self._replies.popleft() if self._replies else await self._read(phase)
                if reply.code // 100 != wanted:
                    first = first or (phase, reply)
                if reply.code == 421:
                    break  # the end: no more answers come
        except _Lost:
            if first is None:
                raise
            self.abort()
            return self._judged(*first)
        if first is None:
            return None
        if reply.kind == 3:  # DATA was let through all the same: only a message, or the end of the line, gets out of it
            self.abort()
            return self._judged(*first)
        return await self._refused(*first)

    async def _send_body(self, envelope: Envelope, before_dot: BeforeDot) -> Outcome:
        self._phase = "body"
        self._transport.write(envelope.message if envelope.dotless else stuff_dots(envelope.message))
        if self._paused:
            await self._drain()
        if early := self._said_too_early():
            return early
        go = await before_dot()
        if not go:
            self.abort()
            return self._outcome(OutcomeKind.UNSENT, "body", None, "withdrawn before the end")
        if early := self._said_too_early():
            return early
        self._transport.write(b".\r\n" + self._announce(go))
        try:
            reply = await self._read("dot")
        except _Lost as lost:
            self.abort()
            return self._outcome(OutcomeKind.UNCERTAIN, "dot", None, str(lost))
        if reply.kind == 2:
            return self._outcome(OutcomeKind.ACCEPTED, "dot", reply.code, reply.text, reply.enhanced)
        return await self._refused("dot", reply)

    def _announce(self, upcoming: bool | Envelope) -> bytes:  # noqa: FBT001 - what `before_dot` gave
        """The first commands of the next message, which save a round trip (RFC 2920 §3.1: the end of one may begin a group)."""
        if isinstance(upcoming, bool) or not self.features.pipelining or self.messages >= self.most:
            return b""
        if self._unfit(upcoming):
            return b""
        self.announced = upcoming
        return self._group(upcoming)

    def _said_too_early(self) -> Outcome | None:
        """A reply or an end before our dot: whatever it says, the message was not accepted."""
        if not self._replies:
            if self._why_lost:
                raise _Lost(self._why_lost)
            return None
        self.abort()
        return self._judged("body", self._replies.popleft())

    async def _refused(self, phase: str, reply: Reply) -> Outcome:
        """A 4yz or 5yz; the connection goes on after RSET, or with the message that is announced already.

        421 ends it, and whatever it answers was not accepted.
        """
        if reply.kind not in _REFUSALS or reply.code == 421:  # a 2yz or 3yz out of place: who knows what that means
            self.abort()
        elif not self.announced:
            await self._reset()
        return self._judged(phase, reply)

    def _judged(self, phase: str, reply: Reply) -> Outcome:
        """An answer out of place proves nothing after the dot, and before it: that nothing was accepted."""
        other = OutcomeKind.UNCERTAIN if phase == "dot" else OutcomeKind.UNSENT
        kind = _REFUSALS.get(reply.kind, other)
        return self._outcome(kind, phase, reply.code, reply.text, reply.enhanced)

    async def _reset(self) -> None:
        try:
            if (await self._ask("RSET\r\n", "rset")).kind != 2:
                self.abort()
        except _Lost:
            self.abort()

    # ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, command: str, phase: str) -> Reply:
        self._phase = phase
        self._check_quiet()
        self._transport.write(command.encode())
        return await self._read(phase)

    def _check_quiet(self) -> None:
        if self._replies:  # an answer to nothing we asked, "421 idle for too long" as a rule
            raise _Lost(f"the server said {self._replies[0].code} {self._replies[0].text}")
        if self._why_lost:
            raise _Lost(self._why_lost)

    async def _read(self, phase: str) -> Reply:
        self._phase = phase
        if not self._replies:
            self._be_patient()  # with the whole reply: one that comes octet by octet gets no more time
        while not self._replies:
            if self._why_lost:
                raise _Lost(self._why_lost)
            await self._wait(f"no answer within {self.patience[phase]:g} seconds")
        return self._replies.popleft()

    async def _drain(self) -> None:
        self._be_patient()
        while self._paused and not self._replies and not self._why_lost:
            await self._wait("the server takes no more of the message")

    def _be_patient(self) -> None:
        self._deadline = self._loop.time() + self.patience[self._phase]

    async def _wait(self, too_late: str) -> None:
        """Until something happens, or the phase's patience ends."""
        self._too_late = too_late
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_timer(self) -> None:
        """One timer for the whole connection, moved only when it is due too late: waits are many and short."""
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiter is None or self._why_lost:
            return
        if self._loop.time() >= self._deadline:
            self._lose(self._too_late)
        else:
            self._set_timer()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _lose(self, why: str) -> None:
        self.usable = False
        self._why_lost = self._why_lost or why
        self._wake()

    def _outcome(
        self, kind: OutcomeKind, phase: str, code: int | None, reply: str, enhanced: str | None = None
    ) -> Outcome:
        return Outcome(kind, phase, code, enhanced, reply, self.server)


def _is_ascii(envelope: Envelope) -> bool:
    return envelope.recipient.isascii() and envelope.sender.isascii()


def stuff_dots(message: bytes) -> bytes:
    """Transparency of RFC 5321 §4.5.2. Our own messages never need it; those of others may."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message
