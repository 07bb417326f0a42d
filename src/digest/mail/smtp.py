"""SMTP: a pool of conversations with one relay. aiosmtplib connects, encrypts and logs in; `Conversation` does the rest.

TLS is never downgraded: with `starttls` a server that does not offer it gets nothing (RFC 3207), `tls` is encrypted from
the first byte (RFC 8314), and plain text is for this machine only, unless forced.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import cast

import aiosmtplib

from digest.core.digits import number_of
from digest.core.mime import clean_line
from digest.core.people import Envelope, Outcome
from digest.errors import LoginRefused, SettingsError, TransportError
from digest.mail.conversation import Conversation, Features
from digest.mail.plain_text import check_privacy, is_loopback
from digest.mail.tls import tls_context
from digest.mail.transport import BeforeDot

PORTS = {"tls": 465, "starttls": 587, "plain": 25}
MESSAGES_PER_CONNECTION = 50
IDLE_SECONDS = 30.0
ANNOUNCED_SECONDS = 1.0
"""How long a connection waits for the message that it has begun, where all are in use."""
_NO_SUCH_METHOD, _METHOD_TOO_WEAK = 504, 534
"""RFC 4954 §6: the server takes no password by this method, but may by another; after 534 by one that does not send it."""
SLOT_AGAIN = 60.0
"""Seconds after which one more connection is tried where the server had no room for it: one refusal may be a bad moment."""


class SmtpTransport:
    """Sends through one relay over at most `connections` connections.

    A connection carries at most 50 messages, or what a 421 taught, and ends after 30 idle seconds. `context` is for
    several servers at once, which can share one.

    Raises:
        SettingsError: plain text to another machine, a missing authority file, a user without a password.
    """

    def __init__(
        self,
        *,
        host: str,
        name: str | None = None,
        port: int | None = None,
        security: str = "starttls",
        username: str | None = None,
        password: str | None = None,
        connections: int = 4,
        allow_plain_anywhere: bool = False,
        ca_file: Path | None = None,
        context: ssl.SSLContext | None = None,
        hostname: str | None = None,
        connect_timeout: float = 60.0,
        idle_seconds: float = IDLE_SECONDS,
        slot_again: float = SLOT_AGAIN,
        patience: dict[str, float] | None = None,
    ) -> None:
        check_privacy(host, security, allow_plain_anywhere=allow_plain_anywhere)
        if username and password is None:
            raise SettingsError(
                "smtp.username is set, but there is no password", next_step="write it into secrets/smtp_password"
            )
        self.host, self.port, self.security = host, port or PORTS[security], security
        self.name = name or f"{host}:{self.port}"  # for messages and logs
        self.username, self.password, self.hostname = username, password, hostname
        self.context = None if security == "plain" else context or tls_context(ca_file)
        self.connect_timeout, self.patience = connect_timeout, patience
        self.idle_seconds, self.slot_again = idle_seconds, slot_again
        self.per_connection = MESSAGES_PER_CONNECTION
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Conversation] = []
        self._announced: dict[int, Conversation] = {}  # that have begun this envelope, and keep a slot; by its identity
        self._live = 0  # connections in use or being made
        self._withheld = 0  # slots that the server had no room for
        self._slot_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._announced_timer: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._outages = 0  # times that not one connection could be had
        self._outage: TransportError | None = None  # the last of them

    async def open(self) -> None:
        """Have one connection ready: a wrong host, certificate or password shows here.

        Messages that were announced before and never sent are dropped with their connections.

        Raises:
            TransportError: no connection.
            LoginRefused: the server wants other credentials.
        """
        self._drop_announced()
        if not self._idle:
            self._keep(await self._connect())

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """One message over a free connection, or over the one that has begun with it already.

        Raises:
            TransportError: no connection could be made; certain that nothing was sent.
        """
        conversation = self._announced.pop(id(envelope), None)
        if conversation is None:
            conversation = await self._take()
        reused = conversation.messages > 0
        outcome = await self._talk(conversation, envelope, before_dot)
        if not (reused and outcome.phase == "mail" and not conversation.usable):
            return outcome
        # A connection that the server ended while it waited, "421 too many messages" as a rule (nothing was sent):
        # learn from it, and begin anew at once.
        if outcome.code == 421:
            self.per_connection = max(1, min(self.per_connection, conversation.messages - 1))
        return await self._talk(await self._take(fresh=True), envelope, before_dot)

    async def close(self) -> None:
        """Take leave of every idle connection."""
        self._drop_announced()
        for timer in (self._slot_timer, self._idle_timer, self._announced_timer):
            if timer:
                timer.cancel()
        self._give_back(self._withheld)
        self._slot_timer = self._idle_timer = self._announced_timer = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*(conversation.quit() for conversation in idle), *self._leaving)

    def _drop_announced(self, *, before: float = inf) -> None:
        """Those that began to wait for their message before that time, and the slots that they keep."""
        for key, conversation in list(self._announced.items()):
            if conversation.idle_since < before:
                del self._announced[key]
                conversation.abort()
                self._live -= 1
                self._slots.release()

    def _drop_forgotten(self) -> None:
        """A lane that ended never sends what it announced, and others wait for the slot; one that was only slow gets another."""
        self._announced_timer = None
        self._drop_announced(before=asyncio.get_running_loop().time() - ANNOUNCED_SECONDS)
        self._watch_announced()

    def _watch_announced(self) -> None:
        if self._announced and self._slots.locked() and self._announced_timer is None:
            self._announced_timer = asyncio.get_running_loop().call_later(ANNOUNCED_SECONDS, self._drop_forgotten)

    async def _talk(self, conversation: Conversation, envelope: Envelope, before_dot: BeforeDot) -> Outcome:
        conversation.most = self.per_connection
        try:
            return await conversation.send(envelope, before_dot=before_dot)
        finally:
            if conversation.announced is not None:  # still in use: another in its place may be one too many
                self._announced[id(conversation.announced)] = conversation
                conversation.idle_since = asyncio.get_running_loop().time()
                self._watch_announced()
            else:
                try:
                    await self._put_back(conversation)
                finally:
                    self._live -= 1
                    self._slots.release()

    async def _put_back(self, conversation: Conversation) -> None:
        """To the others, or away. The server has it until its QUIT is answered."""
        if conversation.usable and conversation.messages < self.per_connection:
            self._keep(conversation)
        else:
            await conversation.quit()

    def _keep(self, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        conversation.idle_since = loop.time()
        self._idle.append(conversation)
        if self._idle_timer is None:
            self._idle_timer = loop.call_later(self.idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        """Take leave of those that nobody has used for long: the others are used before them, again and again."""
        loop = asyncio.get_running_loop()
        stale = [one for one in self._idle if not one.usable or loop.time() - one.idle_since >= self.idle_seconds]
        self._idle = [one for one in self._idle if one not in stale]
        for conversation in stale:
            leaving = loop.create_task(conversation.quit())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        oldest = min((one.idle_since for one in self._idle), default=None)
        self._idle_timer = None if oldest is None else loop.call_at(oldest + self.idle_seconds, self._end_idle)

    async def _take(self, *, fresh: bool = False) -> Conversation:
        """A connection of our own. Where the server takes fewer than we may use, go on with those it took."""
        outages = self._outages
        while True:
            await self._slots.acquire()
            if self._outage and self._outages != outages:  # the last of the others found the server gone meanwhile
                self._slots.release()
                raise type(self._outage)(self._outage.message, next_step=self._outage.next_step)
            self._live += 1
            try:
                return (None if fresh else await self._take_idle()) or await self._connect()
            except TransportError as error:
                self._live -= 1
                if self._live == 0 and self._idle and not (fresh or isinstance(error, LoginRefused)):
                    self._slots.release()  # full still, and those that have its connections are through meanwhile
                    continue
                if self._live == 0:  # not full, but gone: nothing follows for when it is back
                    self._outages, self._outage = self._outages + 1, error
                    self._give_back(self._withheld)
                if self._live == 0 or isinstance(error, LoginRefused):
                    self._slots.release()
                    raise
                self._withhold()
            except BaseException:
                self._live -= 1
                self._slots.release()
                raise

    def _withhold(self) -> None:
        """The slot stays taken: one connection less, for a while."""
        self._withheld += 1
        if self._slot_timer is None:
            self._slot_timer = asyncio.get_running_loop().call_later(self.slot_again, self._try_one_more)

    def _try_one_more(self) -> None:
        self._slot_timer = None
        self._give_back(min(1, self._withheld))
        if self._withheld:
            self._slot_timer = asyncio.get_running_loop().call_later(self.slot_again, self._try_one_more)

    def _give_back(self, number: int) -> None:
        self._withheld -= number
        for _ in range(number):
            self._slots.release()

    async def _take_idle(self) -> Conversation | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            conversation = self._idle.pop()
            if conversation.usable and now - conversation.idle_since < self.idle_seconds:
                return conversation
            await conversation.quit()
        return None

    async def _connect(self) -> Conversation:
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.context,
            local_hostname=self.hostname,
            timeout=self.connect_timeout,
        )
        try:
            await client.connect()
            await _greet(client)
            if self.username:
                await self._log_in(client)
        except BaseException as error:
            # Of a lane cut off, too: the server must not wait for its commands until its own patience ends.
            _drop(client)
            if isinstance(error, aiosmtplib.SMTPException | OSError | ValueError):
                raise self._meaning(error) from error
            raise
        return Conversation(
            cast("asyncio.Transport", _transport_of(client)),
            server=self.name,
            features=_features(client),
            patience=self.patience,
        )

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        """By one method. aiosmtplib's own `login` tries the same password by every other one, too, which locks accounts.

        Encrypted, or within this machine, PLAIN comes first, as RFC 4954 §4 has it: CRAM-MD5 is offered by servers that keep no
        password for it, and refuse everybody's.
        """
        methods = list(client.supported_auth_methods)
        if self.security != "plain" or is_loopback(self.host):
            methods.sort(key="cram-md5".__eq__)
        too_weak: aiosmtplib.SMTPAuthenticationError | None = None
        for method in methods:
            if too_weak and method != "cram-md5":
                continue  # as weak, and Gmail says 534 of passwords that it has looked at
            try:
                await getattr(client, f"auth_{method.replace('-', '')}")(self.username, self.password or "")
            except aiosmtplib.SMTPAuthenticationError as error:
                if error.code not in {_NO_SUCH_METHOD, _METHOD_TOO_WEAK}:
                    raise
                too_weak = error if error.code == _METHOD_TOO_WEAK else too_weak
            else:
                return
        raise too_weak or aiosmtplib.SMTPException("no AUTH method is left")

    def _meaning(self, error: Exception) -> TransportError:
        """One sentence for what went wrong before the first message."""
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return TransportError(
                    f"{self.name}: its certificate cannot be trusted: {cause.verify_message.rstrip('.')}",
                    next_step="check smtp.host, or name the authority's certificate in smtp.ca_file",
                )
            if isinstance(cause, ssl.SSLError):
                return TransportError(
                    f"{self.name} does not speak TLS there",
                    next_step='smtp.security = "tls" goes with port 465, "starttls" with 587',
                )
        return self._refusal(error)

    def _refusal(self, error: Exception) -> TransportError:
        if isinstance(error, aiosmtplib.SMTPResponseException):
            said = f"{error.code} {clean_line(error.message)}"  # may have any bytes, and is kept as a pause's reason
            at_login = isinstance(error, aiosmtplib.SMTPAuthenticationError)
            # A 4yz says nothing of the password: the server cannot ask who knows it (RFC 4954 §6: 454).
            if (at_login and error.code // 100 != 4) or error.code in {530, 534, 535}:
                return LoginRefused(
                    f"{self.name} refused the user name or password: {said}",
                    next_step="correct smtp.username and secrets/smtp_password",
                )
            return TransportError(f"{self.name} does not take messages now: {said}", next_step="try again later")
        if "STARTTLS extension not supported" in str(error):
            return TransportError(
                f"{self.name} does not offer STARTTLS; nothing was sent in the clear",
                next_step='try smtp.security = "tls" with port 465',
            )
        if isinstance(error, aiosmtplib.SMTPException) and "auth" in str(error).lower():
            return LoginRefused(
                f"{self.name} offers no way to log in that it takes", next_step="check smtp.security and smtp.port"
            )
        return TransportError(
            f"{self.name} cannot be reached: {_words(error)}", next_step="check smtp.host and smtp.port"
        )


def _transport_of(client: aiosmtplib.SMTP) -> asyncio.Transport | None:
    """STARTTLS has replaced it in the protocol."""
    return cast("asyncio.Transport | None", (client.protocol and client.protocol.transport) or client.transport)


def _drop(client: aiosmtplib.SMTP) -> None:
    """At once. TLS would take leave and wait for the server's answer, up to half a minute."""
    transport = _transport_of(client)
    client.close()
    if transport:
        transport.abort()


async def _greet(client: aiosmtplib.SMTP) -> None:
    """EHLO, or HELO where the server is that old."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _features(client: aiosmtplib.SMTP) -> Features:
    size = client.esmtp_extensions.get("size", "0")
    return Features(
        pipelining=client.supports_extension("pipelining"),
        smtputf8=client.supports_extension("smtputf8"),
        sized=client.supports_extension("size"),
        largest=number_of(size, most=10**12) or 0,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(error: Exception) -> str:
    """The system's own words, without Python's numbers."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "no such host"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
    return (
        "no answer" if isinstance(error, TimeoutError) else clean_line(str(error)).rstrip(".") or type(error).__name__
    )
