"""One SMTP connection after its login, driven phase by phase on our own bytes (RFC 5321).

    MAIL ─▶ RCPT ─▶ DATA ─354▶ body without its end ─▶ before_dot: durable mark ─▶ "." ─▶ reply
    └──────────────── certain: not accepted ─────────────────────────────────┘ └─ unknown if it ends here (RFC 1047)

aiosmtplib connects, encrypts and logs in; then this protocol takes its transport over, because that library cannot tell
"not sent" from "maybe sent" and drops what a server says while the body is on its way.
"""

import asyncio
from collections import deque
from contextlib import suppress

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.mail.replies import BrokenReply, Reply, ReplyReader
from digest.mail.transport import BeforeDot

PATIENCE = {"mail": 300.0, "rcpt": 300.0, "data": 120.0, "body": 180.0, "dot": 600.0, "rset": 20.0, "quit": 5.0}
"""Seconds to wait for the reply to each phase (RFC 5321 §4.5.3.2; short where nothing depends on it)."""


class _Lost(Exception):
    """The connection is of no more use."""


class Conversation(asyncio.Protocol):
    """A connection that takes one message after another. `usable` turns False when it must be dropped."""

    def __init__(
        self, transport: asyncio.Transport, *, server: str, smtputf8: bool, patience: dict[str, float] | None = None
    ) -> None:
        self.server, self.smtputf8 = server, smtputf8
        self.patience = PATIENCE | (patience or {})
        self.usable = True
        self.messages = 0  # begun on this connection
        self.idle_since = 0.0
        self._transport = transport
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._why_lost: str | None = None
        transport.set_protocol(self)

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """One message. Everything that ends before the dot is certain."""
        self.messages += 1
        if not (self.smtputf8 or (envelope.sender + envelope.recipient).isascii()):
            return self._outcome(OutcomeKind.REFUSED, "mail", None, "the server does not take such addresses", "5.6.7")
        phase = "mail"
        try:
            for phase, command, wanted in self._commands(envelope):
                reply = await self._ask(command, phase)
                if reply.kind != wanted:
                    return await self._refused(phase, reply)
            phase = "body"
            return await self._send_body(envelope.message, before_dot)
        except _Lost as lost:
            self.abort()
            return self._outcome(OutcomeKind.UNSENT, phase, None, str(lost))
        except BaseException:  # a lane cut off in mid-message: the server must not take what it has for a whole one
            self.abort()
            raise

    async def quit(self) -> None:
        """Take leave; nothing depends on the answer."""
        with suppress(_Lost):
            if self.usable:
                await self._ask("QUIT", "quit")
        self.abort()

    def abort(self) -> None:
        """Drop the connection now: a message without its end is never accepted."""
        self.usable = False
        self._transport.abort()

    # ── asyncio.Protocol ────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Keep whole replies until somebody asks."""
        try:
            self._replies.extend(self._reader.feed(data))
        except BrokenReply as error:
            self._lose(str(error))
        self._news.set()

    def eof_received(self) -> bool:
        """The server has closed its side."""
        self._lose("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(f"the connection broke: {exc}" if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        """The network is slower than we are."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    # ── phases ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _commands(self, envelope: Envelope) -> tuple[tuple[str, str, int], ...]:
        utf8 = "" if (envelope.sender + envelope.recipient).isascii() else " SMTPUTF8"
        return (
            ("mail", f"MAIL FROM:<{envelope.sender}>{utf8}", 2),
            ("rcpt", f"RCPT TO:<{envelope.recipient}>", 2),
            ("data", "DATA", 3),
        )

    async def _send_body(self, message: bytes, before_dot: BeforeDot) -> Outcome:
        self._transport.write(stuff_dots(message))
        await self._drain()
        if early := self._said_too_early():
            return early
        if not await before_dot():
            self.abort()
            return self._outcome(OutcomeKind.UNSENT, "body", None, "withdrawn before the end")
        if early := self._said_too_early():
            return early
        self._transport.write(b".\r\n")
        try:
            reply = await self._read("dot")
        except _Lost as lost:
            self.abort()
            return self._outcome(OutcomeKind.UNCERTAIN, "dot", None, str(lost))
        if reply.kind == 2:
            return self._outcome(OutcomeKind.ACCEPTED, "dot", reply.code, reply.text, reply.enhanced)
        return await self._refused("dot", reply)

    def _said_too_early(self) -> Outcome | None:
        """A reply or an end before our dot: whatever it says, the message was not accepted."""
        if not self._replies:
            if self._why_lost:
                raise _Lost(self._why_lost)
            return None
        reply = self._replies.popleft()
        self.abort()
        kinds = {4: OutcomeKind.DEFERRED, 5: OutcomeKind.REFUSED}
        kind = kinds.get(reply.kind, OutcomeKind.UNSENT)
        return self._outcome(kind, "body", reply.code, reply.text, reply.enhanced)

    async def _refused(self, phase: str, reply: Reply) -> Outcome:
        """A 4yz or 5yz; the connection goes on after RSET. 421 ends it, and whatever it answers was not accepted."""
        kinds = {4: OutcomeKind.DEFERRED, 5: OutcomeKind.REFUSED}
        if reply.kind not in kinds:  # a 2yz or 3yz out of place: nobody knows what this server means
            self.abort()
            kind = OutcomeKind.UNCERTAIN if phase == "dot" else OutcomeKind.UNSENT
            return self._outcome(kind, phase, reply.code, reply.text, reply.enhanced)
        if reply.code == 421:
            self.abort()
        else:
            await self._reset()
        return self._outcome(kinds[reply.kind], phase, reply.code, reply.text, reply.enhanced)

    async def _reset(self) -> None:
        try:
            if (await self._ask("RSET", "rset")).kind != 2:
                self.abort()
        except _Lost:
            self.abort()

    # ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, command: str, phase: str) -> Reply:
        if self._replies:  # an answer to nothing we asked, "421 idle for too long" as a rule
            raise _Lost(f"the server said {self._replies[0].code} {self._replies[0].text}")
        if self._why_lost:
            raise _Lost(self._why_lost)
        self._transport.write(command.encode() + b"\r\n")
        return await self._read(phase)

    async def _read(self, phase: str) -> Reply:
        try:
            async with asyncio.timeout(self.patience[phase]):
                while not self._replies:
                    if self._why_lost:
                        raise _Lost(self._why_lost)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise _Lost(f"no answer within {self.patience[phase]:g} seconds") from None
        return self._replies.popleft()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self.patience["body"]):
                await self._writable.wait()
        except TimeoutError:
            raise _Lost("the server takes no more of the message") from None

    def _lose(self, why: str) -> None:
        self.usable = False
        self._why_lost = self._why_lost or why
        self._news.set()
        self._writable.set()

    def _outcome(
        self, kind: OutcomeKind, phase: str, code: int | None, reply: str, enhanced: str | None = None
    ) -> Outcome:
        return Outcome(kind=kind, phase=phase, code=code, enhanced=enhanced, reply=reply, server=self.server)


def stuff_dots(message: bytes) -> bytes:
    """Transparency of RFC 5321 §4.5.2. Our own messages never need it; those of others may."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message
