"""What happens to databases: a connection that breaks at a commit, and a lock that somebody holds for too long."""

import asyncio
import socket
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_IDLE = b"Z\x00\x00\x00\x05I"
"""ReadyForQuery of a session in no transaction (the manual of Postgres, "Message Formats")."""


class Proxy:
    """Between a worker and Postgres. Cuts the line at the n-th commit: before it is passed on, or before its answer.

    That is a COMMIT, or a statement outside a transaction, which commits itself. The file `cut` tells that there was such a one.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self.host, self.port = job["host"], job["port"]  # a folder for a Unix socket, or a name
        self.at, self.after, self.cut = job["at"], job["after"], Path(job["place"]) / "cut"
        self.seen = 0
        self.idle: set[asyncio.StreamWriter] = set()  # workers' ends of lines that are in no transaction

    async def serve(self, listener: socket.socket) -> None:
        async with await asyncio.start_server(self._pass_on, sock=listener) as server:
            await server.serve_forever()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.host.startswith("/"):
            inner, outer = await asyncio.open_unix_connection(f"{self.host}/.s.PGSQL.{self.port}")
        else:
            inner, outer = await asyncio.open_connection(self.host, self.port)
        back = asyncio.create_task(self._copy(inner, writer))
        try:
            while data := await reader.read(65536):
                commits = b"COMMIT" in data or (writer in self.idle and _runs(data))
                self.seen += commits
                cuts = commits and self.seen == self.at
                if cuts:
                    self.cut.touch()
                if cuts and not self.after:
                    break
                if cuts:
                    back.cancel()
                    with suppress(asyncio.CancelledError):
                        await back
                outer.write(data)
                await outer.drain()
                if cuts:
                    await asyncio.wait_for(inner.read(1), 10)  # the commit is done, and its answer is lost here
                    break
        except (ConnectionError, TimeoutError):
            pass
        back.cancel()
        for end in (writer, outer):
            end.transport.abort()

    async def _copy(self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await inner.read(65536):
                (self.idle.add if data.endswith(_IDLE) else self.idle.discard)(writer)
                writer.write(data)
                await writer.drain()
        writer.close()


def _runs(data: bytes) -> bool:
    """What has parameters: Bind, or Parse of a statement without a name, with which its Bind comes. One with a name is only prepared.

    A BEGIN has no parameters, nor has the pool's question whether the line is up, which is bound, too, from its sixth time on.
    """
    if data[:1] == b"B":
        *_portal_and_name, numbers = data[5:].split(b"\0", 2)
        return not numbers.startswith(bytes(4))  # formats, parameters
    return data[:1] == b"P" and data[5:6] == b"\0"


def lock(job: dict[str, Any]) -> int:
    """Hold SQLite's only write lock for so many seconds, from the moment that the file `locked` appears."""
    place = Path(job["place"])
    connection = sqlite3.connect(place / "digest.db", timeout=10, isolation_level=None)
    time.sleep(job.get("after", 0.0))
    connection.execute("BEGIN IMMEDIATE")
    (place / "locked").touch()
    time.sleep(job["seconds"])
    connection.execute("ROLLBACK")
    connection.close()
    return 0
