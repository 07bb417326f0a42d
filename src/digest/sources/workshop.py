"""The workshop: feeds are parsed in another process, which can be killed (docs/sources.md P2).

A document is a stranger's; 585 KB of nested tags kept a parser busy for 11 s, and no thread can be stopped. So parsing
happens in a worker process with a time limit and a memory limit. It starts when first needed, is used again for the
next document, and is killed and started afresh when one takes too long.

 body ─▶ pickle ─▶ stdin of `python -m digest.sources.workbench` ─▶ stdout ─▶ Feed or the error that it raised
"""

import asyncio
import os
import pickle
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from typing import Self

from digest.core.model import Feed
from digest.errors import NotAFeed, SourceError

PARSE_SECONDS = 10.0
FRAME = struct.Struct(">Q")
STREAM_LIMIT = 1 << 20

_OWNER = "the document is damaged or hostile; tell the site's owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One document to parse; or, with `folder`, a folder of Markdown to read."""

    body: bytes = b""
    url: str
    folder: bool = False
    content_type: str | None = None
    zone: str = "UTC"


class Workshop:
    """One worker process, used for one document at a time. `async with` ends it."""

    def __init__(self, *, seconds: float = PARSE_SECONDS) -> None:
        self._seconds = seconds
        self._process: Process | None = None
        self._free = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stop()

    async def parse(self, job: Job, *, seconds: float | None = None) -> Feed:
        """Parse one document, within the time limit.

        Raises:
            NotAFeed: it is no feed, or parsing it took too long.
            SourceError: the worker died of it.
        """
        async with self._free:
            try:
                async with asyncio.timeout(seconds or self._seconds):
                    answer = await self._ask(job)
            except TimeoutError:
                await self._stop()
                raise NotAFeed(
                    f"{job.url}: parsing took longer than {seconds or self._seconds:g} s and was stopped",
                    next_step="name the folder that holds the posts and nothing else" if job.folder else _OWNER,
                ) from None
            except (OSError, EOFError, asyncio.IncompleteReadError, pickle.UnpicklingError):
                await self._stop()
                raise SourceError(
                    f"{job.url}: parsing it broke the worker, for want of memory perhaps",
                    next_step=_OWNER,
                ) from None
            except asyncio.CancelledError:
                await self._stop()  # half an answer may stand in the pipe
                raise
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def _ask(self, job: Job) -> Feed | SourceError:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        data = pickle.dumps(job)
        process.stdin.write(FRAME.pack(len(data)) + data)
        await process.stdin.drain()
        (size,) = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
        answer: Feed | SourceError = pickle.loads(await process.stdout.readexactly(size))  # noqa: S301 - our own process
        return answer

    async def _start(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a json.py in the current folder is not ours
            "-m",
            "digest.sources.workbench",
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=STREAM_LIMIT,
            start_new_session=True,  # Ctrl-C is for the program; the worker ends with it
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - else its pipes outlive the loop
