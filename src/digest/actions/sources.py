"""What an admin does to sources: add, edit, pause, remove; lists of them in and out.

look up (network) ─▶ one transaction: source, who reads it, its posts and their claims
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from digest.actions.admit import admit_source, exclude_source
from digest.actions.choose_newsletter import choose_newsletter
from digest.actions.look_up import OnLook, look_up, path_of, read_path, refuse_blanks
from digest.actions.poll import Tools, Visit
from digest.actions.record import record_visit
from digest.core.discretion import hide_password
from digest.core.model import Newsletter, Source
from digest.core.states import SourceKind, SourceState
from digest.errors import Conflict, NotFound, SourceError
from digest.sources.address import Address
from digest.sources.fetch import Fetcher
from digest.sources.opml import Outline
from digest.sources.workshop import Workshop
from digest.store import events, polls
from digest.store import sources as store
from digest.store.database import Database, Session
from digest.store.newsletters import get_newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What adding a source did."""

    source: Source
    newsletter: str
    posts: int  # read from it now
    is_new: bool  # False: it was known already, and has one reader more


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What importing a list did, by URL."""

    added: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()  # with the reason


async def add_source(
    database: Database,
    where: str,
    *,
    fetcher: Fetcher,
    now: datetime,
    newsletter: str | None = None,
    title: str | None = None,
    zone: str | None = None,
    interval_minutes: int = 60,
    quota: int | None = None,
    include_last: int | None = None,
    on_look: OnLook | None = None,
) -> Added:
    """Let a newsletter read a source; of a home page, its feed.

    What is read is stored at once: a feed's first request is its only unconditional one (docs/fetching.md F1).

    Raises:
        SourceError: it cannot be fetched, or is no feed and has none.
        Conflict: the newsletter reads it already.
    """
    path = await asyncio.to_thread(path_of, where)
    reader, known = await asyncio.to_thread(_before, database, str(path or where), newsletter)
    options = {"quota": quota, "include_last": include_last}
    if known:
        return await asyncio.to_thread(_join, database, known.url, reader, now=now, **options)
    async with Workshop() as workshop:
        tools = Tools(database=database, fetcher=fetcher, workshop=workshop, clock=lambda: now)
        if path:  # the editor's own: dates without a zone are in the newsletter's
            found = await read_path(path, tools, zone=zone or reader.zone)
        else:
            found = await look_up(where, tools, zone=zone or "UTC", on_look=on_look)
    source = replace(found.memory.source, title=title or "", interval_minutes=interval_minutes)
    found = replace(found, memory=replace(found.memory, source=source))
    return await asyncio.to_thread(_store, database, found, reader, now=now, **options)


def edit_source(
    database: Database,
    name: str,
    *,
    now: datetime,
    newsletter: str | None = None,
    quota: int | None = None,
    weight: int | None = None,
    **changes: Any,
) -> Source:
    """Change a source, or what a newsletter makes of it: how much it shows (a quota of 0: as its own), how it weighs it.

    Raises:
        NotFound: there is no such source, or the newsletter does not read it.
        Conflict: another source has this URL.
    """
    with database.write() as session:
        source = store.get_source(session, name)
        if "url" in changes and source.kind is SourceKind.FEED:
            changes["url"] = _web_address(changes["url"])
        reading = {
            **({} if quota is None else {"quota": quota or None}),
            **({} if weight is None else {"weight": weight}),
        }
        if reading:
            reader = choose_newsletter(session, newsletter)
            if not store.update_reading(session, newsletter_id=reader.id, source_id=source.id, **reading):
                raise NotFound(f"{reader.slug} does not read {source.title or source.shown}")
        edited = store.update_source(session, source.id, **changes)
        events.record(session, "source.edited", at=now, source_id=source.id, changed=sorted(changes))
        return edited


async def check_address(database: Database, name: str, url: str, *, fetcher: Fetcher) -> None:
    """Whether a source may have this address: better told when it is typed than at the next poll.

    Raises:
        NotFound: there is no such source.
        RefusedAddress: it is a feed, and the address is one that is never fetched.
    """
    kind = await asyncio.to_thread(_kind, database, name)
    if kind is SourceKind.FEED:
        await fetcher.check(_web_address(url))


def pause_source(database: Database, name: str, *, now: datetime) -> Source:
    """Poll it no more, until it is resumed. What was gathered stays.

    Raises:
        NotFound: there is no such source.
    """
    return _set_state(database, name, SourceState.PAUSED, now=now)


def resume_source(database: Database, name: str, *, now: datetime) -> Source:
    """Poll it again, at the next turn; one that was gone or dead too.

    Raises:
        NotFound: there is no such source.
    """
    return _set_state(
        database, name, SourceState.ACTIVE, now=now, next_check=None, failing_since=None, failures=0, problem=None
    )


def remove_source(database: Database, name: str, *, now: datetime, newsletter: str | None = None) -> tuple[Source, int]:
    """A newsletter, or every one, stops reading a source.

    Its posts and keys stay for ever, so that nothing is mailed twice if it comes back; what waits for an issue is
    excluded, with a line in the log (docs/semantics.md S14).

    Returns the source and how many waiting posts were excluded.

    Raises:
        NotFound: there is no such source or newsletter, or nobody reads it.
    """
    with database.write() as session:
        source = store.get_source(session, name)
        who = get_newsletter(session, newsletter).slug if newsletter else None
        readers = [one for one in store.list_readings(session, source_ids=[source.id]) if who in {None, one.slug}]
        if not readers:
            reads = f"{who} does not read" if who else "no newsletter reads"
            raise NotFound(f"{reads} {source.title or source.shown}", next_step="digest source list shows who reads it")
        excluded = 0
        for one in readers:
            excluded += exclude_source(session, newsletter_id=one.newsletter_id, source_id=source.id, now=now)
            store.remove_reading(session, newsletter_id=one.newsletter_id, source_id=source.id)
            events.record(session, "source.removed", at=now, newsletter_id=one.newsletter_id, source_id=source.id)
        return source, excluded


def import_sources(
    database: Database,
    outlines: Sequence[Outline],
    *,
    now: datetime,
    newsletter: str | None = None,
    dry_run: bool = False,
) -> Imported:
    """Let a newsletter read a list of feeds. None is fetched now: the next turn does, politely.

    Raises:
        NotFound: there is no such newsletter.
    """
    added: list[str] = []
    present: list[str] = []
    refused: list[tuple[str, str]] = []
    with database.write() as session:
        reader = choose_newsletter(session, newsletter)
        read = {source.url for source in store.list_sources(session, newsletter_id=reader.id)}
        for outline in outlines:
            try:
                url = _web_address(outline.url)
            except SourceError as error:
                refused.append((hide_password(outline.url), error.message))
                continue
            (present if url in read else added).append(hide_password(url))
            if url not in read and not dry_run:
                _import_one(session, outline, url, reader, now=now)
            read.add(url)
    return Imported(added=tuple(added), present=tuple(present), refused=tuple(refused))


def export_sources(database: Database, *, newsletter: str | None = None) -> tuple[Outline, ...]:
    """The feeds that a newsletter reads, or any does; their passwords stay here."""
    with database.read() as session:
        newsletter_id = get_newsletter(session, newsletter).id if newsletter else None
        listed = store.list_sources(session, newsletter_id=newsletter_id)
    feeds = (source for source in listed if source.kind is SourceKind.FEED)
    return tuple(Outline(url=source.shown, title=source.title or source.shown, home=source.home) for source in feeds)


def _kind(database: Database, name: str) -> SourceKind:
    with database.read() as session:
        return store.get_source(session, name).kind


def _before(database: Database, where: str, slug: str | None) -> tuple[Newsletter, Source | None]:
    with database.read() as session:
        return choose_newsletter(session, slug), store.source_at(session, where)


def _join(
    database: Database, url: str, reader: Newsletter, *, now: datetime, quota: int | None, include_last: int | None
) -> Added:
    """One reader more for a source that is known: its posts are claimed as a backlog (S7, S14)."""
    with database.write() as session:
        source = store.source_at(session, url)
        assert source is not None
        if not store.add_reading(session, newsletter_id=reader.id, source_id=source.id, now=now, quota=quota):
            raise Conflict(f"{reader.slug} reads {hide_password(url)} already", next_step="digest source list shows it")
        if source.state is not SourceState.PAUSED:
            source = store.update_source(session, source.id, state=str(SourceState.ACTIVE))
        admit_source(session, newsletter_id=reader.id, source_id=source.id, now=now, include_last=include_last)
        events.record(session, "source.added", at=now, newsletter_id=reader.id, source_id=source.id)
        return Added(source=source, newsletter=reader.slug, posts=0, is_new=False)


def _store(
    database: Database, found: Visit, reader: Newsletter, *, now: datetime, quota: int | None, include_last: int | None
) -> Added:
    """The source, its reader, its posts and their claims, together."""
    given = found.memory.source
    with database.read() as session:
        known = store.source_at(session, given.url)
    if known:  # the home page of a source that is known by its feed
        return _join(database, given.url, reader, now=now, quota=quota, include_last=include_last)
    with database.write() as session:
        source = store.add_source(
            session,
            url=given.url,
            kind=given.kind,
            title=given.title,
            home=given.home,
            zone=given.zone,
            interval_minutes=given.interval_minutes,
            now=now,
        )
        store.add_reading(session, newsletter_id=reader.id, source_id=source.id, now=now, quota=quota)
        events.record(session, "source.added", at=now, newsletter_id=reader.id, source_id=source.id)
        polled = record_visit(session, replace(found, memory=polls.get_memory(session, source.id)), now=now)
        if include_last is not None:
            admit_source(session, newsletter_id=reader.id, source_id=source.id, now=now, include_last=include_last)
        stored = polls.get_memory(session, source.id).source
        return Added(source=stored, newsletter=reader.slug, posts=polled.new, is_new=True)


def _import_one(session: Session, outline: Outline, url: str, reader: Newsletter, *, now: datetime) -> None:
    source = store.source_at(session, url)
    if source is None:
        title = "" if outline.title == outline.url else hide_password(outline.title)
        source = store.add_source(session, url=url, title=title, home=outline.home, now=now)
    store.add_reading(session, newsletter_id=reader.id, source_id=source.id, now=now)
    admit_source(session, newsletter_id=reader.id, source_id=source.id, now=now)
    events.record(session, "source.added", at=now, newsletter_id=reader.id, source_id=source.id)


def _set_state(database: Database, name: str, state: SourceState, *, now: datetime, **changes: Any) -> Source:
    with database.write() as session:
        source = store.get_source(session, name)
        edited = store.update_source(session, source.id, state=str(state), **changes)
        events.record(session, "source.edited", at=now, source_id=source.id, state=str(state))
        return edited


def _web_address(url: str) -> str:
    """The URL in the form that is fetched.

    Raises:
        RefusedAddress: not http(s), or no URL.
    """
    refuse_blanks(url)
    address = Address.parse(url)
    if address.scheme not in {"http", "https"}:
        raise SourceError(
            f"{hide_password(url)} is no web address", next_step="give an address that begins with https://"
        )
    return url.strip()
