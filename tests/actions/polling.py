"""Polls for the tests: a turn in a process of its own memory, on a database file, against the scripted server."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any

from tests import cast
from tests.sources.scripted_server import ScriptedServer

from digest.actions.gather import GatherReport, gather
from digest.core.model import Claim, Post
from digest.core.polling import Memory
from digest.sources.workshop import Workshop
from digest.store import polls
from digest.store.claims import backlog, claims_of
from digest.store.database import Database
from digest.store.posts import get_post


def setup(database: Database, *urls: str, **fields: Any) -> tuple[cast.Cast, list[int]]:
    """A weekly newsletter that reads these sources."""
    with database.write() as session:
        people = cast.assemble(session)
        return people, [cast.add_source(session, people.newsletter, url=url, title="", **fields) for url in urls]


def poll(
    database: Database,
    server: ScriptedServer,
    now: datetime,
    *,
    force: bool = False,
    only: Collection[int] | None = None,
    **options: Any,
) -> GatherReport:
    """One turn across a restart: a new engine on the same file, a new fetcher that remembers nothing.

    Only the parsing process lives on, to save its start.
    """
    restarted = Database(database.url.render_as_string(hide_password=False))
    try:
        fetcher = server.fetcher(**options)
        turn = gather(restarted, fetcher=fetcher, now=now, force=force, only=only, workshop=_shared.workshop)
        return _shared.runner.run(turn)
    finally:
        restarted.close()


class _Shared:
    """One event loop and one parsing process for all polls of the session."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.workshop = Workshop()

    def close(self) -> None:
        self.runner.run(self.workshop.__aexit__())
        self.runner.close()


_shared = _Shared()
close_shared = _shared.close


def memory(database: Database, source_id: int) -> Memory:
    with database.read() as session:
        return polls.get_memory(session, source_id)


def stored(database: Database, source_id: int) -> tuple[Post, ...]:
    with database.read() as session:
        ids = sorted(post.id for post in backlog(session, source_id=source_id))
        return tuple(post for post in (get_post(session, id_) for id_ in ids) if post)


def titles(database: Database, source_id: int) -> list[str]:
    return [post.card.title for post in stored(database, source_id)]


def claim(database: Database, post_id: int) -> Claim:
    with database.read() as session:
        (only,) = claims_of(session, post_id=post_id)
    return only
