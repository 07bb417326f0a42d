"""Gather: poll what is due, store its posts, claim them.

 due ─▶ by host, one after the other ─▶ visit (network) ─▶ record (one transaction) ─▶ links of what looks taken down

A bad source is an error on that source; the others go on. Run it twice: nothing is fetched or stored twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from digest.actions.admit import withdraw_post
from digest.actions.poll import Tools, Visit, visit
from digest.actions.record import Polled, record_visit
from digest.core.polling import Memory, host_key
from digest.core.states import SourceKind
from digest.errors import DigestError, FetchError, SourceError
from digest.sources.fetch import Fetcher
from digest.sources.workshop import Workshop
from digest.store import polls, posts
from digest.store.database import Database

log = logging.getLogger(__name__)

CUTOFF_LIMIT = timedelta(minutes=10)
"""The final poll before an issue closes takes no longer (docs/semantics.md S4)."""

OnProgress = Callable[[int, int], None]
"""So many sources of so many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherReport:
    """What became of each source that was due."""

    polled: tuple[Polled, ...] = ()
    waiting: tuple[str, ...] = ()  # URLs on hosts that asked to be left alone
    unfinished: tuple[str, ...] = ()  # URLs that the time limit cut off; tried again next time

    def joined(self, later: "GatherReport") -> "GatherReport":
        """Both, as one."""
        return GatherReport(
            polled=self.polled + later.polled,
            waiting=tuple(dict.fromkeys(self.waiting + later.waiting)),
            unfinished=self.unfinished + later.unfinished,
        )

    @property
    def new(self) -> int:
        """Posts seen for the first time."""
        return sum(one.new for one in self.polled)

    @property
    def edited(self) -> int:
        """Posts that say something else now."""
        return sum(one.edited for one in self.polled)

    @property
    def failed(self) -> tuple[Polled, ...]:
        """Sources with a problem, each told in a sentence."""
        return tuple(one for one in self.polled if one.problem)

    @property
    def alarms(self) -> tuple[Polled, ...]:
        """Sources that the operator must be told of today (docs/fetching.md F10)."""
        return tuple(one for one in self.polled if one.alarm)


@dataclass(slots=True, kw_only=True)
class _Round:
    """One run of gather: what it works with and what it has done."""

    tools: Tools
    now: datetime
    total: int
    on_progress: OnProgress | None
    left: dict[int, str]  # id → URL of what is still to do
    done: list[Polled] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)  # our own writers queue here, not in the database


async def gather(
    database: Database,
    *,
    fetcher: Fetcher,
    now: datetime,
    force: bool = False,
    only: Collection[int] | None = None,
    within: timedelta | None = None,
    workshop: Workshop | None = None,
    on_progress: OnProgress | None = None,
) -> GatherReport:
    """Poll the sources that are due; with `force`, of these ids, also those that are not due yet (the poll at a cutoff).

    A forced poll is conditional all the same and heeds what servers asked for. `within` bounds the whole. `workshop` is
    one that outlives this call; without it, a worker is started when the first document is to be parsed.
    """
    began = time.monotonic()

    def clock() -> datetime:
        return now + timedelta(seconds=time.monotonic() - began)

    due, waiting = await asyncio.to_thread(_load, database, fetcher, now=now, force=force, only=only)
    if not due:
        return GatherReport(waiting=waiting)
    async with nullcontext(workshop) if workshop else Workshop() as parser:
        tools = Tools(database=database, fetcher=fetcher, workshop=parser, clock=clock)
        left = {memory.source.id: memory.source.shown for memory in due}
        run = _Round(tools=tools, now=now, total=len(due), on_progress=on_progress, left=left)
        try:
            await _poll_hosts(run, due, within=within or (CUTOFF_LIMIT if force else None))
        finally:
            if run.begun:  # broken off: the next turn may have them at once
                await asyncio.to_thread(_release, database, run.begun)
    done = tuple(sorted(run.done, key=lambda one: one.source_id))
    return GatherReport(polled=done, waiting=waiting, unfinished=tuple(run.left.values()))


async def _poll_hosts(run: _Round, due: Sequence[Memory], *, within: timedelta | None) -> None:
    hosts: dict[str, list[Memory]] = {}
    for memory in due:
        hosts.setdefault(host_key(memory.source.url) or memory.source.url, []).append(memory)
    tasks = [asyncio.create_task(_poll_host(run, memories)) for memories in hosts.values()]
    try:
        done, _late = await asyncio.wait(tasks, timeout=within.total_seconds() if within else None)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _poll_host(run: _Round, memories: Sequence[Memory]) -> None:
    """One source of a host after the other, until the host has had enough."""
    for memory in memories:
        polled = await _poll(run, memory)
        if polled and not _is_idle(memory, polled):
            run.done.append(polled)
        if run.on_progress:
            run.on_progress(run.total - len(run.left), run.total)


def _is_idle(memory: Memory, polled: Polled) -> bool:
    """A file or folder as it was: looked at in every turn, and no news."""
    return memory.source.kind is not SourceKind.FEED and polled.unchanged and not polled.problem


async def _poll(run: _Round, memory: Memory) -> Polled | None:
    database, at = run.tools.database, run.tools.clock()
    async with run.writing:
        taken = await asyncio.to_thread(_take, database, memory, at=at)
    if not taken:
        run.left.pop(memory.source.id)
        return None
    run.begun.add(memory.source.id)
    polled = await _visit_and_record(run, memory)
    run.begun.discard(memory.source.id)
    run.left.pop(memory.source.id)
    for post in polled.missing:
        await _look_after(run, post)
    return polled


async def _visit_and_record(run: _Round, memory: Memory) -> Polled:
    """One source's surprise is its own and keeps no issue from going out; the database's troubles are everyone's."""
    found = Visit(memory=memory, at=run.tools.clock())
    try:
        found = await visit(memory, run.tools)
        async with run.writing:
            return await asyncio.to_thread(_record, run.tools.database, found, now=run.now)
    except DigestError:
        raise
    except Exception as fault:
        log.exception("a fault in digest itself", extra={"source_id": memory.source.id})
        error = SourceError(
            f"{memory.source.shown}: a fault in digest itself ({type(fault).__name__})",
            next_step="report the address as a bug of digest",
        )
    async with run.writing:
        failed = replace(found, error=error)
        return await asyncio.to_thread(_record, run.tools.database, failed, now=run.now)


async def _look_after(run: _Round, post: posts.Waiting) -> None:
    """Ask once whether a post's page is still there; only 404 and 410 say that it was taken down (S10)."""
    assert post.link is not None
    try:
        status = await run.tools.fetcher.status(post.link)
    except FetchError:
        return
    async with run.writing:
        await asyncio.to_thread(
            _settle_missing, run.tools.database, post.post_id, gone=status in {404, 410}, now=run.now
        )


def _load(
    database: Database, fetcher: Fetcher, *, now: datetime, force: bool, only: Collection[int] | None
) -> tuple[list[Memory], tuple[str, ...]]:
    with database.read() as session:
        due = polls.due_sources(session, now=now, force=force, only=only)
        resting = polls.resting_hosts(session, now=now)
        lately = polls.last_checks(session, since=now - timedelta(minutes=1))
    for url, at in lately:
        fetcher.pacer.remember(host_key(url), seconds_ago=(now - at).total_seconds())
    ready = [
        memory
        for memory in due
        if memory.source.kind is not SourceKind.FEED or host_key(memory.source.url) not in resting
    ]
    return ready, tuple(memory.source.shown for memory in due if memory not in ready)


def _take(database: Database, memory: Memory, *, at: datetime) -> bool:
    with database.write() as session:
        return polls.take_lease(session, memory, at=at)


def _record(database: Database, found: Visit, *, now: datetime) -> Polled:
    with database.write() as session:
        return record_visit(session, found, now=now)


def _settle_missing(database: Database, post_id: int, *, gone: bool, now: datetime) -> None:
    with database.write() as session:
        posts.mark_missing(session, post_id, since=now)
        if gone:
            withdraw_post(session, post_id=post_id, now=now)


def _release(database: Database, source_ids: Collection[int]) -> None:
    with database.write() as session:
        polls.release_leases(session, source_ids)
