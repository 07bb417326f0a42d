"""One source, polled: the network first, then one transaction.

 memory ─▶ fetch or read ─▶ parse in the workshop ─▶ further pages ─▶ Visit ─▶ record (posts, claims, memory at once)

Validators are committed with the posts that they stand for: if anything fails, the old ones stay, or a 304 would hide
those posts for ever (docs/fetching.md F4).
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from digest.core.matching import oldest
from digest.core.model import Feed, ParsedPost
from digest.core.polling import Memory, host_key
from digest.core.states import SourceKind
from digest.errors import FetchError, NotAFeed, SourceError
from digest.sources.fetch import Fetcher, Reply
from digest.sources.workshop import Job, Workshop
from digest.store.database import Database
from digest.store.polls import count_readers
from digest.store.posts import is_known

MAX_PAGES = 4
FAILURES_BEFORE_HALF = 3
FILE_LIMIT = 64 << 20
FILE_PARSE_SECONDS = 60.0
"""A file is the admin's own: a backup of twenty years may take a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one poll brought, not yet recorded."""

    memory: Memory
    at: datetime  # the moment of the answer
    reply: Reply | None = None
    feed: Feed | None = None  # None: unchanged, or an error
    posts: tuple[ParsedPost, ...] = ()  # of all pages, in document order
    body: bytes = b""  # also of what could not be read
    error: SourceError | None = None

    @property
    def body_hash(self) -> str | None:
        """Of the first page: by it an equal body is known again (F16)."""
        return hashlib.sha256(self.body).hexdigest() if self.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a visit works with."""

    database: Database
    fetcher: Fetcher
    workshop: Workshop
    clock: Callable[[], datetime]


async def visit(memory: Memory, tools: Tools) -> Visit:
    """Poll one source. What goes wrong with it is part of the visit, never an exception."""
    look = _visit_feed if memory.source.kind is SourceKind.FEED else _visit_disk
    try:
        return await look(memory, tools)
    except SourceError as error:
        return Visit(memory=memory, at=tools.clock(), error=error)


async def _visit_feed(memory: Memory, tools: Tools) -> Visit:
    source = memory.source
    readers = await asyncio.to_thread(_count_readers, tools.database, source.id) if source.id else None
    reply = await tools.fetcher.get(
        source.url, etag=memory.etag, last_modified=memory.last_modified, subscribers=readers
    )
    found = Visit(memory=memory, at=tools.clock(), reply=reply, body=reply.body)
    if reply.not_modified and not (memory.etag or memory.last_modified):
        error = FetchError(
            f"{reply.final_url}: the server says 'not modified', but nothing was read from it before",
            next_step="tell the site's owner; it is tried again later",
        )
        return replace(found, error=error)
    if reply.not_modified or (found.body_hash and found.body_hash == memory.body_hash):
        return found
    if not reply.body.strip():
        return replace(
            found, feed=Feed(title=None, url=reply.final_url, problems=("the server sent an empty document",))
        )
    try:
        feed = await tools.workshop.parse(_job(reply, zone=source.zone))
        posts = await _further_pages(feed, memory, tools, readers=readers)
    except SourceError as error:
        return replace(found, at=tools.clock(), error=error)
    return replace(found, at=tools.clock(), feed=feed, posts=posts)


async def _further_pages(feed: Feed, memory: Memory, tools: Tools, *, readers: int | None) -> tuple[ParsedPost, ...]:
    """Follow rel=next while even the oldest post of a page is news (docs/sources.md P12).

    A page that fails fails the poll, so that its posts are not lost behind a 304; after three such failures the poll
    does without, so that one broken link cannot silence a source for ever.
    """
    posts, page, seen = list(feed.posts), feed, {feed.url}
    for _ in range(MAX_PAGES - 1):
        following = page.next_page
        if not following or following in seen or host_key(following) != host_key(feed.url):
            break
        if not await asyncio.to_thread(_is_news, tools.database, memory.source.id, page):
            break
        seen.add(following)
        try:
            reply = await tools.fetcher.get(following, subscribers=readers)
            page = await tools.workshop.parse(_job(reply, zone=memory.source.zone))
        except SourceError:
            if memory.source.failures < FAILURES_BEFORE_HALF:
                raise
            break
        known = {post.key for post in posts}
        posts += [post for post in page.posts if post.key not in known]
    return tuple(posts)


async def _visit_disk(memory: Memory, tools: Tools) -> Visit:
    source = memory.source
    if source.kind is SourceKind.FOLDER:
        job = Job(url=source.url, folder=True, zone=source.zone)
        feed = await tools.workshop.parse(job, seconds=FILE_PARSE_SECONDS)
        return Visit(memory=memory, at=tools.clock(), feed=feed, posts=feed.posts)
    body = await asyncio.to_thread(read_file, Path(source.url))
    found = Visit(memory=memory, at=tools.clock(), body=body)
    if found.body_hash == memory.body_hash:
        return found
    feed = await tools.workshop.parse(Job(body=body, url=source.url, zone=source.zone), seconds=FILE_PARSE_SECONDS)
    return replace(found, feed=feed, posts=feed.posts)


def read_file(path: Path) -> bytes:
    """A feed, backup or saved page on disk.

    Raises:
        NotAFeed: it cannot be read, is empty, or is larger than 64 MiB.
    """
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise NotAFeed(f"{path} is larger than {FILE_LIMIT >> 20} MiB", next_step="split it")
        body = path.read_bytes()
    except OSError as error:
        raise NotAFeed(
            f"{path} cannot be read: {error.strerror or error}", next_step="check the path and its permissions"
        ) from error
    if not body.strip():
        raise NotAFeed(f"{path} is empty", next_step="export it again")
    return body


def _job(reply: Reply, *, zone: str) -> Job:
    return Job(body=reply.body, url=reply.final_url, content_type=reply.content_type, zone=zone)


def _is_news(database: Database, source_id: int, page: Feed) -> bool:
    last = oldest(page.posts)
    if last is None:
        return False
    with database.read() as session:
        return not is_known(session, source_id, last)


def _count_readers(database: Database, source_id: int) -> int:
    with database.read() as session:
        return count_readers(session, source_id)
