"""Check: read a source without storing anything.

address ─▶ fetch ──▶ parse ─┐
kept body, file ───▶ parse ─┼▶ Feed
folder ─────────────────────┘
"""

import asyncio
import re
from pathlib import Path

from digest.actions.look_up import refuse_blanks
from digest.core.model import Feed
from digest.errors import FetchError, NotFound, SourceError
from digest.sources.feed import EXPORT_LIMIT
from digest.sources.fetch import Fetcher
from digest.sources.workshop import Job, Workshop
from digest.store.database import Database
from digest.store.polls import last_bodies
from digest.store.sources import get_source

FILE_SECONDS = 60.0
"""A file is the admin's own: a backup of twenty years may take a while."""

_HOST = re.compile(r"^[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)")


async def check_source(where: str, *, fetcher: Fetcher, zone: str, base: str | None = None) -> Feed:
    """Read an address, a file or a folder. `base` is the address that a file came from.

    Raises:
        NotAFeed: it is no feed; names the feeds that a web page announces.
        FetchError: the address gives nothing.
        SourceError: the file or folder cannot be read.
    """
    async with Workshop() as workshop:
        if _is_folder(where):
            return await workshop.parse(Job(url=where, folder=True, zone=zone), seconds=FILE_SECONDS)
        if _is_address(where):
            refuse_blanks(where)
            return await workshop.parse(await _fetch(where, fetcher, zone))
        body = await asyncio.to_thread(_read_file, Path(where))
        return await workshop.parse(Job(body=body, url=base or where, zone=zone), seconds=FILE_SECONDS)


async def check_stored(database: Database, name: str) -> Feed:
    """Read the body that was last fetched of a source, asking nobody (docs/fetching.md F16).

    Raises:
        NotFound: there is no such source, or no body of it.
        NotAFeed: it is no feed.
    """
    with database.read() as session:
        source = get_source(session, name)
        bodies = last_bodies(session, source.id)
    if not bodies:
        raise NotFound(f"no body of {source.title or source.shown} is kept", next_step="digest run fetches it")
    async with Workshop() as workshop:
        return await workshop.parse(Job(body=bodies[-1], url=source.url, zone=source.zone))


def _is_folder(where: str) -> bool:
    return Path(where).is_dir()


def _is_address(where: str) -> bool:
    """With a scheme, or a host's name that is no file's."""
    return where.startswith(("http://", "https://")) or (bool(_HOST.match(where)) and not Path(where).exists())


async def _fetch(where: str, fetcher: Fetcher, zone: str) -> Job:
    if "://" in where:
        reply = await fetcher.get(where)
    else:
        try:
            reply = await fetcher.get(f"https://{where}")
        except FetchError as fault:  # it may have been meant as a file
            raise FetchError(f"there is no file {where}, and {fault.message}", next_step=fault.next_step) from fault
    return Job(body=reply.body, url=reply.final_url, content_type=reply.content_type, zone=zone)


def _read_file(path: Path) -> bytes:
    """At most one byte more than any file may have: the reader then says that it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(EXPORT_LIMIT + 1)
    except OSError as fault:
        raise SourceError(
            f"{path} cannot be read: {fault.strerror or fault}",
            next_step="give a feed's address, a file, or a folder of Markdown files",
        ) from fault
