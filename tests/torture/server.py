"""The mail server: keeps what it accepts in a synced log before it says so, and otherwise does what its plan says."""

import asyncio
import hashlib
import re
import socket
import ssl
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.torture.faults import KEEPS, SILENT, Plan, reply
from tests.torture.oracle import OracleLog
from tests.torture.shared import Aim

RECIPIENT = re.compile(rb"RCPT TO:<([^>]*)>", re.IGNORECASE)
MESSAGE_ID = re.compile(rb"^Message-ID: *(?:\r\n )?(\S+)", re.MULTILINE | re.IGNORECASE)


class Gone(Exception):
    """The conversation is over."""


class MailServer:
    """What its connections share."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.place = Path(job["place"])
        self.plan = Plan(job.get("plan", {}))
        self.log = OracleLog(self.place / job.get("log", "oracle.jsonl"))
        self.aim = Aim(self.place / job.get("aim", "aim"))
        self.pipelining: bool = job.get("pipelining", True)
        self.patience: float = job.get("patience", 0.2)  # of the sender: "too late" is longer, "late" much shorter
        self.certificates: dict[str, ssl.SSLContext] = {
            name: _context(Path(file)) for name, file in job.get("certificates", {}).items()
        }
        self.login: bool = bool(self.certificates)

    async def serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._converse, sock=listener, limit=2**20)
        async with server:
            await server.serve_forever()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        with suppress(Gone, ConnectionError, ssl.SSLError, TimeoutError):
            await connection.run()
        with suppress(Exception):
            writer.close()

    def note(self, phase: str, answer: str) -> None:
        """A fault that was shown to a sender."""
        unknown = phase == "after" or (phase in {"dot", "body"} and answer in SILENT)
        self.log.write("fault", phase=phase, answer=answer, after_dot=unknown, when=time.monotonic())


class Connection:
    """One conversation."""

    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.buffer, self.waiting = b"", b""  # read and not yet looked at; to be said before the next reading
        self.read_at = 0.0
        self.encrypted, self.recipient, self.messages = False, "", 0
        self.sender_ok = self.recipient_ok = False
        self.ends_after, self.says_so = 0, False

    async def run(self) -> None:
        self._plan_the_end()
        await self.say("connect", b"")
        await self.say("greeting", b"220 torture.example ESMTP\r\n")
        while line := await self.line():
            verb = line.split(b" ")[0].split(b":")[0].strip().upper().decode("ascii", "replace")
            await getattr(self, f"do_{verb.lower()}", self.do_unknown)(line)

    # ── commands ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def do_ehlo(self, _line: bytes) -> None:
        offers = ["torture.example", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        offers += ["PIPELINING"] if self.server.pipelining else []
        offers += ["AUTH PLAIN LOGIN"] if self.encrypted else ["STARTTLS"] if self.server.certificates else []
        lines = [f"250{'-' if offer != offers[-1] else ' '}{offer}\r\n" for offer in offers]
        await self.say("ehlo", "".join(lines).encode())

    async def do_helo(self, _line: bytes) -> None:
        await self.say("helo", b"250 torture.example\r\n")

    async def do_starttls(self, _line: bytes) -> None:
        answer = self.server.plan.answer("starttls")
        if answer == "inject":
            self.server.note("starttls", answer)
            self.waiting += b"220 2.0.0 go on\r\n250 2.0.0 injected\r\n535 5.7.8 injected\r\n"
        elif answer is not None:
            await self.go_wrong("starttls", b"220 2.0.0 go on\r\n", answer)
            if answer not in {"late", "drip", "split", "long"}:
                return
        else:
            self.waiting += b"220 2.0.0 go on\r\n"
        await self.flush()
        await self._encrypt()

    async def do_auth(self, _line: bytes) -> None:
        await self.say("auth", b"235 2.7.0 welcome\r\n")

    async def do_mail(self, _line: bytes) -> None:
        if self.server.certificates and not self.encrypted:
            self.server.log.write("breach", what="a message was begun in the clear", sync=True)
        if self.ends_after and self.messages >= self.ends_after:
            self.server.note("count", f"after {self.ends_after}")
            await self.flush()  # the answer to the dot, which this MAIL was announced along with
            if self.says_so:
                await self.send(b"421 4.7.0 maximum message count per session\r\n")
            raise Gone
        ahead = RECIPIENT.search(self.buffer)
        self.recipient_ok = False
        said = await self.say("mail", b"250 2.1.0 ok\r\n", ahead[1].decode() if ahead else "")
        self.sender_ok = said.startswith(b"2")

    async def do_rcpt(self, line: bytes) -> None:
        found = RECIPIENT.match(line)
        self.recipient = found[1].decode() if found else ""
        if not self.sender_ok:
            self.waiting += b"503 5.5.1 MAIL first\r\n"
            return
        said = await self.say("rcpt", b"250 2.1.5 ok\r\n", self.recipient)
        self.recipient_ok = said.startswith(b"2")

    async def do_data(self, _line: bytes) -> None:
        if not self.recipient_ok:
            self.waiting += b"503 5.5.1 RCPT first\r\n"
            return
        said = await self.say("data", b"354 go on\r\n", self.recipient)
        self.sender_ok = self.recipient_ok = False
        if said.startswith(b"354"):
            await self._take_message()

    async def do_rset(self, _line: bytes) -> None:
        self.sender_ok = self.recipient_ok = False
        await self.say("rset", b"250 2.0.0 ok\r\n", self.recipient)

    async def do_quit(self, _line: bytes) -> None:
        await self.say("quit", b"221 2.0.0 bye\r\n", self.recipient)
        await self.flush()
        raise Gone

    async def do_unknown(self, _line: bytes) -> None:
        self.waiting += b"500 5.5.2 what?\r\n"

    # ── the message ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _take_message(self) -> None:
        self.messages += 1
        await self._fill()  # the first of the body is there
        if answer := self.server.plan.answer("body", self.recipient):
            await self._break_body(answer)
        while (end := self._end()) < 0:
            await self._fill()
        at, body = self.read_at, self.buffer[:end]
        self.buffer = self.buffer[end + 3 :]
        await self._answer_dot(_unstuffed(body), at)

    async def _answer_dot(self, message: bytes, at: float) -> None:
        plan, log = self.server.plan, self.server.log
        found = MESSAGE_ID.search(message)
        facts = {"to": self.recipient, "id": found[1].decode() if found else "", "at": at,
                 "sha256": hashlib.sha256(message).hexdigest()}  # fmt: skip
        lost = plan.answer("after", self.recipient)
        answer = lost or plan.answer("dot", self.recipient)
        if lost or answer is None or answer in KEEPS:
            log.write("accepted", sync=True, **facts)
        else:
            log.write("attempt", **facts)
        if answer is None:
            self.waiting += b"250 2.0.0 kept\r\n"
        else:
            await self.go_wrong("after" if lost else "dot", b"250 2.0.0 kept\r\n", answer)

    async def _break_body(self, answer: str) -> None:
        """In the middle of it. Whatever is said now, the message is not kept."""
        if answer == "late":
            self.server.note("body", answer)
            await asyncio.sleep(self.server.patience / 5)
            return
        await self.go_wrong("body", b"", answer)
        await self.flush()
        await asyncio.sleep(0.01)  # so that it is read before the line is cut
        raise Gone

    def _end(self) -> int:
        """Where the body ends: before the line with the dot. -1: not yet."""
        if self.buffer.startswith(b".\r\n"):
            return 0
        found = self.buffer.find(b"\r\n.\r\n")
        return found + 2 if found >= 0 else -1

    # ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def say(self, phase: str, truth: bytes, recipient: str = "") -> bytes:
        """The truth, or what the plan says instead. Returns what was said of it."""
        if (answer := self.server.plan.answer(phase, recipient)) is not None:
            return await self.go_wrong(phase, truth, answer)
        self.waiting += truth
        return truth

    async def go_wrong(self, phase: str, truth: bytes, answer: str) -> bytes:
        """Anything but a plain answer."""
        self.server.note(phase, answer)
        match answer:
            case "reset" | "close":
                await self.flush()
                if answer == "reset":
                    raw = self.writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.writer.transport.abort()
                raise Gone
            case "hang":
                await self.flush()
                await self._wait_for_the_end()
            case "late" | "too late":
                await self.flush()
                await asyncio.sleep(self.server.patience * (0.25 if answer == "late" else 1.75))
                said = truth
            case "drip" | "split":
                await self._in_pieces(truth, 1 if answer == "drip" else len(truth) // 2)
                return truth
            case "long":
                said = b"".join(truth[:3] + b"-" + b"x" * 75 + b"\r\n" for _ in range(5000 // 81)) + truth
            case "garbage":
                said = b"\x00\xffno \x1b[31mSMTP\r\n"
            case "half":
                await self.send(truth[: len(truth) // 2])
                raise Gone
            case code:
                said = reply(code)
        self.waiting += said
        if said.startswith((b"421", b"\x00")):
            await self.flush()
            raise Gone
        return said

    async def _in_pieces(self, truth: bytes, size: int) -> None:
        for start in range(0, len(truth), max(1, size)):
            await self.send(truth[start : start + max(1, size)], counts=start == 0)
            await asyncio.sleep(0.0005)

    async def _wait_for_the_end(self) -> None:
        """Say nothing until the sender has had enough of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while await self.reader.read(65536):
                    pass
        raise Gone

    async def line(self) -> bytes:
        """The next command; Gone at the end."""
        while b"\n" not in self.buffer:
            await self._fill()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    async def _fill(self) -> None:
        await self.flush()
        data = await self.reader.read(2**20)
        self.read_at = time.monotonic()
        self.server.aim.count()
        if not data:
            raise Gone
        self.buffer += data

    async def flush(self) -> None:
        data, self.waiting = self.waiting, b""
        if data:
            await self.send(data)

    async def send(self, data: bytes, *, counts: bool = True) -> None:
        """An event before it, an event after it."""
        if self.waiting:
            data, self.waiting = self.waiting + data, b""
        if counts:
            self.server.aim.count()
        self.writer.write(data)
        await self.writer.drain()
        if counts:
            self.server.aim.count()

    async def _encrypt(self) -> None:
        answer = self.server.plan.answer("tls")
        if answer in {"reset", "close", "hang", "garbage"}:
            await self.go_wrong("tls", b"", answer)
        certificate = self.server.certificates[answer or "good"]
        if answer:
            self.server.note("tls", answer)
        await asyncio.wait_for(self.writer.start_tls(certificate), 10)
        self.encrypted, self.buffer = True, b""

    def _plan_the_end(self) -> None:
        if (answer := self.server.plan.answer("count")) is not None:
            how, _, number = answer.partition(" ")
            self.ends_after, self.says_so = int(number), how == "421"


def _unstuffed(body: bytes) -> bytes:
    """The message as it was before its dots were doubled (RFC 5321 §4.5.2)."""
    body = body.removeprefix(b".") if body.startswith(b"..") else body
    return body.replace(b"\r\n..", b"\r\n.")


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
