"""From what an admin types to a feed that was read: an address, a home page, a file, a folder.

URL ─▶ is it a feed? ─▶ the feeds that the page announces ─▶ where its platform keeps them ─▶ the first that parses
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from digest.actions.poll import Tools, Visit, visit
from digest.core.discretion import hide_password
from digest.core.model import Source
from digest.core.polling import Memory
from digest.core.states import SourceKind, SourceState
from digest.errors import BadStatus, FetchError, NotAFeed, RefusedAddress, SourceError, TooLarge
from digest.sources.discover import find_feeds, guess_feeds

MAX_LOOKS = 8
"""Requests that a look-up makes at most, the page itself among them."""

OnLook = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    url: str
    body: bytes


def path_of(where: str) -> Path | None:
    """The file or folder that is meant, or None where a web address is.

    Raises:
        SourceError: nothing but a path begins so, and there is nothing; or it is empty.
    """
    if not where.strip():  # as of a variable that is not set: not the folder one happens to be in
        raise SourceError(
            "the address is empty", next_step="give a feed, a home page, a file or a folder; . is this one"
        )
    path = Path(where).expanduser()
    if "://" not in where and path.exists():
        whole = path.absolute()
        short = Path(os.path.normpath(whole))  # a symbolic link before ".." may lead to another place
        return short if short.exists() and short.samefile(whole) else whole
    if where.startswith(("/", "./", "../", "~")):
        raise SourceError(f"there is no file or folder {where}", next_step="check the path")
    refuse_blanks(where)
    return None


def refuse_blanks(url: str) -> None:
    """What a browser would fetch without them may be no address at all: "not a url" names the host `notaurl`.

    Raises:
        SourceError: there is one inside.
    """
    if len(url.split()) > 1:
        raise SourceError(
            f"{hide_password(url.strip())!r} is no web address: it has a space in it",
            next_step="write a space of an address as %20; a file or folder must be there",
        )


async def read_path(path: Path, tools: Tools, *, zone: str) -> Visit:
    """Read a file or folder.

    Raises:
        SourceError: it cannot be read.
    """
    kind = SourceKind.FOLDER if await asyncio.to_thread(path.is_dir) else SourceKind.FILE
    found = await visit(_unstored(str(path), zone=zone, kind=kind), tools)
    if found.error:
        raise found.error
    return found


async def look_up(where: str, tools: Tools, *, zone: str = "UTC", on_look: OnLook | None = None) -> Visit:
    """Read what stands at an address; of a home page, its feed.

    The visit's memory has the URL to store. A permanent redirect counts at once: nothing was stored under the old one.

    Raises:
        SourceError: it cannot be fetched or read, or has no feed that can.
    """
    look = on_look or (lambda _url: None)
    found = await _first(where, tools, zone=zone, on_look=look)
    if found.error is None and found.body.strip():
        return _settled(found)
    if isinstance(found.error, FetchError) and not {".", ":"} & set(where):  # a file's name, rather than a host's
        raise SourceError(f"there is no file or folder {where}, and {found.error.message}", next_step="check the path")
    page = _page_of(found)
    if page is None:
        raise found.error or NotAFeed(
            f"{hide_password(where)} is empty", next_step="give the address of the feed itself"
        )
    return await _discover(found, page, tools, zone=zone, on_look=look)


async def _first(where: str, tools: Tools, *, zone: str, on_look: OnLook) -> Visit:
    """The page as given; a bare host is tried by https, then by http."""
    if "://" in where:
        on_look(where)
        return await visit(_unstored(where, zone=zone), tools)
    found = await _first(f"https://{where}", tools, zone=zone, on_look=on_look)
    unreachable = isinstance(found.error, FetchError) and not isinstance(found.error, BadStatus | RefusedAddress)
    return await _first(f"http://{where}", tools, zone=zone, on_look=on_look) if unreachable else found


async def _discover(given: Visit, page: _Page, tools: Tools, *, zone: str, on_look: OnLook) -> Visit:
    announced = await asyncio.to_thread(find_feeds, page.body, url=page.url)
    tried: list[str] = []
    for url in _candidates([one.url for one in announced], page.url):
        tried.append(url)
        on_look(url)
        found = await visit(_unstored(url, zone=zone), tools)
        if found.error is None and found.body.strip():
            settled = _settled(found)
            source = replace(settled.memory.source, home=page.url)
            return replace(settled, memory=replace(settled.memory, source=source))
    raise NotAFeed(
        f"no feed was found for {given.memory.source.shown}; tried {', '.join(tried)}",
        next_step="give the address of the feed itself",
    )


def _candidates(announced: list[str], page: str) -> Iterator[str]:
    every = dict.fromkeys([*announced, *guess_feeds(page)])
    every.pop(page, None)
    yield from list(every)[: MAX_LOOKS - 1]


def _page_of(found: Visit) -> _Page | None:
    """A web page, or the beginning of one too large to be read: feeds are announced there, or its platform tells."""
    if isinstance(found.error, TooLarge) and found.error.head:
        return _Page(url=found.error.url, body=found.error.head)
    is_read = isinstance(found.error, SourceError) and not isinstance(found.error, FetchError)
    return _Page(url=found.reply.final_url, body=found.body) if is_read and found.reply else None


def _settled(found: Visit) -> Visit:
    moved = found.reply.permanent_url if found.reply else None
    source = replace(found.memory.source, url=moved or found.memory.source.url)
    return replace(found, memory=replace(found.memory, source=source))


def _unstored(url: str, *, zone: str, kind: SourceKind = SourceKind.FEED) -> Memory:
    return Memory(
        source=Source(
            id=0,
            url=url,
            kind=kind,
            title="",
            home=None,
            zone=zone,
            language=None,
            state=SourceState.ACTIVE,
            interval_minutes=60,
            next_check=None,
        )
    )
