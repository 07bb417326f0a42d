"""A mail server that follows a script: what it answers, phase by phase, and where it drops the line.

A script names a phase and an answer: bytes to send, or CLOSE, RESET, HANG. A list is used up one by one, then the
default comes back. What it accepted is in `accepted`, whatever the client got to hear of it.
"""

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Self

ORDER = {"MAIL": "RCPT", "RCPT": "DATA", "DATA": "MAIL"}
CLOSE, RESET, HANG = "close", "reset", "hang"

DEFAULTS = {
    "greeting": b"220 scripted.example ESMTP\r\n",
    "ehlo": b"250-scripted.example\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n",
    "mail": b"250 2.1.0 ok\r\n",
    "rcpt": b"250 2.1.5 ok\r\n",
    "data": b"354 go on\r\n",
    "dot": b"250 2.0.0 queued\r\n",
    "rset": b"250 2.0.0 ok\r\n",
    "quit": b"221 2.0.0 bye\r\n",
}


PIPELINED = DEFAULTS["ehlo"].replace(b"250-SMTPUTF8", b"250-PIPELINING\r\n250-SMTPUTF8")


class Dropped(Exception):
    pass


@dataclass
class ScriptedServer:
    script: dict[str, object] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    accepted: list[tuple[str, str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    strict: bool = True  # False: takes commands in any order, as some servers do
    reads: list[bytes] = field(default_factory=list)  # what came in one piece
    accept_then: str | None = None  # after the dot: accept, then drop instead of answering

    async def __aenter__(self) -> Self:
        self._tasks: dict[asyncio.Task, asyncio.StreamWriter] = {}
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        left = dict(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for writer in left.values():
            writer.transport.abort()

    def _answer(self, phase: str) -> object:
        answer = self.script.get(phase, DEFAULTS.get(phase))
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else DEFAULTS[phase]
        return answer

    async def _say(self, phase: str) -> bytes:
        answer = self._answer(phase)
        if answer == HANG:
            await asyncio.sleep(3600)
        if answer in (CLOSE, RESET):
            raise Dropped(answer)
        assert isinstance(answer, bytes)
        self._writer_of().write(answer)
        await self._writer_of().drain()
        return answer

    def _writer_of(self) -> asyncio.StreamWriter:
        return asyncio.current_task().digest_writer  # type: ignore[union-attr]

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Known before it has begun: a task that is cancelled before that closes nothing.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks[task] = writer
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        feed = reader.feed_data
        reader.feed_data = lambda data: (self.reads.append(bytes(data)), feed(data))[1]  # type: ignore[method-assign]
        task.digest_writer = writer  # type: ignore[union-attr]
        self.connections += 1
        try:
            await self._converse(reader)
        except Dropped as drop:
            if str(drop) == RESET:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the test is over, or the client has gone
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader) -> None:
        await self._say("greeting")
        sender = recipient = ""
        due = "MAIL"  # out of order is 503 (RFC 5321 4.1.4), as what follows a refusal in one go is
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line.split(" ")[0].split(":")[0].upper()
            self.commands.append(line)
            if verb == "MAIL":
                sender = line.split("<")[1].split(">")[0]
            elif verb == "RCPT":
                recipient = line.split("<")[1].split(">")[0]
            if self.strict and verb in ORDER and verb != due:
                self._writer_of().write(b"503 5.5.1 out of order\r\n")
                continue
            said = await self._say({"EHLO": "ehlo", "HELO": "ehlo"}.get(verb, verb.lower()))
            due = ORDER.get(verb, "MAIL") if said[:1] in b"23" else due
            if verb == "QUIT" or said.startswith(b"421"):
                return
            if verb == "DATA" and said.startswith(b"354"):
                await self._take_message(reader, sender, recipient)
                due = "MAIL"

    async def _take_message(self, reader: asyncio.StreamReader, sender: str, recipient: str) -> None:
        if "body" in self.script:  # in the middle of the body
            await reader.readline()
            await self._say("body")
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.accept_then:
            self.accepted.append((sender, recipient, b"".join(lines)))
            raise Dropped(self.accept_then)
        if (await self._say("dot")).startswith(b"2"):
            self.accepted.append((sender, recipient, b"".join(lines)))
